package batch

import (
	"context"
	"io"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/dstream"
	"github.com/millrace/millrace/offsets"
	"github.com/millrace/millrace/output"
	"github.com/millrace/millrace/windows"
)

// Benchmarks of a job with ten million keys: a bigint id, of which a window of a year holds a count and a sum.

const (
	keyedIDs        = 10_000_000
	keyedPartitions = 2
	keyedStart      = 1_700_000_000_000 // ms
	keyedWindow     = 365 * 24 * time.Hour
)

// keyedSource makes its records when they are read: the first of them have every id once, those behind them any.
type keyedSource struct{ end int64 } // of every partition

func (s *keyedSource) Partitions(ctx context.Context) ([]offsets.PartitionState, error) {
	return s.Survey(ctx, nil)
}

func (s *keyedSource) Survey(context.Context, []offsets.Position) ([]offsets.PartitionState, error) {
	var out []offsets.PartitionState
	for p := range int32(keyedPartitions) {
		out = append(out, offsets.PartitionState{Topic: "events", TopicID: offsets.TopicID{1}, Partition: p, End: s.end, HighWatermark: s.end})
	}
	return out, nil
}

func (s *keyedSource) Read(_ context.Context, r offsets.Range) (offsets.Reader, error) {
	return &keyedReader{r: r, at: r.From}, nil
}

func (s *keyedSource) Close() error { return nil }

type keyedReader struct {
	r    offsets.Range
	at   int64
	buf  []byte
	rows []offsets.Record
}

func (r *keyedReader) Next(_ context.Context, recs *offsets.Records) error {
	if r.at >= r.r.Until {
		return io.EOF
	}
	r.buf, r.rows = r.buf[:0], r.rows[:0]
	for ; r.at < r.r.Until && len(r.rows) < 1000; r.at++ {
		start := len(r.buf)
		r.buf = append(r.buf, `{"id":`...)
		r.buf = strconv.AppendInt(r.buf, keyedID(r.at*keyedPartitions+int64(r.r.Partition)), 10)
		r.buf = append(r.buf, `,"n":`...)
		r.buf = strconv.AppendInt(r.buf, r.at%1000, 10)
		r.buf = append(r.buf, `,"at":`...)
		r.buf = strconv.AppendInt(r.buf, keyedStart+r.at/1000, 10)
		r.buf = append(r.buf, '}')
		value := offsets.Span{Start: int32(start), Len: int32(len(r.buf) - start)}
		r.rows = append(r.rows, offsets.Record{Offset: r.at, Timestamp: keyedStart, Key: offsets.Span{Len: -1}, Value: value})
	}
	if cap(r.buf)-len(r.buf) < offsets.Slack {
		r.buf = append(r.buf, make([]byte, offsets.Slack)...)[:len(r.buf)]
	}
	*recs = offsets.Records{Topic: "events", Partition: r.r.Partition, Buf: r.buf, Rows: r.rows, WireBytes: int64(len(r.buf))}
	return nil
}

func (r *keyedReader) Close() error { return nil }

// keyedID is the id of the n-th record, for n below their number another one each: its digits are mixed, so that neighbours are far
// from each other.
func keyedID(n int64) int64 {
	if n >= keyedIDs {
		n = int64(uint64(n) * 0x9e3779b97f4a7c15 >> 20)
	}
	return n % keyedIDs * 7_654_321 % keyedIDs * 1_000_003
}

// keyedJob is the job, with its checkpoint below dir. Batches have half a million records.
func keyedJob(b *testing.B, source *keyedSource, dir string) *Job {
	b.Helper()
	g := dstream.NewGraph()
	err := g.AddSource(dstream.Source{
		Name: "events", Format: "json", EventTime: "at",
		Fields: []columnar.DecodeField{
			{Field: columnar.Field{Name: "id", Type: columnar.Type{Kind: columnar.Int64}}},
			{Field: columnar.Field{Name: "n", Type: columnar.Type{Kind: columnar.Int64}}},
			{Field: columnar.Field{Name: "at", Type: columnar.Type{Kind: columnar.Timestamp}}, Unit: columnar.UnitMilli},
		},
		Bounds: windows.Bounds{MaxDisorder: 5_000_000, IdleAfter: 30_000_000, MaxFuture: -1},
	})
	if err != nil {
		b.Fatal(err)
	}
	g.From("events").Window(dstream.Tumbling("at", keyedWindow, 0)).GroupBy(dstream.Col("id"), dstream.Col("window_start")).
		Agg(dstream.Count().As("views"), dstream.Sum(dstream.Col("n")).As("sum")).To("nowhere")
	plan, err := g.Plan()
	if err != nil {
		b.Fatal(err)
	}
	sink := Sink{Name: "nowhere", Open: func(context.Context, output.Opening) (output.Sink, error) {
		return output.NewStdout("nowhere", io.Discard, output.Layout{Schema: plan.Sinks[0].Schema, Columns: plan.Sinks[0].Columns})
	}}
	return &Job{
		Name: "keyed", Recorded: []byte("keyed"), Hash: JobHash(plan), Plan: plan, Sinks: []Sink{sink},
		Sources: map[string]Source{"events": {Open: func(context.Context) (offsets.Source, error) { return source, nil }, Start: offsets.Earliest}},
		Trigger: Trigger{AvailableNow: true}, Limits: Limits{Rows: 500_000},
		Shards: 1, Step: 50_000, OnBadRecord: FailOnBad, Checkpoint: filepath.Join(dir, "checkpoint"),
	}
}

// keyedCheckpoint is a job that holds all ids, the last batch with a snapshot, and its source.
func keyedCheckpoint(b *testing.B) (*Job, *keyedSource) {
	b.Helper()
	source := &keyedSource{end: keyedIDs / keyedPartitions}
	job := keyedJob(b, source, b.TempDir())
	const batches = 21 // the first is smaller: nothing is known of the records yet
	runKeyed(b, job, func(o *Options) { o.snapshotEvery, o.snapshotBytes, o.sliceAbove = batches, 1<<40, 1<<40 })
	in, err := Inspect(b.Context(), SystemEnv(), job.Checkpoint)
	if err != nil || in.History.Last.Batch != batches || in.History.SinceSnapshot != 0 {
		b.Fatalf("%d batches, %d behind the snapshot, want %d and 0: %v", in.History.Last.Batch, in.History.SinceSnapshot, batches, err)
	}
	return job, source
}

func runKeyed(b *testing.B, job *Job, change func(*Options)) {
	b.Helper()
	o := Options{Job: job, Version: "bench"}
	if change != nil {
		change(&o)
	}
	if err := Run(b.Context(), o); err != nil {
		b.Fatal(err)
	}
}
