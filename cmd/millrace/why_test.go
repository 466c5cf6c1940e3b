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
