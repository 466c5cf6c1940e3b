package windows

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// TestLate lists the late rows of random batches, and compares with one row at a time.
func TestLate(t *testing.T) {
	const seed = 12
	r := rand.New(rand.NewPCG(seed, 0))
	found := 0
	for c := range 3000 {
		w := Window{Kind: Tumbling, Size: 1 + r.Int64N(12), Offset: r.Int64N(30) - 15}
		mark := r.Int64N(60) - 30
		op := NewAssign(timeOnly, 0, w)
		op.SetWatermark(mark)
		for range 2 { // the second batch runs in the memory of the first
			in := randomTimes(r)
			var want []int32
			for row := range int32(in.Rows) {
				_, end := exactWindow(w, in.Cols[0].I64[row])
				if (in.Sel == nil || slices.Contains(in.Sel, row)) && !in.Cols[0].IsNull(int(row)) && end <= mark {
					want = append(want, row)
				}
			}
			if _, err := op.Process(in); err != nil {
				t.Fatal(err)
			}
			got := op.Late(in)
			found += len(got)
			if !slices.Equal(got, want) || op.Counts().Late != int64(len(want)) {
				t.Fatalf("seed %d case %d: %+v W %d: rows %v are late, want %v", seed, c, w, mark, got, want)
			}
		}
	}
	if found < 1000 {
		t.Errorf("only %d rows were late", found)
	}
	op := NewAssign(timeOnly, 0, Window{Kind: Tumbling, Size: 10, Offset: 3})
	if start, end, ok := op.LastWindow(2); start != -7 || end != 3 || !ok {
		t.Errorf("2 is in [%d, %d), %t", start, end, ok)
	}
}
