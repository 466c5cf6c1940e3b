package windows

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/millrace/millrace/columnar"
)

var timeOnly = columnar.NewSchema(columnar.Field{Name: "ts", Type: columnar.Type{Kind: columnar.Timestamp}})

func timeBatch(times []int64, null map[int]bool, sel []int32) *columnar.Batch {
	v := &columnar.Vector{Type: timeOnly.Fields[0].Type, N: len(times), I64: times}
	if null != nil {
		v.Valid = make([]byte, (len(times)+7)/8)
		for i := range times {
			if !null[i] {
				v.Valid[i>>3] |= 1 << (i & 7)
			}
		}
	}
	return &columnar.Batch{Schema: timeOnly, Cols: []*columnar.Vector{v}, Rows: len(times), Sel: sel}
}

// assigned is the window start of each row that came out, by physical row.
func assigned(b *columnar.Batch) map[int]int64 {
	out := map[int]int64{}
	for i := range b.Len() {
		row := i
		if b.Sel != nil {
			row = int(b.Sel[i])
		}
		out[row] = b.Cols[len(b.Cols)-1].I64[row]
	}
	return out
}

// TestAssignAgainstRows compares with one row at a time, over batches with and without NULLs and selections.
func TestAssignAgainstRows(t *testing.T) {
	const seed = 2
	r := rand.New(rand.NewPCG(seed, 0))
	for c := range 3000 {
		w := Window{Kind: Tumbling, Size: 1 + r.Int64N(12), Offset: r.Int64N(30) - 15}
		mark := r.Int64N(60) - 30
		op := NewAssign(timeOnly, 0, w)
		op.SetWatermark(mark)
		for range 2 { // the second batch runs in the memory of the first
			in := randomTimes(r)
			want, counts := assignRowByRow(w, mark, in)
			out, err := op.Process(in)
			if err != nil {
				t.Fatal(err)
			}
			if got := assigned(out); !equalMaps(got, want) {
				t.Fatalf("seed %d case %d: %+v W %d: got %v, want %v", seed, c, w, mark, got, want)
			}
			if got := op.Counts(); got != counts {
				t.Fatalf("seed %d case %d: counts %+v, want %+v", seed, c, got, counts)
			}
		}
	}
}

func randomTimes(r *rand.Rand) *columnar.Batch {
	n := r.IntN(20)
	times := make([]int64, n)
	for i := range times {
		times[i] = r.Int64N(80) - 40
	}
	var null map[int]bool
	if r.IntN(2) == 0 {
		null = map[int]bool{r.IntN(20): true, r.IntN(20): true}
	}
	var sel []int32
	if r.IntN(2) == 0 {
		sel = []int32{}
		for i := range n {
			if r.IntN(3) > 0 {
				sel = append(sel, int32(i))
			}
		}
	}
	return timeBatch(times, null, sel)
}

func assignRowByRow(w Window, mark int64, in *columnar.Batch) (map[int]int64, columnar.RowCounts) {
	out, counts := map[int]int64{}, columnar.RowCounts{}
	for row := range in.Rows {
		if in.Sel != nil && !slices.Contains(in.Sel, int32(row)) {
			continue
		}
		counts.In++
		start, end := exactWindow(w, in.Cols[0].I64[row])
		switch {
		case in.Cols[0].IsNull(row):
			counts.Unassigned++
		case end <= mark:
			counts.Late++
		default:
			counts.Out++
			out[row] = start
		}
	}
	return out, counts
}

func equalMaps(a, b map[int]int64) bool {
	if len(a) != len(b) {
		return false
	}
	for k, v := range a {
		if w, ok := b[k]; !ok || v != w {
			return false
		}
	}
	return true
}

func TestAssignBoundaries(t *testing.T) {
	op := NewAssign(timeOnly, 0, Window{Kind: Tumbling, Size: 10})
	for _, c := range []struct {
		watermark int64
		times     []int64
		late      int64
	}{
		{NoWatermark, []int64{-1 << 62, 0}, 0},
		{9, []int64{0, 9}, 0},
		{10, []int64{0, 9, 10}, 2}, // a window is closed at W = its end
		{10, []int64{10, 10, 10}, 0},
		{MaxWatermark, []int64{0, 1<<63 - 1}, 2},
		{MaxWatermark - 1, []int64{1<<63 - 1}, 0},
	} {
		op.SetWatermark(c.watermark)
		if _, err := op.Process(timeBatch(c.times, nil, nil)); err != nil {
			t.Fatal(err)
		}
		if got := op.Counts(); got.Late != c.late || got.In != got.Out+got.Dropped() {
			t.Errorf("W %s, times %v: %+v, want %d late", showTime(c.watermark), c.times, got, c.late)
		}
	}
}

// TestAssignWithoutWindow puts all rows into one window, whatever their time, until the input has ended.
func TestAssignWithoutWindow(t *testing.T) {
	op := NewAssign(timeOnly, -1, Window{})
	for _, c := range []struct {
		watermark int64
		sel       []int32
		want      map[int]int64
	}{
		{NoWatermark, nil, map[int]int64{0: 0, 1: 0, 2: 0}},
		{MaxWatermark - 1, []int32{0, 2}, map[int]int64{0: 0, 2: 0}},
		{MaxWatermark, nil, map[int]int64{}},
		{MaxWatermark, []int32{1}, map[int]int64{}},
	} {
		op.SetWatermark(c.watermark)
		in := timeBatch([]int64{-5, 7, 0}, map[int]bool{2: true}, c.sel)
		out, err := op.Process(in)
		if err != nil {
			t.Fatal(err)
		}
		if got := assigned(out); !equalMaps(got, c.want) {
			t.Errorf("W %d, rows %v: got %v, want %v", c.watermark, c.sel, got, c.want)
		}
		n, dropped := int64(in.Len()), int64(in.Len()-len(c.want))
		if got := op.Counts(); got != (columnar.RowCounts{In: n, Out: n - dropped, Late: dropped}) {
			t.Errorf("W %d: counts %+v", c.watermark, got)
		}
	}
	if start, end := (Window{}).At(77); start != 0 || end != MaxWatermark {
		t.Errorf("window [%d, %d)", start, end)
	}
}

func TestAssignKeepsOrigin(t *testing.T) {
	in := timeBatch([]int64{1, 2}, nil, nil)
	in.Origin, in.Offsets = &columnar.Origin{Topic: "events"}, []int64{7, 9}
	op := NewAssign(timeOnly, 0, Window{Kind: Tumbling, Size: 10})
	out, err := op.Process(in)
	if err != nil {
		t.Fatal(err)
	}
	if out.Origin != in.Origin || !slices.Equal(out.Offsets, in.Offsets) || out.Sel != nil {
		t.Errorf("the rows lost their origin, or were selected without need: %+v", out)
	}
	if out.Schema.Fields[1].Name != StartColumn || len(in.Cols) != 1 {
		t.Errorf("columns %s", out.Schema)
	}
}

func TestAssignAllocatesNothing(t *testing.T) {
	op := NewAssign(timeOnly, 0, Window{Kind: Tumbling, Size: 10})
	op.SetWatermark(20)
	in := timeBatch([]int64{1, 50, 2, 60, 70, 3}, map[int]bool{4: true}, nil)
	if n := testing.AllocsPerRun(100, func() { op.Process(in) }); n != 0 {
		t.Errorf("%v allocations per batch", n)
	}
}

func BenchmarkAssign(b *testing.B) {
	times := make([]int64, 8192)
	for i := range times {
		times[i] = int64(i) * 100
	}
	op := NewAssign(timeOnly, 0, Window{Kind: Tumbling, Size: 10_000})
	in := timeBatch(times, nil, nil)
	for b.Loop() {
		op.Process(in)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(times)), "ns/row")
}
