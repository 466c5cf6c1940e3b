package columnar

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// aggSchema has keys of few values, a condition, and every type that aggregates take.
var aggSchema = func() *Schema {
	s := NewSchema(Field{"k", Type{Kind: Int64}}, Field{"k2", Type{Kind: String}}, Field{"ok", Type{Kind: Bool}})
	for i, t := range []Type{{Kind: Int8}, {Kind: Int16}, {Kind: Int32}, {Kind: Int64}, {Kind: Float32}, {Kind: Float64}, {Kind: String}, {Kind: Binary},
		{Kind: Date}, {Kind: Timestamp}, {Kind: LocalTimestamp}, {Kind: Interval}, DecimalOf(9, 2), DecimalOf(38, 0), DecimalOf(38, 10),
		ArrayOf(Type{Kind: Interval}), StructOf(Field{"a", Type{Kind: Float64}}, Field{"b", ArrayOf(Type{Kind: String})})} {
		s.Fields = append(s.Fields, Field{fmt.Sprintf("c%d", i), t})
	}
	return s
}()

// aggRandom makes values of one size for a batch, so that some sums are narrow and some are wide.
type aggRandom struct {
	*rand.Rand
	exponents int // doubles differ by up to so many powers of two
}

func newAggRandom(r *rand.Rand) aggRandom {
	return aggRandom{Rand: r, exponents: []int{1, 40, 120, 2000}[r.IntN(4)]}
}

func (r aggRandom) double() float64 {
	switch r.IntN(200) {
	case 0:
		return math.NaN()
	case 1:
		return math.Inf(1 - 2*r.IntN(2))
	case 2:
		return math.MaxFloat64
	case 3:
		return -math.MaxFloat64
	case 4:
		return math.Copysign(0, -1)
	case 5:
		return math.SmallestNonzeroFloat64
	}
	return math.Ldexp(float64(r.IntN(2_000_000)-1_000_000)/100, r.IntN(r.exponents)-r.exponents/2)
}

func (r aggRandom) integer(bits int) int64 {
	if r.IntN(100) == 0 {
		return []int64{1<<(bits-1) - 1, -1 << (bits - 1)}[r.IntN(2)]
	}
	return r.Int64N(100) - 50
}

func (r aggRandom) text() string {
	return []string{"", "a", "A", "ab", "Å", "long enough to leave sixteen bytes behind"}[r.IntN(6)]
}

// append appends a value of the builder's type.
func (r aggRandom) append(b *Builder, name string) {
	if r.IntN(5) == 0 {
		b.AppendNull()
		return
	}
	t := b.vec.Type
	switch {
	case name == "k":
		b.AppendInt64(r.Int64N(4))
	case t.Kind == Bool:
		b.AppendBool(r.IntN(3) > 0)
	case t.Kind == Float32:
		b.AppendFloat64(float64(float32(r.double())))
	case t.Kind == Interval:
		r.interval(b)
	case t.Kind == Decimal:
		b.AppendWide(r.decimal(t))
	case t.IsNested():
		appendRandomValue(r.Rand, b, 0.2)
	default:
		r.appendPlain(b)
	}
}

func (r aggRandom) appendPlain(b *Builder) {
	bits := map[Kind]int{Int8: 8, Int16: 16, Int32: 32, Date: 32}
	switch k := b.vec.Type.Kind; k.Storage() {
	case StoredI32:
		b.AppendInt32(int32(r.integer(bits[k])))
	case StoredI64:
		b.AppendInt64(r.integer(64))
	case StoredF64:
		b.AppendFloat64(r.double())
	case StoredBytes:
		b.AppendString(r.text())
	}
}

// interval is a small one, or any.
func (r aggRandom) interval(b *Builder) {
	if r.IntN(100) == 0 {
		b.AppendWide(randomWide(r.Rand, b.vec.Type))
	} else {
		b.AppendWide(MakeInterval(int32(r.IntN(3)-1), int32(r.IntN(90)-45), r.Int64N(3*microsPerDay)))
	}
}

// decimal is a small one, or any.
func (r aggRandom) decimal(t Type) Int128 {
	if r.IntN(100) == 0 {
		return randomWide(r.Rand, t)
	}
	return Int128Of(r.Int64N(20000) - 10000)
}

func (r aggRandom) batch(rows int) *Batch {
	b := &Batch{Schema: aggSchema, Rows: rows}
	for _, f := range aggSchema.Fields {
		col := NewBuilder(f.Type)
		for range rows {
			r.append(col, f.Name)
		}
		b.Cols = append(b.Cols, col.Vector())
	}
	if r.IntN(2) == 0 {
		randomSel(r.Rand, b)
	}
	return b
}

// randomAgg is one of the functions over columns that it takes.
func randomAgg(r *rand.Rand) Agg {
	functions := slices.Sorted(maps.Keys(aggKinds))
	fn := functions[r.IntN(len(functions))]
	column := func() (int, Type) {
		i := r.IntN(len(aggSchema.Fields))
		return i, aggSchema.Fields[i].Type
	}
	for {
		a := Agg{Func: fn, Arg: -1}
		if fn != CountStar {
			a.Arg, a.In = column()
		}
		if fn == ArgMin || fn == ArgMax {
			i, t := column()
			a.More = []AggArg{{i, t}}
		}
		if fn == StringAgg {
			a.Params = []AggParam{{Type{Kind: String}, Value{S: []string{"", ", "}[r.IntN(2)]}}}
		}
		if slices.Contains([]AggFunc{ApproxQuantile, QuantileCont, QuantileDisc}, fn) {
			a.Params = []AggParam{{Type{Kind: Float64}, Value{F: []float64{0, 0.25, 0.5, 0.99, 1}[r.IntN(5)]}}}
		}
		if fn == StringAgg || fn == ArrayAgg {
			for range r.IntN(3) {
				i, t := column()
				if r.IntN(3) == 0 {
					i, t = a.Arg, a.In
				}
				a.Order = append(a.Order, AggOrder{Col: i, Type: t, Desc: r.IntN(2) == 0, NullsFirst: r.IntN(2) == 0})
			}
		}
		a.Distinct = r.IntN(3) == 0
		if _, err := a.Out(); err == nil {
			return a
		}
	}
}

// randomAggSpec groups by none to two keys, with about a dozen aggregates, some of them with a condition.
func randomAggSpec(r *rand.Rand) AggSpec {
	spec := AggSpec{Keys: [][]int{{}, {0}, {1}, {0, 1}, {8}}[r.IntN(5)]}
	for i := range 4 + r.IntN(12) {
		a := randomAgg(r)
		a.Name = fmt.Sprintf("a%d", i)
		if r.IntN(3) == 0 {
			a.Where = 1 + aggSchema.Index("ok")
		}
		spec.Aggs = append(spec.Aggs, a)
	}
	return spec
}

// TestAggregatesAgainstOracle folds random rows in one go, and the same rows in random cuts, each cut into groups of its
// own, which are merged in a random order, some of them through bytes. Both must give what the definition says, and the
// same half-aggregated rows bit by bit.
func TestAggregatesAgainstOracle(t *testing.T) {
	r := newRand(t)
	for range cases(400, 60) {
		values, spec := newAggRandom(r), randomAggSpec(r)
		whole, oracle := NewHashAggregate(aggSchema, spec), newAggOracle(spec)
		if r.IntN(3) == 0 {
			weaken(whole)
		}
		var failed error
		var parts []*HashAggregate
		for range 1 + r.IntN(6) {
			b := values.batch(r.IntN(40))
			part := NewHashAggregate(aggSchema, spec)
			oracle.add(b)
			failed = errors.Join(failed, whole.Add(b), part.Add(b))
			parts = append(parts, part)
		}
		merged, err := mergeInAnyOrder(t, r, parts)
		if (failed != nil || err != nil) != oracle.overflows() {
			t.Fatalf("%s: got errors %v and %v, want an overflow: %v", spec, failed, err, oracle.overflows())
		}
		if oracle.overflows() {
			continue
		}
		checkAggregates(t, whole, oracle)
		checkAggregates(t, merged, oracle)
		checkSameGroups(t, merged, whole)
	}
}

// weaken lets the keys of all tables share slots and tags.
func weaken(h *HashAggregate) {
	const few = 3 << 31
	h.keys.weak = few
	for _, f := range h.folds {
		switch s := f.state.(type) {
		case *distinct:
			s.sets.table.weak = few
		case *mode:
			s.table.weak = few
		case *quantileCont:
			s.table.weak = few
		case *approxDistinct:
			s.hashes.table.weak = few
		}
	}
}

// mergeInAnyOrder merges two parts at a time until one is left.
func mergeInAnyOrder(t *testing.T, r *rand.Rand, parts []*HashAggregate) (*HashAggregate, error) {
	for len(parts) > 1 {
		i := r.IntN(len(parts) - 1)
		to, from := parts[i], parts[i+1]
		if r.IntN(2) == 0 {
			to, from = from, to
		}
		partial := from.Partial()
		if r.IntN(2) == 0 {
			partial = throughBytes(t, partial)
		}
		if err := to.Merge(partial); err != nil {
			return nil, err
		}
		parts[i] = to
		parts = slices.Delete(parts, i+1, i+2)
	}
	return parts[0], nil
}

func throughBytes(t *testing.T, b *Batch) *Batch {
	t.Helper()
	data, err := EncodeIPC(b)
	if err != nil {
		t.Fatal(err)
	}
	out, err := DecodeIPC(data)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// checkAggregates compares finished groups; the order does not count.
func checkAggregates(t *testing.T, h *HashAggregate, want *aggOracle) {
	t.Helper()
	out := final(t, h)
	if out.Rows != len(want.order) || !out.Schema.Equal(want.spec.FinalSchema(aggSchema)) {
		t.Fatalf("%s: %d groups (%s), want %d", want.spec, out.Rows, out.Schema, len(want.order))
	}
	for i := range out.Rows {
		got := cells(out.Cols, i)
		keys := make([]any, len(aggSchema.Fields))
		for j, k := range want.spec.Keys {
			keys[k] = got[j]
		}
		key := want.key(keys)
		if want.groups[key] == nil {
			t.Fatalf("%s: group %s does not exist", want.spec, key)
		}
		for c, w := range want.result(key) {
			if !sameCell(got[c], w) {
				t.Fatalf("%s: group %s, column %s: got %v, want %v", want.spec, key, out.Schema.Fields[c].Name, got[c], w)
			}
		}
	}
}

// checkSameGroups compares half-aggregated groups, in the order of their keys, byte by byte.
func checkSameGroups(t *testing.T, got, want *HashAggregate) {
	t.Helper()
	encode := func(h *HashAggregate) []byte {
		b := h.Partial()
		if !b.Schema.Equal(h.spec.PartialSchema(aggSchema)) {
			t.Fatalf("partial schema %s", b.Schema)
		}
		data, err := EncodeIPC(Take(b, SortRows(b, h.partialKeys)))
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	if !bytes.Equal(encode(got), encode(want)) {
		t.Fatalf("%s: half-aggregated groups differ\n%s\n%s", want.spec, printed(got.Partial()), printed(want.Partial()))
	}
}

func printed(b *Batch) string {
	var out bytes.Buffer
	fmt.Fprintln(&out, b.Schema)
	for i := range b.Rows {
		fmt.Fprintf(&out, "%#v\n", cells(b.Cols, i))
	}
	return out.String()
}

// TestAggregatesDirty takes the groups that each batch touched, and lets the newest of each group replace the older ones:
// that must be the same as all groups.
func TestAggregatesDirty(t *testing.T) {
	r := newRand(t)
cases:
	for range cases(100, 20) {
		values, spec := newAggRandom(r), randomAggSpec(r)
		whole := NewHashAggregate(aggSchema, spec)
		newest := map[string]*Batch{}
		var order []string
		for range 1 + r.IntN(5) {
			if err := whole.Add(values.batch(r.IntN(20))); err != nil {
				continue cases
			}
			dirty := whole.Dirty()
			whole.MarkClean()
			for i := range dirty.Rows {
				key := fmt.Sprintf("%#v", cells(dirty.Cols, i)[:len(spec.Keys)])
				if newest[key] == nil {
					order = append(order, key)
				}
				newest[key] = Take(dirty, []int32{int32(i)})
			}
		}
		again := NewHashAggregate(aggSchema, spec)
		for _, key := range order {
			if err := again.Merge(newest[key]); err != nil {
				t.Fatal(err)
			}
		}
		checkSameGroups(t, again, whole)
	}
}
