package memory

import (
	"os"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/millrace/millrace/bench/limit"
)

const seed = 20261126

// passes is how often the events are read in a run: the start of a job, which takes milliseconds, is not what is measured.
func passes(unless int32) int32 {
	if n, err := strconv.Atoi(os.Getenv("MILLRACE_BENCH_PASSES")); err == nil && n > 0 {
		return int32(n)
	}
	return unless
}

// Two cores have to be long at work, some seconds: the start of a job, its first plan, and the end of its last batch are one core's
// work, and a neighbour on the machine is a larger part of less.
const (
	passesAlone  = 2
	passesBeside = 16
)

// eventBytes is how much JSON there is.
func eventBytes() int64 {
	if n, err := strconv.Atoi(os.Getenv("MILLRACE_BENCH_MB")); err == nil && n > 0 {
		return int64(n) << 20
	}
	return 500 << 20
}

// bare is the loop over the same events, as often.
func bare(b *testing.B, events *limit.Events, passes int32) limit.Contender {
	return limit.Contender{Name: "bare", Records: events.Records * int(passes), Run: func() {
		for range passes {
			loop := limit.NewLoop(events.Ads)
			events.Each(loop.Row)
			loop.Flush()
			counts := map[limit.Group]int64{}
			loop.Counts(counts)
			if wrong := limit.Wrong(counts, events.Views); wrong > 0 || loop.Slow > 0 {
				b.Fatalf("the bare loop has %d wrong counts and %d records that it did not read", wrong, loop.Slow)
			}
		}
	}}
}

// BenchmarkYSB is one core of the engine beside the bare loop, in processor time.
func BenchmarkYSB(b *testing.B) {
	events := limit.NewEvents(seed, eventBytes())
	e := newEngine(b, events, passes(passesAlone), 1)
	for b.Loop() {
		limit.Report(b, limit.Compare(
			bare(b, events, e.passes),
			limit.Contender{Name: "engine", Records: e.records(), Run: e.run},
		))
		e.check()
	}
}

// BenchmarkCores is the wall time of two cores beside that of one, and the same of two bare loops, each on a core of its own, which is
// what the machine gives, over as many events. It says something on a quiet machine only.
func BenchmarkCores(b *testing.B) {
	events := limit.NewEvents(seed, eventBytes())
	passes := passes(passesBeside)
	one, two := newEngine(b, events, passes, 1), newEngine(b, events, passes, 2)
	for b.Loop() {
		var ratios, bares, busy, more []float64
		for round := range limit.Rounds + 1 {
			l, m := wall(func() { loops(events, passes) }), wall(func() { beside(func() { loops(events, passes/2) }) })
			start := limit.CPU()
			a := wall(one.run)
			alone := limit.CPU()
			c := wall(two.run)
			together := limit.CPU() - alone
			if round > 0 { // the first one warms up
				ratios, bares = append(ratios, a.Seconds()/c.Seconds()), append(bares, l.Seconds()/m.Seconds())
				busy, more = append(busy, together.Seconds()/c.Seconds()/2), append(more, together.Seconds()/(alone-start).Seconds())
			}
		}
		one.check()
		two.check()
		b.ReportMetric(0, "ns/op")
		b.ReportMetric(median(ratios), "speed-up")
		b.ReportMetric(median(bares), "bare-speed-up")
		b.ReportMetric(median(busy), "busy")        // share of the time of two cores
		b.ReportMetric(median(more), "cpu-two/one") // what the work takes more on two cores
	}
}

func median(all []float64) float64 {
	slices.Sort(all)
	return all[len(all)/2]
}

func wall(run func()) time.Duration {
	runtime.GC()
	start := time.Now()
	run()
	return time.Since(start)
}

// loops is the bare loop, so often over the events.
func loops(events *limit.Events, passes int32) {
	for range passes {
		l := limit.NewLoop(events.Ads)
		events.Each(l.Row)
		l.Flush()
	}
}

// beside runs f on two cores at a time.
func beside(f func()) {
	var both sync.WaitGroup
	both.Go(f)
	both.Go(f)
	both.Wait()
}

// TestYSB runs the job on one core and on two.
func TestYSB(t *testing.T) {
	events := limit.NewEvents(seed, 8<<20)
	for _, cores := range []int{1, 2} {
		e := newEngine(t, events, 3, cores)
		e.run()
		e.check()
	}
}
