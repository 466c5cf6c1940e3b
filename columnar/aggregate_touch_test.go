package columnar

import "testing"

// TestTouch makes groups of no rows, and leaves those that have rows as they are.
func TestTouch(t *testing.T) {
	in := NewSchema(Field{"k", Type{Kind: Int64}}, Field{"x", Type{Kind: Int64}})
	spec := AggSpec{Keys: []int{0}, Aggs: []Agg{{Func: CountStar, Name: "rows"}, {Func: Count, Arg: 1, In: Type{Kind: Int64}, Name: "values"},
		{Func: Sum, Arg: 1, In: Type{Kind: Int64}, Name: "sum"}}}
	h := NewHashAggregate(in, spec)
	key := func(v int64) *Vector { return &Vector{Type: Type{Kind: Int64}, N: 1, I64: []int64{v}} }
	if err := h.Add(&Batch{Schema: in, Cols: []*Vector{key(7), key(5)}, Rows: 1}); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		for _, k := range []int64{7, 9} {
			if err := h.Touch(&Batch{Schema: in, Cols: []*Vector{key(k), nil}, Rows: 1}); err != nil {
				t.Fatal(err)
			}
		}
	}
	out := final(t, h)
	if out.Rows != 2 || out.Cols[1].I64[0] != 1 || out.Cols[3].I64[0] != 5 {
		t.Fatalf("%d groups, first %d rows, sum %d", out.Rows, out.Cols[1].I64[0], out.Cols[3].I64[0])
	}
	if out.Cols[0].I64[1] != 9 || out.Cols[1].I64[1] != 0 || out.Cols[2].I64[1] != 0 || !out.Cols[3].IsNull(1) {
		t.Errorf("the group of nothing: %d rows, %d values, sum NULL is %v", out.Cols[1].I64[1], out.Cols[2].I64[1], out.Cols[3].IsNull(1))
	}
}
