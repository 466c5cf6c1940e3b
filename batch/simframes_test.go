package batch

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/millrace/millrace/dstream"
	"github.com/millrace/millrace/windows"
)

// frames counts by ad in sliding and in cumulative windows: every row is in several of each.
var frames = simQuery{
	name: "frames",
	graph: func(g *dstream.Graph) {
		g.From("events").Window(dstream.Sliding("ts", 12*time.Second, 5*time.Second, time.Second)).
			GroupBy(col("ad"), col("window_start")).Agg(dstream.Count().As("events"), dstream.Sum(col("n")).As("n")).To("hops")
		g.From("events").Window(dstream.Cumulative("ts", 20*time.Second, 4*time.Second, 0)).
			GroupBy(col("ad"), col("window_start"), col("window_end")).Agg(dstream.Count().As("events"), dstream.Max(col("n")).As("n")).To("steps")
	},
	oracle: func(events []simEvent, _ map[string]string) (rows []simRow) {
		type window struct {
			ad         string
			start, end int64
		}
		hops, steps := map[window][]int64{}, map[window][]int64{}
		for _, e := range events {
			for start := e.ms / 1000 * 1000; start > e.ms-12_000; start -= 1000 {
				if (start-1000)%5000 == 0 {
					key := window{e.ad, start, 0}
					hops[key] = append(hops[key], e.n)
				}
			}
			start := e.ms / 20_000 * 20_000
			for end := start + 4000; end <= start+20_000; end += 4000 {
				if key := (window{e.ad, start, end}); e.ms < end {
					steps[key] = append(steps[key], e.n)
				}
			}
		}
		for w, ns := range hops {
			sum := int64(0)
			for _, n := range ns {
				sum += n
			}
			rows = append(rows, newSimRow("sink", "hops", "ad", w.ad, "window_start", w.start*1000, "events", int64(len(ns)), "n", sum))
		}
		for w, ns := range steps {
			rows = append(rows, newSimRow("sink", "steps", "ad", w.ad, "window_start", w.start*1000, "window_end", w.end*1000,
				"events", int64(len(ns)), "n", slices.Max(ns)))
		}
		return rows
	},
}

// daysIn counts by days of a zone, whose rules a test may make up.
func daysIn(zone string) simQuery {
	return simQuery{
		name: "days in " + zone,
		stream: func(g *dstream.Graph) *dstream.Stream {
			return g.From("events").Window(dstream.Calendar("ts", 1, windows.Day, zone, 0)).
				GroupBy(col("window_start"), col("window_end")).Agg(dstream.Count().As("events"), dstream.Sum(col("n")).As("n"))
		},
	}
}

// By the rules of this binary, days end before those of the test in Tokyo, and behind them in Chicago.
var daysTokyo, daysChicago = daysIn("Asia/Tokyo"), daysIn("America/Chicago")

func init() { simQueries = append(simQueries, frames, daysTokyo, daysChicago) }

// TestRulesChangeWhileADayIsOpen: what was closed by the old rules stays closed, what is open goes by the new ones, and each row
// counts once. A day whose end the new rules put behind the watermark comes out again with the rows that come for it.
func TestRulesChangeWhileADayIsOpen(t *testing.T) {
	for _, days := range []simQuery{daysTokyo, daysChicago} {
		for _, every := range []int{1, 100} {
			rulesChange(t, days, every)
		}
	}
}

func rulesChange(t *testing.T, days simQuery, snapshotEvery int) {
	w := newWorld(t, simSeed(t))
	at := func(day, hour, minute int, n int64) {
		ms := time.Date(2026, 11, day, hour, minute, 0, 0, time.UTC).UnixMilli()
		w.append(simEvent{ms: ms, ad: "a0", kind: "view", n: n})
	}
	strict := bounds(windows.Bounds{MaxFuture: -1})
	run := func(ahead int64, change ...func(*Job)) {
		w.mustRun(w.job(days, append(change, strict)...), zoneRules(t, ahead), func(o *Options) { o.snapshotEvery = snapshotEvery })
	}
	at(20, 10, 0, 1)
	run(0)
	at(21, 0, 30, 2) // closes the 20th, which ended at 0:00
	run(0)
	at(21, 0, 45, 4) // by the new rules still the 20th, which now ends at 1:00
	at(22, 0, 30, 8) // the 21st, with the row of 0:30 that was in it by the old rules
	at(22, 1, 0, 16)
	run(-1)
	at(23, 0, 30, 32) // the 22nd, to 1:00
	run(-1)
	at(23, 0, 30, 64) // the 22nd has ended at 0:00
	run(0)
	run(0, flushing)
	var got []string
	for _, r := range w.rows() {
		start, end := time.UnixMicro(r.int(t, "window_start")).UTC(), time.UnixMicro(r.int(t, "window_end")).UTC()
		got = append(got, fmt.Sprintf("%s %s n=%d", start.Format("02 15:04"), end.Format("02 15:04"), r.int(t, "n")))
	}
	slices.Sort(got)
	want := []string{"20 00:00 21 00:00 n=1", "20 01:00 21 01:00 n=4", "21 01:00 22 01:00 n=10", "22 00:00 23 00:00 n=48", "23 00:00 24 00:00 n=64"}
	if !slices.Equal(got, want) {
		t.Errorf("%s, a snapshot every %d:\ngot  %q\nwant %q", days.name, snapshotEvery, got, want)
	}
}

// TestRulesOpenADayAgain: rows of a day that was closed, and that new rules opened again, are there behind a restart.
func TestRulesOpenADayAgain(t *testing.T) {
	for _, days := range []simQuery{daysTokyo, daysChicago} {
		w := newWorld(t, simSeed(t))
		run := func(ahead int64, day, hour, minute int, n int64) {
			w.append(simEvent{ms: time.Date(2026, 11, day, hour, minute, 0, 0, time.UTC).UnixMilli(), ad: "a0", kind: "view", n: n})
			w.mustRun(w.job(days, bounds(windows.Bounds{MaxFuture: -1})), zoneRules(t, ahead), func(o *Options) { o.snapshotEvery = 100 })
		}
		run(0, 20, 10, 0, 1)
		run(0, 21, 0, 30, 2)   // closes the 20th, which ended at 0:00
		run(-1, 21, 0, 45, 4)  // by the new rules still the 20th, which ends at 1:00
		run(-1, 21, 0, 50, 8)  // what the log has is all there is of the rows before
		run(-1, 22, 10, 0, 16) // closes it again, and the 21st
		w.wantBalance(days.name)
		var got []int64
		for _, r := range w.rows() {
			got = append(got, r.int(t, "n"))
		}
		if slices.Sort(got); !slices.Equal(got, []int64{1, 2, 12}) {
			t.Errorf("%s: rows by day %v, want 1 and 12 of the 20th, 2 of the 21st", days.name, got)
		}
	}
}

// TestOpenFrames looks at what progress says of windows of which every row is in several.
func TestOpenFrames(t *testing.T) {
	w := newWorld(t, simSeed(t))
	w.append(simEvent{ms: simStart.UnixMilli() + 1500, ad: "a0", kind: "view"}, simEvent{ms: simStart.UnixMilli() + 2500, ad: "a1", kind: "view"})
	w.mustRun(w.job(frames, bounds(windows.Bounds{MaxFuture: -1})))
	open := map[string]string{}
	for _, op := range w.reports[len(w.reports)-1].StateOperators {
		open[op.OperatorName] = fmt.Sprintf("%d windows, %d groups, first [%s, %s)", op.NumWindowsOpen, op.NumRowsTotal, op.FirstOpen[11:], op.NextClose[11:])
	}
	want := map[string]string{
		"hop(ts, 5s, 12s, offset 1s) by ad: sum(n), count(*)": "3 windows, 2 groups, first [11:59:51Z, 12:00:03Z)",
		"cumulate(ts, 4s, 20s) by ad: max(n), count(*)":       "5 windows, 2 groups, first [12:00:00Z, 12:00:04Z)",
	}
	if fmt.Sprint(open) != fmt.Sprint(want) {
		t.Errorf("got  %v\nwant %v", open, want)
	}
}
