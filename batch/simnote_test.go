package batch

import (
	"io/fs"
	"slices"
	"testing"

	"github.com/millrace/millrace/internal/failpoint"
	"github.com/millrace/millrace/internal/store"
	"github.com/millrace/millrace/internal/store/storetest"
)

// beforeList is a disk on which something happens just before a directory is listed for the first time.
type beforeList struct {
	store.FS
	dir     string
	happens func()
}

func (f *beforeList) ReadDir(name string) ([]fs.DirEntry, error) {
	if name == f.dir && f.happens != nil {
		happens := f.happens
		f.happens = nil
		happens()
	}
	return f.FS.ReadDir(name)
}

// whenListed has something happen when the checkpoint's snapshots are listed next.
func (w *world) whenListed(objects *storetest.Objects, happens func()) {
	if objects == nil {
		w.fs = &beforeList{FS: w.disk, dir: simCheckpoint + "/snapshots", happens: happens}
		return
	}
	objects.Fail = func(op, name string) (error, bool) {
		if op == "list" && name == snapshotsPrefix {
			objects.Fail = nil
			happens()
		}
		return nil, false
	}
}

// TestNoteTakenOver pauses a driver that is about to note a snapshot, has another one take the job, go on for hours and prune the log,
// and wakes it. Before its look for a newer driver it notes nothing any more. Behind the look it may: whoever takes over then has
// read that commit. The name is of no use to anybody by then, and the next driver clears it away.
func TestNoteTakenOver(t *testing.T) {
	for _, remote := range []bool{false, true} {
		for _, looked := range []bool{false, true} {
			var objects *storetest.Objects
			if remote {
				objects = &storetest.Objects{}
			}
			w := oldWorld(t, objects, 0)
			var names []string
			successor := func() {
				w.fs = w.disk
				w.mustRun(w.retainJob(objects, continuous, retaining), w.retainOptions(objects), takeOver, ticks(w, 12, w.threeQuarters))
				names = w.checkpointNames(objects, snapshotsPrefix)
			}
			if looked {
				happens := successor
				defer failpoint.Set(failpoint.RetainNote, func() error {
					if f := happens; f != nil {
						happens = nil
						f()
					}
					return nil
				})()
			} else {
				w.whenListed(objects, successor)
			}
			w.threeQuarters(0)
			err := w.run(w.retainJob(objects, continuous, keeping), w.retainOptions(objects), everySnapshot, stopAfter(2))
			wantError[*SupersededError](t, err, "another run has taken this job over")
			late := slices.DeleteFunc(w.checkpointNames(objects, snapshotsPrefix), func(name string) bool { return slices.Contains(names, name) })
			switch {
			case len(names) == 0:
				t.Fatal("the successor was not there")
			case !looked && len(late) > 0:
				t.Errorf("a driver that was taken over has noted %v", late)
			case looked && len(late) != 1:
				t.Errorf("noted late was %v, want the snapshot of the driver that was paused", late)
			}
			in := w.wantRetained("in the end", objects)
			if in.Start == nil {
				t.Fatal("nothing was pruned")
			}
			for _, name := range late {
				if s, _ := parseLogStart(name); s.Batch >= in.Start.Batch || slices.Contains(w.checkpointNames(objects, snapshotsPrefix), name) {
					t.Errorf("%s is still there, the log begins with batch %d", name, in.Start.Batch)
				}
			}
		}
	}
}
