package columnar

import (
	"math"
	"math/rand/v2"
	"testing"
)

// TestDivider divides by constants: the ends of the range, powers of two and their neighbours, and random ones, against
// the processor.
func TestDivider(t *testing.T) {
	edges := []int64{0, 1, -1, 2, -2, 3, 7, 10, 500, math.MaxInt64, math.MinInt64, math.MinInt64 + 1, math.MaxInt64 - 1}
	for shift := range 63 {
		edges = append(edges, 1<<shift, 1<<shift-1, 1<<shift+1, -1<<shift, -1<<shift+1)
	}
	r := rand.New(rand.NewPCG(4, 4))
	for range 300 {
		edges = append(edges, int64(r.Uint64())>>r.IntN(64))
	}
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
