package kafka

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/millrace/millrace/batch"
	"github.com/millrace/millrace/integration/kafkatest"
	"github.com/millrace/millrace/internal/jobspec"
	"github.com/millrace/millrace/internal/kafka"
)

// passes is how often the topic has the events. The more there are, the less does the start of the job count.
const passes = 16

// BenchmarkEndToEnd runs the job of examples/ysb from a real broker to Parquet, exactly once, each time with a new checkpoint and output,
// and counts what this process allocates from the start of the run to its end.
func BenchmarkEndToEnd(b *testing.B) {
	broker := kafkatest.Start(b)
	topic := fillTimes(b, broker, kafka.LZ4, passes)
	dir := b.TempDir()
	env := map[string]string{"KAFKA": broker.Addr, "TOPIC": topic, "ADS": filepath.Join(dir, "ads.csv")}
	if err := os.WriteFile(env["ADS"], adsTable(events(records())), 0o600); err != nil {
		b.Fatal(err)
	}
	var allocs []float64
	for b.Loop() {
		place := filepath.Join(dir, fmt.Sprint("run-", len(allocs)))
		env["OUT"], env["CHECKPOINT"] = filepath.Join(place, "lake"), filepath.Join(place, "checkpoint")
		allocs = append(allocs, allocsOf(b, env))
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(medianOf(allocs), "allocs/record")
}

// adsTable has a campaign for every ad, as CSV.
func adsTable(all []event) []byte {
	out, seen := []byte("ad_id,campaign_id\n"), map[string]bool{}
	for _, e := range all {
		if !seen[e.ad] {
			seen[e.ad] = true
			out = fmt.Appendf(out, "%s,campaign-%d\n", e.ad, len(seen)%100)
		}
	}
	return out
}

// allocsOf runs the job over all that the topic has and returns what it allocates for each record.
func allocsOf(b *testing.B, env map[string]string) float64 {
	b.Helper()
	runtime.GC()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	spec, err := jobspec.Load("../../examples/ysb/job.yaml", jobspec.Options{Env: func(name string) (string, bool) {
		value, ok := env[name]
		return value, ok
	}})
	if err != nil {
		b.Fatal(err)
	}
	job, _, err := spec.Job()
	if err != nil {
		b.Fatal(err)
	}
	job.Trigger.AvailableNow, job.Trigger.FlushWindows = true, true
	var read, rows int64
	report := func(p batch.Progress) {
		read += p.NumInputRows
		for _, s := range p.Sinks {
			rows += s.NumOutputRows
		}
	}
	if err := batch.Run(b.Context(), batch.Options{Job: job, Cores: 2, Env: batch.SystemEnv(), Report: report}); err != nil {
		b.Fatal(err)
	}
	runtime.ReadMemStats(&after)
	if want := int64(passes * records()); read != want || rows == 0 {
		b.Fatalf("%d records were read and %d rows written, want %d records", read, rows, want)
	}
	return float64(after.Mallocs-before.Mallocs) / float64(read)
}
