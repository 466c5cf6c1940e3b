package batch

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/millrace/millrace/internal/store/storetest"
)

// faultPlaces are the parts of a path that tell what a fault hit, and what the error must then call it.
var faultPlaces = []struct{ part, says string }{
	{"manifest", "manifest"},
	{"owner", "claim " + simOutput},
	{".parquet", "create " + simOutput},
	{simOutput, simOutput},
	{"millrace.json", "checkpoint"},
	{"blobs", "blob"},
	{"wal", "log"},
	{"epochs", "epochs"},
	{simCheckpoint, simCheckpoint},
	{"/", "/"},
}

// TestFaults makes every operation on the disk fail once: the run says what failed, nothing half written is visible,
// and the next run goes on as if nothing had been.
func TestFaults(t *testing.T) {
	t.Parallel()
	seed := simSeed(t)
	errnos := []error{syscall.ENOSPC, syscall.EIO, syscall.EROFS}
	hit, examples := map[string]int{}, map[string]string{}
	free, step := 0, 1
	if testing.Short() {
		step = 5
	}
	for _, op := range storetest.Ops {
		for n := 1; ; n += step {
			w := newWorld(t, seed)
			w.generate(200)
			faulty := storetest.NewFaultFS(w.disk)
			w.fs = faulty
			errno := errnos[n%len(errnos)]
			faulty.Fail(op, n, errno)
			err := w.run(w.job(windowed, flushing, rowsMax(60)))
			if faulty.Count(op) < n {
				break // the run is over before the n-th
			}
			if err == nil {
				free++
				if op != storetest.OpRemove && !strings.Contains(strings.Join(w.warned, "\n"), errno.Error()) {
					t.Errorf("%s %d: an error went by unnoticed", op, n)
				}
			} else {
				place := w.wantFault(err, errno)
				hit[place]++
				examples[place] = err.Error()
			}
			w.resumeAfterFault(fmt.Sprintf("%s %d", op, n))
		}
	}
	for _, place := range slices.Sorted(maps.Keys(hit)) {
		t.Logf("%3d times %-14s e.g. %s", hit[place], place, examples[place])
	}
	t.Logf("%3d times without harm", free)
	for _, place := range []string{"manifest", ".parquet", "blobs", "wal", "epochs", "owner", "millrace.json"} {
		if hit[place] == 0 && step == 1 {
			t.Errorf("no fault hit %s", place)
		}
	}
}

// wantFault checks that the error says what failed and why, and returns what that was.
func (w *world) wantFault(err, errno error) string {
	w.t.Helper()
	var at *fs.PathError
	if !errors.As(err, &at) || !errors.Is(err, errno) {
		w.t.Fatalf("error %v does not come from the fault", err)
	}
	if strings.Contains(err.Error(), "\n") {
		w.t.Errorf("error says twice why: %v", err)
	}
	for _, p := range faultPlaces {
		if strings.Contains(at.Path, p.part) {
			if !strings.Contains(err.Error(), p.says) {
				w.t.Errorf("error about %s does not say %q: %v", at.Path, p.says, err)
			}
			return p.part
		}
	}
	w.t.Fatalf("error at an unknown place: %v", err)
	return ""
}

// resumeAfterFault checks what a reader sees, and goes on with a disk that works.
func (w *world) resumeAfterFault(what string) {
	w.t.Helper()
	want := w.expected(windowed)
	w.wantPart(what, want)
	w.fs = w.disk
	w.mustRun(w.job(windowed, flushing, rowsMax(60)))
	w.wantRows(what, want, equalRows)
	w.wantHistory(what)
}
