package columnar

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

func final(t *testing.T, h *HashAggregate) *Batch {
	t.Helper()
	out, err := h.Final()
	if err != nil {
		t.Fatal(err)
	}
	return out
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

// TestAggregateOverflow: values of one sign alone decide whether a sum fits, so that it does not depend on the order of
// the rows or on cuts.
func TestAggregateOverflow(t *testing.T) {
	s := NewSchema(Field{"origin", Type{Kind: String}}, Field{"delay", Type{Kind: Int64}})
	spec := AggSpec{Keys: []int{0}, Aggs: []Agg{{Func: Sum, Arg: 1, In: Type{Kind: Int64}, Name: "total"}}}
	agg := NewHashAggregate(s, spec)
	add := func(h *HashAggregate, delays ...int64) error {
		origin := NewBuilder(Type{Kind: String})
		for range delays {
			origin.AppendString("SFO")
		}
		return h.Add(&Batch{Schema: s, Rows: len(delays), Cols: []*Vector{origin.Vector(), int64Column(Int64, delays, nil)}})
	}
	if err := add(agg, math.MaxInt64, -5, math.MinInt64+5); err != nil {
		t.Fatal(err)
	}
	if got := final(t, agg).Cols[1].I64[0]; got != -1 {
		t.Errorf("got %d, want -1", got)
	}
	one := NewHashAggregate(s, spec)
	if err := add(one, 1); err != nil {
		t.Fatal(err)
	}
	err := one.Merge(agg.Partial())
	if want := "group origin = 'SFO': bigint out of range in sum(delay) AS total"; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
	var row *RowError
	if err := add(agg, 0, -1); !errors.As(err, &row) || row.Row != 1 || err.Error() != "bigint out of range in sum(delay) AS total" {
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
	out := final(t, agg)
	for i := range groups {
		if got, want := string(out.Cols[1].Str(i)), fmt.Sprintf("4 of group %d", i); got != want || out.Rows != groups {
			t.Fatalf("%d rows, group %d: got %q, want %q", out.Rows, i, got, want)
		}
	}
	if size := agg.SizeBytes(); size < groups*40 || size > groups*400 {
		t.Errorf("%d bytes for %d groups", size, groups)
	}
}

// TestAggregateMemory compares what the states say that they hold with the values that they cannot do without.
func TestAggregateMemory(t *testing.T) {
	text := Type{Kind: String}
	s := NewSchema(Field{"v", text})
	const rows, size = 4000, 100
	for _, c := range []struct {
		agg   Agg
		keeps string
		least int64 // bytes
	}{
		{Agg{Func: Count, Arg: 0, In: text}, "a few numbers", 8},
		{Agg{Func: Max, Arg: 0, In: text}, "one value", size},
		{Agg{Func: Count, Arg: 0, In: text, Distinct: true}, "every different value", rows * size / 2},
		{Agg{Func: Mode, Arg: 0, In: text}, "every different value", rows * size / 2},
		{Agg{Func: ArrayAgg, Arg: 0, In: text}, "every value", rows * size},
		{Agg{Func: ApproxCountDistinct, Arg: 0, In: text}, "at most 4 KiB", 4096},
	} {
		h := NewHashAggregate(s, AggSpec{Aggs: []Agg{c.agg}})
		before := h.SizeBytes()
		for from := range 4 {
			v := NewBuilder(text)
			for i := range rows / 4 {
				v.AppendString(fmt.Sprintf("%0*d", size, (from*rows/4+i)%(rows/2)))
			}
			if err := h.Add(&Batch{Schema: s, Rows: rows / 4, Cols: []*Vector{v.Vector()}}); err != nil {
				t.Fatal(err)
			}
		}
		if got := h.SizeBytes() - before; got < c.least || got > 8*c.least+200_000 {
			t.Errorf("%s: %d bytes, which need %d", c.agg, got, c.least)
		}
		if got := c.agg.Keeps(); got != c.keeps {
			t.Errorf("%s keeps %s, want %s", c.agg, got, c.keeps)
		}
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

// TestAggregateErrorTexts: an error about an aggregate shows it as the query wrote it, and how to write it so that it fits.
func TestAggregateErrorTexts(t *testing.T) {
	for _, test := range []struct {
		arg           string
		typ           Type
		agg           Agg
		text, instead string
	}{
		{"n", Type{Kind: Int64}, Agg{Func: Sum, Name: "sum(n)"}, "sum(n)", "write sum(CAST(n AS DECIMAL(38, 0))), or AS DOUBLE"},
		{"(n * 2)", Type{Kind: Int32}, Agg{Func: Sum, Name: "sum((n * 2))"}, "sum(n * 2)", "write sum(CAST(n * 2 AS DECIMAL(38, 0))), or AS DOUBLE"},
		{"((a + 1) * (b + 2))", Type{Kind: Int64}, Agg{Func: Sum, Name: "total"}, "sum((a + 1) * (b + 2)) AS total", "write sum(CAST((a + 1) * (b + 2) AS DECIMAL(38, 0))), or AS DOUBLE"},
		{"(a) + (b)", Type{Kind: Int64}, Agg{Func: Sum}, "sum((a) + (b))", "write sum(CAST((a) + (b) AS DECIMAL(38, 0))), or AS DOUBLE"},
		{"n", Type{Kind: Int64}, Agg{Func: Sum, Distinct: true, Name: "sum(DISTINCT n) FILTER (WHERE ok)"}, "sum(DISTINCT n) FILTER (WHERE ok)", "write sum(DISTINCT CAST(n AS DECIMAL(38, 0))), or AS DOUBLE"},
		{"p", DecimalOf(38, 6), Agg{Func: Avg, Name: "avg(p)"}, "avg(p)", "write avg(CAST(p AS DOUBLE))"},
		{"d", Type{Kind: Interval}, Agg{Func: Sum, Name: "sum(d)"}, "sum(d)", ""},
		{"s", Type{Kind: String}, Agg{Func: Max, Name: "max(s)"}, "max(s)", ""},
	} {
		test.agg.In = test.typ
		row := &RowError{Reason: outOfRange}
		f := aggFold{agg: test.agg, in: NewSchema(Field{test.arg, test.typ})}
		if err := f.explain(row); err != row || row.Expr != test.text || row.Instead != test.instead || !row.Shared {
			t.Errorf("%s: %v is in %q, instead %q; want %q, %q", test.agg.Name, err, row.Expr, row.Instead, test.text, test.instead)
		}
	}
}
