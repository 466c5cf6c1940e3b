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

// TestLastWindow: of the windows of a row the last is the one that begins last, or the longest of a cumulative slot.
func TestLastWindow(t *testing.T) {
	const day = 24 * 3_600_000_000
	for _, c := range []struct {
		w             Window
		t, start, end int64
		none          bool
	}{
		{w: Window{Kind: Tumbling, Size: 10}, t: -1, start: -10, end: 0},
		{w: Window{Kind: Sliding, Size: 10, Slide: 5}, t: 12, start: 10, end: 20},
		{w: Window{Kind: Sliding, Size: 12, Slide: 5, Offset: 2}, t: 11, start: 7, end: 19},
		{w: Window{Kind: Sliding, Size: 12, Slide: 5, Offset: 2}, t: 12, start: 12, end: 24},
		{w: Window{Kind: Sliding, Size: 5, Slide: 10}, t: 3, start: 0, end: 5},
		{w: Window{Kind: Sliding, Size: 5, Slide: 10}, t: 7, none: true},
		{w: Window{Kind: Cumulative, Size: 10, Slide: 2}, t: 3, start: 0, end: 10},
		{w: Window{Kind: Cumulative, Size: 10, Slide: 2, Offset: 4}, t: 3, start: -6, end: 4},
		{w: Window{Kind: Tumbling, Unit: Day, Size: 1, Zone: "UTC"}, t: 5, start: 0, end: day},
		{w: Window{Kind: Session, Size: 10}, t: 5, none: true},
	} {
		op := NewAssign(timeOnly, 0, c.w)
		if _, err := op.Process(timeBatch([]int64{c.t}, nil, nil)); err != nil {
			t.Fatal(err)
		}
		if start, end, ok := op.LastWindow(c.t); ok == c.none || ok && (start != c.start || end != c.end) {
			t.Errorf("%+v: %d is in [%d, %d), %t; want [%d, %d)", c.w, c.t, start, end, ok, c.start, c.end)
		}
	}
}

// TestLateOfSeveralWindows: with windows that overlap, or have gaps, as many rows are listed as are counted, and their last
// windows are closed.
func TestLateOfSeveralWindows(t *testing.T) {
	const seed = 13
	r := rand.New(rand.NewPCG(seed, 0))
	found, unassigned := 0, int64(0)
	for c := range 2000 {
		step := 1 + r.Int64N(6)
		w := []Window{{Kind: Sliding, Size: 1 + r.Int64N(20), Slide: step}, {Kind: Cumulative, Size: step * (1 + r.Int64N(4)), Slide: step}}[r.IntN(2)]
		w.Offset = r.Int64N(20)
		mark := r.Int64N(60) - 30
		op := NewAssign(timeOnly, 0, w)
		op.SetWatermark(mark)
		in := randomTimes(r)
		if _, err := op.Process(in); err != nil {
			t.Fatal(err)
		}
		late, counts := op.Late(in), op.Counts()
		if counts.Late != int64(len(late)) {
			t.Fatalf("seed %d case %d: %+v W %d: rows %v listed, %d counted", seed, c, w, mark, late, counts.Late)
		}
		for _, row := range late {
			if _, end, ok := op.LastWindow(in.Cols[0].I64[row]); !ok || end > mark {
				t.Fatalf("seed %d case %d: %+v W %d: row %d ends at %d", seed, c, w, mark, row, end)
			}
		}
		found, unassigned = found+len(late), unassigned+counts.Unassigned
	}
	if found < 1000 || unassigned < 100 {
		t.Errorf("only %d rows were late, %d in no window", found, unassigned)
	}
}
