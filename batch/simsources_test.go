package batch

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/millrace/millrace/dstream"
	"github.com/millrace/millrace/offsets"
)

// countedBoth counts the events of an ad from two sources together.
var countedBoth = simQuery{name: "counted both", more: true, stream: func(g *dstream.Graph) *dstream.Stream {
	return g.From("events").Select(col("ad"), col("ts")).Union(g.From("more").Select(col("ad"), col("ts"))).
		Window(dstream.Tumbling("ts", 10*time.Second, 0)).
		GroupBy(col("ad"), col("window_start")).Agg(dstream.Count().As("views"))
}}

// sourcesWorld has two partitions of events and one of more.
func sourcesWorld(t *testing.T) *world {
	w := timeWorld(t)
	w.more.Create("more-events", 1)
	return w
}

// moreAt appends events of ad "a" to the second source.
func (w *world) moreAt(seconds ...int64) {
	for _, s := range seconds {
		w.append(simEvent{more: true, ms: simStart.UnixMilli() + s*1000, ad: "a"})
	}
}

func (w *world) bothJob(change ...func(*Job)) *Job {
	return w.job(countedBoth, append([]func(*Job){w.inMemory}, change...)...)
}

// sourceOf is what the last batch says of a source.
func (w *world) sourceOf(name string) SourceProgress {
	w.t.Helper()
	last := w.reports[len(w.reports)-1]
	i := slices.IndexFunc(last.Sources, func(s SourceProgress) bool { return s.Name == name })
	if i < 0 {
		w.t.Fatalf("no source %s in %+v", name, last.Sources)
	}
	return last.Sources[i]
}

// TestSlowerSourceHoldsBack closes a window when the source that is behind has passed it.
func TestSlowerSourceHoldsBack(t *testing.T) {
	w := sourcesWorld(t)
	w.at(0, 1, 40)
	w.at(1, 41)
	w.moreAt(2, 11)
	w.mustRun(w.bothJob())
	w.wantWindows("with one source behind")
	op := w.reports[0].StateOperators[0]
	if op.HeldBy != "more" || op.NumWindowsOpen != 3 || op.FirstOpen != "2026-11-22T12:00:00Z" || op.NextClose != "2026-11-22T12:00:10Z" || op.Watermark != "2026-11-22T12:00:09Z" {
		t.Errorf("operator %+v", op)
	}
	if s := w.sourceOf("more"); s.HeldBy != "more-events/0" || s.HeldLastEvent != "2026-11-22T12:00:11Z" || s.HeldMark != "2026-11-22T12:00:09Z" || s.NumInputRows != 2 {
		t.Errorf("source %+v", s)
	}
	if s := w.sourceOf("events"); s.Watermark != "2026-11-22T12:00:38Z" || s.HeldBy != "events/0" || s.NumInputRows != 3 {
		t.Errorf("source %+v", s)
	}
	w.moreAt(12)
	w.mustRun(w.bothJob())
	w.wantWindows("when it has passed a window", 0, 2)
	w.at(0, 3)     // late for its window, though not by its own source
	w.moreAt(3, 8) // late too
	w.mustRun(w.bothJob())
	if late := w.reports[len(w.reports)-1].NumRowsLate; late != 3 {
		t.Errorf("%d rows late, want 3", late)
	}
}

// TestSilentSource does not hold back when it is idle, and does so again when it speaks.
func TestSilentSource(t *testing.T) {
	w := sourcesWorld(t)
	w.at(0, 1)
	w.at(1, 2)
	w.moreAt(3)
	w.mustRun(w.bothJob(continuous), ticks(w, 40, func(tick int) {
		if tick == 31 {
			w.wantWindows("before the silent source is idle")
		}
		w.at(0, int64(tick)+10)
		w.at(1, int64(tick)+10)
	}))
	w.wantWindows("in the end", 0, 3, 10, 18, 20, 20, 30, 20)
	if s := w.sourceOf("more"); !s.Idle || s.HeldBy != "" {
		t.Errorf("silent source %+v", s)
	}
	if s := w.sourceOf("events"); s.Idle {
		t.Errorf("other source %+v", s)
	}
	w.moreAt(44)
	w.at(0, 90)
	w.at(1, 90)
	w.mustRun(w.bothJob(continuous), ticks(w, 1, nil))
	w.wantWindows("when it has spoken", 0, 3, 10, 18, 20, 20, 30, 20)
	if op := w.reports[len(w.reports)-1].StateOperators[0]; op.HeldBy != "more" || op.Watermark != "2026-11-22T12:00:47Z" {
		t.Errorf("operator %+v, want one held by more that has not gone back", op)
	}
}

// TestAllSourcesSilent closes by the greatest watermark of those that ever had a record.
func TestAllSourcesSilent(t *testing.T) {
	w := sourcesWorld(t)
	w.at(0, 1, 33) // the partition 1 and the other source never have a record
	w.mustRun(w.bothJob())
	w.clock.now = simStart.Add(30*time.Second - time.Microsecond)
	w.mustRun(w.bothJob())
	w.wantWindows("one microsecond before")
	w.clock.now = simStart.Add(30 * time.Second)
	w.mustRun(w.bothJob())
	w.wantWindows("when all are idle", 0, 1)
	if p := w.reports[len(w.reports)-1]; p.NumInputRows != 0 || p.EventTime["watermark"] != "2026-11-22T12:00:31Z" {
		t.Errorf("closed by %d records at watermark %s", p.NumInputRows, p.EventTime["watermark"])
	}
}

// TestTwoWindowsCloseInOneBatch has a window over the result of a window close in the batch that closes the first.
func TestTwoWindowsCloseInOneBatch(t *testing.T) {
	w := timeWorld(t)
	q := simQuery{name: "peaks", stream: func(g *dstream.Graph) *dstream.Stream {
		return counted.stream(g).Window(dstream.Tumbling("window_time", 20*time.Second, 0)).
			GroupBy(col("ad"), col("window_start")).Agg(dstream.Max(col("views")).As("views"))
	}}
	w.at(0, 1, 12, 13, 21)
	w.at(1, 2, 3, 15, 21)
	w.mustRun(w.job(q, w.inMemory))
	w.wantWindows("while [0 s, 20 s) is open")
	w.at(0, 22)
	w.at(1, 22)
	w.mustRun(w.job(q, w.inMemory))
	w.wantWindows("in the batch that moves the watermark to 20 s", 0, 3)
	if n := len(w.reports); n != 2 || w.reports[1].StateOperators[1].Watermark != "2026-11-22T12:00:20Z" {
		t.Errorf("%d batches, operators %+v", n, w.reports[n-1].StateOperators)
	}
}

// TestLimitOverSources shares the limit over the partitions of all sources by lag.
func TestLimitOverSources(t *testing.T) {
	w := sourcesWorld(t)
	for i := range int64(60) {
		w.at(int32(i%2), i)
	}
	for i := range int64(20) {
		w.moreAt(i)
	}
	w.mustRun(w.bothJob(rowsMax(40)), stopAfter(1))
	got := fmt.Sprint(w.planned(1).Ranges)
	if a, b := w.sourceOf("events").NumInputRows, w.sourceOf("more").NumInputRows; a != 30 || b != 10 {
		t.Errorf("%d and %d records of 60 and 20 with a limit of 40: %s", a, b, got)
	}
}

// TestSourceComesLater adds a source to a job that has run: it is read from its start, the others from where they stand.
func TestSourceComesLater(t *testing.T) {
	w := sourcesWorld(t)
	w.at(0, 1)
	w.at(1, 2)
	w.moreAt(3)
	one := simQuery{name: "counted both", stream: func(g *dstream.Graph) *dstream.Stream { return counted.stream(g) }}
	w.mustRun(w.job(one, w.inMemory))
	w.mustRun(w.bothJob(flushing))
	w.wantWindows("with both", 0, 3)
	refused := wantError[*RefusedError](t, w.run(w.job(one, w.inMemory), reopen), `has read the source "more" (topic "more-events"), which the job no longer reads`, "put it back")
	t.Log(refused)
}

// TestLatestOfOneSource settles where a source begins that starts with the latest records, whether or not another has any.
func TestLatestOfOneSource(t *testing.T) {
	w := sourcesWorld(t)
	w.moreAt(1, 2, 3)
	latest := func(j *Job) {
		s := j.Sources["more"]
		s.Start = offsets.Latest
		j.Sources["more"] = s
	}
	w.mustRun(w.bothJob(latest, continuous), ticks(w, 3, func(tick int) {
		if tick == 1 {
			w.moreAt(4, 5)
			w.at(0, 6)
		}
	}))
	w.mustRun(w.bothJob(latest, flushing))
	w.wantWindows("in the end", 0, 3)
}

// TestOneTopicTwice skips a record in both sources that read it, each when it comes to it.
func TestOneTopicTwice(t *testing.T) {
	w := timeWorld(t)
	w.at(0, 1, 2, 3)
	same := func(j *Job) { j.Sources["more"] = j.Sources["events"] }
	w.mustRun(w.bothJob(same, skipping("events/0/1"), rowsMax(2), flushing))
	w.wantWindows("two of three, twice", 0, 4)
	var skips []string
	in, err := w.inspect()
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range in.Entries {
		if p, ok := e.Record.(*Planned); ok {
			for _, s := range p.Skip {
				skips = append(skips, fmt.Sprintf("batch %d %s", p.Batch, s))
			}
		}
	}
	if len(skips) == 0 || len(w.warned) > 0 {
		t.Errorf("skips %v, warned %q", skips, w.warned)
	}
	for _, p := range w.reports {
		for _, s := range p.Sources {
			if s.NumInputRows > 0 && !strings.HasPrefix(s.HeldBy, "events/") {
				t.Errorf("batch %d: source %+v", p.BatchID, s)
			}
		}
	}
}

// TestWindowsAfterTheWholeInput has windows come behind a flush of groups without a window, which closed none of them.
func TestWindowsAfterTheWholeInput(t *testing.T) {
	w := timeWorld(t)
	w.at(0, 1)
	w.at(1, 1)
	all := simQuery{name: "all", bounded: true, stream: func(g *dstream.Graph) *dstream.Stream {
		return g.From("events").GroupBy(col("ad")).Agg(dstream.Count().As("views"))
	}}
	w.mustRun(w.job(all, w.inMemory, flushing))
	w.at(0, 15, 40)
	w.at(1, 16, 40)
	w.mustRun(w.countedJob(), reopen)
	if late := w.reports[len(w.reports)-1].NumRowsLate; late != 0 {
		t.Errorf("%d rows late", late)
	}
	if rows := w.memory.Rows(); !slices.Equal(rows, []string{`{"ad":"a","views":2}`, `{"ad":"a","window_start":"2026-11-22T12:00:10Z","views":2}`}) {
		t.Errorf("rows %q", rows)
	}
}

// TestWindowsBehindTheWholeInput has windows over groups without one: none of their rows is late, whatever the watermark
// of the source was before the input ended.
func TestWindowsBehindTheWholeInput(t *testing.T) {
	w := timeWorld(t)
	q := simQuery{name: "first views", bounded: true, stream: func(g *dstream.Graph) *dstream.Stream {
		return g.From("events").GroupBy(col("n")).Agg(dstream.Min(col("ts")).As("first"), dstream.Max(col("ad")).As("ad")).
			Window(dstream.Tumbling("first", 10*time.Second, 0)).GroupBy(col("ad"), col("window_start")).Agg(dstream.Count().As("views"))
	}}
	w.at(0, 1, 50)
	w.at(1, 2, 50)
	w.mustRun(w.job(q, w.inMemory))
	w.at(0, 60)
	w.mustRun(w.job(q, w.inMemory))
	w.wantWindows("before the end")
	w.mustRun(w.job(q, w.inMemory, flushing))
	w.wantWindows("at the end", 0, 1)
	if p := w.reports[1]; p.StateOperators[1].Watermark != "none" || p.EventTime["watermark"] != "2026-11-22T12:00:48Z" {
		t.Errorf("watermark %s behind groups without a window, %s of the job", p.StateOperators[1].Watermark, p.EventTime["watermark"])
	}
}

// TestLatestOfALaterSource settles where a source begins that comes to a job with positions of its own.
func TestLatestOfALaterSource(t *testing.T) {
	w := sourcesWorld(t)
	w.at(0, 1)
	w.at(1, 2)
	w.moreAt(3)
	one := simQuery{name: "counted both", stream: func(g *dstream.Graph) *dstream.Stream { return counted.stream(g) }}
	w.mustRun(w.job(one, w.inMemory))
	latest := func(j *Job) {
		s := j.Sources["more"]
		s.Start = offsets.Latest
		j.Sources["more"] = s
	}
	w.mustRun(w.bothJob(latest, continuous), ticks(w, 3, func(tick int) {
		if tick == 2 {
			w.moreAt(4)
		}
	}))
	w.mustRun(w.bothJob(latest, flushing))
	w.wantWindows("in the end", 0, 3)
}

// TestTopicsOfOneName are two topics of two sources: what happens to one says nothing about the other.
func TestTopicsOfOneName(t *testing.T) {
	w := timeWorld(t)
	w.at(0, 1, 2, 3)
	add := func(seconds int64) {
		e := simEvent{ms: simStart.UnixMilli() + seconds*1000, ad: "a"}
		w.more.Append(simTopic, 0, offsets.MemoryRecord{Value: e.json()})
	}
	add(4)
	w.mustRun(w.bothJob())
	w.more.SetEpoch(simTopic, 0, 5) // an election behind the only record
	add(5)
	w.mustRun(w.bothJob())
	w.mustRun(w.bothJob(flushing))
	w.wantWindows("in the end", 0, 5)
}

// TestWholeInputOfNothing gives the aggregates of nothing once, at the end of an input without records.
func TestWholeInputOfNothing(t *testing.T) {
	w := timeWorld(t)
	q := simQuery{name: "count", bounded: true, stream: func(g *dstream.Graph) *dstream.Stream {
		return g.From("events").GroupBy().Agg(dstream.Count().As("records"), dstream.Max(col("n")).As("most"))
	}}
	w.mustRun(w.job(q, w.inMemory))
	if rows := w.memory.Rows(); len(rows) > 0 {
		t.Errorf("rows %q before the end of the input", rows)
	}
	for range 2 {
		w.mustRun(w.job(q, w.inMemory, flushing))
	}
	w.mustRun(w.job(q, w.inMemory, flushing), reopen) // the group came out already
	if rows := w.memory.Rows(); !slices.Equal(rows, []string{`{"records":0,"most":null}`}) {
		t.Errorf("rows %q", rows)
	}
	w.at(0, 1)
	w.mustRun(w.job(q, w.inMemory, flushing), reopen)
	if late := w.reports[len(w.reports)-2].NumRowsLate; late != 1 || len(w.memory.Rows()) != 1 {
		t.Errorf("%d rows late behind the end of the input, rows %q", late, w.memory.Rows())
	}
}
