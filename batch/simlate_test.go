package batch

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/millrace/millrace/dstream"
	"github.com/millrace/millrace/offsets"
	"github.com/millrace/millrace/windows"
)

// lateOf is a query of two windows whose late rows go to a sink: one behind a join, one with fewer columns.
func lateOf(name, sink string) simQuery {
	return simQuery{
		name: name,
		late: sink,
		graph: func(g *dstream.Graph) {
			addView(g, "ten", views(g).Window(dstream.Tumbling("ts", 10*time.Second, 0)).
				GroupBy(col("campaign"), col("window_start")).Agg(dstream.Count().As("views"), dstream.Sum(col("n")).As("n")))
			g.From("ten").To("lake")
			addView(g, "clicks", g.From("events").Filter(col("kind").Eq(dstream.Str("click"))).Select(col("ts"), col("n").As("weight")).
				Window(dstream.Tumbling("ts", 20*time.Second, 0)).GroupBy(col("window_start")).Agg(dstream.Sum(col("weight")).As("weight")))
			g.From("clicks").To("clicks")
			if err := g.LateRows(sink, dstream.Pos{}); err != nil {
				panic(err)
			}
		},
	}
}

// late keeps late rows in files, lateTopic in a topic.
var (
	late      = lateOf("late", "late")
	lateTopic = lateOf("late in a topic", "copies")
)

// fillLate appends events, of which some come a long time after others.
func (w *world) fillLate(n int) {
	for range n {
		w.generate(1)
		if w.rng.IntN(6) == 0 {
			e := w.events[len(w.events)-1]
			e.ms -= w.rng.Int64N(40_000)
			w.append(e)
		}
	}
}

// expectedOf is what the query means before anything has run. What is late depends on how the input is cut, so a twin of
// the world, to which nothing happens, tells it.
func (w *world) expectedOf(q simQuery, twin func() *world) []simRow {
	w.t.Helper()
	if q.late == "" {
		return w.expected(q)
	}
	other := twin()
	other.mustRun(other.crashJob(q))
	want := other.expected(q)
	other.wantRows("the twin", want, equalRows)
	return want
}

// lateOracle judges every event of every batch that the log has, one by one, and groups those that are not late.
type lateOracle struct {
	w    *world
	q    simQuery
	ads  map[string]string
	rows []simRow
	sums map[[2]any]*[2]int64 // by operator's sink and window, or campaign and window

	batches []loggedBatch
}

// loggedBatch is a committed batch of the log.
type loggedBatch struct {
	planned   *Planned
	committed *Committed
}

// expectedLate is what the log's plans mean. A batch that was not committed counts too when the run is through with it.
func (w *world) expectedLate(q simQuery, ads map[string]string) []simRow {
	o := &lateOracle{w: w, q: q, ads: ads, sums: map[[2]any]*[2]int64{}}
	in, err := w.inspect()
	if err != nil {
		w.t.Fatal(err)
	}
	committed := map[int64]*Committed{}
	for _, e := range in.Entries {
		if c, ok := e.Record.(*Committed); ok {
			committed[c.Batch] = c
		}
	}
	for _, e := range in.Entries {
		if p, ok := e.Record.(*Planned); ok && committed[p.Batch] != nil {
			o.batches = append(o.batches, loggedBatch{p, committed[p.Batch]})
		}
	}
	if q.fromLog != nil {
		q.fromLog(o)
		return o.rows
	}
	for _, b := range o.batches {
		o.batch(b.planned)
	}
	for k, sum := range o.sums {
		if campaign, ok := k[0].(string); ok {
			o.rows = append(o.rows, newSimRow("sink", "lake", "campaign", campaign, "window_start", k[1].(int64)*1000, "views", sum[0], "n", sum[1]))
		} else {
			o.rows = append(o.rows, newSimRow("sink", "clicks", "window_start", k[1].(int64)*1000, "weight", sum[1]))
		}
	}
	return o.rows
}

func (o *lateOracle) batch(p *Planned) {
	plan, err := o.q.plan()
	if err != nil {
		o.w.t.Fatal(err)
	}
	for i := range plan.Exchanges {
		name := plan.Exchanges[i].Name
		watermark, known := p.Before.Operators[name]
		if !known {
			watermark = windows.NoWatermark
		}
		for _, e := range o.w.events {
			if slices.ContainsFunc(p.Ranges, func(r offsets.Range) bool { return r.Partition == e.partition && e.at >= r.From && e.at < r.Until }) {
				o.judge(name, watermark, e)
			}
		}
	}
}

// judge puts an event in the window of an operator, or among the late rows.
func (o *lateOracle) judge(operator string, watermark int64, e simEvent) {
	campaign, known := o.ads[e.ad]
	size, key := int64(20_000), any(false)
	switch {
	case operator[:3] == "ten" && (e.kind != "view" || !known), operator[:3] != "ten" && e.kind != "click":
		return
	case operator[:3] == "ten":
		size, key = 10_000, campaign
	}
	start := e.ms / size * size
	if (start+size)*1000+o.q.emit.Lateness <= watermark {
		o.late(operator, watermark, start, size, campaign, e)
		return
	}
	k := [2]any{key, start}
	if o.sums[k] == nil {
		o.sums[k] = &[2]int64{}
	}
	o.sums[k][0]++
	o.sums[k][1] += e.n
}

func (o *lateOracle) late(operator string, watermark, start, size int64, campaign string, e simEvent) {
	null := "NULL"
	row := map[string]any{"sink": o.q.late, "ad": null, "kind": null, "n": null, "price": null, "tags": null, "ads_ad": null, "campaign": null, "weight": e.n,
		"ts": e.ms * 1000, "_operator": operator, "_topic": simTopic, "_partition": e.partition, "_offset": e.at,
		"_event_time": e.ms * 1000, "_watermark": watermark, "_window_start": start * 1000, "_window_end": (start + size) * 1000}
	if operator[:3] == "ten" {
		row["ad"], row["kind"], row["n"], row["price"], row["ads_ad"], row["campaign"], row["weight"] = e.ad, e.kind, e.n, e.price, e.ad, campaign, null
		if tags := e.tags(); tags != nil {
			text, _ := json.Marshal(tags)
			row["tags"] = string(text)
		} else if e.n%2 == 0 {
			row["tags"] = "[]"
		}
	}
	var pairs []any
	for k, v := range row {
		pairs = append(pairs, k, v)
	}
	o.rows = append(o.rows, newSimRow(pairs...))
}

// TestLateRows: all lives give the late rows that their cuts mean, and enough of them.
func TestLateRows(t *testing.T) {
	w := newWorld(t, simSeed(t))
	w.fillLate(600)
	w.mustRun(w.job(late, flushing, rowsMax(90)))
	w.wantRows("late rows", w.expected(late), equalRows)
	rows := map[string]int{}
	for _, r := range w.rows() {
		for _, sink := range []string{"late", "lake", "clicks"} {
			if r.has("sink", sink) {
				rows[sink]++
			}
		}
	}
	counted := int64(0)
	for _, p := range w.reports {
		counted += p.NumRowsLate
	}
	if rows["late"] < 10 || rows["lake"] == 0 || rows["clicks"] == 0 || counted != int64(rows["late"]) {
		t.Errorf("rows of the sinks: %v; counted %d late", rows, counted)
	}
}

// has reports whether the row has the value.
func (r simRow) has(column, value string) bool {
	return strings.Contains(" "+r.text, " "+column+"="+value+" ")
}
