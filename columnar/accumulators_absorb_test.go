package columnar

import (
	"math"
	"strings"
	"testing"
)

// TestAbsorb takes groups of one set of accumulators into another, and within one: what comes out is what their
// half-aggregated rows give, bit by bit, errors included.
func TestAbsorb(t *testing.T) {
	r := newRand(t)
	compared, failed := 0, 0
	for range cases(300, 60) {
		values, spec := newAggRandom(r), randomAggSpec(r)
		spec.Keys = nil
		const n = 6
		fill := func() (*Accumulators, error) {
			a := NewAccumulators(aggSchema, spec.Aggs)
			a.Grow(n)
			for g := range uint32(n) {
				part := NewHashAggregate(aggSchema, spec)
				if part.Add(values.batch(r.IntN(12))) != nil || part.Groups() == 0 {
					continue
				}
				if err := a.Merge(part.Partial(), 0, []uint32{g}); err != nil {
					return nil, err
				}
			}
			return a, nil
		}
		a, err := fill()
		b, err2 := fill()
		if err != nil || err2 != nil {
			continue
		}
		want := NewAccumulators(aggSchema, spec.Aggs)
		want.Grow(n)
		all := []uint32{0, 1, 2, 3, 4, 5}
		merge := func(from *Accumulators, rows []int32, groups []uint32) error {
			cols := from.Partial(nil, rows)
			return want.Merge(&Batch{Cols: cols, Rows: len(rows)}, 0, groups)
		}
		rows, groups := []int32{4, 1, 3, 0}, []uint32{2, 0, 2, 5}
		wantErr := merge(a, (&frame{}).identity(n), all)
		if wantErr == nil {
			wantErr = merge(b, rows, groups)
		}
		if wantErr == nil {
			wantErr = merge(want, []int32{0, 2}, []uint32{1, 1})
		}
		err = a.Absorb(b, rows, groups)
		if err == nil {
			err = a.Absorb(a, []int32{0, 2}, []uint32{1, 1})
		}
		if (err == nil) != (wantErr == nil) {
			t.Fatalf("%s: error %v, want %v", spec, err, wantErr)
		}
		if err != nil {
			failed++
			continue
		}
		s := spec.PartialSchema(aggSchema)
		checkEqualBatches(t, &Batch{Schema: s, Cols: a.Partial(nil, (&frame{}).identity(n)), Rows: n},
			&Batch{Schema: s, Cols: want.Partial(nil, (&frame{}).identity(n)), Rows: n})
		compared++
	}
	t.Logf("%d compared, %d overflows", compared, failed)
	if compared < 50 {
		t.Errorf("%d cases without an overflow are too few", compared)
	}
}

// TestAbsorbOverflow: sums of integers leave their range as they do for rows, on both sides of zero, and the error is about
// the group.
func TestAbsorbOverflow(t *testing.T) {
	in := NewSchema(Field{"k", Type{Kind: String}}, Field{"x", Type{Kind: Int64}})
	spec := AggSpec{Keys: []int{0}, Aggs: []Agg{{Func: Sum, Arg: 1, In: Type{Kind: Int64}, Name: "s"}}}
	k := NewBuilder(Type{Kind: String})
	k.AppendString("a")
	k.AppendString("b")
	for _, c := range []struct {
		x, y int64
		over bool
	}{
		{math.MaxInt64, 1, true}, {math.MaxInt64, 0, false}, {math.MinInt64, -1, true}, {math.MinInt64, math.MinInt64, true},
		{math.MinInt64, 0, false}, {math.MinInt64, math.MaxInt64, false}, {-5, math.MinInt64 + 5, false}, {-5, math.MinInt64 + 4, true},
	} {
		of := func(x int64) *Accumulators {
			h, a := NewHashAggregate(in, spec), NewAccumulators(in, spec.Aggs)
			if err := h.Add(&Batch{Schema: in, Rows: 2, Cols: []*Vector{k.Vector(), int64Column(Int64, []int64{0, x}, nil)}}); err != nil {
				t.Fatal(err)
			}
			a.Grow(2)
			if err := a.Merge(h.Partial(), 1, []uint32{0, 1}); err != nil {
				t.Fatal(err)
			}
			return a
		}
		err := of(c.x).Absorb(of(c.y), []int32{1, 0}, []uint32{1, 0})
		if (err != nil) != c.over {
			t.Errorf("%d + %d: %v", c.x, c.y, err)
		}
		if err == nil {
			continue
		}
		names := &Batch{Schema: NewSchema(in.Fields[0]), Cols: []*Vector{takeVector(k.Vector(), []int32{1, 0})}, Rows: 2}
		if text := NameRow(err, names, 1).Error(); !strings.Contains(text, "group k = 'b'") || !strings.Contains(text, "sum(x) AS s") {
			t.Error(text)
		}
	}
}
