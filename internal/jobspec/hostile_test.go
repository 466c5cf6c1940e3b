package jobspec

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// slowest is the processor time that no job file may take.
const slowest = slower * 100 * time.Millisecond

// hostile are job files of up to 1 MiB that ask for much work.
func hostile() map[string]string {
	const most = 1<<20 - 2000
	source := func(columns string) string {
		return "name: x\nsources: {s: {kafka: {brokers: 'a:1', topic: t}, columns: {" + columns + "}}}\n"
	}
	end := "checkpoint: cp\n"
	many := func(part string, n int) string {
		var b strings.Builder
		for i := 0; i < n && b.Len() < most; i++ {
			fmt.Fprintf(&b, part, i)
		}
		return b.String()
	}
	full := func(part string) string { return strings.Repeat(part, most/len(part)) }
	small := source("a: string")
	sinks := "sinks: {o: {stdout: {}}}\n"
	chain := "queries:\n  q0: SELECT a FROM s\n"
	for i := 1; i < 200; i++ {
		chain += fmt.Sprintf("  q%d: SELECT a FROM q%d\n", i, i-1)
	}
	tree := "queries:\n  q0: SELECT a FROM s\n"
	for i := 1; i < 30; i++ {
		tree += fmt.Sprintf("  q%d: SELECT a FROM q%d UNION ALL SELECT a FROM q%d\n", i, i-1, i-1)
	}
	return map[string]string{
		"columns":            source(many("c%d: string, ", 20_000)) + "query: SELECT c0, c777 FROM s\n" + sinks + end,
		"columns with paths": source(many("c%d: {type: 'decimal(18,4)', path: a.b[3].c}, ", 9_000)) + "query: SELECT c0 FROM s\n" + sinks + end,
		"nested types":       source(many("c%d: 'array<struct<a int, b map<string, array<int>>>>', ", 9_000)) + "query: SELECT c0 FROM s\n" + sinks + end,
		"deep type":          source("a: "+strings.Repeat("array<", 10_000)+"int"+strings.Repeat(">", 10_000)) + "query: SELECT a FROM s\n" + sinks + end,
		"unknown column":     source(many("c%d: string, ", 20_000)) + "query: SELECT c_0 FROM s\n" + sinks + end,
		"event time":         "name: x\nsources: {s: {kafka: {brokers: 'a:1', topic: t}, columns: {" + many("c%d: string, ", 2_000) + "}, event_time: ccc}}\nquery: SELECT c0 FROM s\n" + sinks + end,
		"sinks":              small + "query: SELECT a FROM s\nsinks:\n" + many("  k%d: {parquet: {path: out/%[1]d}}\n", 500) + end,
		"too many sinks":     small + "query: SELECT a FROM s\nsinks:\n" + many("  k%d: {stdout: {}}\n", 9_000) + end,
		"sources":            "name: x\nsources:\n" + many("  s%d: {kafka: {brokers: 'a:1', topic: t}, columns: {a: string}}\n", 500) + "query: SELECT a FROM s1\n" + sinks + end,
		"partitions":         small + "query: SELECT a FROM s\nsinks: {o: {parquet: {path: out, partition_by: [" + many("a AS a%d, ", 32) + "]}}}\n" + end,
		"chain":              small + chain + "sinks: {o: {stdout: {}}}\n" + end,
		"tree":               small + tree + "sinks: {o: {stdout: {}}}\n" + end,
		"comments":           small + "query: |\n  SELECT a FROM s\n" + full("  -- comment\n") + sinks + end,
		"dollars":            small + "query: '" + full("$$") + "'\n" + sinks + end,
		"lone dollars":       small + "query: '" + full("$ ") + "'\n" + sinks + end,
		"variables":          small + "query: '" + full("${A:-b}") + "'\n" + sinks + end,
		"open variable":      small + "query: '" + full("${") + "'\n" + sinks + end,
		"unknown key":        small + full("k") + ": 5\n" + end,
		"unknown keys":       many("k%d: 5\n", 40_000),
		"long name":          "name: " + full("x") + "\n" + end,
		"brokers":            "name: x\nsources: {s: {kafka: {brokers: '" + full("a:1,") + "a:1', topic: t}, columns: {a: string}}}\nquery: SELECT a FROM s\n" + sinks + end,
		"a list of brokers":  "name: x\nsources: {s: {kafka: {brokers: [" + many("a:%d,", 40_000) + "], topic: t}, columns: {a: string}}}\nquery: SELECT a FROM s\n" + sinks + end,
		"too many columns":   source(many("c%d: string, ", 20_000)) + "query: SELECT c0, c777 FROM s\n" + sinks + end,
		"too many levels":    small + "query: SELECT a FROM s\nsinks: {o: {parquet: {path: out, partition_by: [" + many("a AS a%d, ", 9_000) + "]}}}\n" + end,
		"long query":         small + "query: SELECT " + strings.Repeat("a+", mostQuery/2-20) + "a FROM s\n" + sinks + end,
		"long list":          small + "query: SELECT " + strings.Repeat("a,", 1990) + "a FROM s\n" + sinks + end,
		"cron":               small + "query: SELECT a FROM s\n" + sinks + "trigger: {cron: '" + full("0,") + "0 * * * *'}\n" + end,
		"duration":           small + "query: SELECT a FROM s\n" + sinks + "trigger: {every: " + full("1ms") + "}\n" + end,
		"zone":               "timezone: " + full("E") + "\n" + small + "query: SELECT a FROM s\n" + sinks + end,
		"decimal type":       source("a: 'decimal("+full("1")+",2)'") + "query: SELECT a FROM s\n" + sinks + end,
		"path":               source("a: {type: string, path: '"+full("a.")+"a'}") + "query: SELECT a FROM s\n" + sinks + end,
	}
}

// No job file of 1 MiB takes more than 100 ms, and no message is longer than what a terminal holds.
func TestHostileFiles(t *testing.T) {
	workDir(t)
	for name, text := range hostile() {
		t.Run(name, func(t *testing.T) {
			if len(text) > 1<<20 {
				t.Fatalf("%d bytes", len(text))
			}
			if err := os.WriteFile("job.yaml", []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
			var shown string
			best := leastTime(t, func() {
				s, err := Load("job.yaml", Options{Env: lookup})
				if err == nil {
					_, _, err = s.Job()
				}
				if shown = "ok"; err != nil {
					shown = Explain(err)
				}
			})
			t.Logf("%s: %.80q", best, strings.TrimPrefix(shown, filepath.Base("job.yaml")))
			if len(shown) > 2000 {
				t.Errorf("a message of %d bytes", len(shown))
			}
			if best > slowest {
				t.Errorf("took %s", best)
			}
		})
	}
}

// leastTime is the processor time of the thread that work takes. Tests of other packages run beside this one and share its
// caches, so the best of a few tries counts.
func leastTime(t *testing.T, work func()) time.Duration {
	t.Helper()
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	best := time.Duration(math.MaxInt64)
	for try := 0; try < 5 && best > slowest; try++ {
		start := cpuTime(t)
		work()
		best = min(best, cpuTime(t)-start)
	}
	return best
}

// cpuTime is what the thread has used.
func cpuTime(t *testing.T) time.Duration {
	t.Helper()
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &ts); err != nil {
		t.Fatal(err)
	}
	return time.Duration(ts.Nano())
}
