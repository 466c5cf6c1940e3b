package batch

import (
	"time"

	"github.com/millrace/millrace/dstream"
)

// addView names a query.
func addView(g *dstream.Graph, name string, s *dstream.Stream) {
	if err := g.AddView(name, s, dstream.Pos{}); err != nil {
		panic(err)
	}
}

// fanOut has one query feed four others, one of them through a second window and one that feeds two more, and one sink
// take two streams.
var fanOut = simQuery{
	name: "fan out",
	graph: func(g *dstream.Graph) {
		addView(g, "clean", views(g).Select(col("events.ad"), col("campaign"), col("n"), col("price"), col("ts")))
		addView(g, "big", g.From("clean").Filter(col("n").Ge(dstream.Int(900))).Select(col("ad"), col("n")))
		g.From("big").Filter(col("n").Ge(dstream.Int(950))).To("biggest")
		g.From("big").
			Union(g.From("clean").Filter(col("n").Lt(dstream.Int(50))).Select(col("campaign"), col("n"))).To("odd")
		addView(g, "ten", g.From("clean").Window(dstream.Tumbling("ts", 10*time.Second, 0)).
			GroupBy(col("campaign"), col("window_start")).
			Agg(dstream.Count().As("views"), dstream.Sum(col("price")).As("price")))
		g.From("ten").Filter(col("views").Gt(dstream.Int(3))).Select(col("campaign"), col("window_start"), col("views")).
			To("busy", dstream.Col("campaign"))
		g.From("ten").Window(dstream.Tumbling("window_time", time.Minute, 0)).GroupBy(col("window_start")).
			Agg(dstream.Count().As("groups"), dstream.Sum(col("views")).As("views"), dstream.Sum(col("price")).As("price")).To("minutes")
		g.From("clean").Window(dstream.Tumbling("ts", 20*time.Second, 0)).GroupBy(col("ad"), col("window_start")).
			Agg(dstream.Max(col("n")).As("most")).To("most")
	},
	oracle: func(events []simEvent, ads map[string]string) (rows []simRow) {
		for _, e := range events {
			campaign, known := ads[e.ad]
			if e.kind != "view" || !known {
				continue
			}
			if e.n >= 900 {
				rows = append(rows, newSimRow("sink", "odd", "ad", e.ad, "n", e.n))
			}
			if e.n >= 950 {
				rows = append(rows, newSimRow("sink", "biggest", "ad", e.ad, "n", e.n))
			}
			if e.n < 50 {
				rows = append(rows, newSimRow("sink", "odd", "ad", campaign, "n", e.n))
			}
		}
		type sum struct {
			groups, views int64
			price         float64
		}
		minutes := map[int64]*sum{}
		for k, g := range simGroups(events, ads, "view", 10_000) {
			if g.views > 3 {
				rows = append(rows, newSimRow("sink", "busy", "campaign", k.campaign, "window_start", k.start*1000, "views", g.views))
			}
			at := (k.start + 9_999) / 60_000 * 60_000
			if minutes[at] == nil {
				minutes[at] = &sum{}
			}
			m := minutes[at]
			m.groups, m.views, m.price = m.groups+1, m.views+g.views, m.price+g.price
		}
		for at, m := range minutes {
			rows = append(rows, newSimRow("sink", "minutes", "window_start", at*1000, "groups", m.groups, "views", m.views, "price", m.price))
		}
		for k, most := range mostByAd(events, ads) {
			rows = append(rows, newSimRow("sink", "most", "ad", k.campaign, "window_start", k.start*1000, "most", most))
		}
		return rows
	},
}

// mostByAd is the greatest n of views, by ad and windows of 20 seconds.
func mostByAd(events []simEvent, ads map[string]string) map[simKey]int64 {
	out := map[simKey]int64{}
	for _, e := range events {
		if _, known := ads[e.ad]; known && e.kind == "view" {
			k := simKey{e.ad, e.ms / 20_000 * 20_000}
			if most, ok := out[k]; !ok || e.n > most {
				out[k] = e.n
			}
		}
	}
	return out
}

// unnested makes rows of the elements of arrays, some of which are empty, for a sink and for a window.
var unnested = simQuery{
	name: "unnested",
	graph: func(g *dstream.Graph) {
		addView(g, "words", g.From("events").Unnest(dstream.UnnestSpec{Expr: col("tags"), Alias: "u", Columns: []string{"word", "at"}, Ordinality: true}))
		g.From("words").Select(col("word"), col("at"), col("n")).To("words")
		g.From("words").Window(dstream.Tumbling("ts", 10*time.Second, 0)).GroupBy(col("word"), col("window_start")).
			Agg(dstream.Count().As("records"), dstream.Sum(col("n")).As("n")).To("lake")
	},
	oracle: func(events []simEvent, _ map[string]string) (rows []simRow) {
		type sum struct{ records, n int64 }
		sums := map[simKey]*sum{}
		for _, e := range events {
			for i, word := range e.tags() {
				rows = append(rows, newSimRow("sink", "words", "word", word, "at", i+1, "n", e.n))
				k := simKey{word, e.ms / 10_000 * 10_000}
				if sums[k] == nil {
					sums[k] = &sum{}
				}
				sums[k].records, sums[k].n = sums[k].records+1, sums[k].n+e.n
			}
		}
		for k, s := range sums {
			rows = append(rows, newSimRow("sink", "lake", "word", k.campaign, "window_start", k.start*1000, "records", s.records, "n", s.n))
		}
		return rows
	},
}

// merged counts what two sources have in common windows, and lands both.
var merged = simQuery{
	name: "merged", more: true,
	graph: func(g *dstream.Graph) {
		addView(g, "both", g.From("events").Filter(col("kind").Eq(dstream.Str("view"))).Select(col("ad"), col("n"), col("ts")).
			Union(g.From("more").Select(col("ad"), col("n").Mul(dstream.Int(10)).As("n"), col("ts"))))
		g.From("both").To("all")
		g.From("both").Window(dstream.Tumbling("ts", 10*time.Second, 0)).GroupBy(col("ad"), col("window_start")).
			Agg(dstream.Count().As("records"), dstream.Sum(col("n")).As("n")).To("lake")
	},
	oracle: func(events []simEvent, _ map[string]string) (rows []simRow) {
		type sum struct{ records, n int64 }
		sums := map[simKey]*sum{}
		for _, e := range events {
			n := e.n
			switch {
			case e.more:
				n *= 10
			case e.kind != "view":
				continue
			}
			rows = append(rows, newSimRow("sink", "all", "ad", e.ad, "n", n, "ts", e.ms*1000))
			k := simKey{e.ad, e.ms / 10_000 * 10_000}
			if sums[k] == nil {
				sums[k] = &sum{}
			}
			sums[k].records, sums[k].n = sums[k].records+1, sums[k].n+n
		}
		for k, s := range sums {
			rows = append(rows, newSimRow("sink", "lake", "ad", k.campaign, "window_start", k.start*1000, "records", s.records, "n", s.n))
		}
		return rows
	},
}

// whole has groups without a window: of the whole input, by key, and of all together.
var whole = simQuery{
	name: "whole", bounded: true,
	graph: func(g *dstream.Graph) {
		g.From("events").GroupBy(col("kind")).Agg(dstream.Count().As("records"), dstream.Max(col("n")).As("most")).To("kinds")
		g.From("events").GroupBy().Agg(dstream.Count().As("records"), dstream.Sum(col("n")).As("n")).To("total")
		g.From("events").Filter(col("n").Lt(dstream.Int(0))).GroupBy().Agg(dstream.Count().As("records"), dstream.Sum(col("n")).As("n")).To("none")
		g.From("events").Select(col("ad"), col("kind")).Distinct().To("pairs")
	},
	oracle: func(events []simEvent, _ map[string]string) (rows []simRow) {
		pairs, records, most, all, n := map[[2]string]bool{}, map[string]int64{}, map[string]int64{}, int64(0), int64(0)
		for _, e := range events {
			pairs[[2]string{e.ad, e.kind}] = true
			records[e.kind], most[e.kind] = records[e.kind]+1, max(most[e.kind], e.n)
			all, n = all+1, n+e.n
		}
		for kind := range records {
			rows = append(rows, newSimRow("sink", "kinds", "kind", kind, "records", records[kind], "most", most[kind]))
		}
		for p := range pairs {
			rows = append(rows, newSimRow("sink", "pairs", "ad", p[0], "kind", p[1]))
		}
		return append(rows, newSimRow("sink", "total", "records", all, "n", n), newSimRow("sink", "none", "records", 0, "n", "NULL"))
	},
}

// daily depends on the rules of a time zone and on the plan time: in rows, in partitions, and behind a window.
var daily = simQuery{
	name: "daily", zone: "Asia/Kolkata",
	graph: func(g *dstream.Graph) {
		g.From("events").Filter(col("n").Lt(dstream.Int(100))).
			Select(col("n"), col("ts"), dstream.Fn("hour", col("ts")).As("hour"), dstream.Fn("now").As("planned")).
			To("rows", dstream.Fn("hour", col("ts")).As("h"))
		g.From("events").Window(dstream.Tumbling("ts", 10*time.Second, 0)).GroupBy(col("window_start")).Agg(dstream.Count().As("records")).
			Select(col("window_start"), dstream.Fn("minute", col("window_start")).As("minute"), col("records"), dstream.Fn("now").As("planned")).
			To("minutes", dstream.Fn("minute", col("window_start")).As("m"))
	},
	oracle: func(events []simEvent, _ map[string]string) (rows []simRow) {
		local := func(ms int64) time.Time { return time.UnixMilli(ms).In(time.FixedZone("", 5*3600+1800)) }
		counts := map[int64]int64{}
		for _, e := range events {
			counts[e.ms/10_000*10_000]++
			if e.n < 100 {
				rows = append(rows, newSimRow("sink", "rows", "n", e.n, "ts", e.ms*1000, "hour", local(e.ms).Hour(), "h", local(e.ms).Hour(), "planned", simStart.UnixMicro()))
			}
		}
		for start, n := range counts {
			rows = append(rows, newSimRow("sink", "minutes", "window_start", start*1000, "minute", local(start).Minute(), "m", local(start).Minute(), "records", n, "planned", simStart.UnixMicro()))
		}
		return rows
	},
}
