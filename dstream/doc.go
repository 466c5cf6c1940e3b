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
// A job reads any number of sources, and its streams end in any number of sinks. A stream may be continued in several
// ways, and be made a named query by [Graph.AddView] that others go on with: what they share is computed once.
//
// Plans are made in three steps. The steps in front of the sinks are expanded to trees of operators, one for each source
// and each exchange: behind a UNION ALL every input has row operators of its own, and equal operators over equal rows
// become one. The trees are cut into segments where they fork. Every segment becomes a stage, which computes what those
// behind it need, and no more.
//
// A [Plan] is a directed acyclic graph of stages. What is not supported is refused by name.
package dstream
