package output

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/millrace/millrace/columnar"
)

// numbered returns batches that hold the numbers from 0 to n−1, among rows that are not selected.
func numbered(rng *rand.Rand, n int) runs {
	var out runs
	for i := 0; i < n; {
		b := &columnar.Batch{Cols: []*columnar.Vector{{Type: columnar.Type{Kind: columnar.Int64}}}}
		for size := min(1+rng.IntN(700), n-i); size > 0; {
			v := b.Cols[0]
			if rng.IntN(4) == 0 {
				v.I64 = append(v.I64, -1)
			} else {
				b.Sel = append(b.Sel, int32(len(v.I64)))
				v.I64 = append(v.I64, int64(i))
				i, size = i+1, size-1
			}
			v.N++
		}
		b.Rows = b.Cols[0].N
		out = append(out, run{b, b.Sel})
	}
	return out
}

func numbers(rs runs) []int64 {
	var out []int64
	for _, r := range rs {
		for _, i := range r.sel {
			out = append(out, r.batch.Cols[0].I64[i])
		}
	}
	return out
}

func upTo(from, until int) []int64 {
	var out []int64
	for ; from < until; from++ {
		out = append(out, int64(from))
	}
	return out
}

func TestCut(t *testing.T) {
	const seed = 1
	rng := rand.New(rand.NewPCG(seed, 0))
	for range 200 {
		n := rng.IntN(3000)
		rs := numbered(rng, n)
		at := rng.IntN(n + 2)
		head, tail := rs.cut(at)
		at = min(at, n)
		if !slices.Equal(numbers(head), upTo(0, at)) || !slices.Equal(numbers(tail), upTo(at, n)) {
			t.Fatalf("seed %d: cut of %d rows at %d gives %d and %d", seed, n, at, head.rows(), tail.rows())
		}
		if !slices.Equal(numbers(rs), upTo(0, n)) {
			t.Fatalf("seed %d: cut changed its input", seed)
		}
	}
}

func TestParts(t *testing.T) {
	const seed = 2
	rng := rand.New(rand.NewPCG(seed, 0))
	for _, test := range []struct {
		rows     int
		maxBytes int64
		want     []int // first rows of the files, and the end
	}{
		{1, 1, []int{0, 1}},
		{1024, 1, []int{0, 1024}},
		{1025, 1, []int{0, 1024, 1025}},
		{5000, 8 * 2048, []int{0, 2048, 4096, 5000}},
		{5000, 8*2048 + 1, []int{0, 3072, 5000}},
		{4096, 8 * 2048, []int{0, 2048, 4096}},
		{5000, 1 << 20, []int{0, 5000}},
	} {
		parts := numbered(rng, test.rows).parts([]int{0}, fileLimit{bytes: test.maxBytes})
		if len(parts) != len(test.want)-1 {
			t.Fatalf("%d rows, %d bytes: %d parts, want %d", test.rows, test.maxBytes, len(parts), len(test.want)-1)
		}
		for i, p := range parts {
			if !slices.Equal(numbers(p), upTo(test.want[i], test.want[i+1])) {
				t.Errorf("%d rows, %d bytes: part %d has %d rows, want [%d, %d)", test.rows, test.maxBytes, i, p.rows(), test.want[i], test.want[i+1])
			}
		}
	}
}

func TestEstimateIgnoresOffsetsOfNulls(t *testing.T) {
	v := &columnar.Vector{Type: columnar.Type{Kind: columnar.String}, N: 3, Valid: []byte{0b101}, Off: []int32{0, 2, 9, 12}, Data: make([]byte, 12)}
	if got := estimate(v, []int32{0, 1, 2}); got != 3*4+2+3 {
		t.Errorf("estimate = %d, want 17", got)
	}
}
