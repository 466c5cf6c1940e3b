package batch

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/millrace/millrace/internal/prooftest"
	"github.com/millrace/millrace/internal/store/storetest"
	"github.com/millrace/millrace/output"
)

// rolled makes the files of the world's jobs roll over batches.
func (w *world) rolled(age time.Duration, rows int64) *world {
	w.maxAge, w.maxFileRows = age, rows
	return w
}

// spanning is how many files have rows of several batches.
func (w *world) spanning() (n int) {
	for name := range w.files() {
		if first, last, ok := output.BatchesOf(name, "sim"); ok && first < last {
			n++
		}
	}
	return n
}

// TestRolledCrashes cuts the power, or ends the process, at every change of the disk in turn, while files roll over batches by
// rows, by age and because runs end: a reader never sees a row twice or a file that is not whole, and in the end all rows.
func TestRolledCrashes(t *testing.T) {
	seed := simSeed(t)
	schedules, spanning, sum := 0, 0, crashFigures{}
	for _, q := range []simQuery{stateless, windowed, fanOut, aside} {
		ops := rolledFree(t, seed, q)
		for i := range simLong(36) / q.weight() {
			w := newWorld(t, seed+uint64(i)<<16).rolled(20*time.Second, 25)
			w.fill(q, 200)
			what := fmt.Sprintf("%s, schedule %d", q.name, i)
			want := w.expectedOf(q, func() *world {
				twin := newWorld(t, seed+uint64(i)<<16)
				twin.fill(q, 200)
				return twin
			})
			at := 1 + i*7%ops
			for life, last := 0, false; ; life++ {
				if life < 4 {
					w.disk.StopAfter(at)
				}
				last = last || life >= 6 || w.rng.IntN(3) == 0
				err := w.rolledLife(q, last)
				if err == nil && last {
					break
				}
				if err != nil {
					if !errors.Is(err, storetest.ErrPower) {
						t.Fatalf("%s, life %d: %v", what, life, err)
					}
					sum.crash(w)
				}
				w.wantPart(what, want)
				at = 1 + w.rng.IntN(ops/2)
			}
			w.disk.Restart()
			w.wantRows(what, want, equalRows)
			w.wantHistory(what)
			if h := w.history(); len(h.Pending) > 0 {
				t.Fatalf("%s: %v are in no file", what, h.Pending)
			}
			if left := w.checkpointNames(nil, pendingPrefix); len(left) > 0 {
				t.Fatalf("%s: the checkpoint still has %v", what, left)
			}
			w.wantVerified(what, w.job(q), false)
			schedules++
			spanning += w.spanning()
		}
	}
	prooftest.Figure(t, "rolled files, crash at every operation", "%d schedules, %d crashes, %d hit an open batch, %d files with rows of several batches, 0 rows lost or doubled",
		schedules, sum.power+sum.deaths, sum.open, spanning)
	if !testing.Short() && (sum.open == 0 || spanning == 0) {
		t.Errorf("the schedules miss a kind of crash: %+v, %d files span batches", sum, spanning)
	}
}

// rolledLife is one run: most go on batch after batch while time passes, and are stopped; the last one reads all there is.
func (w *world) rolledLife(q simQuery, last bool) error {
	job := w.job(q, rowsMax(20), shards(1+w.rng.IntN(3)))
	if last {
		flushing(job)
		return w.run(job, snapshotEach(1+w.rng.IntN(4)))
	}
	job.Trigger = Trigger{Every: 5 * time.Second}
	return w.run(job, alone, ticks(w, 3+w.rng.IntN(6), nil), snapshotEach(1+w.rng.IntN(4)))
}

// rolledFree counts the operations of a run to which nothing happens.
func rolledFree(t *testing.T, seed uint64, q simQuery) int {
	w := newWorld(t, seed).rolled(20*time.Second, 25)
	w.fill(q, 200)
	w.mustRun(w.job(q, rowsMax(20), flushing))
	w.wantRows("without a crash", w.expected(q), equalRows)
	return w.disk.Count()
}
