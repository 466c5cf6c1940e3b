package batch_test

import (
	"context"
	"os"
	"path/filepath"
	"time"

	"github.com/millrace/millrace/batch"
	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/dstream"
	"github.com/millrace/millrace/offsets"
	"github.com/millrace/millrace/output"
	"github.com/millrace/millrace/windows"
)

// A whole job in one process: clicks out of a log in memory, counted by page in windows of ten seconds. Whoever reads
// from Kafka and writes Parquet gives the job an [offsets.Kafka] and an [output.Parquet] instead.
func Example() {
	dir, err := os.MkdirTemp("", "millrace")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	plan, err := clicksByPage()
	if err != nil {
		panic(err)
	}
	clicks := offsets.NewMemory("clicks")
	for _, value := range []string{
		`{"page":"/home","at":1700000001000}`,
		`{"page":"/cart","at":1700000004000}`,
		`{"page":"/home","at":1700000009000}`,
		`{"page":"/home","at":1700000012000}`,
	} {
		clicks.Append("clicks", 0, offsets.MemoryRecord{Value: []byte(value)})
	}
	job := &batch.Job{
		Name: "clicks", Recorded: []byte("clicks, version 1"), Hash: batch.JobHash(plan), Plan: plan,
		Sources: map[string]batch.Source{"clicks": {Open: func(context.Context) (offsets.Source, error) { return clicks, nil }, Start: offsets.Earliest}},
		Sinks:   []batch.Sink{screen(&plan.Sinks[0])},
		Trigger: batch.Trigger{AvailableNow: true, FlushWindows: true},
		Shards:  1, Step: 1000, OnBadRecord: batch.FailOnBad, Checkpoint: filepath.Join(dir, "checkpoint"),
	}
	for range 2 { // the second run finds everything done
		if err := batch.Run(context.Background(), batch.Options{Job: job}); err != nil {
			panic(err)
		}
	}
	// Output:
	// {"page":"/cart","window_start":"2023-11-14T22:13:20Z","clicks":1}
	// {"page":"/home","window_start":"2023-11-14T22:13:20Z","clicks":2}
	// {"page":"/home","window_start":"2023-11-14T22:13:30Z","clicks":1}
}

// clicksByPage describes the job.
func clicksByPage() (*dstream.Plan, error) {
	g := dstream.NewGraph()
	err := g.AddSource(dstream.Source{
		Name: "clicks", Format: "json", EventTime: "at",
		Fields: []columnar.DecodeField{
			{Field: columnar.Field{Name: "page", Type: columnar.Type{Kind: columnar.String}}},
			{Field: columnar.Field{Name: "at", Type: columnar.Type{Kind: columnar.Timestamp}}, Unit: columnar.UnitMilli},
		},
		Bounds: windows.Bounds{MaxDisorder: 5_000_000, IdleAfter: 30_000_000, MaxFuture: -1},
	})
	if err != nil {
		return nil, err
	}
	g.From("clicks").
		Window(dstream.Tumbling("at", 10*time.Second, 0)).
		GroupBy(dstream.Col("page"), dstream.Col("window_start")).
		Agg(dstream.Count().As("clicks")).
		To("screen")
	return g.Plan()
}

// screen prints the rows of the job.
func screen(k *dstream.SinkPlan) batch.Sink {
	return batch.Sink{Name: k.Name, Open: func(context.Context, output.Opening) (output.Sink, error) {
		return output.NewStdout(k.Name, os.Stdout, output.Layout{Schema: k.Schema, Columns: k.Columns})
	}}
}
