package batch

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/millrace/millrace/dstream"
	"github.com/millrace/millrace/windows"
)

// overlapping are windows of which every row is in several, by ad.
func overlapping(name string, emit windows.Emission, window dstream.WindowSpec) simQuery {
	return simQuery{name: name, emit: emit, stream: func(g *dstream.Graph) *dstream.Stream {
		return g.From("events").Window(window).GroupBy(col("ad"), col("window_start"), col("window_end")).Agg(dstream.Count().As("views"))
	}}
}

// wantSpans checks the results so far: start and end in seconds behind simStart, then the count.
func (w *world) wantSpans(what string, want ...string) {
	w.t.Helper()
	got := []string{}
	seconds := func(us int64) int64 { return (us - simStart.UnixMicro()) / 1_000_000 }
	for _, r := range w.rows() {
		got = append(got, fmt.Sprintf("%d-%d: %d", seconds(r.int(w.t, "window_start")), seconds(r.int(w.t, "window_end")), r.int(w.t, "views")))
	}
	slices.Sort(got)
	if slices.Sort(want); !slices.Equal(got, want) {
		w.t.Errorf("%s: windows %q, want %q", what, got, want)
	}
}

// TestReopenedWindowsClose: behind a flush that is taken back, windows close as the watermark passes them, in the run that takes
// it back as in any other, also when that had to finish the flush first. What was flushed stays closed.
func TestReopenedWindowsClose(t *testing.T) {
	hop, step := dstream.Sliding("ts", 10*time.Second, 5*time.Second, 0), dstream.Cumulative("ts", 10*time.Second, 5*time.Second, 0)
	changes := windows.Emission{Changelog: true, Lateness: 60_000_000}
	for _, test := range []struct {
		query          simQuery
		flushed, later []string
	}{
		{overlapping("hops", windows.Emission{}, hop), []string{"-5-5: 2", "0-10: 2"}, []string{"5-15: 2", "10-20: 3", "15-25: 1"}},
		{overlapping("hops that change", changes, hop), []string{"-5-5: 2", "0-10: 2"}, []string{"5-15: 2", "10-20: 3", "15-25: 1"}},
		{overlapping("steps", windows.Emission{}, step), []string{"0-5: 2", "0-10: 2"}, []string{"10-15: 2", "10-20: 3"}},
		{overlapping("steps that change", changes, step), []string{"0-5: 2", "0-10: 2"}, []string{"10-15: 2", "10-20: 3"}},
	} {
		for _, dies := range []bool{false, true} {
			what := fmt.Sprintf("%s, the flush dies: %v", test.query.name, dies)
			w := timeWorld(t)
			w.at(0, 1)
			w.at(1, 2)
			job := func(change ...func(*Job)) *Job {
				return w.job(test.query, append(change, bounds(windows.Bounds{MaxFuture: -1}))...)
			}
			w.flushOr(job, dies)
			w.at(0, 3, 11, 16) // the first is late
			w.at(1, 12, 26)
			w.at(0, 26)
			w.mustRun(job(), reopen)
			w.wantSpans(what, append(slices.Clone(test.flushed), test.later...)...)
			if p := w.reports[len(w.reports)-1]; p.NumRowsLate != 1 {
				t.Errorf("%s: %d late rows, want 1", what, p.NumRowsLate)
			}
			w.wantBalance(what)
		}
	}
}

// flushOr flushes a job, or dies in the middle of the flush.
func (w *world) flushOr(job func(...func(*Job)) *Job, dies bool) {
	w.t.Helper()
	if !dies {
		w.mustRun(job(flushing))
		return
	}
	w.mustRun(job())
	if err := w.run(job(flushing, hooked(&hooks{prepare: failAt(1)}))); !errors.Is(err, errNetwork) {
		w.t.Fatalf("flush: %v, want the fault", err)
	}
	if h := w.history(); len(h.Open) != 1 || !h.Open[0].Final {
		w.t.Fatalf("open: %v, want the flush", h.Open)
	}
}

// TestReopenedDaysKeepTheirRules: state that is restored anew within a run goes by the rules of its plans.
func TestReopenedDaysKeepTheirRules(t *testing.T) {
	w := newWorld(t, simSeed(t))
	at := func(day, hour int) {
		w.append(simEvent{ms: time.Date(2026, 11, day, hour, 30, 0, 0, time.UTC).UnixMilli(), ad: "a0", kind: "view", n: 1})
	}
	days := simQuery{name: "days of a join", stream: func(g *dstream.Graph) *dstream.Stream {
		return views(g).Window(dstream.Calendar("ts", 1, windows.Day, "Asia/Tokyo", 0)).
			GroupBy(col("window_start"), col("window_end")).Agg(dstream.Sum(col("n")).As("n"))
	}}
	job := func(change ...func(*Job)) *Job {
		return w.job(days, append(change, bounds(windows.Bounds{MaxFuture: -1}))...)
	}
	at(20, 10)
	w.mustRun(job(), zoneRules(t, -1))
	if err := w.run(job(flushing, hooked(&hooks{prepare: failAt(1)})), zoneRules(t, -1)); !errors.Is(err, errNetwork) {
		t.Fatal(err)
	}
	at(21, 10)
	at(22, 0) // the 21st ends at 1:00
	w.mustRun(job(), zoneRules(t, -1), reopen)
	if n := len(w.rows()); n != 1 {
		t.Errorf("%d days before the second has ended, want 1", n)
	}
	at(22, 1)
	w.mustRun(job(), zoneRules(t, -1))
	var got []int64
	for _, r := range w.rows() {
		got = append(got, r.int(t, "n"))
	}
	if slices.Sort(got); !slices.Equal(got, []int64{1, 2}) {
		t.Errorf("rows by day: %v, want 1 and 2", got)
	}
}

// TestWatermarkOfFlushedRows: a row that is late because its window was flushed shows the operator's watermark, not how far
// the flush was; NULL when there is none yet.
func TestWatermarkOfFlushedRows(t *testing.T) {
	for name, window := range map[string]dstream.WindowSpec{"tumbling": dstream.Tumbling("ts", 10*time.Second, 0), "sessions": dstream.Session("ts", 10*time.Second)} {
		q := simQuery{name: name, late: "late", emit: windows.Emission{Changelog: true, Lateness: 8_000_000}, graph: func(g *dstream.Graph) {
			g.From("events").Window(window).GroupBy(col("ad"), col("window_start")).Agg(dstream.Count().As("views")).To("lake")
			if err := g.LateRows("late", dstream.Pos{}); err != nil {
				t.Error(err)
			}
		}}
		for _, known := range []bool{false, true} {
			w := timeWorld(t)
			want := "NULL"
			w.at(0, 1, 12)
			if known { // else the second partition holds it back
				w.at(1, 2)
				want = fmt.Sprint(simStart.UnixMicro() + 2_000_000)
			}
			strict := bounds(windows.Bounds{IdleAfter: 30_000_000, MaxFuture: -1})
			w.mustRun(w.job(q, strict, flushing))
			w.at(0, 3)
			w.mustRun(w.job(q, strict), reopen)
			late := slices.DeleteFunc(w.rows(), func(r simRow) bool { return !r.has("sink", "late") })
			if len(late) != 1 || !late[0].has("_watermark", want) {
				t.Errorf("%s: late rows %v, want one at watermark %s", name, late, want)
			}
		}
	}
}
