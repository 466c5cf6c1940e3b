package sql

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"
	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/dstream"
)

// testGraph has the streams events and orders and the tables ads and campaigns. It may have a time zone.
func testGraph(t testing.TB, args ...datadriven.CmdArg) *dstream.Graph {
	t.Helper()
	g := dstream.NewGraph()
	for _, a := range args {
		check(t, g.SetTimeZone(a.FirstVal(t)))
	}
	check(t, g.AddSource(dstream.Source{
		Name: "events", Format: "json", EventTime: "event_time",
		Fields: []columnar.DecodeField{
			column("ad_id", columnar.String), column("event_type", columnar.String), column("price", columnar.Float64),
			column("clicks", columnar.Int64), column("n", columnar.Int32), column("ok", columnar.Bool), column("event_time", columnar.Timestamp),
		},
	}))
	check(t, g.AddSource(dstream.Source{
		Name: "orders", Format: "json", EventTime: "at",
		Fields: []columnar.DecodeField{
			typed(t, "id", "bigint"), typed(t, "user", "struct<id bigint, address struct<city string>>"),
			typed(t, "items", "array<struct<sku string, price decimal(10,2), qty int>>"), typed(t, "tags", "array<string>"),
			typed(t, "attrs", "map<string, string>"), typed(t, "total", "decimal(12,2)"), typed(t, "at", "timestamp"),
		},
	}))
	check(t, g.AddTable(table("ads", "ad_id", "campaign_id")))
	check(t, g.AddTable(table("campaigns", "campaign_id", "name")))
	return g
}

func column(name string, k columnar.Kind) columnar.DecodeField {
	return columnar.DecodeField{Field: columnar.Field{Name: name, Type: columnar.Type{Kind: k}}, Unit: columnar.UnitMilli}
}

func typed(t testing.TB, name, typeName string) columnar.DecodeField {
	t.Helper()
	typ, _, err := ParseType(typeName)
	check(t, err)
	return columnar.DecodeField{Field: columnar.Field{Name: name, Type: typ}}
}

func table(name string, columns ...string) dstream.Table {
	s := &columnar.Schema{}
	for _, c := range columns {
		s.Fields = append(s.Fields, columnar.Field{Name: c, Type: columnar.Type{Kind: columnar.String}})
	}
	return dstream.Table{Name: name, Schema: s}
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// Commands: plan [zone=…] = the canonical plan of a query; warnings = its warnings.
func TestCompile(t *testing.T) {
	datadriven.Walk(t, "testdata/compile", func(t *testing.T, path string) {
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			g := testGraph(t, d.CmdArgs...)
			r, err := Compile(g, "q.sql", d.Input, dstream.Pos{})
			if err != nil {
				return Render(err, d.Input) + "\n"
			}
			switch d.Cmd {
			case "plan":
				return canonical(t, g, r.Stream)
			case "warnings":
				return warnings(r)
			}
			d.Fatalf(t, "unknown command %q", d.Cmd)
			return ""
		})
	})
}

func canonical(t *testing.T, g *dstream.Graph, s *dstream.Stream) string {
	t.Helper()
	s.To("out")
	p, err := g.Plan()
	check(t, err)
	return p.Canonical()
}

func warnings(r Result) string {
	var out strings.Builder
	for _, w := range r.Warnings {
		out.WriteString(w.String() + "\n")
	}
	return out.String()
}

// Queries that mean the same have the same plan.
func TestSamePlan(t *testing.T) {
	for _, group := range [][]string{
		{
			"SELECT campaign_id, window_start, count(*) AS views FROM TUMBLE(events, event_time, INTERVAL '10' SECOND) JOIN ads USING (ad_id) WHERE event_type = 'view' GROUP BY campaign_id, window_start",
			"select A.Campaign_Id, E.window_start, COUNT ( * ) views from table(tumble(table events, descriptor(event_time), interval '10 seconds')) as e inner join ads a on a.ad_id = e.ad_id where (event_type) = 'view' group by 1, 2",
			"SELECT campaign_id, window_start, count(*) AS views FROM TUMBLE(data => TABLE Events, size => INTERVAL '10000' MILLISECONDS, timecol => event_time) e JOIN ads a ON e.ad_id = a.ad_id WHERE e.event_type = 'view' GROUP BY a.campaign_id, e.window_start;",
		},
		{
			"SELECT hour(event_time) AS h, window_end, sum(n) AS s FROM TUMBLE(events, event_time, INTERVAL '1' HOUR) GROUP BY h, window_end HAVING sum(n) > 2",
			"SELECT EXTRACT(HOUR FROM event_time) AS h, window_end, sum(n) AS s FROM TUMBLE(events, event_time, INTERVAL '60' MINUTES, INTERVAL '0' SECOND) GROUP BY hour(event_time), 2 HAVING s > 2",
		},
		{
			"SELECT ad_id FROM events WHERE price BETWEEN 1 AND 2 AND n IN (1, 2) AND ok IS NOT TRUE",
			"SELECT ad_id FROM events WHERE price >= 1.0 AND price <= 2.0 AND n IN (1, 2) AND ok IS NOT TRUE",
		},
	} {
		first := ""
		for i, text := range group {
			g := testGraph(t)
			r, err := Compile(g, "q.sql", text, dstream.Pos{})
			if err != nil {
				t.Fatal(Render(err, text))
			}
			plan := canonical(t, g, r.Stream)
			if i == 0 {
				first = plan
			} else if plan != first {
				t.Errorf("%s\n%s\nother than\n%s\n%s", text, plan, group[0], first)
			}
		}
	}
}

// Errors and warnings of a query inside a job file have the places of the job file.
func TestPlaceInJobFile(t *testing.T) {
	job := "name: x\nquery: |\n    SELECT ad_id,\n      clicks / n\n    FROM events WHERE pice > 1\n"
	text := "SELECT ad_id,\n  clicks / n\nFROM events WHERE pice > 1\n"
	_, err := Compile(testGraph(t), "job.yaml", text, dstream.Pos{Line: 3, Column: 5})
	want := "job.yaml:5:23: unknown column \"pice\"\n    FROM events WHERE pice > 1\n                      ^\ndid you mean \"price\"?"
	if err == nil || Render(err, job) != want {
		t.Errorf("got\n%s\nwant\n%s", Render(err, job), want)
	}
	r, err := Compile(testGraph(t), "job.yaml", strings.Replace(text, "pice", "price", 1), dstream.Pos{Line: 3, Column: 5})
	check(t, err)
	if got := warnings(r); !strings.HasPrefix(got, "job.yaml:4:14: warning: ") {
		t.Errorf("warning %q", got)
	}
}

// Commands: query and expr compile a text and print the rendered error.
func TestErrors(t *testing.T) {
	datadriven.Walk(t, "testdata/errors", func(t *testing.T, path string) {
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			var err error
			switch d.Cmd {
			case "query":
				err = compileAll(testGraph(t), d.Input)
			case "expr":
				_, err = ParseExpr("q.sql", d.Input, dstream.Pos{})
			default:
				d.Fatalf(t, "unknown command %q", d.Cmd)
			}
			if err == nil {
				return "no error\n"
			}
			return Render(err, d.Input) + "\n"
		})
	})
}

// compileAll compiles and plans.
func compileAll(g *dstream.Graph, text string) error {
	r, err := Compile(g, "q.sql", text, dstream.Pos{})
	if err != nil {
		return err
	}
	r.Stream.To("out")
	_, err = g.Plan()
	return err
}

func TestPosition(t *testing.T) {
	_, err := ParseExpr("q.sql", "a +", dstream.Pos{})
	if pos, ok := Position(err); !ok || pos.String() != "q.sql:1:4" {
		t.Errorf("position %s, %t", pos, ok)
	}
	if _, ok := Position(errors.New("disk full")); ok {
		t.Error("an error of another kind has a position")
	}
}

// Late rows have none of the columns that are made of a window which only the exchange finds.
func TestLateRowsInFrontOfTheirWindow(t *testing.T) {
	for _, test := range []struct{ query, columns string }{
		{"SELECT d, window_start, count(*) AS n FROM (SELECT date(window_start) AS d, window_start, ad_id, event_time FROM HOP(events, event_time, INTERVAL '1' MINUTE, INTERVAL '5' MINUTE)) GROUP BY d, window_start", "ad_id event_time"},
		{"SELECT window_start, count(*) AS n FROM (SELECT window_start, CAST(event_time - window_start AS string) AS x, ad_id FROM SESSION(events, event_time, INTERVAL '1' MINUTE)) GROUP BY window_start", "ad_id"},
		{"SELECT w, count(*) AS n FROM (SELECT window_start AS w, window_end AS e, ad_id FROM CUMULATE(events, event_time, INTERVAL '1' MINUTE, INTERVAL '5' MINUTE)) GROUP BY w, e", "ad_id"},
		{"SELECT w, count(*) AS n FROM (SELECT window_start AS w, date(window_end) AS e, ad_id FROM TUMBLE(events, event_time, INTERVAL '5' MINUTE)) GROUP BY w", "e ad_id"},
	} {
		g := testGraph(t)
		r, err := Compile(g, "q.sql", test.query, dstream.Pos{})
		check(t, err)
		r.Stream.To("out")
		check(t, g.LateRows("late", dstream.Pos{}))
		p, err := g.Plan()
		check(t, err)
		names := p.Sinks[1].Schema.Names()
		if got := strings.Join(names[:slices.Index(names, "_operator")], " "); got != test.columns {
			t.Errorf("%s: late rows have %s, want %s", test.query, got, test.columns)
		}
	}
}
