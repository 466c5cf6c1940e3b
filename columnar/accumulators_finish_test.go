package columnar

import (
	"fmt"
	"math"
	"testing"
)

// TestAppendJoin: results that are appended are those of groups that are joined and then finished, also where one of two groups is
// none, and behind results with and without NULL.
func TestAppendJoin(t *testing.T) {
	compared, failed := 0, 0
	eachMove(t, func(m *moves) {
		final := NewSchema(m.spec.FinalSchema(aggSchema).Fields[len(m.spec.Keys):]...)
		got, scratch := NewRowsBuilder(final), m.empty()
		var want []*Batch
		for range 3 {
			x, _ := m.some()
			y, _ := m.some()
			n := 1 + m.r.IntN(40)
			from, next := m.picks(x, n), m.picks(y, n)
			tooLong, err := scratch.AppendJoin(got, 0, x, from, y, next)
			joined := m.empty()
			wantErr := joined.Join(x, from, y, next)
			var cols []*Vector
			if wantErr == nil {
				cols, wantErr = joined.Final(nil, nil, 0)
			}
			if (err == nil) != (wantErr == nil) || err != nil && err.Error() != wantErr.Error() {
				t.Fatalf("%s: error %v, want %v", m.spec, err, wantErr)
			}
			if err != nil {
				failed++
				return
			}
			if tooLong >= 0 || scratch.Len() != 0 {
				t.Fatalf("aggregate %d is too long, %d groups in the scratch", tooLong, scratch.Len())
			}
			want = append(want, Concat([]*Batch{{Schema: final, Cols: cols, Rows: n}}))
		}
		checkEqualBatches(t, got.Batch(), Concat(want))
		compared++
	})
	t.Logf("%d compared, %d errors", compared, failed)
	if compared < 20 {
		t.Errorf("%d cases without an error are too few", compared)
	}
}

// TestAppendJoinEdges: what is seldom drawn. A sum that two doubles do not hold decides a tie; values that are there on one side only do
// not meet the zero of the other; sums of nothing but zeros are 0 and not NULL, also behind Load.
func TestAppendJoinEdges(t *testing.T) {
	in := NewSchema(Field{"k", Type{Kind: Int64}}, Field{"x", Type{Kind: Int64}}, Field{"y", Type{Kind: Float64}})
	bigint, double := Type{Kind: Int64}, Type{Kind: Float64}
	spec := AggSpec{Keys: []int{0}, Aggs: []Agg{{Func: Sum, Arg: 1, In: bigint}, {Func: Min, Arg: 1, In: bigint}, {Func: Max, Arg: 1, In: bigint},
		{Func: Avg, Arg: 1, In: bigint}, {Func: Sum, Arg: 2, In: double}, {Func: Min, Arg: 2, In: double}, {Func: Max, Arg: 2, In: double}}}
	const null = -99
	of := func(x []int64, y []float64) *Accumulators { // one group
		xs, ys, ks := NewBuilder(bigint), NewBuilder(double), make([]int64, len(x))
		for i := range x {
			if x[i] == null {
				xs.AppendNull()
				ys.AppendNull()
				continue
			}
			xs.AppendInt64(x[i])
			ys.AppendFloat64(y[i])
		}
		h, a := NewHashAggregate(in, spec), NewAccumulators(in, spec.Aggs)
		err := h.Add(&Batch{Schema: in, Rows: len(x), Cols: []*Vector{int64Column(Int64, ks, nil), xs.Vector(), ys.Vector()}})
		if err == nil {
			err = a.Load(0, h.Partial(), 1)
		}
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	tiny, tie := math.Ldexp(1, -120), math.Ldexp(1, -53)
	for _, c := range []struct {
		a, b *Accumulators
		want string
	}{
		{of([]int64{1, 2}, []float64{1, tie}), of([]int64{3}, []float64{tiny}), fmt.Sprint([]any{int64(6), int64(1), int64(3), 2.0, math.Nextafter(1, 2), tiny, 1.0})},
		{of([]int64{null}, []float64{0}), of([]int64{5}, []float64{5}), "[5 5 5 5 5 5 5]"},
		{of([]int64{-5}, []float64{-5}), of([]int64{null}, []float64{0}), "[-5 -5 -5 -5 -5 -5 -5]"},
		{of([]int64{0}, []float64{0}), of([]int64{null}, []float64{0}), "[0 0 0 0 0 0 0]"},
		{of([]int64{0, 0}, []float64{0, 0}), of([]int64{-7, 7}, []float64{-7, 7}), "[0 -7 7 0 0 -7 7]"},
		{of([]int64{null}, []float64{0}), of([]int64{null}, []float64{0}), "[<nil> <nil> <nil> <nil> <nil> <nil> <nil>]"},
	} {
		for _, sides := range [][2]*Accumulators{{c.a, c.b}, {c.b, c.a}} {
			out := NewRowsBuilder(NewSchema(spec.FinalSchema(in).Fields[1:]...))
			if _, err := NewAccumulators(in, spec.Aggs).AppendJoin(out, 0, sides[0], []int32{0}, sides[1], []int32{0}); err != nil {
				t.Fatal(err)
			}
			if got := fmt.Sprint(rowOf(out.Batch(), 0)); got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
		}
	}
}
