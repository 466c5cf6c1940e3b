package kafka

import (
	"cmp"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/millrace/millrace/integration/kafkatest"
)

func TestMain(m *testing.M) { os.Exit(kafkatest.Main(m)) }

// records is the number of records of one run.
func records() int {
	if n, err := strconv.Atoi(os.Getenv("MILLRACE_BENCH_RECORDS")); err == nil && n > 0 {
		return n
	}
	return 500_000
}

// contender is one way to do the work of a benchmark. prepare is not measured and may be nil.
type contender struct {
	name    string
	prepare func()
	run     func() (records int)
}

// run is what one run took.
type run struct {
	cpuNs  float64 // per record
	perSec float64 // records per second of wall time
	allocs float64 // per record
}

func measure(b *testing.B, c contender) run {
	b.Helper()
	if c.prepare != nil {
		c.prepare()
	}
	runtime.GC()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	began, cpu := time.Now(), cpuTime(b)
	n := float64(c.run())
	wall := time.Since(began)
	cpu = cpuTime(b) - cpu
	runtime.ReadMemStats(&after)
	return run{cpuNs: float64(cpu.Nanoseconds()) / n, perSec: n / wall.Seconds(), allocs: float64(after.Mallocs-before.Mallocs) / n}
}

// cpuTime is what this process has used.
func cpuTime(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// compare runs the contenders in turn, each round beginning with another one, after a round that does not count. It
// prints how the first stands to each of the others: the median of the ratios within a round. It returns all runs.
func compare(b *testing.B, contenders ...contender) [][]run {
	b.Helper()
	for _, c := range contenders {
		measure(b, c)
	}
	runs := make([][]run, len(contenders))
	for round := range b.N {
		for i := range contenders {
			at := (round + i) % len(contenders)
			runs[at] = append(runs[at], measure(b, contenders[at]))
		}
	}
	b.ReportMetric(0, "ns/op")
	for i, c := range contenders {
		b.ReportMetric(median(runs[i], func(r run) float64 { return r.cpuNs }), c.name+"-cpu-ns/record")
		b.ReportMetric(median(runs[i], func(r run) float64 { return r.perSec / 1e6 }), c.name+"-M/s")
		b.ReportMetric(median(runs[i], func(r run) float64 { return r.allocs }), c.name+"-allocs/record")
		if i > 0 {
			b.ReportMetric(medianOf(ratios(runs[0], runs[i])), fmt.Sprintf("%s/%s", contenders[0].name, c.name))
		}
	}
	return runs
}

func ratios(a, b []run) (out []float64) {
	for i := range a {
		out = append(out, a[i].cpuNs/b[i].cpuNs)
	}
	return out
}

func median(runs []run, of func(run) float64) float64 {
	var all []float64
	for _, r := range runs {
		all = append(all, of(r))
	}
	return medianOf(all)
}

func medianOf(all []float64) float64 {
	slices.SortFunc(all, cmp.Compare[float64])
	n := len(all)
	return (all[(n-1)/2] + all[n/2]) / 2
}
