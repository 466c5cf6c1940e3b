package batch

import (
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/millrace/millrace/dstream"
	"github.com/millrace/millrace/offsets"
	"github.com/millrace/millrace/windows"
)

// wholeIdleAfter is how long a partition is silent until no window waits for it, in µs.
const wholeIdleAfter = 4_000_000

// simulated has a sink of each kind, and a side output: copies of rows in a topic, counts in windows in files, and the rows
// that were too late for their window in files too.
var simulated = simQuery{name: "simulated", late: "late", fromLog: wholeRows, graph: wholeGraph}

func wholeGraph(g *dstream.Graph) {
	g.From("events").Filter(col("n").Ge(dstream.Int(400))).Select(col("ad"), col("n"), col("ts")).To("copies")
	addView(g, "clean", views(g).Select(col("events.ad"), col("campaign"), col("n"), col("ts")))
	g.From("clean").Window(dstream.Tumbling("ts", 10*time.Second, 0)).GroupBy(col("ad"), col("window_start")).
		Agg(dstream.Count().As("views"), dstream.Sum(col("n")).As("n")).To("lake")
	if err := g.LateRows("late", dstream.Pos{}); err != nil {
		panic(err)
	}
}

// simulatedPlan is its plan, made once: nothing changes it.
var simulatedPlan = sync.OnceValues(func() (*dstream.Plan, error) {
	plan, err := simQuery{graph: wholeGraph}.plan()
	if err == nil {
		plan.Sources[0].Bounds.IdleAfter = wholeIdleAfter
	}
	return plan, err
})

// wholeOracle goes through the batches that the log has, event by event, and takes nothing from it but what is a fact: which
// offsets a batch has, and which partitions were idle when it was planned. Watermarks, windows and what is late it works out
// by itself.
type wholeOracle struct {
	*lateOracle
	plan      *dstream.Plan
	reached   map[int32]int64 // the next offset, by partition
	at        map[int32]int64 // watermark by partition
	watermark int64           // of the source
	operator  int64           // of the window
	counts    map[wholeKey]*simGroup
	seen      int
}

// wholeKey is a group of the window.
type wholeKey struct {
	ad    string
	start int64 // ms
}

// wholeRows gives the rows that the batches of the log mean, and fails the test where it says something else of watermarks, or
// an event is in none of them.
func wholeRows(l *lateOracle) {
	plan, err := simulatedPlan()
	if err != nil {
		l.w.t.Fatal(err)
	}
	o := &wholeOracle{lateOracle: l, plan: plan, reached: map[int32]int64{}, at: map[int32]int64{}, watermark: windows.NoWatermark, operator: windows.NoWatermark,
		counts: map[wholeKey]*simGroup{}}
	for _, b := range l.batches {
		o.batch(b)
	}
	if o.seen != len(l.w.events) {
		l.w.t.Errorf("%d of %d events are in a batch of the log", o.seen, len(l.w.events))
	}
	for k, g := range o.counts {
		l.rows = append(l.rows, newSimRow("sink", "lake", "ad", k.ad, "window_start", k.start*1000, "views", g.views, "n", g.n))
	}
}

func (o *wholeOracle) batch(b loggedBatch) {
	name := o.plan.Exchanges[0].Name
	if got, ok := b.planned.Before.Operators[name]; ok && got != o.operator {
		o.w.t.Errorf("batch %d is planned with watermark %d of %s, want %d", b.planned.Batch, got, name, o.operator)
	}
	for _, r := range b.planned.Ranges {
		if r.From != o.reached[r.Partition] {
			o.w.t.Errorf("batch %d goes on at offset %d of partition %d, want %d", b.planned.Batch, r.From, r.Partition, o.reached[r.Partition])
		}
		o.reached[r.Partition] = r.Until
	}
	for _, e := range o.w.events {
		if slices.ContainsFunc(b.planned.Ranges, func(r offsets.Range) bool { return r.Partition == e.partition && e.at >= r.From && e.at < r.Until }) {
			o.event(e, name)
		}
	}
	o.advance(b.planned)
	if got := b.committed.After; got.Operators[name] != o.operator || got.Sources["events"].Watermark != o.watermark {
		o.w.t.Errorf("batch %d ends with watermarks %s, want %d and %d", b.planned.Batch, got.describe(), o.watermark, o.operator)
	}
}

// event is one row of a batch.
func (o *wholeOracle) event(e simEvent, operator string) {
	o.seen++
	if at, ok := o.at[e.partition]; !ok || at < e.ms*1000-simDisorder {
		o.at[e.partition] = e.ms*1000 - simDisorder
	}
	if e.n >= 400 {
		o.rows = append(o.rows, newSimRow("sink", "copies", "ad", e.ad, "n", e.n, "ts", e.ms*1000))
	}
	campaign, known := o.ads[e.ad]
	if e.kind != "view" || !known {
		return
	}
	start := e.ms / 10_000 * 10_000
	if (start+10_000)*1000 <= o.operator {
		o.rows = append(o.rows, newSimRow("sink", "late", "ad", e.ad, "campaign", campaign, "n", e.n, "ts", e.ms*1000, "_operator", operator, "_topic", simTopic,
			"_partition", e.partition, "_offset", e.at, "_event_time", e.ms*1000, "_watermark", o.operator, "_window_start", start*1000, "_window_end", (start+10_000)*1000))
		return
	}
	k := wholeKey{e.ad, start}
	if o.counts[k] == nil {
		o.counts[k] = &simGroup{}
	}
	o.counts[k].views++
	o.counts[k].n += e.n
}

// advance moves the watermarks behind a batch: the least over the partitions that are not idle, or the greatest if all are.
func (o *wholeOracle) advance(p *Planned) {
	least, most, busy := int64(windows.MaxWatermark), int64(windows.NoWatermark), false
	for _, m := range p.Before.Sources["events"].Partitions {
		at, ok := o.at[m.Partition]
		if !ok {
			at = windows.NoWatermark
		}
		most = max(most, at)
		if !m.Idle {
			least, busy = min(least, at), true
		}
	}
	if !busy {
		least = most
	}
	o.watermark = max(o.watermark, least)
	if p.Final {
		o.watermark = windows.MaxWatermark
	}
	o.operator = max(o.operator, o.watermark)
}

// distribution is how often each value came.
type distribution map[int]int

// String is the least, the median and the greatest value.
func (d distribution) String() string {
	values := slices.Sorted(maps.Keys(d))
	if len(values) == 0 {
		return "none"
	}
	return fmt.Sprintf("%d … %d … %d", values[0], d.median(), values[len(values)-1])
}

func (d distribution) median() int {
	all, below := 0, 0
	for _, n := range d {
		all += n
	}
	for _, v := range slices.Sorted(maps.Keys(d)) {
		if below += d[v]; 2*below >= all {
			return v
		}
	}
	return 0
}
