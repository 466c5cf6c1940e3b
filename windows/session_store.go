package windows

import (
	"fmt"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/internal/state"
)

// sessions is the store of sessions.
type sessions struct {
	*course
	live   *state.Sessions
	loader *state.SessionLoader // not nil while blocks are loaded
	late   lateRows
}

func newSessions(c *course) *sessions {
	return &sessions{course: c, live: state.NewSessions(c.shape, c.window.Size)}
}

// Merge folds partial groups in.
func (a *sessions) Merge(partial *columnar.Batch) error {
	a.watch()
	return a.live.Merge(partial)
}

// watch says, of a changelog, which sessions came out before the batch.
func (a *sessions) watch() {
	if a.changes != nil {
		a.live.Watch(state.ChangingSessions{Early: a.op.Emit.Early, Lateness: a.op.Emit.Lateness, Came: a.came})
	}
}

// Close takes out what the watermark has passed.
func (a *sessions) Close(watermark int64) (Closed, error) {
	a.late.sessions = nil
	if a.changes != nil {
		return a.closeChanges(watermark)
	}
	return a.closeOnce(watermark)
}

// closeOnce takes the sessions out that end before the watermark.
func (a *sessions) closeOnce(watermark int64) (Closed, error) {
	closed, err := a.live.Close(a.watermark, watermark)
	if err != nil {
		return Closed{}, err
	}
	a.late.sessions = closed.Late
	out := Closed{Groups: closed.Final, Rows: closed.Rows, Late: closed.LateRows, End: NoWatermark}
	out.Groups, out.End = a.withEnds(out.Groups)
	return out, nil
}

// withEnds adds the ends of sessions to their finished rows. greatest is that of the ends.
func (a *sessions) withEnds(rows *columnar.Batch) (out *columnar.Batch, greatest int64) {
	last := rows.Cols[len(rows.Cols)-2]
	ends := &columnar.Vector{Type: last.Type, N: last.N, I64: make([]int64, last.N)}
	greatest = NoWatermark
	for i, t := range last.I64[:last.N] {
		ends.I64[i] = saturatingAdd(t, a.window.Size)
		greatest = max(greatest, ends.I64[i])
	}
	return &columnar.Batch{Schema: a.results, Cols: append(rows.Cols, ends), Rows: rows.Rows}, greatest
}

// closeChanges is closeOnce of a changelog. A result is known by the start of its session and the other keys: a session
// that grows behind its end is updated, one that becomes part of another is deleted unless that begins with it. One that has
// come out and is not over any more is deleted until it is.
func (a *sessions) closeChanges(watermark int64) (Closed, error) {
	a.watch()
	changed, err := a.live.Change(a.watermark, watermark)
	if err != nil {
		return Closed{}, err
	}
	a.late.sessions = changed.Late
	before, _ := a.withEnds(changed.Before)
	after, _ := a.withEnds(changed.After)
	a.changes.update(before, after)
	a.came = watermark
	return Closed{Groups: a.changes.take(), Rows: changed.Rows, Late: changed.LateRows, End: changed.End}, nil
}

// NextClose is the least watermark at which a session closes, or something changes.
func (a *sessions) NextClose() (watermark int64, held bool) {
	var end int64
	if a.changes != nil {
		a.watch()
		end, held = a.live.NextChange()
	} else {
		_, end, held = a.live.First()
	}
	return saturatingAdd(end, 1), held
}

// Open is the session that closes first.
func (a *sessions) Open() []OpenWindow {
	start, end, held := a.live.First()
	if !held {
		return nil
	}
	return []OpenWindow{{Start: start, End: end, Groups: a.live.Len(), Rows: a.live.Rows()}}
}

// Sessions is the number of live sessions; 0 for other windows.
func (a *Aggregate) Sessions() int {
	s, ok := a.store.(*sessions)
	if !ok || a.settle() != nil {
		return 0
	}
	return s.live.Len()
}

// Delta, Snapshot, Rows and SizeBytes are those of the sessions.
func (a *sessions) Delta() ([]byte, error)    { return a.live.Delta() }
func (a *sessions) Snapshot() ([]byte, error) { return a.live.Snapshot() }
func (a *sessions) Slice(room []byte, from, to uint8) ([]byte, error) {
	return a.live.Slice(room, from, to)
}
func (a *sessions) Rows() int64      { return a.live.Rows() }
func (a *sessions) SizeBytes() int64 { return a.live.SizeBytes() }

// Load reads a state block.
func (a *sessions) Load(block *state.Block, from, to uint8) error {
	if a.loader == nil {
		a.loader = state.NewSessionLoader(a.shape, a.window.Size)
	}
	return a.loader.LoadBlock(block, from, to)
}

// Drop forgets the sessions that are over, of the blocks loaded so far.
func (a *sessions) Drop(watermark int64) {
	if a.loader != nil {
		a.loader.Drop(a.op.Emit.LateMark(watermark))
	}
}

// Settle turns the loaded blocks into sessions.
func (a *sessions) Settle(func(n int, f func(i int) error) error) error {
	live, err := a.loader.Sessions()
	if err != nil {
		return fmt.Errorf("restore sessions: %w", err)
	}
	a.live, a.loader = live, nil
	return nil
}
