package limit

import (
	"fmt"
	"runtime"
	"slices"
	"syscall"
	"testing"
	"time"
)

// Contender is one way to do the work. Run does all of it once.
type Contender struct {
	Name    string
	Records int // in one run
	Run     func()
}

// Rounds is how often [Compare] lets every contender run.
const Rounds = 5

// CPU is the processor time that this process has used, user and system.
func CPU() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// Result is what a contender took.
type Result struct {
	Name   string
	Ns     float64 // processor time per record, median of the rounds
	Ratio  float64 // to the first contender: median of the ratios within a round
	Allocs float64 // per record, the most of the rounds
}

// Compare lets the contenders run in turn: once to warm up, then [Rounds] times, each round beginning with another one.
// Time is processor time of the process, so they must not leave goroutines running.
func Compare(contenders ...Contender) []Result {
	ns := make([][]float64, len(contenders))
	out := make([]Result, len(contenders))
	for i := range contenders {
		contenders[i].Run()
	}
	for round := range Rounds {
		for k := range contenders {
			i := (round + k) % len(contenders)
			took, allocs := measure(contenders[i])
			ns[i] = append(ns[i], took)
			out[i].Allocs = max(out[i].Allocs, allocs)
		}
	}
	for i, c := range contenders {
		ratios := make([]float64, Rounds)
		for r := range ratios {
			ratios[r] = ns[i][r] / ns[0][r]
		}
		out[i].Name, out[i].Ns, out[i].Ratio = c.Name, median(ns[i]), median(ratios)
	}
	return out
}

func measure(c Contender) (ns, allocs float64) {
	runtime.GC()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	cpu := CPU()
	c.Run()
	cpu = CPU() - cpu
	runtime.ReadMemStats(&after)
	n := float64(c.Records)
	return float64(cpu.Nanoseconds()) / n, float64(after.Mallocs-before.Mallocs) / n
}

func median(all []float64) float64 {
	all = slices.Sorted(slices.Values(all))
	return (all[(len(all)-1)/2] + all[len(all)/2]) / 2
}

// Report makes the results the benchmark's metrics.
func Report(b *testing.B, results []Result) {
	b.ReportMetric(0, "ns/op")
	for i, r := range results {
		b.ReportMetric(r.Ns, r.Name+"-cpu-ns/record")
		if i > 0 {
			b.ReportMetric(r.Ratio, fmt.Sprintf("%s/%s", r.Name, results[0].Name))
			b.ReportMetric(r.Allocs, r.Name+"-allocs/record")
		}
	}
}
