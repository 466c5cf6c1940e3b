package columnar

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// TestSortManyRows compares the order of so many rows that they are sorted by digits with that of comparing them: few and many
// values, NULLs, selections, texts with common beginnings.
func TestSortManyRows(t *testing.T) {
	r := newRand(t)
	for range cases(12, 3) {
		b := randomBatch(r, everySchema, radixRows+r.IntN(3*radixRows), float64(r.IntN(3))*0.3)
		randomSel(r, b)
		wantStable(t, b, r.Perm(len(everySchema.Fields))[:1+r.IntN(3)])
	}
	schema := NewSchema(Field{Name: "few", Type: Type{Kind: Int64}}, Field{Name: "text", Type: Type{Kind: String}}, Field{Name: "many", Type: Type{Kind: Int64}}, Field{Name: "double", Type: Type{Kind: Float64}})
	for range cases(8, 2) {
		b := randomBatch(r, schema, radixSplit-1000+r.IntN(radixSplit), 0)
		few, spread := 1+r.IntN(5), r.IntN(64)
		texts := NewBuilder(Type{Kind: String})
		for i := range b.Rows {
			b.Cols[0].I64[i] = int64(r.IntN(few)) - 2
			b.Cols[2].I64[i] >>= spread
			text := strings.Repeat("x", r.IntN(2)*8)
			switch r.IntN(4) {
			case 0:
				text += strings.Repeat("\x00", r.IntN(20))
			case 1:
				text += fmt.Sprint(r.IntN(1000))
			case 2:
				text = "https://example.org/" + fmt.Sprint(r.IntN(100))
			}
			texts.AppendString(text)
		}
		b.Cols[1] = texts.Vector()
		wantStable(t, b, r.Perm(4)[:1+r.IntN(4)])
	}
}

func wantStable(t *testing.T, b *Batch, cols []int) {
	t.Helper()
	want := slices.Clone(selectedRows(b))
	slices.SortStableFunc(want, CompareRows(b, cols))
	if got := SortRows(b, cols); !slices.Equal(got, want) {
		for i := range got {
			if got[i] != want[i] {
				t.Fatalf("by %v of %s: at %d row %d, want row %d", cols, b.Schema, i, got[i], want[i])
			}
		}
	}
}
