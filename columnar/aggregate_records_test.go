package columnar

import (
	"fmt"
	"math/rand/v2"
	"testing"
)

// keepRecordSizes puts the sizes back that the test lowers.
func keepRecordSizes(t testing.TB) {
	groups, rows := recordGroups, foldedRows
	t.Cleanup(func() { recordGroups, foldedRows = groups, rows })
}

// recordSchema has keys that can be records, and arguments of aggregates that keep their numbers there and of some that do
// not.
var recordSchema = NewSchema(Field{"i", Type{Kind: Int64}}, Field{"t", Type{Kind: Timestamp}}, Field{"d", Type{Kind: Date}}, Field{"f", Type{Kind: Float64}},
	Field{"s", Type{Kind: String}}, Field{"s2", Type{Kind: String}},
	Field{"n", Type{Kind: Int64}}, Field{"m", Type{Kind: Int32}}, Field{"ok", Type{Kind: Bool}}, Field{"x", Type{Kind: Float64}}, Field{"w", Type{Kind: String}})

const recordKeys = 6 // the first columns of recordSchema

// recordRandom makes batches of which most can be records: texts of one length, no NULL in keys, few values below 0.
type recordRandom struct {
	*rand.Rand
	span   int64 // keys are below it
	widths [2]int
	odd    bool // the next batch has NULLs in its keys, or texts of another length
	below  bool // values may be below 0
	large  bool // sums overflow soon
}

func (r recordRandom) key(b *Builder, col int) {
	n := r.Int64N(r.span)
	if r.odd && r.IntN(20) == 0 {
		b.AppendNull()
		return
	}
	switch b.vec.Type.Kind.Storage() {
	case StoredI64:
		b.AppendInt64(n - 2)
	case StoredI32:
		b.AppendInt32(int32(n - 2))
	case StoredF64:
		b.AppendFloat64([]float64{0, -float64(n), float64(n) / 2}[r.IntN(3)])
	default:
		text := fmt.Sprintf("%*d", r.widths[col&1], n)
		if r.odd && r.IntN(20) == 0 {
			text += "+"
		}
		b.AppendString(text)
	}
}

func (r recordRandom) argument(b *Builder) {
	if r.IntN(6) == 0 {
		b.AppendNull()
		return
	}
	least := int64(0)
	if r.below {
		least = 20
	}
	switch b.vec.Type.Kind.Storage() {
	case StoredI64:
		x := max(r.Int64N(30)-least, -7)
		if r.large {
			x *= 1 << 57
		}
		b.AppendInt64(x)
	case StoredI32:
		b.AppendInt32(int32(max(r.Int64N(3)-least, -1)))
	case StoredBits:
		b.AppendBool(r.IntN(3) > 0)
	case StoredF64:
		b.AppendFloat64(float64(r.IntN(1000)) / 8)
	default:
		b.AppendString(fmt.Sprint(r.IntN(50)))
	}
}

func (r recordRandom) batch(rows int) *Batch {
	b := &Batch{Schema: recordSchema, Rows: rows}
	for i, f := range recordSchema.Fields {
		col := NewBuilder(f.Type)
		for range rows {
			if i < recordKeys {
				r.key(col, i)
			} else {
				r.argument(col)
			}
		}
		b.Cols = append(b.Cols, col.Vector())
	}
	if r.IntN(3) == 0 {
		randomSel(r.Rand, b)
	}
	return b
}

func (r recordRandom) spec() AggSpec {
	spec := AggSpec{Keys: r.Perm(recordKeys)[:1+r.IntN(3)]}
	for i := range 1 + r.IntN(5) {
		a := []Agg{{Func: CountStar, Arg: -1}, {Func: Count, Arg: 6, In: Type{Kind: Int64}}, {Func: Sum, Arg: 6, In: Type{Kind: Int64}}, {Func: Sum, Arg: 7, In: Type{Kind: Int32}},
			{Func: Max, Arg: 10, In: Type{Kind: String}}, {Func: Sum, Arg: 9, In: Type{Kind: Float64}}, {Func: Sum, Arg: 6, In: Type{Kind: Int64}, Distinct: true}}[r.IntN(7)]
		a.Name = fmt.Sprint("a", i)
		if r.IntN(4) == 0 {
			a.Where = 1 + recordSchema.Index("ok")
		}
		spec.Aggs = append(spec.Aggs, a)
	}
	return spec
}

// TestAggregateRecords folds the same rows into groups that move into records, and into groups that never do, and does
// with both whatever can be done: after it they are the same, in the same order, bit by bit.
func TestAggregateRecords(t *testing.T) {
	keepRecordSizes(t)
	r := newRand(t)
	packed, failed := 0, 0
	for range cases(1000, 200) {
		values := recordRandom{Rand: r, span: []int64{3, 60, 5000}[r.IntN(3)], widths: [2]int{8 + r.IntN(5), 8 + r.IntN(40)}, large: r.IntN(20) == 0}
		p := &recordPair{T: t, r: values, least: r.IntN(30)}
		foldedRows = 1 + r.IntN(40)
		p.start(values.spec())
		for range 2 + r.IntN(12) {
			if p.step(); p.err != nil {
				failed++
				break
			}
			if p.records.keys.records != nil {
				packed++
			}
		}
		if p.err == nil {
			p.check()
		}
	}
	if packed < cases(1000, 200) || failed == 0 {
		t.Errorf("groups were in records behind %d steps, and %d sums overflowed: too few", packed, failed)
	}
}

// recordPair is an aggregate that may have records and one that has none.
type recordPair struct {
	*testing.T
	r                recordRandom
	least            int
	records, columns *HashAggregate
	err              error
}

func (p *recordPair) start(spec AggSpec) {
	p.records, p.columns = NewHashAggregate(recordSchema, spec), NewHashAggregate(recordSchema, spec)
	p.columns.settled = true
	if p.r.IntN(5) == 0 {
		p.records.keys.weak = []uint64{5, 3 << 31}[p.r.IntN(2)]
	}
}

func (p *recordPair) step() {
	recordGroups = p.least
	switch p.r.IntN(40) {
	case 0:
		p.records.Reset()
		p.columns.Reset()
		p.columns.settled = true
	case 1:
		p.check()
	case 2:
		p.records.MarkClean()
		p.columns.MarkClean()
	case 3:
		p.merge()
	case 4:
		b := p.r.batch(5)
		p.both(func(h *HashAggregate) error { return h.Touch(b) })
	case 5:
		checkEqualBatches(p.T, p.records.Dirty(), p.columns.Dirty())
	case 6:
		p.checkKnown()
	default:
		p.add()
	}
}

func (p *recordPair) add() {
	values := p.r
	values.odd, values.below = p.r.IntN(15) == 0, p.r.IntN(3) == 0
	b := values.batch(p.r.IntN(50))
	p.both(func(h *HashAggregate) error { return h.Add(b) })
}

func (p *recordPair) merge() {
	part := NewHashAggregate(recordSchema, p.records.spec)
	if part.Add(p.r.batch(20)) == nil {
		p.both(func(h *HashAggregate) error { return h.Merge(part.Partial()) })
	}
}

// both does the same with both, which fail alike. Which of several aggregates is named by the error, and for which row, may
// differ.
func (p *recordPair) both(do func(h *HashAggregate) error) {
	got, want := do(p.records), do(p.columns)
	if p.err = want; (got == nil) != (want == nil) {
		p.Fatalf("%s: got error %v, want %v", p.records.spec, got, want)
	}
}

func (p *recordPair) check() {
	p.Helper()
	if p.records.Groups() != p.columns.Groups() {
		p.Fatalf("%s: %d groups, want %d", p.records.spec, p.records.Groups(), p.columns.Groups())
	}
	switch p.r.IntN(3) {
	case 0:
		checkEqualBatches(p.T, final(p.T, p.records), final(p.T, p.columns))
	case 1:
		checkEqualBatches(p.T, p.records.Partial(), p.columns.Partial())
	default:
		p.drain()
	}
}

// drain takes all groups out, and begins anew.
func (p *recordPair) drain() {
	p.Helper()
	var runs []*Batch
	for b := range p.records.Drain() {
		runs = append(runs, Concat([]*Batch{b}))
	}
	if len(runs) > 0 {
		checkEqualBatches(p.T, Concat(runs), p.columns.Partial())
	}
	if p.columns.Groups() > 0 && len(runs) == 0 || p.records.Groups() > 0 {
		p.Fatalf("%s: %d of %d groups came, %d are left", p.records.spec, len(runs), p.columns.Groups(), p.records.Groups())
	}
	p.columns.Reset()
	p.columns.settled = true
}

func (p *recordPair) checkKnown() {
	part := NewHashAggregate(recordSchema, p.records.spec)
	if part.Add(p.r.batch(10)) == nil {
		keys := part.Partial()
		checkEqualBatches(p.T, p.records.Known(keys, true), p.columns.Known(keys, true))
	}
}

// TestDrainRuns takes groups out that come in several runs, with numbers in records and beside them, with sums of one word
// and of two, with groups of which all values are NULL or 0.
func TestDrainRuns(t *testing.T) {
	r := newRand(t)
	for _, below := range []bool{false, true} {
		p := &recordPair{T: t, r: recordRandom{Rand: r, span: 1 << 40, widths: [2]int{16, 20}, below: below}}
		p.start(AggSpec{Keys: []int{0, 4}, Aggs: []Agg{{Func: Sum, Arg: 7, In: Type{Kind: Int32}}, {Func: Max, Arg: 10, In: Type{Kind: String}},
			{Func: CountStar, Arg: -1}, {Func: Sum, Arg: 9, In: Type{Kind: Float64}}, {Func: Sum, Arg: 6, In: Type{Kind: Int64}}}})
		for range 5 {
			b := p.r.batch(6000)
			p.both(func(h *HashAggregate) error { return h.Add(b) })
		}
		if p.records.keys.records == nil || len(p.records.keys.records.chunks) < 2 {
			t.Fatal("the groups are not in records, or in one run")
		}
		p.drain()
	}
}

// TestAggregateManyRecords counts and sums by more keys than one piece of the records' memory holds, twice in the same
// memory.
func TestAggregateManyRecords(t *testing.T) {
	s := NewSchema(Field{"w", Type{Kind: Timestamp}}, Field{"k", Type{Kind: String}}, Field{"v", Type{Kind: Int64}})
	h := NewHashAggregate(s, AggSpec{Keys: []int{0, 1}, Aggs: []Agg{{Func: CountStar, Arg: -1}, {Func: Sum, Arg: 2, In: Type{Kind: Int64}}}})
	for range 2 {
		in := newKeyRows(s)
		type sums struct{ n, v int64 }
		want, order := map[string]*sums{}, []string(nil)
		for range 20 {
			in.fill(60_000)
			for i := range in.batch.Rows {
				key := fmt.Sprint(in.batch.Cols[0].I64[i], string(in.batch.Cols[1].Str(i)))
				if want[key] == nil {
					want[key] = &sums{}
					order = append(order, key)
				}
				want[key].n++
				want[key].v += in.batch.Cols[2].I64[i]
			}
			if err := h.Add(in.batch); err != nil {
				t.Fatal(err)
			}
		}
		if h.keys.records == nil || len(h.keys.records.chunks) < 5 {
			t.Fatal("the groups are not in records")
		}
		if size := h.SizeBytes(); size < 80*int64(h.Groups()) || size > 160*int64(h.Groups()) {
			t.Errorf("%d bytes for %d groups", size, h.Groups())
		}
		out := final(t, h)
		if out.Rows != len(order) {
			t.Fatalf("%d groups, want %d", out.Rows, len(order))
		}
		for g, key := range order {
			got := fmt.Sprint(out.Cols[0].I64[g], string(out.Cols[1].Str(g)))
			if w := want[key]; got != key || out.Cols[2].I64[g] != w.n || out.Cols[3].I64[g] != w.v {
				t.Fatalf("group %d: %s, %d rows, sum %d, want %s, %v", g, got, out.Cols[2].I64[g], out.Cols[3].I64[g], key, *w)
			}
		}
		h.Reset()
	}
}
