package batch

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/millrace/millrace/dstream"
	"github.com/millrace/millrace/windows"
)

// simGap is the gap of sessions, in ms: about what lies between two events of an ad, so that many lie just within it, and some
// exactly.
const simGap = 1000

// visits are the sessions of ads, and what of them ended in each minute: the watermark behind sessions is a tick less, or
// those that end with a minute would be late.
var visits = simQuery{
	name: "visits",
	graph: func(g *dstream.Graph) {
		addView(g, "visits", g.From("events").Window(dstream.Session("ts", simGap*time.Millisecond)).
			GroupBy(col("ad"), col("window_start"), col("window_end"), col("window_time")).
			Agg(dstream.Count().As("events"), dstream.Sum(col("price")).As("price"), dstream.Max(col("ts")).As("last")))
		g.From("visits").Select(col("ad"), col("window_start"), col("window_end"), col("events"), col("price"), col("last")).To("lake")
		g.From("visits").Window(dstream.Tumbling("window_time", time.Minute, 0)).GroupBy(col("window_start")).
			Agg(dstream.Count().As("visits"), dstream.Sum(col("events")).As("events")).To("minutes")
	},
	oracle: func(events []simEvent, _ map[string]string) (rows []simRow) {
		type sum struct{ visits, events int64 }
		minutes := map[int64]*sum{}
		for _, v := range simVisits(events) {
			start, last, price := v[0].ms*1000, v[len(v)-1].ms*1000, 0.0
			for _, e := range v {
				price += e.price
			}
			rows = append(rows, newSimRow("sink", "lake", "ad", v[0].ad, "window_start", start, "window_end", last+simGap*1000,
				"events", int64(len(v)), "price", price, "last", last))
			minute := (last + simGap*1000 - 1) / 60_000_000 * 60_000_000
			if minutes[minute] == nil {
				minutes[minute] = &sum{}
			}
			minutes[minute].visits++
			minutes[minute].events += int64(len(v))
		}
		for minute, s := range minutes {
			rows = append(rows, newSimRow("sink", "minutes", "window_start", minute, "visits", s.visits, "events", s.events))
		}
		return rows
	},
}

// simVisits puts events that are no more than a gap apart together, ad by ad.
func simVisits(events []simEvent) (visits [][]simEvent) {
	byAd := map[string][]simEvent{}
	for _, e := range events {
		byAd[e.ad] = append(byAd[e.ad], e)
	}
	for _, of := range byAd {
		slices.SortStableFunc(of, func(a, b simEvent) int { return int(a.ms - b.ms) })
		for i, e := range of {
			if i == 0 || e.ms-of[i-1].ms > simGap {
				visits = append(visits, nil)
			}
			visits[len(visits)-1] = append(visits[len(visits)-1], e)
		}
	}
	return visits
}

// visited counts the events of an ad in sessions with a gap of ten seconds.
var visited = simQuery{name: "visited", stream: func(g *dstream.Graph) *dstream.Stream {
	return g.From("events").Window(dstream.Session("ts", 10*time.Second)).
		GroupBy(col("ad"), col("window_start")).Agg(dstream.Count().As("views"))
}}

func (w *world) visitedJob(change ...func(*Job)) *Job {
	return w.job(visited, append([]func(*Job){w.inMemory}, change...)...)
}

// TestSessionsCloseBehindTheirEnd: with a disorder of 2 s the watermark reaches the end of [1, 22) at 24 s. There the session
// stays open, and a row at its very end, which is not late, becomes part of it.
func TestSessionsCloseBehindTheirEnd(t *testing.T) {
	w := timeWorld(t)
	w.at(0, 1, 12, 24)
	w.at(1, 3, 24)
	w.mustRun(w.visitedJob())
	w.wantWindows("at the end of the session")
	w.at(0, 22, 28)
	w.at(1, 28)
	w.mustRun(w.visitedJob())
	w.wantWindows("all is one session")
	w.at(0, 39, 41)
	w.at(1, 41)
	w.mustRun(w.visitedJob())
	w.wantWindows("11 s later, 1 s behind the end", 1, 8)
	w.mustRun(w.visitedJob(flushing))
	w.wantWindows("in the end", 1, 8, 39, 3)
}

// TestLateSessions: which rows are late is found behind the exchange, on what they merge with. Row accounting counts them.
func TestLateSessions(t *testing.T) {
	w := timeWorld(t)
	w.at(0, 1, 50)
	w.at(1, 50)
	w.mustRun(w.visitedJob())
	w.wantWindows("at watermark 48", 1, 1)
	w.at(0, 36, 37, 20) // [36, 47) has ended; 20 merges with nothing
	w.at(1, 39, 41)     // 40 is within the gap of 50, 39 and 41 bridge: with 36 and 37 all are in the live session
	n := len(w.reports)
	w.mustRun(w.visitedJob())
	if p := w.reports[n]; p.NumRowsLate != 1 {
		t.Errorf("%d late rows, want the one at 20 s", p.NumRowsLate)
	}
	w.at(0, 9)
	w.at(1, 5, 12)
	n = len(w.reports)
	w.mustRun(w.visitedJob(), func(o *Options) { o.snapshotEvery = 1 })
	if p := w.reports[n]; p.NumRowsLate != 3 {
		t.Errorf("%d late rows, want 3", p.NumRowsLate)
	}
	w.wantBalance("with late rows")
	w.mustRun(w.visitedJob(flushing))
	w.wantWindows("in the end", 1, 1, 36, 6)
}

// TestFlushedSessions: behind a flush rows before the greatest end that was flushed are late, runs and snapshots later, whatever
// comes in one batch with them. Those from there on are in sessions of their own.
func TestFlushedSessions(t *testing.T) {
	w := timeWorld(t)
	w.at(0, 1, 12)
	w.at(1, 2, 12)
	w.mustRun(w.visitedJob(flushing)) // up to 22
	w.wantWindows("after the flush", 1, 4)
	w.mustRun(w.visitedJob(), reopen)
	for i := range 3 {
		w.at(0, 21)
		w.at(1, 22, 23)
		n := len(w.reports)
		w.mustRun(w.visitedJob(), func(o *Options) { o.snapshotEvery = 1 })
		if late := w.reports[n].NumRowsLate; late != 1 {
			t.Errorf("run %d after the flush: %d late rows, want 1", i+1, late)
		}
	}
	w.wantBalance("after the flush")
	w.mustRun(w.visitedJob(flushing))
	w.wantWindows("in the end", 1, 4, 22, 6)
}

// TestIdlenessClosesSessions: a batch without records is planned when silence moves the watermark past the end of a session,
// not when it comes as far as the end.
func TestIdlenessClosesSessions(t *testing.T) {
	for behind, pairs := range map[int64][]int{23: {}, 24: {1, 3}} { // the watermark is 2 s less; the session ends at 21
		t.Run(fmt.Sprint(behind), func(t *testing.T) {
			w := timeWorld(t)
			w.at(0, 1, 11, behind)
			w.at(1, 3) // holds all back until it is idle
			w.mustRun(w.visitedJob())
			w.wantWindows("before idle_after is over")
			n := w.records()
			w.clock.now = simStart.Add(30 * time.Second)
			w.mustRun(w.visitedJob())
			w.wantWindows("when it is over", pairs...)
			if wrote := w.records() > n+1; wrote != (len(pairs) > 0) {
				t.Errorf("a batch was planned: %v", wrote)
			}
		})
	}
}

// TestSessionsInProgress: a session is an open window of its own.
func TestSessionsInProgress(t *testing.T) {
	w := timeWorld(t)
	w.at(0, 1, 12, 40)
	w.append(simEvent{partition: 1, ms: simStart.UnixMilli() + 9000, ad: "b"})
	w.mustRun(w.visitedJob())
	op := w.reports[0].StateOperators[0]
	if op.NumWindowsOpen != 4 || op.NumRowsTotal != 4 || op.FirstOpen != "2026-11-22T12:00:01Z" || op.NextClose != "2026-11-22T12:00:11Z" {
		t.Errorf("%d sessions of %d keys, the first [%s, %s)", op.NumWindowsOpen, op.NumRowsTotal, op.FirstOpen, op.NextClose)
	}
}

// visitedMinutes counts the events of sessions by the minute in which they ended.
var visitedMinutes = simQuery{name: "visited minutes", stream: func(g *dstream.Graph) *dstream.Stream {
	return visited.stream(g).Window(dstream.Tumbling("window_time", time.Minute, 0)).
		GroupBy(col("ad"), col("window_start")).Agg(dstream.Sum(col("views")).As("views"))
}}

// TestWatermarkBehindSessions: at the watermark 12:01:00 the session [50 s, 60 s) is still open. The minute that it ends in must
// wait for it.
func TestWatermarkBehindSessions(t *testing.T) {
	w := timeWorld(t)
	run := func(change ...func(*Job)) { w.mustRun(w.job(visitedMinutes, append(change, w.inMemory)...)) }
	w.at(0, 50, 62)
	w.at(1, 62)
	run()
	w.wantWindows("while the session is open")
	w.at(0, 63)
	w.at(1, 64)
	run()
	w.wantWindows("when it and its minute are over", 0, 1)
	run(flushing)
	w.wantWindows("in the end", 0, 1, 60, 4)
}

// changingVisits are the sessions of ads as results that change.
func changingVisits(name string, early bool) simQuery {
	return simQuery{
		name: name,
		emit: windows.Emission{Changelog: true, Early: early, Lateness: 60_000_000},
		stream: func(g *dstream.Graph) *dstream.Stream {
			return g.From("events").Window(dstream.Session("ts", simGap*time.Millisecond)).GroupBy(col("ad"), col("window_start"), col("window_end")).
				Agg(dstream.Count().As("views"), dstream.Sum(col("n")).As("n")).
				Select(col("ad").As("campaign"), col("window_start"), col("window_end"), col("views"), col("n"))
		},
		oracle: func(events []simEvent, _ map[string]string) (rows []simRow) {
			for _, v := range simVisits(events) {
				n := int64(0)
				for _, e := range v {
					n += e.n
				}
				rows = append(rows, newSimRow("campaign", v[0].ad, "window_start", v[0].ms*1000, "window_end", (v[len(v)-1].ms+simGap)*1000, "views", int64(len(v)), "n", n))
			}
			return rows
		},
	}
}

// TestSessionsThatChange: late rows come within the allowed lateness, extend sessions that have come out and bridge them. Taking
// back and adding what the files say makes the sessions of all events in the end, however often the job is restarted, and in how many shards.
func TestSessionsThatChange(t *testing.T) {
	t.Parallel()
	for _, early := range []bool{false, true} {
		q := changingVisits(fmt.Sprint("changing visits, early ", early), early)
		ops := map[string]int{}
		for seed := range uint64(4) {
			w := newWorld(t, simSeed(t)+seed)
			w.fill(q, 250) // some of them far behind the watermark
			want := w.expected(q)
			for w.tail() > 0 {
				w.mustRun(w.job(q, rowsMax(40), shards(1+w.rng.IntN(3))), stopAfter(1+w.rng.IntN(2)))
			}
			w.mustRun(w.job(q, flushing))
			w.wantBalance("in the end")
			changes := w.changes()
			for _, c := range changes {
				ops[c.op]++
			}
			if got := w.applied("in the end", changes); !slices.EqualFunc(got, want, equalRows) {
				t.Fatalf("early %v: %s", early, firstDifference(got, want, equalRows))
			}
		}
		t.Logf("early %v: %v", early, ops)
		if ops[windows.Delete] < 5 || ops[windows.UpdateAfter] < 20 {
			t.Error("too little changed")
		}
	}
}
