package batch

import (
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/millrace/millrace/internal/store"
	"github.com/millrace/millrace/output/outputtest"
)

// snapshotBatches is how many batches a run has: two snapshots' worth.
const snapshotBatches = 80

// snapshotRounds is how often a job runs with snapshots, each time between two without.
const snapshotRounds = 5

// BenchmarkSnapshotWhileRunning runs a job that holds ten million keys over 80 batches of half a million records, which touch most
// keys: without a snapshot and with one as often as the driver takes them, in turn, each from a copy of the same checkpoint, which has
// a snapshot in slices and the deltas behind it. It reports throughput with against without, by wall-clock and by CPU time, the median
// of the rounds, each against the mean of the runs before and behind it; the 99th percentile of the syncs of the log in both and their
// ratio; the longest batch of all; and how long a start takes there.
func BenchmarkSnapshotWhileRunning(b *testing.B) {
	job, source := keyedCheckpoint(b)
	sliced, never := func(*Options) {}, func(o *Options) { o.snapshotEvery, o.snapshotBytes = 1<<30, 1<<40 }
	source.end += snapshotBatches * 500_000 / keyedPartitions
	measureKeyed(b, job, sliced)
	source.end += snapshotBatches * 500_000 / keyedPartitions
	more := func(change func(*Options)) snapshotRun {
		again := *job
		again.Checkpoint = filepath.Join(b.TempDir(), "checkpoint")
		linkTree(b, job.Checkpoint, again.Checkpoint)
		defer os.RemoveAll(again.Checkpoint)
		return measureKeyed(b, &again, change)
	}
	for b.Loop() {
		var wall, cpu, starts []float64
		var with, without snapshotRun
		before := more(never)
		for range snapshotRounds {
			taken, behind := more(sliced), more(never)
			if taken.snapshots == 0 || behind.snapshots > 0 {
				b.Fatalf("%d snapshots, %d in the run without", taken.snapshots, behind.snapshots)
			}
			wall = append(wall, (before.wall+behind.wall).Seconds()/2/taken.wall.Seconds())
			cpu = append(cpu, (before.cpu+behind.cpu).Seconds()/2/taken.cpu.Seconds())
			starts = append(starts, float64(behind.start.Milliseconds()))
			with.add(taken)
			without.add(behind)
			before = behind
		}
		b.ReportMetric(middle(wall), "throughput-with/without")
		b.ReportMetric(middle(cpu), "per-cpu-with/without")
		b.ReportMetric(middle(starts), "start-ms")
		b.ReportMetric(float64(without.p99().Microseconds()), "quiet-sync-p99-µs")
		b.ReportMetric(float64(with.p99().Microseconds()), "sync-p99-µs")
		b.ReportMetric(float64(with.p99())/float64(without.p99()), "sync-p99-with/without")
		b.ReportMetric(float64(with.snapshots), "snapshots")
		b.ReportMetric(float64(without.longest.Milliseconds()), "longest-batch-without-ms")
		b.ReportMetric(float64(with.longest.Milliseconds()), "longest-batch-ms")
	}
}

// linkTree gives all files below a directory a second name below another one. Files of a checkpoint are never changed.
func linkTree(b *testing.B, from, to string) {
	b.Helper()
	err := filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		target := filepath.Join(to, strings.TrimPrefix(path, from))
		switch {
		case err != nil:
			return err
		case d.IsDir():
			return os.MkdirAll(target, 0o700)
		}
		return os.Link(path, target)
	})
	if err != nil {
		b.Fatal(err)
	}
	runtime.GC() // of the run before
}

// middle is the median of an odd number of figures, which it sorts.
func middle(all []float64) float64 {
	slices.Sort(all)
	return all[len(all)/2]
}

// snapshotRun is what a run took, from the first of its batches to the last: the start, which loads the state, is left out.
type snapshotRun struct {
	wall, cpu, longest time.Duration
	start              time.Duration // until the first of its batches is done
	snapshots          int
	syncs              []time.Duration // of the log
}

// add takes over what is counted over all rounds.
func (r *snapshotRun) add(other snapshotRun) {
	r.longest, r.snapshots, r.syncs = max(r.longest, other.longest), r.snapshots+other.snapshots, append(r.syncs, other.syncs...)
}

func (r snapshotRun) p99() time.Duration {
	slices.Sort(r.syncs)
	return r.syncs[len(r.syncs)*99/100]
}

func measureKeyed(b *testing.B, job *Job, change func(*Options)) snapshotRun {
	var r snapshotRun
	var began, last time.Time
	started := time.Now()
	var cpu time.Duration
	timed := &timedFS{}
	runKeyed(b, job, func(o *Options) {
		o.Env = SystemEnv()
		o.Env.FS = timed
		o.Report = func(Progress) {
			now := time.Now()
			if began.IsZero() {
				began, cpu, r.start = now, outputtest.CPUTime(), now.Sub(started)
			} else {
				r.longest = max(r.longest, now.Sub(last))
			}
			last = now
		}
		change(o)
	})
	r.wall, r.cpu, r.syncs = last.Sub(began), outputtest.CPUTime()-cpu, timed.took
	in, err := Inspect(b.Context(), SystemEnv(), job.Checkpoint)
	if err != nil {
		b.Fatal(err)
	}
	epoch := in.Entries[len(in.Entries)-1].At.Epoch
	for _, e := range in.Entries {
		if c, ok := e.Record.(*Committed); ok && c.Base != nil && e.At.Epoch == epoch {
			r.snapshots++
		}
	}
	return r
}

// timedFS times the syncs of segments of the log.
type timedFS struct {
	store.OS
	mu   sync.Mutex
	took []time.Duration
}

func (t *timedFS) Create(name string) (store.File, error) {
	f, err := t.OS.Create(name)
	if err != nil || !strings.Contains(name, "/wal/") {
		return f, err
	}
	return &timedFile{f, t, false}, nil
}

type timedFile struct {
	store.File
	of   *timedFS
	made bool // its first sync is that of its making
}

func (f *timedFile) Sync() error {
	began := time.Now()
	err := f.File.Sync()
	took := time.Since(began)
	f.of.mu.Lock()
	defer f.of.mu.Unlock()
	if f.made {
		f.of.took = append(f.of.took, took)
	}
	f.made = true
	return err
}
