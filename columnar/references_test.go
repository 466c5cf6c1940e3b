package columnar

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
)

var referencesSchema = NewSchema(
	Field{"w", Type{Kind: Timestamp}}, Field{"c1", Type{Kind: String}}, Field{"c2", Type{Kind: Binary}},
	Field{"other", Type{Kind: String}}, Field{"plain", Type{Kind: String}}, Field{"i", Type{Kind: Int32}},
)

// referencesMaker makes batches with columns of references, and the same rows with plain ones. c1 and c2 share their references, as two
// columns of a joined table do.
type referencesMaker struct {
	*rand.Rand
	first, second, other *Vector
	nulls                float64
}

func newReferencesMaker(r *rand.Rand) *referencesMaker {
	n := 1 + r.IntN(20)
	m := &referencesMaker{Rand: r, first: randomVector(r, referencesSchema.Fields[1].Type, n, 0), second: randomVector(r, referencesSchema.Fields[2].Type, n, 0),
		other: randomVector(r, referencesSchema.Fields[3].Type, 1+r.IntN(4), 0)}
	if r.IntN(3) == 0 {
		m.nulls = 0.3
	}
	return m
}

func (m *referencesMaker) batch(rows int) (codes, plain *Batch) {
	first, other := m.references(m.first, rows), m.references(m.other, rows)
	second := &Vector{Type: referencesSchema.Fields[2].Type, N: rows, Valid: first.Valid, I32: first.I32, Values: m.second}
	times := &Vector{Type: referencesSchema.Fields[0].Type, N: rows, I64: make([]int64, rows)}
	w, step := m.Int64N(8), m.IntN(3) // windows: one, in runs, mixed
	for i := range times.I64 {
		if m.IntN(2*step*step+1) > 0 {
			w = m.Int64N(8)
		}
		times.I64[i] = w * 10
	}
	codes = &Batch{Schema: referencesSchema, Rows: rows, Cols: []*Vector{times, first, second, other,
		randomVector(m.Rand, referencesSchema.Fields[4].Type, rows, m.nulls), randomVector(m.Rand, referencesSchema.Fields[5].Type, rows, m.nulls)}}
	if m.IntN(2) == 0 {
		randomSel(m.Rand, codes)
	}
	plain = &Batch{}
	*plain = *codes
	plain.Cols = slices.Clone(codes.Cols)
	for c := 1; c <= 3; c++ {
		plain.Cols[c] = spelledOut(codes.Cols[c])
	}
	return codes, plain
}

func (m *referencesMaker) references(dict *Vector, rows int) *Vector {
	v := &Vector{Type: dict.Type, N: rows, I32: make([]int32, rows), Values: dict}
	if m.nulls > 0 {
		v.Valid = make([]byte, bitmapBytes(rows))
	}
	for i := range v.I32 {
		v.I32[i] = m.Int32N(int32(dict.N))
		if m.nulls > 0 && m.Float64() < m.nulls {
			v.I32[i] = -1
		} else if m.nulls > 0 {
			v.Valid[i>>3] |= 1 << (i & 7)
		}
	}
	return v
}

func spelledOut(v *Vector) *Vector {
	b := NewBuilder(v.Type)
	for i := range v.N {
		if v.IsNull(i) {
			b.AppendNull()
		} else {
			b.AppendBytes(v.Values.Str(int(v.I32[i])))
		}
	}
	return b.Vector()
}

// TestReferencesAreStrings does with columns of references what is done with plain ones.
func TestReferencesAreStrings(t *testing.T) {
	r := newRand(t)
	for range cases(2000, 200) {
		m := newReferencesMaker(r)
		codes, plain := m.batch(r.IntN(50))
		checkEqualBatches(t, new(Flattener).Flat(codes), plain)
		rows := slices.Clone(selected(codes))
		r.Shuffle(len(rows), func(i, j int) { rows[i], rows[j] = rows[j], rows[i] })
		checkEqualBatches(t, Take(codes, rows), Take(plain, rows))
		checkEqualBatches(t, Concat([]*Batch{codes, plain}), Concat([]*Batch{plain, codes}))
		pred := mustCall(t, "=", Col(referencesSchema, 1), Const(referencesSchema.Fields[1].Type, Value{S: string(m.first.Str(0))}))
		filter, err1 := NewFilter(referencesSchema, pred)
		even := mustCall(t, "=", mustCall(t, "%", Col(referencesSchema, 5), Const(referencesSchema.Fields[5].Type, Value{I: 2})), Const(referencesSchema.Fields[5].Type, Value{I: 0}))
		project, err2 := NewProject(referencesSchema, []*Expr{Col(referencesSchema, 1), mustCall(t, "length", Col(referencesSchema, 3)), Col(referencesSchema, 3),
			mustCall(t, "case", even, mustCall(t, "upper", Col(referencesSchema, 1)), Col(referencesSchema, 3)), mustCall(t, "||", Col(referencesSchema, 1), Col(referencesSchema, 3))},
			[]string{"c1", "n", "other", "either", "both"})
		if err1 != nil || err2 != nil {
			t.Fatal(err1, err2)
		}
		through := func(b *Batch) *Batch {
			b, err := filter.Process(b)
			if err == nil {
				b, err = project.Process(b)
			}
			if err != nil {
				t.Fatal(err)
			}
			return Take(b, selected(b))
		}
		checkEqualBatches(t, through(codes), through(plain))
	}
}

// TestGroupsOfReferences groups by columns of references and others, some of which a memo can remember, and wants the groups of
// plain columns in the same order.
func TestGroupsOfReferences(t *testing.T) {
	r := newRand(t)
	aggs := []Agg{{Func: CountStar, Arg: -1, Name: "n"}, {Func: Max, Arg: 1, In: Type{Kind: String}, Name: "m"},
		{Func: Count, Arg: 3, In: Type{Kind: String}, Distinct: true, Name: "d"}}
	for range cases(600, 100) {
		m := newReferencesMaker(r)
		keys := [][]int{{0, 1}, {1}, {1, 2}, {0, 2, 1}, {3, 0}, {1, 3}, {0, 4, 1}, {1, 5}, {0, 1, 0}}[r.IntN(9)]
		spec := AggSpec{Keys: keys, Aggs: aggs}
		got, want := NewHashAggregate(referencesSchema, spec), NewHashAggregate(referencesSchema, spec)
		if r.IntN(3) == 0 {
			weaken(got)
		}
		for range 1 + r.IntN(8) {
			codes, plain := m.batch(r.IntN(60))
			if r.IntN(4) == 0 {
				codes = plain
			}
			if err := got.Add(codes); err != nil {
				t.Fatal(err)
			}
			if err := want.Add(plain); err != nil {
				t.Fatal(err)
			}
			checkEqualBatches(t, got.Partial(), want.Partial())
			switch r.IntN(12) {
			case 0:
				got.Reset()
				want.Reset()
			case 1:
				m = newReferencesMaker(r)
			case 2:
				if memo := got.keys.memo; memo != nil && memo.made < 1<<31 {
					memo.made = ^uint32(0) - 1 // about to begin anew
				}
			}
		}
		if remembers := got.keys.memo != nil && got.keys.memo.tables[0] != nil; remembers && len(keys) == 3 && keys[1] == 4 {
			t.Fatalf("a memo of keys %v", keys)
		}
	}
}

// TestRoomForKeysOfReferences refuses keys that do not fit, by the texts that the references stand for.
func TestRoomForKeysOfReferences(t *testing.T) {
	defer func(limit int) { roomMax = limit }(roomMax)
	dict := NewBuilder(Type{Kind: String})
	dict.AppendString("12345678901234567890")
	s := NewSchema(Field{"k", Type{Kind: String}})
	b := &Batch{Schema: s, Rows: 2, Cols: []*Vector{{Type: Type{Kind: String}, N: 2, I32: []int32{0, 0}, Values: dict.Vector()}}}
	x := NewKeyIndex([]Type{{Kind: String}})
	roomMax = 40
	if _, err := x.Number(b, []int{0}); err != nil {
		t.Error(err)
	}
	roomMax = 30
	if _, err := x.Number(b, []int{0}); err == nil {
		t.Error("40 bytes fit into 30")
	}
}

// BenchmarkGroupByReferences counts by a window start, the same for thousands of rows, and one of 1,000 joined strings.
func BenchmarkGroupByReferences(b *testing.B) {
	const rows, keys = 8192, 1000
	dict := NewBuilder(Type{Kind: String})
	for i := range keys {
		dict.AppendString(fmt.Sprintf("%036d", i/10))
	}
	s := NewSchema(Field{"w", Type{Kind: Timestamp}}, Field{"k", Type{Kind: String}})
	w := &Vector{Type: s.Fields[0].Type, N: rows, I64: make([]int64, rows)}
	k := &Vector{Type: s.Fields[1].Type, N: rows, I32: make([]int32, rows), Values: dict.Vector()}
	for i := range rows {
		w.I64[i], k.I32[i] = int64(i/6000)*10_000_000, int32(i*7919%keys)
	}
	batch := &Batch{Schema: s, Rows: rows, Cols: []*Vector{w, k}}
	agg := NewHashAggregate(s, AggSpec{Keys: []int{0, 1}, Aggs: []Agg{{Func: CountStar, Arg: -1}}})
	b.ReportAllocs()
	for b.Loop() {
		if err := agg.Add(batch); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*rows), "ns/row")
}

// TestJoinOfReferences joins rows that come out of another join.
func TestJoinOfReferences(t *testing.T) {
	r := newRand(t)
	for range cases(600, 100) {
		m := newReferencesMaker(r)
		table := randomBatch(r, NewSchema(referencesSchema.Fields[1], referencesSchema.Fields[4]), 3, m.nulls)
		table.Cols[0] = takeVector(m.first, []int32{0, int32(m.first.N - 1), int32(r.IntN(m.first.N))})
		join, err := NewHashJoin(referencesSchema, table, []int{1}, []int{0}, r.IntN(2) == 0)
		if err != nil {
			t.Fatal(err)
		}
		if r.IntN(2) == 0 {
			join.EmitReferences()
		}
		for range 3 {
			codes, plain := m.batch(r.IntN(30))
			got, err := join.Process(codes)
			if err != nil {
				t.Fatal(err)
			}
			got = Take(got, selected(got))
			want, err := join.Process(plain)
			if err != nil {
				t.Fatal(err)
			}
			checkEqualBatches(t, got, Take(want, selected(want)))
		}
	}
}
