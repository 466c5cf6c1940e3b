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
// Law: a plan depends on what the job means, not on how it was written. Names are resolved without regard to case, kept
// in the case of their declaration, and gone from the plan where they do not leave the job: [Plan.Canonical] of two jobs
// is the same text if they compute the same thing in the same way, and the job hash is made of it.
//
// In this version a job reads one source and has one result, which may go to several sinks. What is not supported is
// refused by name.
//
// A [Plan] is a directed acyclic graph of stages cut at exchanges. Stage 0 reads the source; every later stage merges
// what an exchange brings to its shards.
package dstream
