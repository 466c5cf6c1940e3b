package columnar

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// randomSpec groups randomSchema by up to three keys with every aggregate that fits some columns. Sums of bigint are
// left out because random ones overflow.
func randomSpec(r *rand.Rand) AggSpec {
	spec := AggSpec{Keys: r.Perm(len(randomSchema.Fields))[:r.IntN(4)]}
	spec.Aggs = append(spec.Aggs, Agg{Func: CountStar, Arg: -1, Name: "n"})
	for i, f := range randomSchema.Fields {
		for _, fn := range []AggFunc{Count, Sum, Min, Max, Avg} {
			a := Agg{Func: fn, Arg: i, In: f.Type, Name: string(fn) + " " + f.Name}
			if _, err := a.Out(); err == nil && (fn != Sum || f.Type.Kind != Int64) {
				spec.Aggs = append(spec.Aggs, a)
			}
		}
	}
	return spec
}

// mapAggregate is the oracle: a Go map from the printed key to lists of values.
type mapAggregate struct {
	spec   AggSpec
	order  []string
	groups map[string][][]any // key → rows
}

func (m *mapAggregate) add(b *Batch) {
	for _, r := range selected(b) {
		row := rowOf(b, int(r))
		var key strings.Builder
		for _, k := range m.spec.Keys {
			v := row[k]
			if f, ok := v.(float64); ok && f == 0 {
				v = 0.0
			}
			fmt.Fprintf(&key, "%T %v|", v, v)
		}
		if m.groups[key.String()] == nil {
			m.order = append(m.order, key.String())
		}
		m.groups[key.String()] = append(m.groups[key.String()], row)
	}
}

func (m *mapAggregate) result(key string) []any {
	rows := m.groups[key]
	var out []any
	for _, k := range m.spec.Keys {
		out = append(out, rows[0][k])
	}
	for _, a := range m.spec.Aggs {
		out = append(out, m.aggregate(a, rows))
	}
	return out
}

func (m *mapAggregate) aggregate(a Agg, rows [][]any) any {
	if a.Func == CountStar {
		return int64(len(rows))
	}
	var vals []any
	for _, row := range rows {
		if row[a.Arg] != nil {
			vals = append(vals, row[a.Arg])
		}
	}
	switch {
	case a.Func == Count:
		return int64(len(vals))
	case len(vals) == 0:
		return nil
	case a.Func == Min:
		return slices.MinFunc(vals, compareAny)
	case a.Func == Max:
		return slices.MaxFunc(vals, compareAny)
	}
	var ints int64
	var floats float64
	for _, v := range vals {
		if x, ok := v.(int64); ok {
			ints += x
			floats += float64(x)
		} else {
			floats += v.(float64)
		}
	}
	switch {
	case a.Func == Avg:
		return floats / float64(len(vals))
	case a.In.Kind == Float64:
		return floats
	}
	return ints
}

// TestAggregateAgainstMap adds random batches, cut anyhow, with partial results merged in between.
func TestAggregateAgainstMap(t *testing.T) {
	r := newRand(t)
	for range cases(150, 40) {
		spec := randomSpec(r)
		agg := NewHashAggregate(randomSchema, spec)
		if r.IntN(3) == 0 {
			agg.keys.weak = 3 << 31 // keys share slots and tags
		}
		oracle := &mapAggregate{spec: spec, groups: map[string][][]any{}}
		for range 1 + r.IntN(4) {
			b := randomBatch(r, randomSchema, r.IntN(60), 0.3)
			if r.IntN(2) == 0 {
				randomSel(r, b)
			}
			oracle.add(b)
			if err := agg.Add(b); err != nil {
				t.Fatal(err)
			}
		}
		checkGroups(t, agg.Final(), oracle)
		merged := NewHashAggregate(randomSchema, spec)
		partial := agg.Partial()
		if !partial.Schema.Equal(spec.PartialSchema(randomSchema)) {
			t.Fatalf("partial schema %s", partial.Schema)
		}
		if err := merged.Merge(partial); err != nil {
			t.Fatal(err)
		}
		checkGroups(t, merged.Final(), oracle)
		checkEqualBatches(t, merged.Partial(), agg.Partial())
		agg.Reset()
		if agg.Groups() != 0 || agg.Final().Rows != 0 {
			t.Fatalf("%d groups after reset", agg.Groups())
		}
	}
}

func checkGroups(t *testing.T, got *Batch, want *mapAggregate) {
	t.Helper()
	if got.Rows != len(want.order) {
		t.Fatalf("%s: %d groups, want %d", want.spec, got.Rows, len(want.order))
	}
	for i, key := range want.order {
		w, g := want.result(key), rowOf(got, i)
		for c := range w {
			if !sameValue(g[c], w[c]) {
				t.Fatalf("%s: group %q, column %s: got %v, want %v", want.spec, key, got.Schema.Fields[c].Name, g[c], w[c])
			}
		}
	}
}

// checkEqualBatches compares selected rows.
func checkEqualBatches(t *testing.T, got, want *Batch) {
	t.Helper()
	if !got.Schema.Equal(want.Schema) || got.Len() != want.Len() {
		t.Fatalf("got %d rows (%s), want %d rows (%s)", got.Len(), got.Schema, want.Len(), want.Schema)
	}
	gotRows, wantRows := selected(got), selected(want)
	for i := range gotRows {
		g, w := rowOf(got, int(gotRows[i])), rowOf(want, int(wantRows[i]))
		for c := range w {
			if !sameValue(g[c], w[c]) {
				t.Fatalf("row %d, column %s: got %v, want %v", i, want.Schema.Fields[c].Name, g[c], w[c])
			}
		}
	}
}

// TestAggregateMergesParts checks that groups merged from parts are the groups of the whole.
func TestAggregateMergesParts(t *testing.T) {
	r := newRand(t)
	spec := AggSpec{Keys: []int{2, 8}, Aggs: []Agg{{Func: CountStar, Arg: -1, Name: "n"}, {Func: Avg, Arg: 3, In: Type{Kind: Int32}, Name: "avg"},
		{Func: Max, Arg: 9, In: Type{Kind: String}, Name: "max"}, {Func: Sum, Arg: 3, In: Type{Kind: Int32}, Name: "sum"}}}
	whole, merged := NewHashAggregate(randomSchema, spec), NewHashAggregate(randomSchema, spec)
	for range 20 {
		b := randomBatch(r, randomSchema, 50, 0.3)
		part := NewHashAggregate(randomSchema, spec)
		if err := errors.Join(whole.Add(b), part.Add(b), merged.Merge(part.Partial())); err != nil {
			t.Fatal(err)
		}
	}
	checkEqualBatches(t, merged.Final(), whole.Final())
}

func TestAggregateDirty(t *testing.T) {
	s := NewSchema(Field{"k", Type{Kind: Int64}})
	agg := NewHashAggregate(s, AggSpec{Keys: []int{0}, Aggs: []Agg{{Func: CountStar, Arg: -1, Name: "n"}}})
	add := func(keys ...int64) {
		if err := agg.Add(&Batch{Schema: s, Rows: len(keys), Cols: []*Vector{{Type: Type{Kind: Int64}, N: len(keys), I64: keys}}}); err != nil {
			t.Fatal(err)
		}
	}
	show := func(b *Batch) string { return fmt.Sprint(b.Cols[0].I64, b.Cols[1].I64) }
	add(5, 6, 5)
	if got := show(agg.Dirty()); got != "[5 6] [2 1]" {
		t.Errorf("dirty before the first MarkClean: %s", got)
	}
	agg.MarkClean()
	if got := agg.Dirty().Rows; got != 0 {
		t.Errorf("%d dirty groups after MarkClean", got)
	}
	add(7, 6)
	if got := show(agg.Dirty()); got != "[6 7] [2 1]" {
		t.Errorf("dirty: %s", got)
	}
}

func TestAggregateOverflow(t *testing.T) {
	s := NewSchema(Field{"delay", Type{Kind: Int64}})
	agg := NewHashAggregate(s, AggSpec{Aggs: []Agg{{Func: Sum, Arg: 0, In: Type{Kind: Int64}, Name: "total"}}})
	err := agg.Add(&Batch{Schema: s, Rows: 3, Cols: []*Vector{{Type: Type{Kind: Int64}, N: 3, I64: []int64{math.MaxInt64, 0, 1}}}})
	var row *RowError
	if !errors.As(err, &row) || row.Row != 2 || err.Error() != "bigint out of range in sum(delay) AS total" {
		t.Errorf("got %v", err)
	}
}

func TestAggregateManyGroups(t *testing.T) {
	s := NewSchema(Field{"k", Type{Kind: String}}, Field{"v", Type{Kind: String}})
	agg := NewHashAggregate(s, AggSpec{Keys: []int{0}, Aggs: []Agg{{Func: Max, Arg: 1, In: Type{Kind: String}, Name: "max"}}})
	const groups = 5000
	for round := range 5 {
		k, v := NewBuilder(Type{Kind: String}), NewBuilder(Type{Kind: String})
		for i := range groups {
			k.AppendString(fmt.Sprint("key ", i))
			v.AppendString(fmt.Sprintf("%d of group %d", round, i))
		}
		if err := agg.Add(&Batch{Schema: s, Rows: groups, Cols: []*Vector{k.Vector(), v.Vector()}}); err != nil {
			t.Fatal(err)
		}
	}
	out := agg.Final()
	for i := range groups {
		if got, want := string(out.Cols[1].Str(i)), fmt.Sprintf("4 of group %d", i); got != want || out.Rows != groups {
			t.Fatalf("%d rows, group %d: got %q, want %q", out.Rows, i, got, want)
		}
	}
	if size := agg.SizeBytes(); size < groups*40 || size > groups*400 {
		t.Errorf("%d bytes for %d groups", size, groups)
	}
}

// BenchmarkAggregate counts and sums 10,000 groups of a window start, the same for thousands of rows, and a string of
// 36 bytes.
func BenchmarkAggregate(b *testing.B) {
	const rows, keys = 8192, 10_000
	s := NewSchema(Field{"w", Type{Kind: Timestamp}}, Field{"k", Type{Kind: String}}, Field{"v", Type{Kind: Int64}})
	r := rand.New(rand.NewPCG(1, 1))
	batches := make([]*Batch, 16)
	for i := range batches {
		w, k, v := NewBuilder(Type{Kind: Timestamp}), NewBuilder(Type{Kind: String}), NewBuilder(Type{Kind: Int64})
		for j := range rows {
			w.AppendInt64(int64(j/4096) * 10_000_000)
			k.AppendString(fmt.Sprintf("%036d", r.IntN(keys/2)))
			v.AppendInt64(int64(j))
		}
		batches[i] = &Batch{Schema: s, Rows: rows, Cols: []*Vector{w.Vector(), k.Vector(), v.Vector()}}
	}
	agg := NewHashAggregate(s, AggSpec{Keys: []int{0, 1}, Aggs: []Agg{{Func: CountStar, Arg: -1}, {Func: Sum, Arg: 2, In: Type{Kind: Int64}}}})
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if err := agg.Add(batches[i%len(batches)]); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*rows), "ns/row")
}
