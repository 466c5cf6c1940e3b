package batch

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/millrace/millrace/dstream"
	"github.com/millrace/millrace/internal/store/storetest"
)

// renamedJob is doneJob with another name for its sink.
func (w *world) renamedJob(q doneQuery) *Job {
	stream, partitions := q.stream, q.partitions
	q.name = "renamed"
	q.graph = func(g *dstream.Graph) { stream(g).To("other", partitions...) }
	return w.doneJob(q)
}

// TestSinkRenamedBehindACrash ends a run at every change of the disk in turn, and goes on with another name for the sink: the
// manifest and the done markers of the last commit are there, by whatever name the sink went then.
func TestSinkRenamedBehindACrash(t *testing.T) {
	missing := 0
	for at := 1; ; at++ {
		w := timeWorld(t)
		w.at(0, 10, 62, 130)
		w.at(1, 30, 61, 125)
		jobOf := func(recorded []byte) (*Job, error) {
			if string(recorded) == "renamed" {
				return w.renamedJob(tumblingDone), nil
			}
			return w.doneJob(tumblingDone, rowsMax(2)), nil
		}
		resolving := func(o *Options) { o.Resolve = jobOf }
		w.disk.StopAfter(at)
		err := w.run(w.doneJob(tumblingDone, rowsMax(2)), resolving)
		if err == nil {
			break
		}
		if !errors.Is(err, storetest.ErrPower) {
			t.Fatal(err)
		}
		w.disk = w.disk.Crash(uint64(at))
		w.fs = w.disk
		var last *Committed
		if in, err := w.inspect(); err == nil { // else it died before there was a checkpoint
			last = in.History.Last
		}
		if last != nil {
			missing += len(w.untold(last))
		}
		w.mustRun(w.renamedJob(tumblingDone), resolving)
		if last == nil {
			continue
		}
		if left := w.untold(last); len(left) > 0 {
			t.Fatalf("death at %d: batch %d wrote to the sink before it had another name, and lacks %q", at, last.Batch, left)
		}
	}
	if missing < 3 {
		t.Errorf("only %d manifests and markers were missing", missing)
	}
}

// untold are the manifest and the markers of a commit that are not there.
func (w *world) untold(c *Committed) (out []string) {
	done := c.Done["lake"]
	if len(c.Files["lake"]) > 0 {
		out = append(out, fmt.Sprintf("_millrace/manifest/%012d.json", c.Batch))
	}
	for _, m := range done.marks(c.Batch) {
		out = append(out, m.Dir+"/"+"_SUCCESS")
	}
	return slices.DeleteFunc(out, func(name string) bool {
		_, err := w.disk.ReadFile(simOutput + "/" + name)
		return err == nil
	})
}
