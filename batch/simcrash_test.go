package batch

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/millrace/millrace/internal/store/storetest"
)

// crashSchedules is how many lives with crashes each job is put through.
const crashSchedules = 75

// TestCrashes cuts the power, or ends the process, at every change of the disk in turn, again and again until the job is
// through: log, blobs, files, manifests, locks. What a reader sees must always be rows of the result, each once and in
// whole files, and in the end all of them.
func TestCrashes(t *testing.T) {
	seed := simSeed(t)
	for _, q := range []simQuery{stateless, windowed, twoWindows, fanOut, merged, whole, aside, late, lateSessions, visits, frames} {
		t.Run(q.name, func(t *testing.T) {
			t.Parallel() // each world is one of its own
			ops := crashFree(t, seed, q)
			sum := crashFigures{}
			for i := range simLong(crashSchedules) / q.weight() {
				sum.schedule(t, seed, i, ops, q)
			}
			t.Logf("%d operations; %d schedules with %d crashes: %d power losses, %d deaths; %d hit an open batch, %d left part of it visible, %d came before the first plan",
				ops, sum.schedules, sum.power+sum.deaths, sum.power, sum.deaths, sum.open, sum.partly, sum.early)
			if !testing.Short() && (sum.open == 0 || sum.partly == 0 || sum.early == 0) {
				t.Errorf("the schedules miss a kind of crash: %+v", sum)
			}
		})
	}
}

// crashJob is a job with several batches, files and a change of the number of shards from run to run.
func (w *world) crashJob(q simQuery) *Job {
	return w.job(q, flushing, rowsMax(60), shards(1+w.rng.IntN(3)))
}

// crashFree counts the operations of a run to which nothing happens.
func crashFree(t *testing.T, seed uint64, q simQuery) int {
	w := newWorld(t, seed)
	w.fill(q, 200)
	w.mustRun(w.crashJob(q))
	w.wantRows("without a crash", w.expected(q), equalRows)
	return w.disk.Count()
}

type crashFigures struct{ schedules, power, deaths, open, partly, early int }

// schedule is one story: run, crash, run, crash, …, run to the end. The first crash comes at every operation in turn.
func (f *crashFigures) schedule(t *testing.T, seed uint64, i, ops int, q simQuery) {
	w := newWorld(t, seed+uint64(i)<<16)
	w.fill(q, 200)
	want := w.expectedOf(q, func() *world {
		twin := newWorld(t, seed+uint64(i)<<16)
		twin.fill(q, 200)
		return twin
	})
	f.schedules++
	at := 1 + i*7%ops // 7 does not divide what matters
	for crash := 0; ; crash++ {
		what := fmt.Sprintf("schedule %d, crash %d at operation %d", i, crash, at)
		if crash < 4 {
			w.disk.StopAfter(at)
		}
		err := w.run(w.crashJob(q))
		if err == nil {
			break
		}
		if !errors.Is(err, storetest.ErrPower) {
			t.Fatalf("%s: %v", what, err)
		}
		f.crash(w)
		w.wantPart(what, want)
		at = 1 + w.rng.IntN(ops/2)
	}
	w.disk.Restart()
	w.wantRows(fmt.Sprintf("schedule %d", i), want, equalRows)
	w.wantHistory(fmt.Sprintf("schedule %d", i))
}

// crash turns the stopped disk into what the next driver finds.
func (f *crashFigures) crash(w *world) {
	if w.rng.IntN(2) == 0 {
		f.deaths++
		w.disk.Restart()
	} else {
		f.power++
		w.disk = w.disk.Crash(w.rng.Uint64())
		w.fs = w.disk
	}
	in, err := w.inspect()
	switch {
	case err != nil || in.History.NextBatch == 1:
		f.early++
	case len(in.History.Open) > 0:
		f.open++
		if len(w.files()) > in.files() {
			f.partly++
		}
	}
}

// files is how many files are committed.
func (in *Inspection) files() (n int) {
	for _, e := range in.Entries {
		if c, ok := e.Record.(*Committed); ok {
			for sink := range c.Files {
				n += len(c.Files[sink])
			}
		}
	}
	return n
}

// wantPart checks that all that is visible belongs to the result and is there once.
func (w *world) wantPart(what string, want []simRow) {
	w.t.Helper()
	for _, r := range w.rows() {
		i := slices.IndexFunc(want, func(x simRow) bool { return equalRows(r, x) })
		if i < 0 {
			w.t.Fatalf("%s: a reader sees %s %v, which is no row of the result, or sees it twice", what, r.text, r.doubles)
		}
		want = slices.Delete(slices.Clone(want), i, i+1)
	}
}

// wantHistory checks that the log accounts for every record, and its manifests for every file.
func (w *world) wantHistory(what string) {
	w.t.Helper()
	in, err := w.inspect()
	if err != nil {
		w.t.Fatalf("%s: %v", what, err)
	}
	if h := in.History; len(h.Open) > 0 || h.Records != int64(len(w.events)+len(w.dead)+w.raw) {
		w.t.Errorf("%s: %d plans open, %d records committed of %d", what, len(h.Open), h.Records, len(w.events)+len(w.dead)+w.raw)
	}
	there, listed := w.files(), map[string]bool{}
	for _, e := range in.Entries {
		if c, ok := e.Record.(*Committed); ok {
			for sink := range c.Files {
				if w.kafka != nil && slices.Contains(simTopics, sink) {
					continue
				}
				for _, f := range c.Files[sink] {
					name := f.Path
					if _, ok := there[name]; !ok { // the sink has a directory of its own
						name = sink + "/" + name
					}
					if listed[name] {
						w.t.Errorf("%s: file %s is committed twice", what, name)
					}
					listed[name] = true
				}
			}
		}
	}
	for name := range there {
		if !listed[name] {
			w.t.Errorf("%s: file %s is in no commit", what, name)
		}
	}
	if len(listed) != len(there) {
		w.t.Errorf("%s: %d files committed, %d there", what, len(listed), len(there))
	}
}
