package batch

// rounds counts the snapshots of a log that were taken in slices, and its commits with slices.
func (w *world) rounds() (rounds, slices int) {
	for _, e := range w.entries() {
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
