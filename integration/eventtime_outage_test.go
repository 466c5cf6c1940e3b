package integration

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/millrace/millrace/batch"
	"github.com/millrace/millrace/integration/kafkatest"
)

// outageJob reads over a way that can be cut, and takes silence of two seconds for idleness.
const outageJob = `
name: outage
sources:
  events:
    kafka: {brokers: %s, topic: %s, tls: {ca: %s}, %s}
    columns: {t: timestamp(ms)}
    event_time: {column: t, idle_after: 2s}
query: SELECT window_start, count(*) AS n FROM TUMBLE(events, t, INTERVAL '10' SECOND) GROUP BY window_start
sinks: {out: {parquet: {path: %q}}}
trigger: {every: 100ms}
checkpoint: %q
`

// TestEventTimeLeaderGone cuts the way to the leader for twice idle_after. A partition that had nothing to read before is
// written to when the way is mended, right behind the driver's first look: it was not idle, and nothing is late.
func TestEventTimeLeaderGone(t *testing.T) {
	b := kafkatest.StartSecure(t)
	topic := b.Topic(t, 2)
	w := producer(t, b.Broker)
	event := func(second int) string { return fmt.Sprintf(`{"t":%d}`, second*1000) }
	dir := t.TempDir()
	job := filepath.Join(dir, "job.yaml")
	text := fmt.Sprintf(outageJob, b.Line.Addr, topic, b.CA.File,
		sasl("SCRAM-SHA-512", kafkatest.Admin, kafkatest.AdminPassword), filepath.Join(dir, "out"), filepath.Join(dir, "checkpoint"))
	if err := os.WriteFile(job, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	write(t, w, topic, 1, event(1))
	write(t, w, topic, 0, event(2), event(25))
	l := newProgram(t).start(job)
	var all []batch.Progress
	read := int64(0)
	next := func(until int64) {
		for read < until {
			r, ok := <-l.progress
			if !ok {
				_, err := l.wait()
				t.Fatalf("ended: %v", err)
			}
			all, read = append(all, r), read+r.NumInputRows
		}
	}
	next(3)
	<-time.After(700 * time.Millisecond) // some triggers find partition 1 silent
	b.Line.Cut()
	cut := time.Now()
	for time.Since(cut) < 4*time.Second || !strings.Contains(l.stderr.String(), "degraded") {
		<-time.After(50 * time.Millisecond)
	}
	if err := b.Line.Mend(); err != nil {
		t.Fatal(err)
	}
	for !strings.Contains(l.stderr.String(), "recovered") {
		if time.Since(cut) > 2*time.Minute {
			t.Fatalf("not recovered: %s", l.stderr.String())
		}
		<-time.After(5 * time.Millisecond)
	}
	write(t, w, topic, 1, event(3), event(31))
	next(5)
	l.signal(t, syscall.SIGTERM)
	rest, err := l.wait()
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range append(all, rest...) {
		if r.NumRowsLate != 0 {
			t.Errorf("batch %d: %d late rows", r.BatchID, r.NumRowsLate)
		}
	}
	t.Logf("%d batches, the way was cut for %s", len(all)+len(rest), time.Since(cut).Round(time.Millisecond))
}
