package batch

import (
	"fmt"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/internal/state"
	"github.com/millrace/millrace/internal/store"
	"github.com/millrace/millrace/internal/wal"
	"github.com/millrace/millrace/output/outputtest"
)

// BenchmarkRecoverWeek starts a job that has run for a week, a batch a second in one life, and holds ten million keys: from the
// start of the driver to where it finds that there is nothing to read. The log is as such a life leaves it, a snapshot in slices every
// 400 batches, the most deltas there can be behind the last; it was written by the log's own writer, without its syncs.
func BenchmarkRecoverWeek(b *testing.B) {
	job, source := keyedCheckpoint(b)
	takeSlices(b, job, source)
	bytes := weekOfLog(b, job, source)
	for b.Loop() {
		cpu := outputtest.CPUTime()
		runKeyed(b, job, nil)
		b.ReportMetric(float64((outputtest.CPUTime() - cpu).Milliseconds()), "cpu-ms")
	}
	b.ReportMetric(float64(b.Elapsed().Milliseconds())/float64(b.N), "ms")
	b.ReportMetric(float64(bytes)/1e9, "log-GB")
	in, err := Inspect(b.Context(), SystemEnv(), job.Checkpoint)
	if err != nil {
		b.Fatal(err)
	}
	if h := in.History; h.Last.Batch < weekBatches || h.SinceSnapshot != 399 {
		b.Fatalf("the log ends with batch %d, %d behind a snapshot", h.Last.Batch, h.SinceSnapshot)
	}
}

// takeSlices has a job go on with ten records a batch until it has taken a snapshot in slices.
func takeSlices(b *testing.B, job *Job, source *keyedSource) {
	b.Helper()
	source.end += 40 * 10 / keyedPartitions
	few := *job
	few.Limits.Rows = 10
	runKeyed(b, &few, func(o *Options) { o.snapshotEvery = 8 })
}

const weekBatches = 7*24*3600 - 1

// weekOfLog adds a week of batches to the log of a job with a snapshot in slices, and returns the size of that.
func weekOfLog(b *testing.B, job *Job, source *keyedSource) int64 {
	b.Helper()
	ctx, env := b.Context(), SystemEnv()
	env.FS = unsynced{store.OS{Private: true}}
	in, err := Inspect(ctx, env, job.Checkpoint)
	if err != nil {
		b.Fatal(err)
	}
	p, err := openPlace(ctx, env, job.Checkpoint)
	if err != nil {
		b.Fatal(err)
	}
	lease, err := p.epochs.Acquire(ctx, wal.AcquireOptions{Now: time.Now()})
	if err != nil {
		b.Fatal(err)
	}
	log, err := p.chains.Create(ctx, lease.Epoch())
	if err != nil {
		b.Fatal(err)
	}
	w := &weekWriter{b: b, h: in.History, log: log, epoch: lease.Epoch(), delta: weekDelta(b, job)}
	batches := committedBatches(in.Entries)
	last := batches[len(batches)-1]
	for _, at := range batches {
		if base := at.commit.Base; base != nil && len(base.States) > 0 {
			w.states = append(slices.Clone(base.States), versioned(at.commit, at.plan.Zones))
		}
	}
	if len(w.states) < 2 {
		b.Fatal("no snapshot in slices was taken")
	}
	end := in.Entries[len(in.Entries)-1].At
	w.append(&Opened{Epoch: w.epoch, Version: "bench", Prev: &ChainEnd{Epoch: end.Epoch, Sequence: end.Sequence}})
	for n := 0; n < weekBatches || w.h.SinceSnapshot < snapshotEvery-1; n++ {
		w.batch(last.plan, last.commit)
	}
	source.end = w.h.Positions[0].Next
	for _, err := range []error{log.Close(), lease.Release()} {
		if err != nil {
			b.Fatal(err)
		}
	}
	syncFiles(b, filepath.Join(job.Checkpoint, "wal"))
	return w.bytes
}

// syncFiles syncs the files in dir, as the job has at the latest with the batch behind each: the first sync of the start would wait for
// gigabytes otherwise.
func syncFiles(b *testing.B, dir string) {
	names, err := filepath.Glob(filepath.Join(dir, "*"))
	for _, name := range names {
		if err == nil {
			err = store.OS{}.Sync(name)
		}
	}
	if err != nil || len(names) == 0 {
		b.Fatal(len(names), err)
	}
}

// unsynced writes files without syncing them.
type unsynced struct{ store.OS }

func (u unsynced) Create(name string) (store.File, error) {
	f, err := u.OS.Create(name)
	return unsyncedFile{f}, err
}

func (unsynced) Sync(string) error { return nil }

type unsyncedFile struct{ store.File }

func (unsyncedFile) Sync() error { return nil }

// weekWriter writes batches like one that a job has run.
type weekWriter struct {
	b      *testing.B
	h      *History
	log    wal.Log
	epoch  uint64
	delta  []byte
	states []VersionedState // what snapshots are made of
	bytes  int64
}

func (w *weekWriter) append(r Record) {
	payload, err := Encode(r)
	if err == nil {
		_, err = w.log.Append(payload)
	}
	if err == nil {
		err = w.h.apply(r)
	}
	if err != nil {
		w.b.Fatal(err)
	}
	w.bytes += int64(len(payload))
}

// batch is the next one, a second behind the last, with five records of each partition.
func (w *weekWriter) batch(like *Planned, done *Committed) {
	p, c := *like, *done
	p.Batch, p.At, p.Before = w.h.NextBatch, w.h.LastAt+1_000_000, w.h.Marks
	p.Ranges = append(p.Ranges[:0:0], p.Ranges...)
	for i := range p.Ranges {
		p.Ranges[i].From = w.h.Positions[i].Next
		p.Ranges[i].Until = p.Ranges[i].From + 5
	}
	w.append(&p)
	c.Batch, c.At, c.RangeHash, c.Positions, c.Base, c.Records = p.Batch, p.At, RangeHash(&p), positionsAfter(p.Ranges), nil, 10
	like.Ranges = p.Ranges
	if w.h.SinceSnapshot+1 == snapshotEvery {
		var err error
		if c.Base, err = w.h.base(&p, &c); err != nil {
			w.b.Fatal(err)
		}
		c.Base.States = w.states
	}
	c.Slices, c.State = nil, []StateBlock{{Operator: done.State[0].Operator, Schema: done.State[0].Schema, inline: w.delta, Length: len(w.delta)}}
	w.append(&c)
	w.h.releaseState()
}

// weekDelta is a delta of ten keys.
func weekDelta(b *testing.B, job *Job) []byte {
	b.Helper()
	x := &job.Plan.Exchanges[0]
	shape := state.Shape{In: x.Operator().In, Spec: x.Operator().Spec}
	h := columnar.NewHashAggregate(shape.In, shape.Spec)
	rows := columnar.EmptyBatch(shape.In)
	rows.Rows = 10
	for i, f := range shape.In.Fields {
		v := &columnar.Vector{Type: f.Type, N: 10, I64: make([]int64, 10)}
		for n := range v.I64 {
			if f.Name == "id" {
				v.I64[n] = keyedID(int64(n))
			}
			if f.Type.Kind == columnar.Timestamp {
				v.I64[n] = keyedStart * 1000 / keyedWindow.Microseconds() * keyedWindow.Microseconds()
			}
		}
		rows.Cols[i] = v
	}
	if err := h.Add(rows); err != nil {
		b.Fatal(err)
	}
	t := state.NewTable(shape)
	err := t.Merge(h.Partial())
	var block []byte
	if err == nil {
		block, err = t.Delta()
	}
	if err != nil {
		b.Fatal(fmt.Errorf("make a delta: %w", err))
	}
	return block
}
