package integration

import (
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/millrace/millrace/integration/kafkatest"
)

// startMax is how long a scheduled run over a few records may take from start to exit.
const startMax = 300 * time.Millisecond

// TestShortRun measures a run over 1,000 records, from the start of the process to its end. Each run has a checkpoint
// and an output of its own; the fastest of several counts, because other work on the machine only ever adds. While that has slowed all
// of them there are more.
func TestShortRun(t *testing.T) {
	broker := kafkatest.Start(t)
	topic := broker.Topic(t, 2)
	dir := t.TempDir()
	ads := filepath.Join(dir, "ads.csv")
	newProgram(t).must("gen", "ysb", "--brokers", broker.Addr, "--topic", topic, "--records", "1000", "--ads", ads)
	best := time.Hour
	for i := 0; i < 7 || best > startMax && i < 70; i++ {
		life := filepath.Join(dir, strconv.Itoa(i))
		p := newProgram(t, "KAFKA="+broker.Addr, "TOPIC="+topic, "ADS="+ads, "OUT="+filepath.Join(life, "lake"), "CHECKPOINT="+filepath.Join(life, "checkpoint"))
		start := time.Now()
		out := p.must("run", "../examples/ysb/job.yaml", "--available-now", "--flush-windows")
		best = min(best, time.Since(start))
		if !strings.Contains(out, "1002 rows in") {
			t.Fatalf("unexpected output: %s", out)
		}
	}
	t.Logf("run of 1,000 records, start to exit: %s", best.Round(time.Millisecond))
	if best > startMax {
		t.Errorf("took %s, more than %s", best, startMax)
	}
}

// BenchmarkIdleStart runs a job again that has nothing open and nothing to read: from the start of the process, over its recovery and
// the look for what there is to plan, to its exit.
func BenchmarkIdleStart(b *testing.B) {
	broker := kafkatest.Start(b)
	topic := broker.Topic(b, 2)
	dir := b.TempDir()
	ads := filepath.Join(dir, "ads.csv")
	newProgram(b).must("gen", "ysb", "--brokers", broker.Addr, "--topic", topic, "--records", "1000", "--ads", ads)
	p := newProgram(b, "KAFKA="+broker.Addr, "TOPIC="+topic, "ADS="+ads, "OUT="+filepath.Join(dir, "lake"), "CHECKPOINT="+filepath.Join(dir, "checkpoint"))
	p.must("run", "../examples/ysb/job.yaml", "--available-now")
	var took []time.Duration
	for b.Loop() {
		start := time.Now()
		p.must("run", "../examples/ysb/job.yaml", "--available-now")
		took = append(took, time.Since(start))
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "median-ms")
}
