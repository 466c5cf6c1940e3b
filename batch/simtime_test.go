package batch

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/millrace/millrace/dstream"
	"github.com/millrace/millrace/offsets"
	"github.com/millrace/millrace/windows"
)

// counted counts the events of an ad in windows of ten seconds.
var counted = simQuery{name: "counted", stream: func(g *dstream.Graph) *dstream.Stream {
	return g.From("events").Window(dstream.Tumbling("ts", 10*time.Second, 0)).
		GroupBy(col("ad"), col("window_start")).Agg(dstream.Count().As("views"))
}}

// timeWorld is a world with two partitions whose rows go to memory.
func timeWorld(t *testing.T) *world {
	w := newWorld(t, simSeed(t))
	w.source.Create(simTopic, 2)
	return w
}

// at appends events of ad "a" at these seconds after simStart.
func (w *world) at(partition int32, seconds ...int64) {
	for _, s := range seconds {
		w.append(simEvent{partition: partition, ms: simStart.UnixMilli() + s*1000, ad: "a", kind: "view"})
	}
}

func (w *world) countedJob(change ...func(*Job)) *Job {
	return w.job(counted, append([]func(*Job){w.inMemory}, change...)...)
}

// wantWindows checks the windows emitted so far: pairs of a start in seconds after simStart and a count.
func (w *world) wantWindows(what string, pairs ...int) {
	w.t.Helper()
	var want []string
	for i := 0; i < len(pairs); i += 2 {
		start := simStart.Add(time.Duration(pairs[i]) * time.Second)
		want = append(want, fmt.Sprintf(`{"ad":"a","window_start":"%s","views":%d}`, start.Format(time.RFC3339), pairs[i+1]))
	}
	got := w.memory.Rows()
	slices.Sort(got)
	if slices.Sort(want); !slices.Equal(got, want) {
		w.t.Errorf("%s: rows %q, want %q", what, got, want)
	}
}

// records is how many records the log has.
func (w *world) records() int {
	w.t.Helper()
	in, err := w.inspect()
	if err != nil {
		w.t.Fatal(err)
	}
	return len(in.Entries)
}

// ticks ends a continuous run behind the n-th wait; before each wait ends, do is called.
func ticks(w *world, n int, do func(tick int)) func(*Options) {
	return func(o *Options) {
		stop := make(chan struct{})
		o.Stop = stop
		w.clock.waits, w.clock.onWait = 0, func(tick int) {
			if do != nil {
				do(tick)
			}
			if tick == n {
				close(stop)
			}
		}
	}
}

// TestIdlePartitionsContinuous closes a window when the partitions have been silent for idle_after since the first
// trigger that found them so, and writes nothing in a thousand triggers that would change nothing.
func TestIdlePartitionsContinuous(t *testing.T) {
	w := timeWorld(t)
	w.at(0, 1, 31)
	w.at(1, 5)
	w.mustRun(w.countedJob(continuous), ticks(w, 1000, func(tick int) {
		if tick == 31 { // 31 s; the trigger at 1 s was the first to find nothing
			w.wantWindows("before idle_after is over")
		}
		if tick == 32 {
			w.wantWindows("when all partitions are idle", 0, 2)
		}
	}))
	w.wantWindows("in the end", 0, 2)
	if n := w.records(); n != 5 { // Opened, twice Planned and Committed
		t.Errorf("%d records in the log after 1,000 triggers, want 5", n)
	}
	if last := w.reports[len(w.reports)-1]; last.NumInputRows != 0 || last.Timestamp != simStart.Add(31*time.Second).Format(time.RFC3339) {
		t.Errorf("the window was closed by %d records at %s", last.NumInputRows, last.Timestamp)
	}
	t.Logf("%d triggers, %d log records, %d batches", w.clock.waits, w.records(), len(w.reports))

	w.mustRun(w.countedJob(continuous), ticks(w, 20, nil)) // a new epoch starts the idle clocks anew
	if n := w.records(); n != 5 {
		t.Errorf("%d records in the log after a run without work, want 5", n)
	}
}

// TestIdlePartitionHoldsNothingBack has one partition silent while the other goes on.
func TestIdlePartitionHoldsNothingBack(t *testing.T) {
	w := timeWorld(t)
	w.at(0, 1)
	w.at(1, 5)
	w.mustRun(w.countedJob(continuous), ticks(w, 40, func(tick int) {
		if tick == 31 {
			w.wantWindows("before the silent partition is idle")
		}
		w.at(0, int64(tick)+10)
	}))
	w.wantWindows("in the end", 0, 2, 10, 9, 20, 10, 30, 10)
	w.at(1, 6) // it speaks again, too late
	w.mustRun(w.countedJob(continuous), ticks(w, 1, nil))
	if last := w.reports[len(w.reports)-1]; last.NumRowsLate != 1 {
		t.Errorf("%d late rows, want 1", last.NumRowsLate)
	}
	w.wantWindows("after a late row", 0, 2, 10, 9, 20, 10, 30, 10)
}

// TestPauseIsNoSilence starts a driver long after the last one stopped: a partition is idle only when this driver has
// found it silent long enough.
func TestPauseIsNoSilence(t *testing.T) {
	w := timeWorld(t)
	w.at(0, 1)
	w.at(1, 5)
	more := func(tick int) { w.at(0, int64(len(w.events))+10) }
	w.mustRun(w.countedJob(continuous), ticks(w, 29, more))
	w.clock.now = w.clock.now.Add(time.Hour)
	w.mustRun(w.countedJob(continuous), ticks(w, 33, func(tick int) {
		more(tick)
		if tick == 30 {
			w.wantWindows("before the silent partition is idle")
		}
	}))
	if rows := w.memory.Rows(); len(rows) == 0 {
		t.Error("the silent partition holds everything back")
	}
}

// TestIdlePartitionsAvailableNow judges silence by plan time, from run to run, and waits for nobody.
func TestIdlePartitionsAvailableNow(t *testing.T) {
	w := timeWorld(t)
	w.at(0, 1, 31)
	w.at(1, 5)
	w.mustRun(w.countedJob())
	before := w.records()
	w.clock.now = simStart.Add(30*time.Second - time.Microsecond)
	w.mustRun(w.countedJob())
	if n := w.records(); n != before {
		t.Errorf("a run without work wrote %d records", n-before)
	}
	w.wantWindows("one microsecond before")
	w.clock.now = simStart.Add(30 * time.Second)
	w.mustRun(w.countedJob())
	w.wantWindows("when idle_after is over", 0, 2)
}

// TestIdlenessInTheSameRun follows the last records with an empty batch when silence closes something by then.
func TestIdlenessInTheSameRun(t *testing.T) {
	w := timeWorld(t)
	w.at(0, 1, 11, 35)
	w.at(1, 5)
	w.source.Create("other", 0) // a topic without partitions is no obstacle
	slow := &hooks{partitions: func() error { w.clock.now = w.clock.now.Add(15 * time.Second); return nil }}
	w.mustRun(w.countedJob(rowsMax(2), hooked(slow)))
	w.wantWindows("in the end", 0, 2, 10, 1)
	if last := w.reports[len(w.reports)-1]; last.NumInputRows != 0 {
		t.Errorf("the last batch read %d records, want an empty one", last.NumInputRows)
	}
}

// TestRecordsWithoutUsableTime counts what moves no watermark and reaches no window.
func TestRecordsWithoutUsableTime(t *testing.T) {
	w := timeWorld(t)
	limit := windows.Bounds{MaxDisorder: simDisorder, IdleAfter: 30_000_000, MaxFuture: 300_000_000}
	w.at(0, 1, 300)                                                  // exactly max_future ahead of the plan time
	w.appendRaw(0, []byte(`{"ad":"a","ts":null}`))                   // NULL
	w.appendRaw(0, []byte(`{"ad":"a"}`))                             // missing
	w.appendRaw(0, []byte(`{"ad":"a","n":"x","ts":99999999999999}`)) // bad, though its time could be read
	w.appendRaw(0, nil)                                              // tombstone
	far := simStart.UnixMilli() + 300_001
	w.appendRaw(0, fmt.Appendf(nil, `{"ad":"a","ts":%d}`, far))
	w.at(1, 299)
	w.mustRun(w.countedJob(bounds(limit), skipBad))
	p := w.reports[0]
	if p.NumRowsBad != 4 || p.NumRowsTombstone != 1 || p.NumInputRows != 8 {
		t.Errorf("%d bad, %d tombstones of %d records; want 4, 1 of 8", p.NumRowsBad, p.NumRowsTombstone, p.NumInputRows)
	}
	if want := simStart.Add(297 * time.Second).Format(time.RFC3339); p.EventTime["watermark"] != want {
		t.Errorf("watermark %s, want %s", p.EventTime["watermark"], want)
	}
	w.wantWindows("by the watermark", 0, 1)
	w.appendRaw(1, fmt.Appendf(nil, `{"ad":"a","ts":%d}`, far))
	w.mustRun(w.countedJob(bounds(limit), skipBad)) // a batch of nothing else
	w.at(1, 300)
	w.mustRun(w.countedJob(bounds(limit), skipBad, flushing))
	w.wantWindows("behind them", 0, 1, 290, 1, 300, 2)
	wantError[*BadDataError](t, func() error {
		w := timeWorld(t)
		w.at(0, 301)
		return w.run(w.countedJob(bounds(limit)))
	}(), "max_future 5m0s", "events/0 offset 0")
}

// TestFirstBadRecord names the bad record with the least offset, whether the decoder or the look at event times finds it,
// and however many records a fetch brings.
func TestFirstBadRecord(t *testing.T) {
	for _, fetch := range []int{1, 2, 100} {
		w := timeWorld(t)
		w.source.RunMax = fetch
		w.at(0, 1)
		w.appendRaw(0, []byte(`{"ad":"a"}`))
		w.appendRaw(0, []byte(`no JSON`))
		wantError[*BadDataError](t, w.run(w.countedJob()), "events/0 offset 1", "event time is NULL")
	}
}

// TestFlushAndReopen closes all windows, refuses to go on, and goes on when told to: rows of flushed windows are late.
func TestFlushAndReopen(t *testing.T) {
	w := timeWorld(t)
	w.at(0, 1, 12, 13)
	w.at(1, 2, 12)
	w.mustRun(w.countedJob(flushing))
	w.wantWindows("after the flush", 0, 2, 10, 3)
	n := w.records()
	w.mustRun(w.countedJob(flushing)) // asked for again: done
	if w.records() != n {
		t.Errorf("a second flush without records wrote %d records", w.records()-n)
	}
	for _, change := range [][]func(*Job){{}, {continuous}} {
		wantError[*RefusedError](t, w.run(w.countedJob(change...)), "batch 2 flushed", "--reopen")
	}
	w.at(0, 15, 25)
	w.at(1, 26)
	wantError[*RefusedError](t, w.run(w.countedJob(flushing)), "batch 2 flushed", "--reopen")
	w.reports = nil
	w.mustRun(w.countedJob(), reopen)
	if p := w.reports[0]; p.NumRowsLate != 1 || p.EventTime["watermark"] != simStart.Add(23*time.Second).Format(time.RFC3339) {
		t.Errorf("after --reopen %d rows are late with watermark %s; want 1 and 12:00:23", p.NumRowsLate, p.EventTime["watermark"])
	}
	w.at(0, 16, 40)
	w.mustRun(w.countedJob(flushing)) // the flag is needed once
	w.wantWindows("in the end", 0, 2, 10, 3, 20, 2, 40, 1)
	w.mustRun(w.countedJob(flushing), reopen)
	w.wantWindows("reopened for nothing", 0, 2, 10, 3, 20, 2, 40, 1)
}

// TestFlushedWindowsStayClosed has rows of a flushed window come runs and snapshots later, before the watermark is there.
func TestFlushedWindowsStayClosed(t *testing.T) {
	w := timeWorld(t)
	w.at(0, 1, 12)
	w.at(1, 2, 12)
	w.mustRun(w.countedJob(flushing))
	w.mustRun(w.countedJob(), reopen)
	for i := range 3 {
		w.at(0, 13)
		w.reports = nil
		w.mustRun(w.countedJob(), func(o *Options) { o.snapshotEvery = 1 })
		if late := w.reports[0].NumRowsLate; late != 1 {
			t.Errorf("run %d after the flush: %d late rows, want 1", i+1, late)
		}
	}
	w.at(0, 22)
	w.mustRun(w.countedJob(flushing))
	w.wantWindows("in the end", 0, 2, 10, 2, 20, 1)
}

// TestFlushOfAnOpenBatch dies in the middle of the flush; records come before the next run.
func TestFlushOfAnOpenBatch(t *testing.T) {
	for _, test := range []struct {
		name   string
		job    []func(*Job)
		run    []func(*Options)
		refuse bool
		want   []int
	}{
		{"same command", []func(*Job){flushing}, nil, true, []int{0, 2, 10, 2}},
		{"no flush", nil, nil, true, []int{0, 2, 10, 2}},
		{"reopened", nil, []func(*Options){reopen}, false, []int{0, 2, 10, 2}},
		{"flushed and reopened", []func(*Job){flushing}, []func(*Options){reopen}, false, []int{0, 2, 10, 2, 20, 1}},
	} {
		w := timeWorld(t)
		w.at(0, 1, 12)
		w.at(1, 2, 13)
		boom, publishes := fmt.Errorf("the disk is gone"), 0
		err := w.run(w.countedJob(flushing, hooked(&hooks{publish: func() error {
			if publishes++; publishes == 2 {
				return boom
			}
			return nil
		}})))
		if h := w.history(); err == nil || len(h.Open) != 1 || !h.Open[0].Final {
			t.Fatalf("%s: error %v, open %v, want the flush open", test.name, err, h.Open)
		}
		w.at(0, 14, 22)
		err = w.run(w.countedJob(test.job...), test.run...)
		if test.refuse {
			wantError[*RefusedError](t, err, "batch 2 flushed", "--reopen")
		} else if err != nil {
			t.Errorf("%s: %v", test.name, err)
		}
		w.wantWindows(test.name, test.want...)
	}
}

// TestStartLatest reads what comes after the first trigger, however long nothing comes.
func TestStartLatest(t *testing.T) {
	w := timeWorld(t)
	w.at(0, 1, 2, 3)
	latest := func(j *Job) {
		s := j.Sources["events"]
		s.Start = offsets.Latest
		j.Sources["events"] = s
	}
	w.mustRun(w.countedJob(continuous, latest), ticks(w, 20, func(tick int) {
		if tick == 10 {
			w.at(0, 7, 8)
		}
	}))
	w.at(1, 9)
	w.mustRun(w.countedJob(latest, flushing))
	w.wantWindows("in the end", 0, 3)
}
