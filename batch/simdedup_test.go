package batch

import (
	"strings"
	"testing"
	"time"

	"github.com/millrace/millrace/dstream"
)

// firsts drops records that came before, as those of a producer that tries again do: same content, same time, often in
// another partition. What is left comes out as it is, and in counts, which shows that deduplication holds the watermark of
// windows behind it neither up nor back.
var firsts = simQuery{
	name:  "firsts",
	twice: true,
	graph: func(g *dstream.Graph) {
		addView(g, "firsts", g.From("events").Dedup(time.Second, col("ad"), col("n"), col("ts")).
			Select(col("ad"), col("n"), col("ts"), dstream.Fn("upper", col("kind")).As("kind")))
		g.From("firsts").To("lake")
		g.From("firsts").Window(dstream.Tumbling("ts", 10*time.Second, 0)).GroupBy(col("ad"), col("window_start")).
			Agg(dstream.Count().As("views")).To("counts")
	},
	oracle: func(events []simEvent, _ map[string]string) (rows []simRow) {
		type once struct {
			ad    string
			n, ms int64
		}
		type window struct {
			ad    string
			start int64
		}
		seen, views := map[once]bool{}, map[window]int64{}
		for _, e := range events {
			if k := (once{e.ad, e.n, e.ms}); !seen[k] {
				seen[k] = true
				rows = append(rows, newSimRow("sink", "lake", "ad", e.ad, "n", e.n, "ts", e.ms*1000, "kind", strings.ToUpper(e.kind)))
				views[window{e.ad, e.ms / 10_000 * 10_000_000}]++
			}
		}
		for w, n := range views {
			rows = append(rows, newSimRow("sink", "counts", "ad", w.ad, "window_start", w.start, "views", n))
		}
		return rows
	},
}

// fillTwice appends n events and, of every second one, one or two copies.
func (w *world) fillTwice(n int) {
	for range n {
		w.generate(1)
		for range w.rng.IntN(4) - 1 {
			again := w.events[len(w.events)-1]
			again.partition = int32(w.rng.IntN(3))
			w.append(again)
		}
	}
}

// nextOfAd keeps an event of an ad when none of it was kept in the ten seconds before.
var nextOfAd = simQuery{name: "next of ad", stream: func(g *dstream.Graph) *dstream.Stream {
	return g.From("events").Dedup(10*time.Second, col("ad")).Select(col("ad"), col("ts").As("window_start"), dstream.Int(1).As("views"))
}}

// TestDedupByTime: of rows of one key the first that comes stays, and those less than the span before or behind it go, in
// later batches, behind a restart and a flush that was taken back too; one exactly the span away stays. What lies before
// the watermark is late.
func TestDedupByTime(t *testing.T) {
	w := timeWorld(t)
	job := func(change ...func(*Job)) *Job {
		return w.job(nextOfAd, append([]func(*Job){w.inMemory}, change...)...)
	}
	w.at(0, 9, 5, 12, 19)
	w.at(1, 7)
	w.mustRun(job())
	w.wantWindows("by time within a batch", 5, 1, 19, 1)
	if d := w.reports[0].NumRowsDuplicate; d != 3 {
		t.Errorf("%d duplicates, want 3", d)
	}
	w.at(0, 28, 29)
	w.at(1, 20)
	w.mustRun(job(), func(o *Options) { o.snapshotEvery = 1 })
	w.wantWindows("28 is within ten seconds of 19", 5, 1, 19, 1, 29, 1)
	w.mustRun(job(flushing))
	w.mustRun(job(), reopen)
	w.at(0, 38, 39)
	w.at(1, 17)
	n := len(w.reports)
	w.mustRun(job())
	w.wantWindows("29 is still known", 5, 1, 19, 1, 29, 1, 39, 1)
	if p := w.reports[n]; p.NumRowsLate != 1 || p.NumRowsDuplicate != 1 {
		t.Errorf("%d late rows, %d duplicates, want one of each", p.NumRowsLate, p.NumRowsDuplicate)
	}
	w.wantBalance("in the end")
}

// TestDedupBehindAFlush: windows that were flushed and reopened make no row late for a deduplication that comes new into the
// job, which holds none of them.
func TestDedupBehindAFlush(t *testing.T) {
	w := timeWorld(t)
	w.at(0, 5)
	w.at(1, 5)
	w.mustRun(w.visitedJob(flushing)) // up to 15
	w.mustRun(w.visitedJob(), reopen)
	w.at(0, 9)
	w.mustRun(w.job(nextOfAd, w.inMemory))
	w.wantWindows("9 is before the flushed end", 5, 2, 9, 1)
}

// TestDedupChanged: a job with another span begins with an empty memory, and says so.
func TestDedupChanged(t *testing.T) {
	w := timeWorld(t)
	w.at(0, 5)
	w.at(1, 5)
	w.mustRun(w.job(nextOfAd, w.inMemory))
	longer := nextOfAd
	longer.name, longer.stream = "longer", func(g *dstream.Graph) *dstream.Stream {
		return g.From("events").Dedup(20*time.Second, col("ad")).Select(col("ad"), col("ts").As("window_start"), dstream.Int(1).As("views"))
	}
	w.at(0, 6)
	w.mustRun(w.job(longer, w.inMemory))
	w.wantWindows("5 is not remembered", 5, 1, 6, 1)
	if len(w.warned) != 1 || !strings.Contains(w.warned[0], `remembers rows (1) for the operator "dedup(ts, 10s) by ad"`) {
		t.Errorf("warnings %q", w.warned)
	}
}
