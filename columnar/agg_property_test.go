package columnar

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// aggSchema has a key of few values, two conditions, and every type that aggregates take.
var aggSchema = NewSchema(
	Field{"k", Type{Kind: Int64}}, Field{"k2", Type{Kind: String}}, Field{"ok", Type{Kind: Bool}},
	Field{"n", Type{Kind: Int32}}, Field{"big", Type{Kind: Int64}}, Field{"x", Type{Kind: Float64}},
	Field{"name", Type{Kind: String}}, Field{"raw", Type{Kind: Binary}}, Field{"day", Type{Kind: Date}}, Field{"at", Type{Kind: Timestamp}})

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
	if r.IntN(20) == 0 {
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
	switch b.vec.Type.Kind {
	case Bool:
		b.AppendBool(r.IntN(3) > 0)
	case Int8:
		b.AppendInt32(int32(r.integer(8)))
	case Int16:
		b.AppendInt32(int32(r.integer(16)))
	case Int32, Date:
		b.AppendInt32(int32(r.integer(32)))
	case Float64:
		b.AppendFloat64(r.double())
	case Float32:
		b.AppendFloat64(float64(float32(r.double())))
	case String, Binary:
		b.AppendString(r.text())
	default:
		if name == "k" {
			b.AppendInt64(r.Int64N(4))
		} else {
			b.AppendInt64(r.integer(64))
		}
	}
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

// everyAgg is each aggregate over each column that it takes.
func everyAgg(r *rand.Rand) []Agg {
	out := []Agg{{Func: CountStar, Arg: -1}}
	for fn := range aggKinds {
		for i, f := range aggSchema.Fields {
			key := r.IntN(len(aggSchema.Fields))
			for _, a := range []Agg{{Func: fn, Arg: i, In: f.Type}, {Func: fn, Arg: i, In: f.Type, More: []AggArg{{key, aggSchema.Fields[key].Type}}}} {
				if _, err := a.Out(); err == nil && fn != CountStar && len(a.More) == argCount(fn)-1 {
					out = append(out, a)
				}
			}
		}
	}
	slices.SortFunc(out, func(a, b Agg) int { return bytes.Compare([]byte(a.String()), []byte(b.String())) })
	return out
}

func argCount(fn AggFunc) int {
	if fn == ArgMin || fn == ArgMax {
		return 2
	}
	return 1
}

// randomAggSpec groups by none to two keys, with about a dozen aggregates, some of them with a condition.
func randomAggSpec(r *rand.Rand) AggSpec {
	spec := AggSpec{Keys: [][]int{{}, {0}, {1}, {0, 1}, {5}}[r.IntN(5)]}
	all := everyAgg(r)
	for i := range 4 + r.IntN(12) {
		a := all[r.IntN(len(all))]
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
			whole.keys.weak = 3 << 31 // keys share slots and tags
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
		got := cellsOf(out, i)
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

func cellsOf(b *Batch, i int) []any {
	out := make([]any, len(b.Cols))
	for c, v := range b.Cols {
		out[c] = cell(v, i)
	}
	return out
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
		fmt.Fprintf(&out, "%#v\n", cellsOf(b, i))
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
				key := fmt.Sprintf("%#v", cellsOf(dirty, i)[:len(spec.Keys)])
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
