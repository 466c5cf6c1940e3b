package dstream_test

import (
	"fmt"
	"time"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/dstream"
	"github.com/millrace/millrace/windows"
)

func field(name string, k columnar.Kind) columnar.Field {
	return columnar.Field{Name: name, Type: columnar.Type{Kind: k}}
}

func newGraph() *dstream.Graph {
	g := dstream.NewGraph()
	err := g.AddSource(dstream.Source{
		Name:   "events",
		Format: "json",
		Fields: []columnar.DecodeField{
			{Field: field("ad_id", columnar.String)},
			{Field: field("event_type", columnar.String)},
			{Field: field("price", columnar.Float64)},
			{Field: field("event_time", columnar.Timestamp), Unit: columnar.UnitMilli},
		},
		EventTime: "event_time",
		Bounds:    windows.Bounds{MaxDisorder: 10_000_000, IdleAfter: 30_000_000, MaxFuture: 300_000_000},
	})
	if err != nil {
		panic(err)
	}
	ads := columnar.NewSchema(field("ad_id", columnar.String), field("campaign_id", columnar.String))
	if err := g.AddTable(dstream.Table{Name: "ads", Schema: ads}); err != nil {
		panic(err)
	}
	return g
}

// Views of each campaign in windows of ten seconds.
func Example() {
	g := newGraph()
	g.From("events").
		Filter(dstream.Col("event_type").Eq(dstream.Str("view"))).
		Join("ads", "", dstream.Inner, dstream.Col("events.ad_id").Eq(dstream.Col("ads.ad_id"))).
		Window(dstream.Tumbling("event_time", 10*time.Second, 0)).
		GroupBy(dstream.Col("campaign_id"), dstream.Col("window_start")).
		Agg(dstream.Count().As("views")).
		To("lake", dstream.Fn("date", dstream.Col("window_start")).As("dt"))
	plan, err := g.Plan()
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Print(plan)
	// Output:
	// query into lake:
	//   from events
	//   filter event_type = 'view'
	//   join ads on ad_id = ads.ad_id
	//   group by tumble(event_time, 10s), campaign_id: count(*)
	//   select campaign_id, window_start, count(*) as views
	// source events (json): ad_id string, event_time timestamp, event_type string
	// table ads: ad_id string, campaign_id string
	// stage 0 reads source events
	//   filter 1: event_type = 'view'
	//   join ads: on ad_id = ad_id
	//   project 1: event_time, campaign_id
	//   to exchange tumble(event_time, 10s) by campaign_id: count(*)
	// stage 1 takes the groups of exchange tumble(event_time, 10s) by campaign_id: count(*)
	//   project 2: campaign_id, window_start, _rows as views
	//   to sink lake
	// sink lake, from stage 1: campaign_id string, window_start timestamp, views bigint
	//   partitioned by dt = date(window_start)
}

// Mistakes name the line of the Go program, and what was probably meant.
func ExampleError() {
	g := newGraph()
	g.From("events").
		Filter(dstream.Col("evnt_type").Eq(dstream.Str("view"))).
		To("lake")
	_, err := g.Plan()
	fmt.Println(err)
	// Output:
	// example_test.go:81: unknown column "evnt_type"; did you mean "event_type"?
}

// Visits: the views of an ad with no more than half an hour between them. Their windows are known behind GroupBy only.
func ExampleSession() {
	g := newGraph()
	g.From("events").
		Window(dstream.Session("event_time", 30*time.Minute)).
		GroupBy(dstream.Col("ad_id"), dstream.Col("window_start")).
		Agg(dstream.Count().As("views"), dstream.Col("window_end")).
		To("lake")
	plan, err := g.Plan()
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(plan.Exchanges[0].Name)
	fmt.Println(plan.Sinks[0].Schema)
	// Output:
	// session(event_time, 30m0s) by ad_id: count(*)
	// ad_id string, window_start timestamp, views bigint, window_end timestamp
}

// The views of each day, as clocks in Chicago count days, and of the last hour at every minute of processing time.
func ExampleCalendar() {
	g := newGraph()
	events := g.From("events")
	events.Window(dstream.Calendar("event_time", 1, windows.Day, "America/Chicago", 0)).
		GroupBy(dstream.Col("window_start")).Agg(dstream.Count().As("views")).To("days")
	events.Window(dstream.Sliding("event_time", time.Hour, time.Minute, 0).ProcessingTime()).
		GroupBy(dstream.Col("window_end")).Agg(dstream.Count().As("views")).To("now")
	plan, err := g.Plan()
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, x := range plan.Exchanges {
		fmt.Println(x.Name)
	}
	// Output:
	// tumble(event_time, 1 day in America/Chicago): count(*)
	// hop(now(), 1m0s, 1h0m0s): count(*)
}
