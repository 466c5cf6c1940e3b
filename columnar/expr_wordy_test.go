package columnar

import (
	"bytes"
	"math/rand/v2"
)

// wordyText has a length at which texts are compared or copied in another way. It is equal to others of its length, or
// differs from them in one byte, often the first or the last.
func wordyText(r *rand.Rand) string {
	text := bytes.Repeat([]byte("/text/of/some/length"), 13)[:[]int{7, 8, 9, 15, 16, 17, 24, 31, 32, 33, 36, 63, 64, 65, 255}[r.IntN(15)]]
	if r.IntN(3) > 0 {
		at := []int{0, 7, len(text) / 2, len(text) - 1, r.IntN(len(text))}[r.IntN(5)]
		text[min(at, len(text)-1)] = 'T'
	}
	return string(text)
}

// wordyColumns puts long texts into a third of the rows of the columns of text.
func wordyColumns(r *rand.Rand, b *Batch) {
	for c, v := range b.Cols {
		if v.Type.Kind != String {
			continue
		}
		out := NewBuilder(v.Type)
		for i := range b.Rows {
			if r.IntN(3) == 0 {
				out.AppendString(wordyText(r))
			} else {
				out.AppendFrom(v, i)
			}
		}
		b.Cols[c] = out.Vector()
	}
}
