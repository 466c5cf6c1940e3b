package columnar

import (
	"errors"
	"fmt"
	"slices"
	"testing"
)

func mustCall(t testing.TB, name string, args ...*Expr) *Expr {
	t.Helper()
	e, err := Call(name, args...)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func bigint(v int64) *Expr { return Const(Type{Kind: Int64}, Value{I: v}) }

func text(s string) *Expr { return Const(Type{Kind: String}, Value{S: s}) }

// flights is a batch of six records from one partition; the fourth has a NULL delay.
func flights() *Batch {
	s := NewSchema(Field{"origin", Type{Kind: String}}, Field{"delay", Type{Kind: Int64}})
	o, d := NewBuilder(Type{Kind: String}), NewBuilder(Type{Kind: Int64})
	for i, origin := range []string{"SFO", "LAX", "SFO", "JFK", "SFO", "LAX"} {
		o.AppendString(origin)
		if i == 3 {
			d.AppendNull()
		} else {
			d.AppendInt64(int64(10 * i))
		}
	}
	return &Batch{Schema: s, Rows: 6, Cols: []*Vector{o.Vector(), d.Vector()},
		Origin: &Origin{Topic: "flights", Partition: 2}, Offsets: []int64{100, 101, 105, 106, 107, 109}}
}

func TestFilter(t *testing.T) {
	b := flights()
	for _, c := range []struct {
		pred *Expr
		sel  []int32
		want []int32
	}{
		{mustCall(t, "=", Col(b.Schema, 0), text("SFO")), nil, []int32{0, 2, 4}},
		{mustCall(t, ">", Col(b.Schema, 1), bigint(10)), nil, []int32{2, 4, 5}}, // NULL is not TRUE
		{mustCall(t, "and", mustCall(t, "=", Col(b.Schema, 0), text("SFO")), mustCall(t, ">", Col(b.Schema, 1), bigint(10))), []int32{0, 1, 4, 5}, []int32{4}},
		{mustCall(t, "<>", Col(b.Schema, 0), text("?")), nil, []int32{0, 1, 2, 3, 4, 5}},
		{Const(Type{Kind: Bool}, Value{Null: true}), nil, []int32{}},
	} {
		f, err := NewFilter(b.Schema, c.pred)
		if err != nil {
			t.Fatal(err)
		}
		in := *b
		in.Sel = c.sel
		got, err := f.Process(&in)
		if err != nil || !slices.Equal(selected(got), c.want) || got.Origin != b.Origin || got.Cols[0] != b.Cols[0] {
			t.Errorf("%s: rows %v, want %v (%v)", c.pred.describe(), selected(got), c.want, err)
		}
		want := RowCounts{In: int64(in.Len()), Out: int64(len(c.want)), Filtered: int64(in.Len() - len(c.want))}
		if n := f.Counts(); n != want || f.Counts() != (RowCounts{}) {
			t.Errorf("%s: counts %+v, want %+v and then none", c.pred.describe(), n, want)
		}
	}
}

func TestFilterRefusesOtherTypes(t *testing.T) {
	s := flights().Schema
	if _, err := NewFilter(s, Col(s, 1)); err == nil || err.Error() != "a condition must be boolean, delay is bigint" {
		t.Errorf("got %v", err)
	}
}

func TestProject(t *testing.T) {
	b := flights()
	b.Sel = []int32{1, 3}
	p, err := NewProject(b.Schema, []*Expr{Col(b.Schema, 0), mustCall(t, "+", Col(b.Schema, 1), bigint(1)), text("x")}, []string{"o", "d", "c"})
	if err != nil {
		t.Fatal(err)
	}
	got, err := p.Process(b)
	if err != nil {
		t.Fatal(err)
	}
	if s := p.Schema().String(); s != "o string, d bigint, c string" || got.Schema != p.Schema() {
		t.Errorf("schema %s", s)
	}
	if got.Cols[0] != b.Cols[0] || !slices.Equal(got.Sel, b.Sel) || got.Origin != b.Origin || got.Offsets[3] != 106 {
		t.Error("the plain column, selection, origin or offsets did not pass through")
	}
	if rows := fmt.Sprint(rowOf(got, 1), rowOf(got, 3)); rows != "[LAX 11 x] [JFK <nil> x]" {
		t.Errorf("rows %s", rows)
	}
	if n := p.Counts(); n != (RowCounts{In: 2, Out: 2}) {
		t.Errorf("counts %+v", n)
	}
}

func TestProjectRefuses(t *testing.T) {
	s := flights().Schema
	for _, c := range []struct {
		exprs []*Expr
		names []string
		want  string
	}{
		{[]*Expr{Col(s, 0)}, nil, "1 expressions have 0 names"},
		{[]*Expr{Const(Type{Kind: Null}, Value{Null: true})}, []string{"n"}, `column "n" cannot have type null; give it one by CAST`},
		{[]*Expr{{Op: "col", Col: 7, Name: "gone"}}, []string{"g"}, `compile column "g": column "gone" is number 7 of a schema of 2 columns`},
	} {
		if _, err := NewProject(s, c.exprs, c.names); err == nil || err.Error() != c.want {
			t.Errorf("got %v, want %s", err, c.want)
		}
	}
}

// TestRowErrorIsLocated divides by zero at row 2, offset 105.
func TestRowErrorIsLocated(t *testing.T) {
	b := flights()
	ratio := mustCall(t, "/", bigint(60), mustCall(t, "-", Col(b.Schema, 1), bigint(20)))
	ratio.Text = "60 / (delay - 20)"
	p, err := NewProject(b.Schema, []*Expr{ratio}, []string{"r"})
	if err != nil {
		t.Fatal(err)
	}
	_, err = p.Process(b)
	var row *RowError
	if !errors.As(err, &row) {
		t.Fatalf("got %v", err)
	}
	if got, want := row.Locate(b).Error(), "flights/2 offset 105: division by zero in 60 / (delay - 20)"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	b.Sel = []int32{0, 1, 3}
	if _, err := p.Process(b); err != nil {
		t.Errorf("a row that is not selected fails: %v", err)
	}
}

// throughText casts e to string and back.
func throughText(t *testing.T, e *Expr) *Expr {
	t.Helper()
	text, err1 := Cast(e, Type{Kind: String})
	back, err2 := Cast(text, e.Type)
	if err := errors.Join(err1, err2); err != nil {
		t.Fatal(err)
	}
	return back
}

// TestSteadyStateAllocatesNothing runs each operator on the same batch again and again.
func TestSteadyStateAllocatesNothing(t *testing.T) {
	b := randomBatch(newRand(t), randomSchema, 1000, 0.3)
	col := func(name string) *Expr { return Col(randomSchema, randomSchema.Index(name)) }
	even := mustCall(t, "=", mustCall(t, "%", mustCall(t, "length", mustCall(t, "||", col("s1"), col("s2"))), bigint(2)), bigint(0))
	pred := mustCall(t, "or", mustCall(t, "and", mustCall(t, "<", col("f1"), col("f2")), col("b1")), mustCall(t, "coalesce", even, col("b2")))
	filter, err1 := NewFilter(randomSchema, pred)
	project, err2 := NewProject(randomSchema, []*Expr{
		mustCall(t, "case", col("b1"), mustCall(t, "hour", col("t1")), mustCall(t, "length", mustCall(t, "lower", col("s1")))),
		mustCall(t, "date_trunc", text("month"), col("t2")), mustCall(t, "nullif", col("i1"), col("i2")),
		throughText(t, col("b1")), throughText(t, col("f1")), throughText(t, col("l1"))}, []string{"a", "b", "c", "d", "e", "f"})
	join, err3 := NewHashJoin(randomSchema, Take(b, []int32{1, 2, 3}), []int{8}, []int{8}, true)
	if err := errors.Join(err1, err2, err3); err != nil {
		t.Fatal(err)
	}
	agg := NewHashAggregate(randomSchema, AggSpec{Keys: []int{8, 2}, Aggs: []Agg{{Func: Max, Arg: 9, In: Type{Kind: String}}, {Func: Sum, Arg: 3, In: Type{Kind: Int32}}, {Func: Avg, Arg: 6, In: Type{Kind: Float64}}}})
	var groups []uint8
	run := func() {
		kept, err := filter.Process(b)
		_, err1 := project.Process(kept)
		_, err2 := join.Process(kept)
		if err := errors.Join(err, err1, err2, agg.Add(kept)); err != nil {
			t.Fatal(err)
		}
		groups = KeyGroups(kept, []int{8, 4}, groups)
	}
	if n := testing.AllocsPerRun(20, run); n != 0 {
		t.Errorf("%v allocations per batch", n)
	}
}

// BenchmarkKernels computes expressions over 8192 rows of two bigint, two double and one string column.
func BenchmarkKernels(b *testing.B) {
	const rows = 8192
	s := NewSchema(Field{"a", Type{Kind: Int64}}, Field{"b", Type{Kind: Int64}}, Field{"x", Type{Kind: Float64}}, Field{"y", Type{Kind: Float64}},
		Field{"s", Type{Kind: String}}, Field{"t", Type{Kind: Timestamp}}, Field{"n", Type{Kind: Int64}})
	r := newRand(b)
	cols := []*Builder{NewBuilder(Type{Kind: Int64}), NewBuilder(Type{Kind: Int64}), NewBuilder(Type{Kind: Float64}), NewBuilder(Type{Kind: Float64}),
		NewBuilder(Type{Kind: String}), NewBuilder(Type{Kind: Timestamp}), NewBuilder(Type{Kind: Int64})}
	for i := range rows {
		cols[0].AppendInt64(r.Int64N(1000))
		cols[1].AppendInt64(r.Int64N(1000))
		cols[2].AppendFloat64(r.Float64())
		cols[3].AppendFloat64(r.Float64())
		cols[4].AppendString([]string{"view", "click", "purchase"}[r.IntN(3)])
		cols[5].AppendInt64(1_700_000_000_000_000 + int64(i)*1000)
		if r.IntN(10) == 0 {
			cols[6].AppendNull()
		} else {
			cols[6].AppendInt64(r.Int64N(1000))
		}
	}
	batch := &Batch{Schema: s, Rows: rows}
	for _, c := range cols {
		batch.Cols = append(batch.Cols, c.Vector())
	}
	col := func(i int) *Expr { return Col(s, i) }
	size := Const(Type{Kind: Interval}, Value{I: 10_000_000})
	for _, e := range []*Expr{
		mustCall(b, ">", col(0), bigint(500)), mustCall(b, ">", col(0), col(1)), mustCall(b, "+", col(0), col(1)),
		mustCall(b, ">", mustCall(b, "+", mustCall(b, "*", col(0), bigint(2)), col(1)), col(6)), mustCall(b, "<", col(2), col(3)),
		mustCall(b, "=", col(4), text("view")), mustCall(b, "tumble_start", col(5), size), mustCall(b, "/", col(2), col(3)),
		mustCall(b, "case", mustCall(b, ">", col(0), bigint(500)), col(0), col(6)), mustCall(b, "hour", col(5)),
	} {
		prog, err := Compile(e, s)
		if err != nil {
			b.Fatal(err)
		}
		b.Run(e.describe(), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := prog.Eval(batch); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*rows), "ns/row")
		})
	}
}

func TestBadRecordShowsItsValue(t *testing.T) {
	for value, want := range map[string]string{
		`{"delay":"x"}`: `{"delay":"x"}`,
		`"x"`:           `"x"`,
		`{"delay":"`:    `{"delay":"`,
		"a\nü\xff":      `a\nü\xff`,
	} {
		r := BadRecord{Topic: "flights", Partition: 1, Offset: 7, Reason: "no", Value: []byte(value)}
		if got, want := r.Error(), "bad record at flights/1 offset 7: no; value: "+want; got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}
