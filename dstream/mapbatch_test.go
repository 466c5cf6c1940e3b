package dstream_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/dstream"
)

// Prices with tax, by a function in Go over Arrow columns. The columns that it hands on are not copied.
func ExampleStream_MapBatch() {
	out := columnar.NewSchema(field("ad_id", columnar.String), field("event_time", columnar.Timestamp), field("gross", columnar.Float64))
	schema, err := columnar.ArrowSchema(out)
	if err != nil {
		fmt.Println(err)
		return
	}
	withTax := func(rec arrow.Record) (arrow.Record, error) {
		b := array.NewFloat64Builder(memory.DefaultAllocator)
		defer b.Release()
		price := rec.Column(2).(*array.Float64)
		for i, p := range price.Float64Values() {
			if price.IsNull(i) {
				b.AppendNull()
			} else {
				b.Append(1.19 * p)
			}
		}
		gross := b.NewArray()
		defer gross.Release()
		return array.NewRecord(schema, []arrow.Array{rec.Column(0), rec.Column(1), gross}, rec.NumRows()), nil
	}
	g := newGraph()
	g.From("events").
		Filter(dstream.Col("price").Gt(dstream.Float(0))).
		Select(dstream.Col("ad_id"), dstream.Col("event_time"), dstream.Col("price")).
		MapBatch("with tax, v1", out, withTax).
		Window(dstream.Tumbling("event_time", time.Minute, 0)).
		GroupBy(dstream.Col("ad_id"), dstream.Col("window_start")).
		Agg(dstream.Fn("sum", dstream.Col("gross")).As("gross")).
		To("lake")
	plan, err := g.Plan()
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Print(plan)
	// Output:
	// query into lake:
	//   from events
	//   filter price > 0
	//   map with tax, v1
	//   group by tumble(event_time, 1m), ad_id: sum(gross)
	//   select ad_id, window_start, sum(gross) as gross
	// source events (json): ad_id string, event_time timestamp, price double
	// stage 0 reads source events
	//   filter 1: price > 0
	//   map with tax, v1: a function of (ad_id string, event_time timestamp, price double) gives ad_id string, event_time timestamp, gross double
	//   project 1: event_time, ad_id, gross
	//   to exchange tumble(event_time, 1m0s) by ad_id: sum(gross), count(*)
	// stage 1 takes the groups of exchange tumble(event_time, 1m0s) by ad_id: sum(gross), count(*)
	//   project 2: ad_id, window_start, sum(gross) as gross
	//   to sink lake
	// sink lake, from stage 1: ad_id string, window_start timestamp, gross double
}

func identity(rec arrow.Record) (arrow.Record, error) {
	rec.Retain()
	return rec, nil
}

// TestMapBatchIsPartOfTheJob changes the id, and what the function returns, and nothing.
func TestMapBatchIsPartOfTheJob(t *testing.T) {
	canonical := func(id, column string) string {
		g := newGraph()
		g.From("events").Select(dstream.Col("ad_id").As(column)).MapBatch(id, columnar.NewSchema(field(column, columnar.String)), identity).To("lake")
		plan, err := g.Plan()
		if err != nil {
			t.Fatal(err)
		}
		return plan.Canonical()
	}
	if a, b := canonical("f", "x"), canonical("f", "x"); a != b || !strings.Contains(a, "\nmap \"f\" \"x\":string\n") {
		t.Errorf("%s\n%s", a, b)
	}
	if canonical("f", "x") == canonical("g", "x") || canonical("f", "x") == canonical("f", "y") {
		t.Error("another function, or other columns, are the same job")
	}
}

// TestMapBatchSeesAll hands the function columns that nothing else uses, and lets filters and an unnest stay on their side
// of it.
func TestMapBatchSeesAll(t *testing.T) {
	out := columnar.NewSchema(field("ad", columnar.String), field("at", columnar.Timestamp))
	g := newGraph()
	g.From("events").
		Filter(dstream.Col("price").Gt(dstream.Float(1))).
		MapBatch("f", out, identity).
		Filter(dstream.Col("ad").Eq(dstream.Str("a"))).
		Join("ads", "", dstream.Inner, dstream.Col("ad").Eq(dstream.Col("ads.ad_id"))).
		Filter(dstream.Col("campaign_id").Eq(dstream.Str("c"))).
		Select(dstream.Col("at"), dstream.Col("campaign_id")).
		To("lake")
	plan, err := g.Plan()
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, op := range plan.Stages[0].Ops {
		names = append(names, op.Name)
	}
	if got, want := strings.Join(names, ", "), "filter 1, project 1, map f, filter 2, join ads, filter 3, project 2"; got != want {
		t.Errorf("operators %s, want %s", got, want)
	}
	if got, want := plan.Stages[0].Ops[1].Out.String(), "ad_id string, event_type string, price double, event_time timestamp"; got != want {
		t.Errorf("the function sees %s, want %s", got, want)
	}
}

func TestMapBatchMistakes(t *testing.T) {
	out := columnar.NewSchema(field("x", columnar.String))
	twice := columnar.NewSchema(field("x", columnar.String), field("X", columnar.Int64))
	for name, c := range map[string]struct {
		job  func(s *dstream.Stream) *dstream.Stream
		want string
	}{
		"no id":       {func(s *dstream.Stream) *dstream.Stream { return s.MapBatch(" ", out, identity) }, "MapBatch has no id for its function"},
		"no function": {func(s *dstream.Stream) *dstream.Stream { return s.MapBatch("f", out, nil) }, `map "f" has no function`},
		"one id twice": {func(s *dstream.Stream) *dstream.Stream {
			return s.MapBatch("f", out, identity).MapBatch("f", out, identity)
		}, `two functions have the id "f"`},
		"equal names": {func(s *dstream.Stream) *dstream.Stream { return s.MapBatch("f", twice, identity) }, `has two columns named "x" and "X"`},
		"in equal ones": {func(s *dstream.Stream) *dstream.Stream {
			return s.Select(dstream.Col("ad_id"), dstream.Col("event_type").As("AD_ID")).MapBatch("f", out, identity)
		}, `two columns named`},
		"in a window": {func(s *dstream.Stream) *dstream.Stream {
			return s.Window(dstream.Tumbling("event_time", time.Minute, 0)).MapBatch("f", out, identity)
		}, "between a window and its GROUP BY"},
		"a time of its own": {func(s *dstream.Stream) *dstream.Stream {
			return s.MapBatch("f", columnar.NewSchema(field("at", columnar.Timestamp)), identity).
				Window(dstream.Tumbling("at", time.Minute, 0)).GroupBy(dstream.Col("window_start")).Agg(dstream.Count().As("n"))
		}, `which the function "f" makes`},
		"lost columns": {func(s *dstream.Stream) *dstream.Stream {
			return s.MapBatch("f", out, identity).Filter(dstream.Col("price").Gt(dstream.Float(1)))
		}, `unknown column "price"`},
	} {
		g := newGraph()
		c.job(g.From("events")).To("lake")
		if _, err := g.Plan(); err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "mapbatch_test.go:") {
			t.Errorf("%s: got %v, want %s", name, err, c.want)
		}
	}
}
