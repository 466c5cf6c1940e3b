package columnar

import (
	"math"
	"math/rand/v2"
	"testing"
)

// constantEdges are the ends of the range, powers of two and their neighbours, and random numbers.
func constantEdges() []int64 {
	edges := []int64{0, 1, -1, 2, -2, 3, 7, 10, 500, math.MaxInt64, math.MinInt64, math.MinInt64 + 1, math.MaxInt64 - 1}
	for shift := range 63 {
		edges = append(edges, 1<<shift, 1<<shift-1, 1<<shift+1, -1<<shift, -1<<shift+1)
	}
	r := rand.New(rand.NewPCG(4, 4))
	for range 300 {
		edges = append(edges, int64(r.Uint64())>>r.IntN(64))
	}
	return edges
}

// TestMulConst multiplies by constants, one number among zeros, so that what one says of an overflow is not hidden by others, and those at
// the ends of what may be multiplied; by the loop of this processor and by the one in Go.
func TestMulConst(t *testing.T) {
	edges := constantEdges()
	for _, c := range edges {
		if c >= -1 && c <= 1 {
			continue
		}
		ends := []int64{math.MaxInt64 / c, math.MaxInt64/c + 1, math.MaxInt64/c - 1, math.MinInt64 / c, math.MinInt64/c + 1, math.MinInt64/c - 1}
		for i, x := range append(ends, edges...) {
			var from, got, inGo [11]int64
			at := i % len(from)
			from[at] = x
			hi, want := mul128(x, c)
			over, overInGo := fast.mulConst(got[:], from[:], c), mulConst(inGo[:], from[:], c)
			if wantOver := hi != want>>63; over != wantOver || overInGo != wantOver || got != inGo || got[at] != want {
				t.Fatalf("%d * %d = %d and in Go %d, out of range %t and %t; want %d, %t", x, c, got[at], inGo[at], over, overInGo, want, wantOver)
			}
		}
	}
}

// TestDivider divides by constants, against the processor.
func TestDivider(t *testing.T) {
	edges := constantEdges()
	got := make([]int64, len(edges))
	for _, d := range edges {
		if d == 0 {
			continue
		}
		dividerOf(d).quotients(got, edges)
		for i, x := range edges {
			if x == math.MinInt64 && d == -1 {
				continue
			}
			if got[i] != x/d {
				t.Fatalf("%d / %d = %d, want %d", x, d, got[i], x/d)
			}
		}
	}
}
