package batch

import (
	"errors"
	"testing"
)

// TestCommittedBatch: what a job has committed is asked of its checkpoint, whatever is under way.
func TestCommittedBatch(t *testing.T) {
	w := newWorld(t, simSeed(t))
	want := func(what string, batch int64, ran bool) {
		t.Helper()
		got, there, err := CommittedBatch(t.Context(), Env{FS: w.disk}, "sim", simCheckpoint)
		if err != nil || got != batch || there != ran {
			t.Errorf("%s: batch %d, a checkpoint: %t, %v; want batch %d, %t", what, got, there, err, batch, ran)
		}
	}
	want("before the first run", 0, false)
	w.generate(30)
	if err := w.run(w.job(windowed, hooked(&hooks{read: failAt(1)}))); !errors.Is(err, errNetwork) {
		t.Fatal(err)
	}
	want("in the first batch", 0, true)
	w.mustRun(w.job(windowed))
	want("behind it", 1, true)
	w.generate(30)
	if err := w.run(w.job(windowed, hooked(&hooks{read: failAt(1)}))); !errors.Is(err, errNetwork) {
		t.Fatal(err)
	}
	want("in the second", 1, true)
	_, _, err := CommittedBatch(t.Context(), Env{FS: w.disk}, "another", simCheckpoint)
	wantError[*RefusedError](t, err, "sim", "another")
}
