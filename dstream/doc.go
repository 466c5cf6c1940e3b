// Package dstream is the language a job is written in: sources, relational steps, windows, sinks. It describes a job
// and never runs one.
//
// Use: register sources and tables with a [Graph], build streams with [Graph.From] and the methods of [Stream], end
// them with [Stream.To], and call [Graph.Plan]. Names and types are checked there; an [Error] says where. SQL compiles
// to the same calls.
//
//	g := dstream.NewGraph()
//	g.AddSource(events)
//	g.AddTable(ads)
//	g.From("events").
//		Filter(dstream.Col("event_type").Eq(dstream.Str("view"))).
//		Join("ads", "", dstream.Inner, dstream.Col("events.ad_id").Eq(dstream.Col("ads.ad_id"))).
//		Window(dstream.Tumbling("event_time", 10*time.Second, 0)).
//		GroupBy(dstream.Col("campaign_id"), dstream.Col("window_start")).
//		Agg(dstream.Count().As("views")).
//		To("lake")
//	plan, err := g.Plan()
//
// A [Plan] is a directed acyclic graph of stages cut at exchanges. Stage 0 reads the source; every later stage merges
// what an exchange brings to its shards.
package dstream
