package batch

import (
	"fmt"
	"syscall"
	"testing"

	"github.com/millrace/millrace/internal/prooftest"
	"github.com/millrace/millrace/internal/store/storetest"
)

// TestDiskFull fills the disk at every operation of a job in turn, or makes it read-only, for good: the run stops with one
// error that says so and names the file, nothing half written is visible, no file is touched after a sync of it has failed,
// and when there is space again the next run comes to the rows that it should.
func TestDiskFull(t *testing.T) {
	t.Parallel()
	full := []storetest.Op{storetest.OpCreate, storetest.OpWrite, storetest.OpAllocate, storetest.OpMkdir, storetest.OpLink, storetest.OpSync}
	kinds := []struct {
		name  string
		errno syscall.Errno
		ops   []storetest.Op
		step  int
		parts int // of 256, that slices of snapshots have
	}{
		{"full", syscall.ENOSPC, full, 1, 0},
		{"read-only", syscall.EROFS, storetest.Ops, 3, 0},
		{"failed syncs", syscall.EIO, []storetest.Op{storetest.OpSync, storetest.OpSyncName}, 3, 0},
		{"full", syscall.ENOSPC, full, 2, 256},
		{"failed syncs", syscall.EIO, []storetest.Op{storetest.OpSync, storetest.OpSyncName}, 3, 100},
	}
	seed, stops := simSeed(t), map[string]int{}
	for _, kind := range kinds {
		step := kind.step
		if testing.Short() {
			step *= 7
		}
		for at := 1; ; at += step {
			w := newWorld(t, seed)
			w.generate(100)
			faulty := storetest.NewFaultFS(w.disk)
			w.fs = faulty
			faulty.FailFrom(at, kind.errno, kind.ops...)
			options := []func(*Options){smallBlobs}
			if kind.parts > 0 {
				options = append(options, w.inSlices(kind.parts))
			}
			err := w.run(w.job(windowed, flushing, rowsMax(35)), options...)
			what := fmt.Sprintf("%s from operation %d", kind.name, at)
			if err == nil {
				if left := faulty.Changes() - at; left > 8 { // unlinks of temporary names and the like
					t.Errorf("%s: the job has not noticed, %d operations later", what, left)
				}
				break
			}
			w.wantFault(err, kind.errno)
			stops[kind.name]++
			if again := faulty.AfterFailedSync(); len(again) > 0 {
				t.Fatalf("%s: %s was written or synced again after a failed sync", what, again[0])
			}
			w.afterSpace(what)
		}
	}
	prooftest.Figure(t, "disk full, read-only, failed syncs from each operation of a job on: stops with one error, resumes after space",
		"%d, %d and %d stops, 0 rows lost or doubled, 0 files half visible, 0 syncs tried again", stops["full"], stops["read-only"], stops["failed syncs"])
}

// smallBlobs has a snapshot with every second commit, and larger state blocks in blobs.
func smallBlobs(o *Options) { o.snapshotEvery, o.inlineBlock = 2, 700 }

// afterSpace checks what a reader sees, and goes on with a disk that has space.
func (w *world) afterSpace(what string) {
	w.t.Helper()
	want := w.expected(windowed)
	w.wantPart(what, want)
	w.fs = w.disk
	w.mustRun(w.job(windowed, flushing, rowsMax(35)), smallBlobs)
	w.wantRows(what, want, equalRows)
	w.wantHistory(what)
}
