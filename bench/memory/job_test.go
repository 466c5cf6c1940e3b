package memory

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/millrace/millrace/batch"
	"github.com/millrace/millrace/bench/limit"
	"github.com/millrace/millrace/internal/jobspec"
	"github.com/millrace/millrace/offsets"
	"github.com/millrace/millrace/output"
)

const topic = "ad-events"

// engine runs the job over the events, each run with a new checkpoint.
type engine struct {
	tb     testing.TB
	events *limit.Events
	passes int32 // partitions, which all hold the same events
	cores  int
	dir    string
	runs   int
	rows   bytes.Buffer // what the last run wrote
}

func newEngine(tb testing.TB, events *limit.Events, passes int32, cores int) *engine {
	e := &engine{tb: tb, events: events, passes: passes, cores: cores, dir: tb.TempDir()}
	ads := []byte("ad_id,campaign_id\n")
	for _, a := range events.Ads {
		ads = fmt.Appendf(ads, "%s,%s\n", a.ID, a.Campaign)
	}
	if err := os.WriteFile(e.ads(), ads, 0o644); err != nil {
		tb.Fatal(err)
	}
	return e
}

func (e *engine) ads() string { return filepath.Join(e.dir, "ads.csv") }

func (e *engine) records() int { return e.events.Records * int(e.passes) }

// job is the job of the file, as the command line builds it.
func (e *engine) job() *batch.Job {
	e.runs++
	env := map[string]string{"ADS": e.ads(), "CHECKPOINT": filepath.Join(e.dir, fmt.Sprint("checkpoint-", e.runs))}
	job := e.load("job.yaml", env)
	plan := &job.Plan.Sinks[0]
	job.Sinks[0] = batch.Sink{Name: plan.Name, Guarantee: batch.AtLeastOnce, Open: func(context.Context, output.Opening) (output.Sink, error) {
		return output.NewStdout(plan.Name, &e.rows, output.Layout{Schema: plan.Schema, Columns: plan.Columns})
	}}
	job.Trigger.FlushWindows = true
	return job
}

// load is the job of a file below testdata, over the events in memory.
func (e *engine) load(file string, env map[string]string) *batch.Job {
	e.tb.Helper()
	spec, err := jobspec.Load(filepath.Join("testdata", file), jobspec.Options{Env: func(name string) (string, bool) {
		value, ok := env[name]
		return value, ok
	}})
	if err != nil {
		e.tb.Fatal(err)
	}
	job, _, err := spec.Job()
	if err != nil {
		e.tb.Fatal(err)
	}
	open := func(context.Context) (offsets.Source, error) { return &source{e.events, e.passes}, nil }
	job.Sources["events"] = batch.Source{Open: open, Start: job.Sources["events"].Start}
	return job
}

// run is a whole run of the job.
func (e *engine) run() {
	e.rows.Reset()
	if err := batch.Run(e.tb.Context(), batch.Options{Job: e.job(), Cores: e.cores}); err != nil {
		e.tb.Fatal(err)
	}
}

// check compares the rows of the last run with the truth.
func (e *engine) check() {
	e.tb.Helper()
	counts, truth := map[limit.Group]int64{}, map[limit.Group]int64{}
	for g, n := range e.events.Views {
		truth[g] = n * int64(e.passes)
	}
	for dec := json.NewDecoder(&e.rows); dec.More(); {
		var row struct {
			Campaign string    `json:"campaign_id"`
			Start    time.Time `json:"window_start"`
			Views    int64     `json:"views"`
		}
		if err := dec.Decode(&row); err != nil {
			e.tb.Fatal(err)
		}
		counts[limit.Group{Campaign: row.Campaign, StartMs: row.Start.UnixMilli()}] += row.Views
	}
	if wrong := limit.Wrong(counts, truth); wrong > 0 {
		e.tb.Fatalf("%d of %d counts are wrong", wrong, len(truth))
	}
}
