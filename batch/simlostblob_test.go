package batch

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"
)

// TestVerifyFindsLostObjects: of a checkpoint that was copied by half, verify names what the next start is refused for, and what a
// replay would miss, and nothing else.
func TestVerifyFindsLostObjects(t *testing.T) {
	for _, parts := range []int{0, 128} { // 128: snapshots in slices
		d := newDamaged(t, windowed, parts)
		d.wantVerified("before", d.job(), false)
		tables, states := 0, 0
		for _, name := range slices.Sorted(maps.Keys(d.files)) {
			if !strings.HasPrefix(name, simCheckpoint+"/"+blobsPrefix) && !strings.HasPrefix(name, simCheckpoint+"/"+statePrefix) {
				continue
			}
			files := maps.Clone(d.files)
			delete(files, name)
			d.disk = diskOf(t, files)
			d.fs, d.read = d.disk, map[string]simFile{}
			what := strings.TrimPrefix(name, simCheckpoint+"/")
			told := d.tellsLost(what)
			if what == blobsPrefix+d.entire.History.Last.Job {
				if !told {
					t.Errorf("without the recorded job: verify does not tell it")
				}
				continue // a start keeps the job at hand, which is the same
			}
			if told && strings.HasPrefix(what, statePrefix) {
				states++
			} else if told {
				tables++
			}
			if err := d.run(d.job(), d.options); (err != nil) != told {
				t.Errorf("without %s: verify tells it: %v; the next start: %v", what, told, err)
			}
		}
		if tables < 1 || states < 1 {
			t.Errorf("parts %d: %d tables, %d blocks of state: too few", parts, tables, states)
		}
	}
}

// tellsLost reports whether verify says that an object of the checkpoint is gone.
func (d *damaged) tellsLost(name string) bool {
	d.t.Helper()
	v, err := Verify(d.t.Context(), VerifyOptions{Job: d.job(), Resolve: d.resolve, Cores: 1, Env: Env{Clock: d.clock, FS: d.disk}})
	var refused *RefusedError
	switch {
	case err != nil && errors.As(err, &refused) && strings.Contains(err.Error(), name):
		return true
	case err != nil || len(v.Findings) > 1:
		d.t.Errorf("without %s: verify: %+v, %v", name, v, err)
		return true
	}
	for _, f := range v.Findings {
		if f.Path != name+" of the checkpoint" || f.Batch < 1 {
			d.t.Errorf("without %s: verify finds %s", name, f)
		}
	}
	return len(v.Findings) == 1
}

// TestVerifyMissesNoClosedState: state of windows that are all closed is nobody's any more.
func TestVerifyMissesNoClosedState(t *testing.T) {
	w := newWorld(t, simSeed(t))
	w.fill(windowed, 200)
	w.mustRun(w.job(windowed, flushing, rowsMax(20)), func(o *Options) { o.snapshotEvery, o.inlineBlock = 3, 64 })
	names := w.checkpointNames(nil, statePrefix)
	for _, name := range names {
		w.check(w.disk.Remove(simCheckpoint + "/" + name))
	}
	if len(names) == 0 {
		t.Fatal("no state in objects of its own")
	}
	w.wantVerified("without the state of closed windows", w.job(windowed), false)
}
