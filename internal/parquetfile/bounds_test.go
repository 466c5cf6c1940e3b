package parquetfile

import (
	"bytes"
	"math/rand/v2"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/parquet-go/parquet-go/format"
)

// TestCutText holds the short forms of long strings against the strings.
func TestCutText(t *testing.T) {
	for seed := range uint64(3000) {
		r := rand.New(rand.NewPCG(seed, 3))
		text := r.IntN(2) == 0
		var s []byte
		for n := r.IntN(120); len(s) < n; {
			switch r.IntN(5) {
			case 0:
				s = append(s, "\U0010ffff"...)
			case 1:
				s = append(s, "\ud7ff"...)
			case 2:
				s = utf8.AppendRune(s, rune(r.IntN(0x10ffff)))
			default:
				s = append(s, byte('a'+r.IntN(26)))
			}
			if !text {
				s = append(s, byte(255-r.IntN(2)))
			}
		}
		least, most := prefix(s, text), next(s, text)
		if !bytes.HasPrefix(s, least) || len(least) > cutText {
			t.Fatalf("seed %d: %q is cut to %q", seed, s, least)
		}
		if bytes.Compare(most, s) < 0 || len(most) > cutText && !bytes.Equal(most, s) {
			t.Fatalf("seed %d: %q is followed by %q", seed, s, most)
		}
		if text && !(utf8.Valid(least) && utf8.Valid(most)) {
			t.Fatalf("seed %d: %q is cut to %q and %q, which are no text", seed, s, least, most)
		}
	}
	for _, c := range []struct{ in, want string }{
		{strings.Repeat("x", cutText), strings.Repeat("x", cutText)},
		{strings.Repeat("x", cutText+1), strings.Repeat("x", cutText-1) + "y"},
		{strings.Repeat("x", cutText-2) + "é+", strings.Repeat("x", cutText-2) + "ê"},
		{strings.Repeat("x", cutText-1) + "é", strings.Repeat("x", cutText-2) + "y"},
		{"a" + strings.Repeat("\U0010ffff", cutText), "b"},
		{strings.Repeat("\U0010ffff", cutText), strings.Repeat("\U0010ffff", cutText)},
	} {
		if got := next([]byte(c.in), true); string(got) != c.want {
			t.Errorf("behind %q comes %q, want %q", c.in, got, c.want)
		}
	}
}

func TestBoundaryOrder(t *testing.T) {
	page := func(least, most int64) bounds { return bounds{any: true, least: least, most: most} }
	for _, c := range []struct {
		pages []bounds
		want  format.BoundaryOrder
	}{
		{[]bounds{page(1, 5), page(1, 6), {}, page(2, 6)}, format.Ascending},
		{[]bounds{page(2, 6), {}, page(1, 6), page(1, 5)}, format.Descending},
		{[]bounds{page(1, 6), page(2, 5)}, format.Unordered},
		{[]bounds{page(2, 5), page(1, 6)}, format.Unordered},
		{[]bounds{page(1, 2), page(3, 4), page(0, 5)}, format.Unordered},
	} {
		if got := boundaryOrder(c.pages, format.Int64); got != c.want {
			t.Errorf("pages %v: %s, want %s", c.pages, got, c.want)
		}
	}
}
