package batch

import (
	"cmp"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/dstream"
	"github.com/millrace/millrace/offsets"
	"github.com/millrace/millrace/windows"
)

// simAds maps ads to campaigns; some ads of the events are not in it.
const simAds = "ad,campaign\na0,c0\na1,c1\na2,c0\na3,c2\na4,c1\n"

// simEvent is a record of the world.
type simEvent struct {
	more      bool   // of the source "more"
	topic     string // "" for simTopic
	partition int32
	at        int64 // how many events came before it in the partition: its offset in a log that nothing has happened to
	ms        int64
	ad, kind  string
	n         int64
	price     float64
}

func (e simEvent) json() []byte {
	tags := ""
	switch {
	case len(e.tags()) > 0:
		tags = fmt.Sprintf(`,"tags":["%s"]`, strings.Join(e.tags(), `","`))
	case e.n%2 == 0:
		tags = `,"tags":[]`
	}
	return fmt.Appendf(nil, `{"ad":"%s","kind":"%s","n":%d,"price":%s,"ts":%d%s}`, e.ad, e.kind, e.n, strconv.FormatFloat(e.price, 'g', -1, 64), e.ms, tags)
}

// tags is an array of the event, which for most is empty or missing.
func (e simEvent) tags() []string {
	if e.n < 700 {
		return nil
	}
	return []string{e.ad, e.kind}
}

// simDisorder is how late an event may be, and is, in µs.
const simDisorder = 2_000_000

// generate appends n events in three partitions, in which time goes on by a tenth of a second each. Prices are of every
// magnitude from 1e-8 to 1e16, so that sums of them show the order in which they were taken.
func (w *world) generate(n int) {
	at := simStart.UnixMilli() + int64(len(w.events))*100
	for i := range n {
		disorder := w.rng.Int64N(simDisorder / 1000)
		w.append(simEvent{partition: int32(w.rng.IntN(3)), ms: at + int64(i)*100 - disorder,
			ad: fmt.Sprintf("a%d", w.rng.IntN(7)), kind: []string{"view", "view", "click"}[w.rng.IntN(3)],
			n: w.rng.Int64N(1000), price: math.Pow(10, 24*w.rng.Float64()-8)})
	}
}

// fill appends n events for a query, with bad records or late events among them if it keeps those, and half as many in two partitions of the second source if it reads that.
func (w *world) fill(q simQuery, n int) {
	switch {
	case q.emit.Changelog:
		w.fillLate(n)
		return
	case q.aside != "":
		w.fillAside(q.aside, n)
		return
	case q.late != "":
		w.fillLate(n)
		return
	case q.twice:
		w.fillTwice(n)
		return
	}
	w.generate(n)
	if !q.more {
		return
	}
	first := len(w.events) - n
	for i := range n / 2 {
		e := w.events[first+2*i] // at about the same time
		e.more, e.partition, e.ad, e.n = true, int32(w.rng.IntN(2)), fmt.Sprintf("a%d", w.rng.IntN(7)), w.rng.Int64N(1000)
		w.append(e)
	}
}

func (w *world) append(events ...simEvent) {
	for _, e := range events {
		e.at = w.count(e)
		w.events = append(w.events, e)
		if e.more {
			w.more.Append("more-events", e.partition, offsets.MemoryRecord{Value: e.json()})
			continue
		}
		w.source.Append(cmp.Or(e.topic, simTopic), e.partition, offsets.MemoryRecord{Value: e.json(), Timestamp: e.ms})
	}
}

// count is how many events there are of the topic and partition of one.
func (w *world) count(of simEvent) int64 {
	key := [2]any{of.topic, of.partition}
	if of.more {
		key[0] = true
	}
	n := w.counts[key]
	w.counts[key]++
	return n
}

// appendRaw adds a record that is no event; nil is a tombstone.
func (w *world) appendRaw(partition int32, value []byte) {
	w.raw++
	w.count(simEvent{partition: partition})
	w.source.Append(simTopic, partition, offsets.MemoryRecord{Value: value})
}

// simQuery is a job's text, with what it means said again in the plainest way. It has one stream, or a graph with several
// sinks, whose rows have the sink's name in a column of their own.
type simQuery struct {
	name       string
	at         func() dstream.Expr // computes the event time of the events, the column at; nil: it is ts
	stream     func(*dstream.Graph) *dstream.Stream
	partitions []dstream.Expr
	graph      func(*dstream.Graph)
	more       bool // there is a second source
	bounded    bool
	zone       string
	double     bool   // the column n is a double
	aside      string // the sink that takes bad records, also those too far in the future; ""  for none
	emit       windows.Emission
	twice      bool   // many records come again soon
	late       string // the sink that takes late rows; what the query means then follows from the log's plans
	fromLog    func(*lateOracle)
	planned    *dstream.Plan // what plan gives; nil: it makes a plan
	oracle     func(events []simEvent, ads map[string]string) []simRow
}

var simQueries = []simQuery{stateless, windowed, windowed2, twoWindows, byAd, wideViews, doubleViews, fanOut, merged, whole, daily, unnested, published, plain, aside, asideTopic, late, lateTopic, lateSessions, visits, changing, changingEarly, firsts, changingStays, changingHops}

func (q simQuery) plan() (*dstream.Plan, error) {
	if q.planned != nil {
		return q.planned, nil
	}
	g, n := dstream.NewGraph(), columnar.Int64
	if q.double {
		n = columnar.Float64
	}
	if q.bounded {
		g.SetBounded()
	}
	if err := g.SetTimeZone(q.zone); err != nil {
		return nil, err
	}
	if err := g.SetEmission(q.emit); err != nil {
		return nil, err
	}
	if err := addSource(g, "events", n, q.at); err != nil {
		return nil, err
	}
	if q.more {
		if err := addSource(g, "more", n, nil); err != nil {
			return nil, err
		}
	}
	if err := g.AddTable(dstream.Table{Name: "ads", Schema: columnar.NewSchema(simField("ad", columnar.String), simField("campaign", columnar.String))}); err != nil {
		return nil, err
	}
	if q.graph != nil {
		q.graph(g)
	} else {
		q.stream(g).To("lake", q.partitions...)
	}
	plan, err := g.Plan()
	if err == nil && q.aside != "" {
		plan.Sources[0].Bounds.MaxFuture = int64(time.Hour / time.Microsecond)
	}
	return plan, err
}

// weight is how many times as much work the query makes as one with one sink, about.
func (q simQuery) weight() int {
	if q.graph != nil {
		return 3
	}
	return 1
}

// addSource makes a source known. at computes its event time; nil: it is ts.
func addSource(g *dstream.Graph, name string, n columnar.Kind, at func() dstream.Expr) error {
	s := dstream.Source{
		Name: name, Format: "json", EventTime: "ts",
		Fields: []columnar.DecodeField{{Field: simField("ad", columnar.String)}, {Field: simField("kind", columnar.String)},
			{Field: simField("n", n)}, {Field: simField("price", columnar.Float64)},
			{Field: columnar.Field{Name: "tags", Type: columnar.ArrayOf(columnar.Type{Kind: columnar.String})}},
			{Field: simField("ts", columnar.Timestamp), Unit: columnar.UnitMilli}},
		Bounds: windows.Bounds{MaxDisorder: simDisorder, IdleAfter: 30_000_000, MaxFuture: -1},
	}
	if at != nil {
		e := at()
		s.EventTime, s.TimeExpr = "at", &e
	}
	return g.AddSource(s)
}

func simField(name string, k columnar.Kind) columnar.Field {
	return columnar.Field{Name: name, Type: columnar.Type{Kind: k}}
}

func col(name string) dstream.Expr { return dstream.Col(name) }

// stateless filters, joins nothing and computes.
var stateless = simQuery{
	name: "stateless",
	stream: func(g *dstream.Graph) *dstream.Stream {
		return g.From("events").Filter(col("n").Ge(dstream.Int(500))).
			Select(col("ad"), col("kind"), col("n"), col("ts"), col("price").Mul(dstream.Int(2)).As("twice"))
	},
	partitions: []dstream.Expr{dstream.Col("kind")},
	oracle: func(events []simEvent, _ map[string]string) (rows []simRow) {
		for _, e := range events {
			if e.n >= 500 {
				rows = append(rows, newSimRow("ad", e.ad, "kind", e.kind, "n", e.n, "ts", e.ms*1000, "twice", 2*e.price))
			}
		}
		return rows
	},
}

func views(g *dstream.Graph) *dstream.Stream {
	return g.From("events").Filter(col("kind").Eq(dstream.Str("view"))).
		Join("ads", "", dstream.Inner, col("events.ad").Eq(col("ads.ad")))
}

// windowed joins a static table and counts in windows of ten seconds.
var windowed = windowedOf("windowed", views, "view")

// windowed2 is windowed with another filter.
var windowed2 = windowedOf("windowed2", func(g *dstream.Graph) *dstream.Stream {
	return g.From("events").Filter(col("kind").Eq(dstream.Str("click"))).
		Join("ads", "", dstream.Inner, col("events.ad").Eq(col("ads.ad")))
}, "click")

// wideViews has windows of another length than windowed.
var wideViews = simQuery{name: "wide", stream: func(g *dstream.Graph) *dstream.Stream {
	return views(g).Window(dstream.Tumbling("ts", 20*time.Second, 0)).
		GroupBy(col("campaign"), col("window_start")).Agg(windowedAggs...)
}}

// doubleViews has the operator of windowed, by name, over a column of another type.
var doubleViews = simQuery{name: "double", stream: windowed.stream, partitions: windowed.partitions, double: true}

// byAd has other keys than windowed.
var byAd = simQuery{name: "by ad", stream: func(g *dstream.Graph) *dstream.Stream {
	return views(g).Window(dstream.Tumbling("ts", 10*time.Second, 0)).
		GroupBy(col("events.ad"), col("window_start")).Agg(windowedAggs...)
}}

var windowedAggs = []dstream.Expr{dstream.Count().As("views"), dstream.Sum(col("n")).As("n"), dstream.Min(col("n")).As("least"),
	dstream.Sum(col("price")).As("price"), dstream.Max(col("price")).As("dearest"), dstream.Avg(col("price")).As("mean")}

func windowedOf(name string, in func(*dstream.Graph) *dstream.Stream, kind string) simQuery {
	return simQuery{
		name: name,
		stream: func(g *dstream.Graph) *dstream.Stream {
			return in(g).Window(dstream.Tumbling("ts", 10*time.Second, 0)).
				GroupBy(col("campaign"), col("window_start")).Agg(windowedAggs...)
		},
		partitions: []dstream.Expr{dstream.Col("campaign")},
		oracle: func(events []simEvent, ads map[string]string) (rows []simRow) {
			for k, g := range simGroups(events, ads, kind, 10_000) {
				rows = append(rows, newSimRow("campaign", k.campaign, "window_start", k.start*1000, "views", g.views, "n", g.n,
					"least", g.least, "price", g.price, "dearest", g.dearest, "mean", g.price/float64(g.views)))
			}
			return rows
		},
	}
}

// twoWindows counts in windows of ten seconds, and in windows of a minute what those gave.
var twoWindows = simQuery{
	name: "two windows",
	stream: func(g *dstream.Graph) *dstream.Stream {
		return views(g).Window(dstream.Tumbling("ts", 10*time.Second, 0)).
			GroupBy(col("campaign"), col("events.ad"), col("window_start")).
			Agg(dstream.Count().As("views"), dstream.Sum(col("price")).As("price")).
			Filter(col("views").Gt(dstream.Int(1))).
			Window(dstream.Tumbling("window_time", time.Minute, 0)).
			GroupBy(col("campaign"), col("window_start")).
			Agg(dstream.Count().As("groups"), dstream.Sum(col("views")).As("views"), dstream.Max(col("views")).As("most"),
				dstream.Sum(col("price")).As("price"))
	},
	oracle: func(events []simEvent, ads map[string]string) (rows []simRow) {
		type key struct {
			campaign string
			start    int64
		}
		type sum struct {
			groups, views, most int64
			price               float64
		}
		outer := map[key]*sum{}
		for ad := range ads {
			for k, g := range simGroups(ofAd(events, ad), ads, "view", 10_000) {
				if g.views <= 1 {
					continue
				}
				k := key{k.campaign, (k.start + 9_999) / 60_000 * 60_000}
				if outer[k] == nil {
					outer[k] = &sum{}
				}
				s := outer[k]
				s.groups, s.views, s.most, s.price = s.groups+1, s.views+g.views, max(s.most, g.views), s.price+g.price
			}
		}
		for k, s := range outer {
			rows = append(rows, newSimRow("campaign", k.campaign, "window_start", k.start*1000, "groups", s.groups, "views", s.views,
				"most", s.most, "price", s.price))
		}
		return rows
	},
}

func ofAd(events []simEvent, ad string) (out []simEvent) {
	for _, e := range events {
		if e.ad == ad {
			out = append(out, e)
		}
	}
	return out
}

type simKey struct {
	campaign string
	start    int64 // ms
}

type simGroup struct {
	views, n, least int64
	price, dearest  float64
}

// simGroups groups events by campaign and window, event by event.
func simGroups(events []simEvent, ads map[string]string, kind string, size int64) map[simKey]*simGroup {
	out := map[simKey]*simGroup{}
	for _, e := range events {
		campaign, known := ads[e.ad]
		if e.kind != kind || !known {
			continue
		}
		k := simKey{campaign, e.ms / size * size}
		if out[k] == nil {
			out[k] = &simGroup{least: e.n}
		}
		g := out[k]
		g.views, g.n, g.least = g.views+1, g.n+e.n, min(g.least, e.n)
		g.price, g.dearest = g.price+e.price, max(g.dearest, e.price)
	}
	return out
}
