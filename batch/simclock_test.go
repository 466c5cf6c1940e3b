package batch

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/millrace/millrace/dstream"
	"github.com/millrace/millrace/internal/store/storetest"
)

// countedNow counts the events of an ad in windows of ten seconds of processing time.
var countedNow = simQuery{name: "counted now", stream: func(g *dstream.Graph) *dstream.Stream {
	return g.From("events").Window(dstream.Tumbling("", 10*time.Second, 0).ProcessingTime()).
		GroupBy(col("ad"), col("window_start")).Agg(dstream.Count().As("views"))
}}

func (w *world) nowJob(change ...func(*Job)) *Job {
	return w.job(countedNow, append([]func(*Job){w.inMemory}, change...)...)
}

// TestProcessingTime puts rows in the window in which their batch was planned, whatever their own time, closes windows by
// the clock, with a batch without records when there is nothing to read, and plans nothing while no window is due.
func TestProcessingTime(t *testing.T) {
	w := timeWorld(t)
	w.at(0, 1, 500) // planned at 0 s
	w.at(1, -900)
	w.mustRun(w.nowJob(continuous), ticks(w, 100, func(tick int) {
		switch tick {
		case 3: // planned at 3 s
			w.at(0, 7)
		case 10: // 9 s are over: the tick at 10 s is still to come
			w.wantWindows("before the end of the first window")
		case 11:
			w.wantWindows("when the clock is at its end", 0, 4)
		case 20: // planned at 20 s
			w.at(0, 2, 3)
		}
	}))
	w.wantWindows("in the end", 0, 4, 20, 2)
	if n := w.records(); n != 1+2*5 { // Opened, and five batches: with records at 0, 3 and 20 s, closing ones at 10 and 30 s
		t.Errorf("%d log records", n)
	}
	for _, p := range w.reports {
		if p.NumRowsLate > 0 {
			t.Errorf("%d rows are late for windows of processing time", p.NumRowsLate)
		}
	}
	op := w.reports[0].StateOperators[0]
	if op.HeldBy != "" || op.Watermark != "2026-11-22T12:00:00Z" || op.NextClose != "2026-11-22T12:00:10Z" {
		t.Errorf("operator %+v", op)
	}
}

// TestProcessingTimeCatchingUp leaves the window that is not over in the state of an available-now run; the next run, which
// finds nothing to read, closes it when it is over by then, and a flush closes it anyway.
func TestProcessingTimeCatchingUp(t *testing.T) {
	w := timeWorld(t)
	w.at(0, 1, 2)
	w.mustRun(w.nowJob())
	w.clock.now = w.clock.now.Add(4 * time.Second)
	w.mustRun(w.nowJob())
	w.wantWindows("before the window is over")
	w.clock.now = w.clock.now.Add(6 * time.Second)
	w.mustRun(w.nowJob())
	w.wantWindows("when it is over", 0, 2)
	w.at(1, 3)
	w.mustRun(w.nowJob(flushing))
	w.wantWindows("flushed", 0, 2, 10, 1)
}

// TestProcessingTimeRerun lets the process die at every change of the disk in turn, and the clock go on before the next one
// starts: a batch that runs again has the time of its plan.
func TestProcessingTimeRerun(t *testing.T) {
	const life = 25 // seconds until the next one
	planned, anew := 0, 0
	for at := 1; ; at++ {
		w := timeWorld(t)
		w.at(0, 1, 2)
		w.disk.StopAfter(at)
		err := w.run(w.job(countedNow, flushing))
		if err == nil {
			break
		}
		if !errors.Is(err, storetest.ErrPower) {
			t.Fatal(err)
		}
		w.disk.Restart()
		w.clock.now = w.clock.now.Add(life * time.Second)
		w.mustRun(w.job(countedNow, flushing))
		first := w.firstPlan()
		start := first - first%10_000_000
		w.wantRows(fmt.Sprintf("death at operation %d", at), []simRow{newSimRow("ad", "a", "window_start", start, "views", int64(2))}, equalRows)
		if first == simStart.UnixMicro() {
			planned++
		} else {
			anew++
		}
	}
	t.Logf("%d deaths behind the plan of the batch, %d in front of it", planned, anew)
	if planned == 0 || anew == 0 {
		t.Error("the deaths miss one of the two cases")
	}
}

// firstPlan is the plan time of the first batch.
func (w *world) firstPlan() int64 {
	w.t.Helper()
	in, err := w.inspect()
	if err != nil {
		w.t.Fatal(err)
	}
	for _, e := range in.Entries {
		if p, ok := e.Record.(*Planned); ok {
			return p.At
		}
	}
	w.t.Fatal("no batch was planned")
	return 0
}

// TestProcessingTimeTwice windows the result of windows of processing time.
func TestProcessingTimeTwice(t *testing.T) {
	w := timeWorld(t)
	w.at(0, 1)
	job := w.job(simQuery{name: "counted twice", stream: func(g *dstream.Graph) *dstream.Stream {
		return countedNow.stream(g).Window(dstream.Tumbling("window_time", 30*time.Second, 0)).
			GroupBy(col("ad"), col("window_start")).Agg(dstream.Sum(col("views")).As("views"))
	}}, w.inMemory, continuous)
	w.mustRun(job, ticks(w, 60, func(tick int) {
		if tick == 15 {
			w.at(0, 9, 9)
		}
		if tick == 30 {
			w.wantWindows("before both have closed")
		}
	}))
	w.wantWindows("in the end", 0, 3)
}
