package columnar

import (
	"errors"
	"math/rand/v2"
	"slices"
	"testing"
)

// moves are accumulators of random groups for the tests that move groups about.
type moves struct {
	t     *testing.T
	r     *rand.Rand
	spec  AggSpec
	input aggRandom
}

// some returns accumulators of some groups, and the half-aggregated rows that they are.
func (m *moves) some() (*Accumulators, *Batch) {
	for {
		h := NewHashAggregate(aggSchema, m.spec)
		if h.Add(m.input.batch(1+m.r.IntN(60))) != nil {
			continue // an overflow
		}
		rows := Take(h.Partial(), (&frame{}).identity(h.Groups()))
		a := m.empty()
		a.Grow(rows.Rows)
		if err := a.Merge(rows, len(m.spec.Keys), groupsOf(rows.Rows)); err != nil {
			m.t.Fatal(err)
		}
		return a, rows
	}
}

func (m *moves) empty() *Accumulators { return NewAccumulators(aggSchema, m.spec.Aggs) }

func groupsOf(n int) []uint32 {
	groups := make([]uint32, n)
	for i := range groups {
		groups[i] = uint32(i)
	}
	return groups
}

// states is a batch of all groups without keys.
func (m *moves) states(a *Accumulators) *Batch {
	return m.batchOf(a.Partial(nil, (&frame{}).identity(a.Len())), a.Len())
}

func (m *moves) batchOf(cols []*Vector, n int) *Batch {
	return &Batch{Schema: NewSchema(m.spec.PartialSchema(aggSchema).Fields[len(m.spec.Keys):]...), Cols: cols, Rows: n}
}

// eachMove runs a test with random aggregates.
func eachMove(t *testing.T, test func(m *moves)) {
	r := newRand(t)
	for range cases(150, 40) {
		test(&moves{t: t, r: r, spec: randomAggSpec(r), input: newAggRandom(r)})
	}
}

// TestLoad: groups that are loaded, some behind the others, are those that are merged into nothing, bit by bit.
func TestLoad(t *testing.T) {
	eachMove(t, func(m *moves) {
		want, rows := m.some()
		got, all := m.empty(), selectedRows(rows)
		for from := 0; from < len(all) || from == 0; {
			end := from + m.r.IntN(len(all)-from+1)
			part := *rows
			part.Sel = all[from:end]
			if err := got.Load(from, &part, len(m.spec.Keys)); err != nil {
				t.Fatal(err)
			}
			if from = end; from == len(all) {
				break
			}
		}
		checkEqualBatches(t, m.states(got), m.states(want))
	})
}

// TestLoadDamaged: what merging refuses, loading refuses with the same words.
func TestLoadDamaged(t *testing.T) {
	spec := AggSpec{Keys: []int{0}, Aggs: []Agg{{Func: Avg, Arg: 1, In: Type{Kind: Float64}}, {Func: CountStar, Arg: -1}}}
	in := NewSchema(Field{"k", Type{Kind: Int64}}, Field{"x", Type{Kind: Float64}})
	for _, damage := range []func(states []*Vector){
		func(states []*Vector) { states[3].I64[1] = -1 },
		func(states []*Vector) { states[4].I64[1] = -1 },
		func(states []*Vector) { states[3].Valid = []byte{1} },
		func(states []*Vector) {
			states[2] = &Vector{Type: Type{Kind: Binary}, N: 2, Off: []int32{0, 0, 1}, Data: []byte{7}, Valid: []byte{2}}
		},
	} {
		h := NewHashAggregate(in, spec)
		rows := &Batch{Schema: in, Rows: 2, Cols: []*Vector{int64Column(Int64, []int64{5, 6}, nil), float64Column([]float64{1, 2}, nil)}}
		if err := h.Add(rows); err != nil {
			t.Fatal(err)
		}
		partial := Take(h.Partial(), []int32{0, 1})
		damage(partial.Cols[1:])
		merged, loaded := NewAccumulators(in, spec.Aggs), NewAccumulators(in, spec.Aggs)
		merged.Grow(2)
		want, got := merged.Merge(partial, 1, groupsOf(2)), loaded.Load(3, partial, 1)
		if want == nil || got == nil || got.Error() != want.Error() {
			t.Errorf("load: error %v, want %v", got, want)
		}
	}
}

// TestJoin: two groups that are joined are what both give when they are merged, also where one of them is none.
func TestJoin(t *testing.T) {
	eachMove(t, func(m *moves) {
		x, _ := m.some()
		y, _ := m.some()
		got := m.empty()
		var from, next []int32
		want := m.empty()
		for range 2 { // the second time behind the groups of the first
			n := 1 + m.r.IntN(40)
			from, next = m.picks(x, n), m.picks(y, n)
			err := got.Join(x, from, y, next)
			at := want.Len()
			want.Grow(at + n)
			wantErr := m.absorbAt(want, at, x, from)
			if wantErr == nil {
				wantErr = m.absorbAt(want, at, y, next)
			}
			if (err == nil) != (wantErr == nil) {
				t.Fatalf("%s: error %v, want %v", m.spec, err, wantErr)
			}
			if err != nil {
				return
			}
		}
		checkEqualBatches(t, m.states(got), m.states(want))
		// into itself
		n := got.Len()
		from, next = m.picks(x, n), m.picks(got, n)
		if err := got.Join(x, from, got, next); err != nil {
			return
		}
		mixed := m.empty()
		mixed.Grow(n)
		if err := m.absorbAt(mixed, 0, x, from); err != nil {
			t.Fatal(err)
		}
		if err := m.absorbAt(mixed, 0, want, next); err != nil {
			t.Fatal(err)
		}
		tail := Take(m.states(got), (&frame{}).identity(2 * n)[n:])
		checkEqualBatches(t, tail, m.states(mixed))
	})
}

// picks are n groups, each there or none.
func (m *moves) picks(a *Accumulators, n int) []int32 {
	picks := make([]int32, n)
	for i := range picks {
		picks[i] = int32(m.r.IntN(a.Len()+1)) - 1
	}
	return picks
}

func (m *moves) absorbAt(a *Accumulators, at int, o *Accumulators, from []int32) error {
	for i, g := range from {
		if g < 0 {
			continue
		}
		if err := a.Absorb(o, []int32{g}, []uint32{uint32(at + i)}); err != nil {
			return err
		}
	}
	return nil
}

// TestGather: states that are gathered from many accumulators stand where they were wanted, in the form that copies have.
func TestGather(t *testing.T) {
	var p map[string]*PartialColumns
	eachMove(t, func(m *moves) {
		if p == nil || m.r.IntN(4) == 0 { // memory that is used again
			p = map[string]*PartialColumns{}
		}
		key := m.spec.String()
		if p[key] == nil {
			p[key] = &PartialColumns{}
		}
		for range 2 {
			m.gather(p[key])
		}
	})
}

func (m *moves) gather(p *PartialColumns) {
	var parts []GroupPart
	var copies []*Batch
	n := 0
	for range 1 + m.r.IntN(4) {
		a, _ := m.some()
		groups := (&frame{}).identity(a.Len())
		m.r.Shuffle(len(groups), func(i, j int) { groups[i], groups[j] = groups[j], groups[i] })
		groups = groups[:m.r.IntN(len(groups)+1)]
		parts = append(parts, GroupPart{Accs: a, Groups: groups})
		copies = append(copies, m.batchOf(a.Partial(nil, groups), len(groups)))
		n += len(groups)
	}
	rows := m.r.Perm(n)
	order := make([]int32, n)
	for i, row := range rows {
		order[row] = int32(i)
	}
	for i := range parts {
		for range parts[i].Groups {
			parts[i].Rows, rows = append(parts[i].Rows, int32(rows[0])), rows[1:]
		}
	}
	got, err := p.Gather(parts, n, func(_ *Schema, parts []*Batch) (*Batch, error) { return Concat(parts), nil })
	if err != nil {
		m.t.Fatal(err)
	}
	if n == 0 {
		return
	}
	batch := m.batchOf(slices.Clone(got), n)
	checkEqualBatches(m.t, batch, Take(Concat(copies), order))
	checkCanonical(m.t, batch)
}

// TestRowsBuilder: rows that were appended some at a time are those of the batches, one behind the other, as copies are.
func TestRowsBuilder(t *testing.T) {
	r := newRand(t)
	for range 200 {
		out := NewRowsBuilder(everySchema)
		var all []*Batch
		for range 1 + r.IntN(4) {
			b := randomBatch(r, everySchema, r.IntN(40), 0.3*float64(r.IntN(2)))
			if r.IntN(2) == 0 {
				randomSel(r, b)
			}
			for i, v := range b.Cols {
				if !out.Append(i, v, b.Sel, b.Rows) {
					t.Fatal("there is room")
				}
			}
			if all = append(all, b); r.IntN(2) == 0 {
				out.Reserve(r.IntN(100))
			}
		}
		got := out.Batch()
		checkEqualBatches(t, got, Concat(all))
		checkCanonical(t, got)
	}
}

// TestRowsBuilderRoom: a column says when it has no room, and stays as it was.
func TestRowsBuilderRoom(t *testing.T) {
	defer func(limit int) { roomMax = limit }(roomMax)
	roomMax = 12
	schema := NewSchema(Field{"k", Type{Kind: String}})
	text := NewBuilder(Type{Kind: String})
	text.AppendString("sevenby")
	out := NewRowsBuilder(schema)
	first, second := out.Append(0, text.Vector(), nil, 1), out.Append(0, text.Vector(), nil, 1)
	if got := out.Batch(); !first || second || got.Rows != 1 || string(got.Cols[0].Str(0)) != "sevenby" {
		t.Errorf("%t, %t and %d rows", first, second, got.Rows)
	}
}

// TestMoveTameDoubles: sums for which two doubles are enough, and one is not, keep both when groups are joined and gathered.
func TestMoveTameDoubles(t *testing.T) {
	in := NewSchema(Field{"k", Type{Kind: Int64}}, Field{"x", Type{Kind: Float64}})
	spec := AggSpec{Keys: []int{0}, Aggs: []Agg{{Func: Sum, Arg: 1, In: Type{Kind: Float64}}, {Func: Avg, Arg: 1, In: Type{Kind: Float64}}}}
	m := &moves{t: t, r: newRand(t), spec: spec}
	const groups = 8
	some := func() *Accumulators {
		h := NewHashAggregate(in, spec)
		rows := &Batch{Schema: in, Rows: 50 * groups, Cols: []*Vector{int64Column(Int64, nil, nil), float64Column(nil, nil)}}
		for i := range rows.Rows {
			rows.Cols[0].I64, rows.Cols[1].F64 = append(rows.Cols[0].I64, int64(i%groups)), append(rows.Cols[1].F64, m.r.Float64())
		}
		rows.Cols[0].N, rows.Cols[1].N = rows.Rows, rows.Rows
		a := NewAccumulators(in, spec.Aggs)
		if err := errors.Join(h.Add(rows), a.Load(0, Take(h.Partial(), (&frame{}).identity(groups)), 1)); err != nil {
			t.Fatal(err)
		}
		return a
	}
	x, y, all := some(), some(), (&frame{}).identity(groups)
	got, want := NewAccumulators(in, spec.Aggs), NewAccumulators(in, spec.Aggs)
	want.Grow(groups)
	if err := errors.Join(got.Join(x, all, y, all), m.absorbAt(want, 0, x, all), m.absorbAt(want, 0, y, all)); err != nil {
		t.Fatal(err)
	}
	states := func(a *Accumulators) *Batch {
		return &Batch{Schema: NewSchema(spec.PartialSchema(in).Fields[1:]...), Cols: a.Partial(nil, all), Rows: groups}
	}
	checkEqualBatches(t, states(got), states(want))
	if !slices.ContainsFunc(states(got).Cols[1].F64, func(low float64) bool { return low != 0 }) {
		t.Error("one double is enough for all sums")
	}
	var p PartialColumns
	cols, err := p.Gather([]GroupPart{{Accs: got, Groups: all, Rows: all}}, groups, nil)
	if err != nil {
		t.Fatal(err)
	}
	checkEqualBatches(t, &Batch{Schema: states(got).Schema, Cols: cols, Rows: groups}, states(want))
}
