package dstream

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/windows"
)

// doneGraph has sources with and without event time, and a table with a time.
func doneGraph(t *testing.T) *Graph {
	t.Helper()
	g := NewGraph()
	timestamp := columnar.Type{Kind: columnar.Timestamp}
	fields := []columnar.DecodeField{{Field: columnar.Field{Name: "ad", Type: columnar.Type{Kind: columnar.String}}}, {Field: columnar.Field{Name: "ts", Type: timestamp}, Unit: columnar.UnitMilli},
		{Field: columnar.Field{Name: "seen", Type: timestamp}, Unit: columnar.UnitMilli}, {Field: columnar.Field{Name: "tags", Type: columnar.ArrayOf(timestamp)}}}
	for _, s := range []Source{{Name: "events", Format: "json", Fields: fields, EventTime: "ts"}, {Name: "plain", Format: "json", Fields: fields}} {
		if err := g.AddSource(s); err != nil {
			t.Fatal(err)
		}
	}
	if err := g.AddTable(Table{Name: "ads", Schema: columnar.NewSchema(columnar.Field{Name: "ad", Type: columnar.Type{Kind: columnar.String}}, columnar.Field{Name: "since", Type: timestamp})}); err != nil {
		t.Fatal(err)
	}
	return g
}

func hourly(s *Stream) *Stream {
	return s.Window(Tumbling("ts", time.Hour, 0)).GroupBy(Col("ad"), Col("window_start"), Col("window_end")).
		Agg(Count().As("n"), Max(Col("seen")).As("last")).Select(Col("ad"), Col("window_start").As("begin"), Col("window_end"), Col("n"), Col("last"))
}

// TestDone: of which time the directories are, what the least time to come is when the operator's is 1,000,000,000 µs, or why
// that is not known.
func TestDone(t *testing.T) {
	const at = 1_000_000_000
	interval := func(us int64) Expr { return literal(columnar.Interval, columnar.Value{I: us}) }
	for _, test := range []struct {
		name   string
		stream func(g *Graph) *Stream
		parts  []Expr
		want   string
	}{
		{"event time", func(g *Graph) *Stream { return g.From("events") }, []Expr{Fn("date", Col("ts")).As("dt")}, "source 0: 1000000000; [1]"},
		{"event time, computed before", func(g *Graph) *Stream { return g.From("events").Select(Fn("date", Col("ts")).As("dt"), Col("ad")) }, []Expr{Col("dt")}, "source 0: 1000000000; [1]"},
		{"behind a join, a filter and an unnest", func(g *Graph) *Stream {
			return g.From("events").Join("ads", "", Inner, Col("events.ad").Eq(Col("ads.ad"))).Filter(Col("events.ad").Ne(Str("x"))).Select(Col("events.ad").As("ad"), Col("ts"))
		}, []Expr{Col("ad"), Fn("date", Col("ts")).As("dt")}, "source 0: 1000000000; [2]"},
		{"moved", func(g *Graph) *Stream { return g.From("events") }, []Expr{Fn("date", Col("ts").Add(interval(5))).As("dt")}, "source 0: 1000000005; [1]"},
		{"moved back", func(g *Graph) *Stream { return g.From("events") }, []Expr{Fn("date", Col("ts").Sub(interval(5))).As("dt")}, "source 0: 999999995; [1]"},
		{"window start", func(g *Graph) *Stream { return hourly(g.From("events")) }, []Expr{Fn("date", Col("begin")).As("dt"), Fn("hour", Col("begin")).As("hour")}, "exchange 0 start: 1000000000; [1 2]"},
		{"window end", func(g *Graph) *Stream { return hourly(g.From("events")) }, []Expr{Fn("date", Col("window_end")).As("dt")}, "exchange 0 start: 4600000000; [1]"},
		{"start and end: the first counts", func(g *Graph) *Stream { return hourly(g.From("events")) }, []Expr{Fn("date", Col("window_end")).As("dt"), Fn("hour", Col("begin")).As("hour")}, "exchange 0 start: 4600000000; [1]"},
		{"session end", func(g *Graph) *Stream {
			return g.From("events").Window(Session("ts", time.Hour)).GroupBy(Col("ad"), Col("window_start"), Col("window_end")).Agg(Count().As("n"))
		}, []Expr{Fn("date", Col("window_end")).As("dt")}, "exchange 0 end: 1000000000; [1]"},
		{"two streams", func(g *Graph) *Stream {
			return hourly(g.From("events")).Select(Col("ad"), Col("begin")).Union(g.From("events").Select(Col("ad"), Col("ts")))
		}, []Expr{Fn("date", Col("begin")).As("dt")}, "source 0: 1000000000, exchange 0 start: 1000000000; [1]"},
		{"deduplicated", func(g *Graph) *Stream { return g.From("events").Dedup(time.Hour, Col("ad")) }, []Expr{Fn("date", Col("ts")).As("dt")}, "source 0: 1000000000; [1]"},
		{"windows deduplicated", func(g *Graph) *Stream { return hourly(g.From("events")).Dedup(time.Hour, Col("ad")) }, []Expr{Fn("date", Col("begin")).As("dt")}, "exchange 0 start: 1000000000; [1]"},
		{"no partition", func(g *Graph) *Stream { return g.From("events") }, nil, "it needs partition_by"},
		{"no time", func(g *Graph) *Stream { return g.From("events") }, []Expr{Col("ad")}, "no level of partition_by tells a time"},
		{"not the event time", func(g *Graph) *Stream { return g.From("events") }, []Expr{Fn("date", Col("seen")).As("dt")}, `partition dt: seen is not the event time of source "events"`},
		{"a source without one", func(g *Graph) *Stream { return g.From("plain") }, []Expr{Fn("date", Col("ts")).As("dt")}, `ts is not the event time of source "plain"`},
		{"an aggregate", func(g *Graph) *Stream { return hourly(g.From("events")) }, []Expr{Fn("date", Col("last")).As("dt")}, "is not a bound of the window"},
		{"of a table", func(g *Graph) *Stream {
			return g.From("events").Join("ads", "", Inner, Col("events.ad").Eq(Col("ads.ad"))).Select(Col("since"), Col("ts"))
		}, []Expr{Fn("date", Col("since")).As("dt")}, "in a way that the watermark cannot follow"},
		{"computed", func(g *Graph) *Stream { return g.From("events") }, []Expr{Fn("date", Fn("greatest", Col("ts"), Col("seen"))).As("dt")}, "in a way that the watermark cannot follow"},
		{"a month added", func(g *Graph) *Stream { return g.From("events") }, []Expr{Fn("date", Col("ts").Add(literal(columnar.Interval, columnar.WideValue(columnar.MakeInterval(1, 0, 0))))).As("dt")}, "in a way that the watermark cannot follow"},
		{"an hour of any day", func(g *Graph) *Stream { return g.From("events") }, []Expr{Fn("hour", Col("ts")).As("hour")}, "comes again and again"},
		{"two streams, one without", func(g *Graph) *Stream {
			return g.From("events").Select(Col("ad"), Col("ts")).Union(g.From("events").Select(Col("ad"), Col("seen")))
		}, []Expr{Fn("date", Col("ts")).As("dt")}, "is not the event time"},
	} {
		g := doneGraph(t)
		test.stream(g).To("lake", test.parts...)
		p, err := g.Plan()
		if err != nil {
			t.Fatalf("%s: %v", test.name, err)
		}
		got := ""
		d, err := p.Done("lake")
		if err != nil {
			got = err.Error()
		} else {
			var feeds []string
			for i := range d.Feeds {
				feeds = append(feeds, feedText(&d.Feeds[i], at))
			}
			got = fmt.Sprintf("%s; %v", strings.Join(feeds, ", "), d.Dirs.Depths())
		}
		if err == nil && got != test.want || err != nil && !strings.Contains(got, test.want) {
			t.Errorf("%s: %s, want %s", test.name, got, test.want)
		}
	}
}

func feedText(f *DoneFeed, at int64) string {
	switch {
	case f.Source >= 0:
		return fmt.Sprintf("source %d: %d", f.Source, f.Frontier(at))
	case f.End:
		return fmt.Sprintf("exchange %d end: %d", f.Exchange, f.Frontier(at))
	}
	return fmt.Sprintf("exchange %d start: %d", f.Exchange, f.Frontier(at))
}

// TestDoneFrontierEnds: what is added never turns a watermark into the end of time, nor the end of time into anything else.
func TestDoneFrontierEnds(t *testing.T) {
	f := DoneFeed{steps: []doneStep{{add: 10}, {start: windows.Window{Kind: windows.Tumbling, Size: 7}}, {add: -3}}}
	for _, test := range [][2]int64{{windows.NoWatermark, windows.NoWatermark}, {windows.MaxWatermark, windows.MaxWatermark}, {4, 11}, {-10, -3}} {
		if got := f.Frontier(test[0]); got != test[1] {
			t.Errorf("%d becomes %d, want %d", test[0], got, test[1])
		}
	}
	up, down := DoneFeed{steps: []doneStep{{add: 10}}}, DoneFeed{steps: []doneStep{{add: -10}}}
	if got := up.Frontier(windows.MaxWatermark - 1); got != windows.MaxWatermark-1 {
		t.Errorf("near the end of time: %d", got)
	}
	if got := down.Frontier(windows.NoWatermark + 1); got != windows.NoWatermark {
		t.Errorf("near its begin: %d", got)
	}
}
