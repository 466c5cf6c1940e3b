package dstream

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/millrace/millrace/columnar"
)

func testGraph(t *testing.T) *Graph {
	t.Helper()
	g := NewGraph()
	if mistake := declare(g, "source events at: id bigint, name string, at timestamp\ntable kinds: id bigint, label string"); mistake != "" {
		t.Fatal(mistake)
	}
	return g
}

// TestRelationErrors covers what AddSource and AddTable refuse.
func TestRelationErrors(t *testing.T) {
	tests := []struct{ relations, want string }{
		{"source a -: x int\nsource A -: x int", `the name "A" is taken by "a"`},
		{"source a -: x int\ntable a: x int", `the name "a" is taken by "a"`},
		{"source a -: x int, X int", `"a" has two columns named "x" and "X"`},
		{"table a: x int, X int", `"a" has two columns named "x" and "X"`},
		{"table a:", `a column of "a" has no name`},
		{"source a tme: x int, time timestamp", `source "a" has no column "tme" for its event time; did you mean "time"?`},
		{"source a x: x int", `the event time of source "a", column "x", is an int; declare it as a timestamp`},
		{"source a -: _offset string", `column "_offset" of "a" is a bigint`},
		{"source a _timestamp: x int", ""},
		{"source a TIME: time timestamp", ""},
	}
	for _, tt := range tests {
		got := declare(NewGraph(), tt.relations)
		if tt.want == "" && got != "" || !strings.Contains(got, tt.want) {
			t.Errorf("%s: got %q, want %q", tt.relations, got, tt.want)
		}
	}
	if err := NewGraph().AddSource(Source{}); err == nil {
		t.Error("a source without a name was taken")
	}
}

func TestRelations(t *testing.T) {
	got := testGraph(t).Relations()
	if len(got) != 2 || got[0].Name != "events" || got[0].Static || got[1].Name != "kinds" || !got[1].Static {
		t.Fatalf("got %+v", got)
	}
	if s := got[0].Schema.String(); s != "id bigint, name string, at timestamp" {
		t.Errorf("declared columns are %s", s)
	}
}

// TestPositions checks whom a mistake is blamed on: the expression, else At, else the line of the Go program; and At
// holds for one step only.
func TestPositions(t *testing.T) {
	g := testGraph(t)
	bad := Col("nmae").Eq(Str("x"))
	placed := bad
	placed.Args = []Expr{{Kind: ColumnRef, Name: "nmae", Pos: Pos{File: "q.sql", Line: 7, Column: 3}}, Str("x")}
	at := Pos{File: "q.sql", Line: 5, Column: 1}
	tests := []struct {
		stream *Stream
		want   string
	}{
		{g.From("events").Filter(bad), "stream_test.go:"},
		{g.From("evnts"), "stream_test.go:"},
		{g.FromAt("evnts", at), "q.sql:5:1: "},
		{g.From("events").At(at).Filter(bad), "q.sql:5:1: "},
		{g.From("events").At(at).Filter(placed), "q.sql:7:3: "},
		{g.From("events").At(at).As("e").Filter(bad), "stream_test.go:"},
		{g.From("events").At(at).GroupBy(Col("id")).Agg(), "q.sql:5:1: "},
		{g.From("events").Window(Tumbling("at", time.Second, 0)).At(at).GroupBy(Col("window_start")).Agg(Sum(bad)), "q.sql:5:1: "},
	}
	for i, tt := range tests {
		if err := tt.stream.Err(); err == nil || !strings.HasPrefix(err.Error(), tt.want) {
			t.Errorf("case %d: got %v, want it at %q", i, err, tt.want)
		}
	}
}

// TestFirstMistakeSticks checks that later steps neither hide a mistake nor panic.
func TestFirstMistakeSticks(t *testing.T) {
	g := testGraph(t)
	s := g.From("events").Filter(Col("x")).Join("none", "", Inner, Null()).As("e").Window(WindowSpec{}).GroupBy().Agg(Count()).Select(Star()).To("lake")
	var want *Error
	if !errors.As(s.Err(), &want) || !strings.Contains(want.Msg, `unknown column "x"`) {
		t.Fatalf("got %v", s.Err())
	}
	if _, err := g.Plan(); err != want {
		t.Fatalf("Plan returns %v, not %v", err, want)
	}
}

// TestBranches checks that continuing a stream twice does not mix the branches.
func TestBranches(t *testing.T) {
	s := testGraph(t).From("events").Join("kinds", "k", Inner, Col("events.id").Eq(Col("k.id")))
	a := s.Select(Col("name"), Col("label"))
	b := s.Join("kinds", "l", Inner, Col("events.id").Eq(Col("l.id")))
	c := s.Window(Tumbling("at", time.Second, 0))
	for i, tt := range []struct {
		s    *Stream
		want int
	}{{s, 11}, {a, 2}, {b, 13}, {c, 14}} {
		if err := tt.s.Err(); err != nil {
			t.Fatal(err)
		}
		if got := len(tt.s.Columns()); got != tt.want {
			t.Errorf("stream %d has %d columns, want %d", i, got, tt.want)
		}
	}
}

// TestNamesOfState checks that the name of an aggregation that several queries go on with does not depend on which of them
// was named first.
func TestNamesOfState(t *testing.T) {
	var names []string
	for _, order := range [][]string{{"a", "b"}, {"b", "a"}} {
		g := testGraph(t)
		s := g.From("events").Window(Tumbling("at", time.Second, 0)).GroupBy(Col("window_start")).Agg(Count().As("c"))
		for _, name := range order {
			if err := g.AddView(name, s.Filter(Col("c").Gt(Int(1))), Pos{}); err != nil {
				t.Fatal(err)
			}
		}
		g.From("a").To("lake")
		p, err := g.Plan()
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, p.Exchanges[0].Name)
	}
	if names[0] != names[1] || !strings.HasPrefix(names[0], "a: ") {
		t.Errorf("named a then b: %q, b then a: %q", names[0], names[1])
	}
	if err := testGraph(t).AddView("", testGraph(t).From("events"), Pos{}); err == nil {
		t.Error("a query without a name was taken")
	}
}

// TestDeepDefinitions checks that columns defined by columns that are used twice stay small in work and in text.
func TestDeepDefinitions(t *testing.T) {
	g := testGraph(t)
	s := g.From("events").Select(Col("id").As("a"), Col("id").Add(Int(1)).As("b"))
	for range 60 {
		s = s.Select(Col("a").Add(Col("b")).As("a"), Col("a").Mul(Col("b")).As("b"))
	}
	s.Filter(Col("a").Gt(Col("b"))).To("lake")
	p, err := g.Plan()
	if err != nil {
		t.Fatal(err)
	}
	if n := len(p.Canonical()); n > 1<<20 {
		t.Errorf("the canonical text has %d bytes", n)
	}
}

func TestIsAggregate(t *testing.T) {
	for name, want := range map[string]bool{"count": true, "SUM": true, "Avg": true, "min": true, "max": true, "count(*)": false, "upper": false, "": false} {
		if got := IsAggregate(name); got != want {
			t.Errorf("IsAggregate(%q) = %t", name, got)
		}
	}
}

// TestRender covers the literals in explanations.
func TestRender(t *testing.T) {
	tests := []struct {
		kind columnar.Kind
		v    columnar.Value
		want string
	}{
		{columnar.String, columnar.Value{S: "it's"}, "'it''s'"},
		{columnar.Int64, columnar.Value{I: -3}, "-3"},
		{columnar.Float64, columnar.Value{F: 1.5}, "1.5"},
		{columnar.Bool, columnar.Value{I: 1}, "true"},
		{columnar.Int64, columnar.Value{Null: true}, "null"},
		{columnar.Interval, columnar.Value{I: 90e6}, "1m30s"},
		{columnar.Timestamp, columnar.Value{I: 1500}, "timestamp '1970-01-01 00:00:00.0015'"},
		{columnar.Date, columnar.Value{I: -1}, "date '1969-12-31'"},
	}
	for _, tt := range tests {
		if got := renderConst(columnar.Const(columnar.Type{Kind: tt.kind}, tt.v)); got != tt.want {
			t.Errorf("got %s, want %s", got, tt.want)
		}
	}
}
