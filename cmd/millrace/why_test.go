package main

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/datadriven"

	"github.com/millrace/millrace/batch"
)

// The command why takes the reports of a run's batches, a JSON object each, and prints what the run's end says.
func TestWhy(t *testing.T) {
	datadriven.RunTest(t, "testdata/why", func(t *testing.T, d *datadriven.TestData) string {
		total := tally{idle: map[string]time.Duration{"events": 30 * time.Second}}
		reports := json.NewDecoder(strings.NewReader(d.Input))
		for reports.More() {
			var p batch.Progress
			check(t, reports.Decode(&p))
			total.add(p)
		}
		return total.why() + "\n"
	})
}

// TestWaits: a run that read nothing says for which transactions it waits.
func TestWaits(t *testing.T) {
	id := int64(4711)
	first := batch.WaitingPartition{Topic: "events", Partition: 2, LastStableOffset: 120, HighWatermark: 250, Since: "2026-11-22T12:00:05Z", ProducerID: &id}
	var sum tally
	const text = "no new data: nothing to do; events/2 waits for an open transaction of producer 4711, since 2026-11-22T12:00:05Z at last stable offset 120; high watermark 250"
	for i, want := range []string{"no new data: nothing to do", text, text + " (and 1 more)"} {
		if got := sum.why(); got != want {
			t.Errorf("with %d partitions: %q, want %q", i, got, want)
		}
		sum.waiting = append(sum.waiting, first)
	}
}
