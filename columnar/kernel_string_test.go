package columnar

import (
	"bytes"
	"testing"
)

// TestEqualWords compares with texts of every length around those that are compared by words: rows that are equal, that
// differ in one byte, at every place, that are shorter, and that are longer.
func TestEqualWords(t *testing.T) {
	for n := 1; n <= longWords+2; n++ {
		text := bytes.Repeat([]byte("identifier"), 8)[:n]
		rows := [][]byte{text, nil, text[:n-1], append(bytes.Clone(text), 'x'), text}
		for i := range text {
			row := bytes.Clone(text)
			row[i] ^= 1 << (i % 8)
			rows = append(rows, row, text[:i])
		}
		col := NewBuilder(Type{Kind: String})
		for _, row := range append(rows, text) {
			col.AppendBytes(row)
		}
		v := col.Vector()
		all := (&frame{}).identity(v.N)
		for _, set := range []rowSet{{list: all, all: true}, {list: all}} {
			dst := make([]byte, bitmapBytes(v.N))
			equalString(dst, v, text, set)
			for i := range v.N {
				if want := bytes.Equal(v.Str(i), text); bitSet(dst, i) != want {
					t.Fatalf("%q = %q is %t, want %t", v.Str(i), text, !want, want)
				}
			}
		}
	}
}
