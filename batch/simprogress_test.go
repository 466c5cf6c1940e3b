package batch

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/millrace/millrace/dstream"
)

// causes has a sink for each reason why nothing comes out.
var causes = simQuery{name: "causes", more: true, graph: func(g *dstream.Graph) {
	perTen := func(s *dstream.Stream, aggs ...dstream.Expr) *dstream.Stream {
		return s.Window(dstream.Tumbling("ts", 10*time.Second, 0)).GroupBy(col("ad"), col("window_start")).Agg(aggs...)
	}
	addView(g, "few", g.From("events").Select(col("ad"), col("n"), col("ts")))
	g.From("few").Filter(col("n").Gt(dstream.Int(5))).To("filtered")
	g.From("events").Join("ads", "", dstream.Inner, col("events.ad").Eq(col("ads.ad"))).Select(col("campaign")).To("unmatched")
	perTen(g.From("few"), dstream.Count().As("records")).Filter(col("records").Gt(dstream.Int(100))).To("having")
	perTen(g.From("few").Union(g.From("more").Select(col("ad"), col("n"), col("ts"))), dstream.Max(col("n")).As("most")).To("held")
}}

// TestProgressOfSinks tells for each sink what became of the rows on the way to it.
func TestProgressOfSinks(t *testing.T) {
	w := sourcesWorld(t)
	w.at(0, 1, 31)
	w.at(1, 2, 32)
	w.appendRaw(0, []byte(`{"ad":`))
	w.appendRaw(0, nil)
	w.more.Append("more-events", 0) // known, and without a record
	w.mustRun(w.job(causes, skipBad, skipping("events/1/1")))
	w.at(0, 1) // late
	w.at(1, 33)
	w.mustRun(w.job(causes, skipBad))
	var got []string
	for _, p := range w.reports {
		for _, k := range p.Sinks {
			got = append(got, fmt.Sprintf("batch %d %s: %d rows out of %d from %s by way of %s, %s", p.BatchID, k.Description, k.NumOutputRows, k.NumInputRows,
				strings.Join(k.Sources, " and "), strings.Join(k.Operators, " and "), k.Drops.text()))
		}
	}
	want := []string{
		"batch 1 filtered: 0 rows out of 6 from events by way of , 1 bad, 1 tombstone, 1 skipped, 3 filtered",
		"batch 1 unmatched: 0 rows out of 6 from events by way of , 1 bad, 1 tombstone, 1 skipped, 3 no match",
		"batch 1 having: 0 rows out of 6 from events by way of tumble(ts, 10s) by ad: count(*), 1 bad, 1 tombstone, 1 skipped",
		"batch 1 held: 0 rows out of 6 from events and more by way of tumble(ts, 10s) by ad: max(n), count(*), 1 bad, 1 tombstone, 1 skipped",
		"batch 2 filtered: 0 rows out of 2 from events by way of , 2 filtered",
		"batch 2 unmatched: 0 rows out of 2 from events by way of , 2 no match",
		"batch 2 having: 0 rows out of 2 from events by way of tumble(ts, 10s) by ad: count(*), 1 filtered, 1 of them groups",
		"batch 2 held: 0 rows out of 2 from events and more by way of tumble(ts, 10s) by ad: max(n), count(*), ",
	}
	for i := range max(len(got), len(want)) {
		if i >= len(got) || i >= len(want) || got[i] != want[i] {
			t.Fatalf("sink %d:\ngot  %s\nwant %s", i, strings.Join(got[i:], "\n     "), strings.Join(want[i:], "\n     "))
		}
	}
	last := w.reports[1]
	if last.NumRowsFiltered != 3 || last.NumGroupsFiltered != 1 || last.NumRowsNoMatch != 2 {
		t.Errorf("in all %+v", last.Drops)
	}
	for _, op := range last.StateOperators {
		want := map[bool]string{true: "more", false: "events"}[strings.Contains(op.OperatorName, "max")]
		if op.HeldBy != want {
			t.Errorf("operator %s is held by %q, want %q", op.OperatorName, op.HeldBy, want)
		}
	}
	if s := w.sourceOf("more"); s.HeldBy != "more-events/0" || s.HeldMark != "none" || s.HeldLastEvent != "" {
		t.Errorf("source without a record %+v", s)
	}
}

// text lists the reasons.
func (d Drops) text() string {
	var parts []string
	for _, r := range []struct {
		n    int64
		what string
	}{{d.NumRowsBad, "bad"}, {d.NumRowsTombstone, "tombstone"}, {d.NumRowsSkipped, "skipped"}, {d.NumRowsLate, "late"}, {d.NumRowsUnassigned, "unassigned"},
		{d.NumRowsFiltered, "filtered"}, {d.NumGroupsFiltered, "of them groups"}, {d.NumRowsNoMatch, "no match"}} {
		if r.n > 0 {
			parts = append(parts, fmt.Sprint(r.n, " ", r.what))
		}
	}
	return strings.Join(parts, ", ")
}

// TestRowAccounting changes one number of a batch's accounts at a time: each change is found.
func TestRowAccounting(t *testing.T) {
	for _, q := range []simQuery{fanOut, merged} {
		w := newWorld(t, simSeed(t))
		w.fill(q, 120)
		job := w.job(q)
		w.mustRun(job)
		edges := w.reports[0].Edges
		rows := map[string]int64{}
		for _, k := range w.reports[0].Sinks {
			rows[k.Description] = k.NumOutputRows
		}
		check := func(edges []Edge) error {
			b := newBooks(job.Plan, edges)
			return b.check(w.reports[0].NumInputRows, func(sink string) int64 { return rows[sink] })
		}
		if err := check(edges); err != nil {
			t.Fatalf("%s: %v", q.name, err)
		}
		tried := 0
		for i := range edges {
			for _, change := range []func(*Edge){
				func(e *Edge) { e.In++ }, func(e *Edge) { e.Out++ }, func(e *Edge) { e.In, e.Out = e.In+1, e.Out+1 }, func(e *Edge) { e.Filtered++ },
				func(e *Edge) { e.In, e.HeldAfter = e.In+1, e.HeldAfter+1 }, func(e *Edge) { e.Operator += "?" },
			} {
				changed := append([]Edge{}, edges...)
				change(&changed[i])
				if err := check(changed); err == nil {
					t.Errorf("%s: %+v is taken for %+v", q.name, changed[i], edges[i])
				}
				tried++
			}
		}
		for sink := range rows {
			rows[sink]--
			wantText(t, check(edges), "rows for sink", sink)
			rows[sink]++
		}
		t.Logf("%s: %d changes of %d accounts", q.name, tried, len(edges))
	}
}
