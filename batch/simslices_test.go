package batch

import "github.com/millrace/millrace/internal/store/storetest"

// rounds counts the snapshots of a log that were taken in slices, and its commits with slices.
func (w *world) rounds() (rounds, slices int) { return roundsIn(w.entries()) }

// roundsOf is rounds of a checkpoint that may be elsewhere.
func (w *world) roundsOf(objects *storetest.Objects) (rounds, slices int) {
	w.t.Helper()
	in, err := Inspect(w.t.Context(), envWith(w, objects), w.retainJob(objects).Checkpoint)
	if err != nil {
		w.t.Fatal(err)
	}
	return roundsIn(in.Entries)
}

func roundsIn(entries []Entry) (rounds, slices int) {
	for _, e := range entries {
		c, ok := e.Record.(*Committed)
		if !ok {
			continue
		}
		if len(c.Slices) > 0 {
			slices++
		}
		if c.Base != nil && (len(c.Slices) > 0 || len(c.Base.States) > 0) {
			rounds++
		}
	}
	return rounds, slices
}

// snapshotEach2 has a snapshot be due behind every second commit.
func snapshotEach2(o *Options) { o.snapshotEvery = 2 }

// wantRounds wants so many snapshots in slices at least, where there is state that lasts.
func (w *world) wantRounds(q simQuery, least int) {
	w.t.Helper()
	if rounds, slices := w.rounds(); rounds < least && len(w.stateful()) > 5 {
		w.t.Errorf("%s: %d snapshots in slices, %d commits with slices", q.name, rounds, slices)
	}
}

// stateful are the commits that hold state.
func (w *world) stateful() (out []*Committed) {
	for _, e := range w.entries() {
		if c, ok := e.Record.(*Committed); ok && len(c.State) > 0 {
			out = append(out, c)
		}
	}
	return out
}
