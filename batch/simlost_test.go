package batch

import (
	"context"
	"io"
	"testing"

	"github.com/millrace/millrace/internal/store"

	"github.com/millrace/millrace/output"
)

// TestLostLockFiles: without its lock files a checkpoint must not give old epochs again, or a second history would grow
// beside the first and rows would come out twice. Once the numbers are past the old ones, all is well.
func TestLostLockFiles(t *testing.T) {
	w := newWorld(t, simSeed(t))
	w.source.Create(simTopic, 3)
	w.mustRun(w.job(windowed)) // nothing to read: epoch 1 logs nothing
	for range 2 {
		w.generate(8)
		w.mustRun(w.job(windowed))
	}
	w.removeAll(simCheckpoint + "/epochs")
	w.generate(200)
	refused := 0
	for ; refused < 3; refused++ {
		wantError[*RefusedError](t, w.run(w.job(windowed)), "a log of epoch 3 but no lock file of it", "put them back")
	}
	w.mustRun(w.job(windowed, flushing))
	w.wantRows("after the refusals", w.expected(windowed), equalRows)
}

func (w *world) removeAll(dir string) {
	w.t.Helper()
	names, err := (&store.Local{Root: dir, FS: w.disk}).List(w.t.Context(), "")
	if err != nil || len(names) == 0 {
		w.t.Fatalf("%d files in %s: %v", len(names), dir, err)
	}
	for _, n := range names {
		if err := w.disk.Remove(dir + "/" + n); err != nil {
			w.t.Fatal(err)
		}
	}
}

// TestFromStdoutToParquet: rows that were printed cannot be missing anywhere, so the sink may become one of files.
func TestFromStdoutToParquet(t *testing.T) {
	w := newWorld(t, simSeed(t))
	w.generate(100)
	printed := len(w.events)
	w.mustRun(w.job(stateless, func(j *Job) {
		k := &j.Plan.Sinks[0]
		j.Sinks = []Sink{{Name: k.Name, Open: func(context.Context, output.Opening) (output.Sink, error) {
			return output.NewStdout(k.Name, io.Discard, layoutOf(k))
		}}}
	}))
	w.generate(100)
	w.events = w.events[printed:]
	w.mustRun(w.job(stateless))
	w.wantRows("the second half", w.expected(stateless), equalRows)
}

// TestNewKeysAfterReopen: windows that were flushed stay closed, also for an operator that came later.
func TestNewKeysAfterReopen(t *testing.T) {
	for _, q := range []simQuery{windowed, byAd} {
		w := timeWorld(t)
		view := simEvent{ad: "a0", kind: "view", ms: simStart.UnixMilli() + 1000}
		w.append(view)
		w.mustRun(w.job(windowed, flushing))
		rows := len(w.rows())
		late := int64(0)
		for i := range 2 { // the second time the operator is known, and its floor comes from the log
			w.append(view)
			w.reports = nil
			change := func(*Options) {}
			if i == 0 {
				change = reopen
			}
			w.mustRun(w.job(q, anyOutput), change)
			for _, r := range w.reports {
				late += r.NumRowsLate
			}
		}
		if late != 2 || len(w.rows()) != rows {
			t.Errorf("%s: %d rows late, %d rows out; want 2 and %d", q.name, late, len(w.rows()), rows)
		}
	}
}

// TestMarkerMadeMeanwhile: of two first starts at one moment the slower one finds the other's checkpoint, not a foreign
// directory.
func TestMarkerMadeMeanwhile(t *testing.T) {
	w := newWorld(t, simSeed(t))
	w.generate(10)
	w.mustRun(w.job(stateless))
	p, err := openPlace(t.Context(), w.env(), simCheckpoint)
	if err != nil {
		t.Fatal(err)
	}
	m, err := createMarker(t.Context(), w.env(), p, w.job(stateless), func(context.Context) error { return nil }) // as after a look that found no marker
	if err != nil || m.CheckpointID != w.checkpointID() {
		t.Errorf("marker %+v, error %v", m, err)
	}
}

func (w *world) checkpointID() string {
	in, err := w.inspect()
	if err != nil {
		w.t.Fatal(err)
	}
	return in.CheckpointID
}
