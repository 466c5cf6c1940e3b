package batch

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/millrace/millrace/internal/store"
	"github.com/millrace/millrace/internal/store/storetest"
)

// retaining keeps the log for two hours.
func retaining(j *Job) { j.Retain = 2 * time.Hour }

// keeping keeps the log for longer than any test lasts.
func keeping(j *Job) { j.Retain = 1000 * time.Hour }

// oldWorld has a job that has run for hours, with state in blobs, in several lives, and has pruned nothing yet. objects holds the
// checkpoint; nil: the disk does. parts are those of the slices of snapshots, see world.
func oldWorld(t *testing.T, objects *storetest.Objects, parts int) *world {
	w := newWorld(t, 7)
	w.parts = parts
	for range 3 {
		w.mustRun(w.retainJob(objects, continuous, keeping), w.retainOptions(objects), ticks(w, 5, w.threeQuarters))
	}
	w.clock.now = w.clock.now.Add(2 * time.Hour)
	return w
}

// threeQuarters lets three quarters of an hour go by in which a few records come.
func (w *world) threeQuarters(int) {
	w.clock.now = w.clock.now.Add(45 * time.Minute)
	w.generate(12)
}

func (w *world) retainJob(objects *storetest.Objects, change ...func(*Job)) *Job {
	j := w.job(windowed, change...)
	if objects != nil {
		j.Checkpoint = "s3://bucket/ck"
	}
	return j
}

// retainOptions takes snapshots often and keeps state in blobs.
func (w *world) retainOptions(objects *storetest.Objects) func(*Options) {
	return func(o *Options) {
		o.snapshotEvery, o.inlineBlock = 3, 64
		o.Env.Objects = objectsAt(objects)
		if w.parts > 0 {
			o.sliceAbove, o.sliceParts = 1, w.parts
		}
	}
}

// simStep is how far apart the operations are at which something happens: one by one when a long run is asked for.
func simStep(n int) int {
	switch {
	case os.Getenv("MILLRACE_LONG") != "":
		return 1
	case testing.Short():
		return 5 * n
	}
	return n
}

func everySnapshot(o *Options) { o.snapshotEvery = 1 }

func objectsAt(objects *storetest.Objects) func(context.Context, string) (store.Objects, error) {
	return func(context.Context, string) (store.Objects, error) { return objects, nil }
}

// checkpointNames are the names of what is in the checkpoint below a prefix.
func (w *world) checkpointNames(objects *storetest.Objects, prefix string) []string {
	w.t.Helper()
	var s store.Store = &store.Local{Root: simCheckpoint, FS: w.disk}
	if objects != nil {
		s = objects
	}
	names, err := s.List(w.t.Context(), prefix)
	if err != nil {
		w.t.Fatal(err)
	}
	return names
}

// wantRetained checks that the job goes on to the right rows and that everything in the log can be verified and replayed.
func (w *world) wantRetained(what string, objects *storetest.Objects) *Inspection {
	w.t.Helper()
	w.mustRun(w.retainJob(objects, flushing, retaining), w.retainOptions(objects))
	w.wantRows(what, w.expected(windowed), equalRows)
	env := w.env()
	env.Objects = objectsAt(objects)
	in, err := Inspect(w.t.Context(), env, w.retainJob(objects).Checkpoint)
	if err != nil {
		w.t.Fatalf("%s: inspect: %v", what, err)
	}
	out, err := Replay(w.t.Context(), ReplayOptions{Job: w.retainJob(objects), Resolve: w.resolve, Cores: 1, Env: env})
	if err != nil || out.Differences > 0 || out.Batches == 0 {
		w.t.Fatalf("%s: replay %+v, %v", what, out, err)
	}
	v, err := Verify(w.t.Context(), VerifyOptions{Job: w.retainJob(objects), Resolve: w.resolve, Cores: 1, Env: env})
	if err != nil || len(v.Findings) > 0 || v.Batches == 0 {
		w.t.Fatalf("%s: verify %+v, %v", what, v, err)
	}
	return in
}

// TestRetain prunes what is older than two hours, and nothing that recovery, replay or verify needs.
func TestRetain(t *testing.T) {
	for i, objects := range []*storetest.Objects{nil, {}, nil, {}} {
		w := oldWorld(t, objects, i/2*128)
		logged := len(w.checkpointNames(objects, "wal/"))
		if notes, starts := len(w.checkpointNames(objects, "snapshots/")), len(w.checkpointNames(objects, "pruned/")); notes < 2 || notes > 12 || starts > 0 || logged < 3 {
			t.Fatalf("%d snapshots noted in 10 hours, %d places where the log begins, %d names in the log", notes, starts, logged)
		}
		for range 2 {
			w.mustRun(w.retainJob(objects, continuous, retaining), w.retainOptions(objects), ticks(w, 5, w.threeQuarters))
		}
		in := w.wantRetained("in the end", objects)
		if in.Start == nil {
			t.Fatal("nothing was pruned")
		}
		age := time.Duration(in.History.LastAt-in.Start.At) * time.Microsecond
		if most := time.Duration(6+6*(i/2)) * time.Hour; age < 2*time.Hour || age > most { // by at most an hour from one to the next, in slices by some more
			t.Errorf("the log begins %s before its end", age)
		}
		if first := in.Entries[0].Record.(*Committed); first.Batch != in.Start.Batch || len(in.Entries) > 60 {
			t.Errorf("%d records from batch %d on", len(in.Entries), first.Batch)
		}
		locks := w.checkpointNames(objects, "epochs/")
		if first := fmt.Sprintf("epochs/%010d", in.Start.Place.Epoch); !strings.HasPrefix(locks[0], first) || len(locks) != 7-int(in.Start.Place.Epoch) { // there were six drivers
			t.Errorf("locks %v, want those from %s on", locks, first)
		}
		states := w.checkpointNames(objects, "state/")
		for _, name := range states {
			if batchOfState(name) < in.Start.needs() {
				t.Errorf("state of a batch that is gone: %s", name)
			}
		}
		if n := len(w.checkpointNames(objects, "pruned/")); n != 1 || len(states) == 0 {
			t.Errorf("%d places where the log begins, %d blocks of state", n, len(states))
		}
		_, err := Replay(t.Context(), ReplayOptions{Job: w.retainJob(objects), Resolve: w.resolve, Cores: 1, Batches: Selection{First: 1, Last: 3}, Env: envWith(w, objects)})
		wantError[*RefusedError](t, err, "batch 1 is gone: the log was pruned before batch", "retain")
		if rounds, _ := w.roundsOf(objects); i < 2 != (in.Start.From == 0) && rounds == 0 {
			t.Errorf("%d snapshots in slices, the log begins with %+v", rounds, in.Start)
		}
		t.Logf("%d names in the log before, %d behind; %s; %d records left", logged, len(w.checkpointNames(objects, "wal/")), in.Start, len(in.Entries))
	}
}

func envWith(w *world, objects *storetest.Objects) Env {
	env := w.env()
	env.Objects = objectsAt(objects)
	return env
}

// TestRetainCrashes ends the process, or cuts the power, at every change of the disk while a log is pruned: whatever is left, the
// next run goes on, and what is kept can be replayed and verified.
func TestRetainCrashes(t *testing.T) {
	for _, parts := range []int{0, 256} {
		t.Run(fmt.Sprintf("%d parts", parts), func(t *testing.T) { retainCrashes(t, parts) })
	}
}

func retainCrashes(t *testing.T, parts int) {
	t.Parallel()
	w := denseWorld(t, nil, 7, parts)
	whole, pruned := w.disk, 0
	for at := 1; ; at++ {
		if step := simStep(2); at%step != 0 {
			continue
		}
		w.disk = whole.Crash(1) // a copy: all of it is synced
		w.fs = w.disk
		w.disk.StopAfter(at)
		err := w.run(w.retainJob(nil, continuous, retaining), w.retainOptions(nil), everySnapshot, stopAfter(1+parts/128))
		if err == nil && w.disk.Count() < at {
			t.Logf("%d schedules, %d of them after it was said where the log begins", at-1, pruned)
			if pruned < 5 && !testing.Short() {
				t.Error("too few crashes while the log was pruned")
			}
			return
		}
		if err != nil && !errors.Is(err, storetest.ErrPower) {
			t.Fatalf("operation %d: %v", at, err)
		}
		if w.disk.Restart(); at%2 == 0 {
			w.disk = w.disk.Crash(uint64(at))
			w.fs = w.disk
		}
		if len(w.checkpointNames(nil, "pruned/")) > 0 {
			pruned++
		}
		w.wantRetained(fmt.Sprintf("crash at operation %d", at), nil)
	}
}

// TestRetainFaults has the object store go away at every request while a log is pruned, with the last one done or not.
func TestRetainFaults(t *testing.T) {
	for _, parts := range []int{0, 256} {
		t.Run(fmt.Sprintf("%d parts", parts), func(t *testing.T) { retainFaults(t, parts) })
	}
}

func retainFaults(t *testing.T, parts int) {
	t.Parallel()
	objects := &storetest.Objects{}
	w := denseWorld(t, objects, 7, parts)
	gone := errors.New("the store is gone")
	whole, schedules, pruned := w.disk, 0, 0
	for at := 1; ; at++ {
		if step := simStep(7); at%step != 0 {
			continue
		}
		left := objects.Clone()
		w.disk = whole.Crash(1)
		w.fs = w.disk
		n := 0
		left.Fail = func(op, _ string) (error, bool) {
			if n++; n >= at {
				return gone, n == at && at%2 == 0
			}
			return nil, false
		}
		err := w.run(w.retainJob(left, continuous, retaining), w.retainOptions(left), everySnapshot, stopAfter(1+parts/128))
		left.Fail = nil
		if err == nil && n < at {
			t.Logf("%d schedules, %d of them after it was said where the log begins", schedules, pruned)
			if pruned < 5 && !testing.Short() {
				t.Error("too few faults while the log was pruned")
			}
			return
		}
		schedules++
		if len(w.checkpointNames(left, "pruned/")) > 0 {
			pruned++
		}
		w.wantRetained(fmt.Sprintf("fault at request %d", at), left)
	}
}
