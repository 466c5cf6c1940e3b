package batch

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/millrace/millrace/internal/store"
	"github.com/millrace/millrace/offsets"
)

// Of the state inside the retained time the checkpoint keeps one snapshot an hour (prune.go). A replay that begins between two
// runs the batches behind the earlier one again, for their state alone.

// stateNames are the blocks of state that a checkpoint has.
func stateNames(ctx context.Context, s store.Store) (map[string]bool, error) {
	names, err := s.List(ctx, statePrefix)
	if err != nil {
		return nil, fmt.Errorf("look which state is kept: %w", err)
	}
	out := map[string]bool{}
	for _, name := range names {
		out[name] = true
	}
	return out, nil
}

// there reports whether all blocks that a batch logged are kept.
func (r *replayer) there(batch int64, blocks []StateBlock) bool {
	for _, b := range blocks {
		if b.Digest != "" && b.Epoch > 0 && !r.state[stateBlobs(r.blobs, batch, b.Epoch).Under+b.Digest] {
			return false
		}
	}
	return true
}

// logged reports whether what a commit logged of the state is kept.
func (r *replayer) logged(c *Committed) bool {
	return r.there(c.Batch, c.State) && r.there(c.Batch, c.Slices)
}

// snapshotThere reports whether a commit is a snapshot of which everything is kept.
func (r *replayer) snapshotThere(c *Committed) bool {
	if c.Base == nil || !r.logged(c) {
		return false
	}
	return !slices.ContainsFunc(c.Base.States, func(v VersionedState) bool { return !r.there(v.Batch, v.Blocks) })
}

// restorable is where reading begins so that the state before entry at can be had: at itself, or the commit of the first batch
// that has to run again. behind is a snapshot in front of it whose state is kept, or the begin of all.
func (r *replayer) restorable(at int) (from int, err error) {
	behind := -1
	for i := at - 1; i >= 0 && behind < 0; i-- {
		if c, ok := r.entries[i].Record.(*Committed); ok && r.snapshotThere(c) {
			behind = i
		}
	}
	for i := behind + 1; i < at; i++ {
		c, ok := r.entries[i].Record.(*Committed)
		if !ok || r.logged(c) {
			continue
		}
		if i == 0 { // a pruned log begins with a commit
			return 0, refuse("the state behind batch %d, which the log begins with, is not kept any more, and so none that leads to batch %d: %s", c.Batch, r.batches[0].plan.Batch, r.chooseLater(at))
		}
		return i, nil
	}
	return at, nil
}

// chooseLater says with which batch a replay can begin that cannot begin at an entry.
func (r *replayer) chooseLater(at int) string {
	if batch := r.nextKept(at); batch > 0 {
		return fmt.Sprintf("choose batches from %d on", batch+1)
	}
	return "no later batch can be replayed yet"
}

// nextKept is the first snapshot from an entry on whose state is kept, 0: there is none.
func (r *replayer) nextKept(at int) int64 {
	for _, e := range r.entries[at:] {
		if c, ok := e.Record.(*Committed); ok && r.snapshotThere(c) {
			return c.Batch
		}
	}
	return 0
}

// rebuild runs the batches in front of the first one to replay whose state is not kept, for their state alone. That they come out
// as the log has them is checked as ever.
func (r *replayer) rebuild(ctx context.Context) error {
	for len(r.rest) > 0 {
		c, committed := r.rest[0].Record.(*Committed)
		if committed && c.Batch >= r.out.First {
			return nil
		}
		if committed {
			if err := r.again(ctx, r.history.Open[0], c); err != nil {
				return r.notRebuilt(c.Batch, err)
			}
		}
		if err := r.advance(ctx, r.rest[0].Record); err != nil {
			return err
		}
		r.rest = r.rest[1:]
	}
	return errors.New("internal error: the log ended before the first batch to replay")
}

// again runs a batch for its state.
func (r *replayer) again(ctx context.Context, p *Planned, want *Committed) error {
	o, err := r.compute(ctx, p)
	if err != nil {
		return err
	}
	if differ := differences(o.commit, want); len(differ) > 0 {
		r.out.Differences += len(differ)
		if r.o.Report != nil {
			r.o.Report(ReplayedBatch{Batch: p.Batch, PlanTime: planTime(p), Records: o.commit.Records, Differences: differ})
		}
	}
	r.out.Rebuilt++
	return r.s.worker.keep(p.Batch).reset()
}

// notRebuilt says what cannot be replayed because a batch cannot run again.
func (r *replayer) notRebuilt(batch int64, err error) error {
	var gone *offsets.RangeGoneError
	if !errors.As(err, &gone) {
		return &replayError{batch, err}
	}
	until := r.nextKept(r.batches[0].entry)
	if until == 0 {
		until = r.lastBatch()
	}
	return &replayError{until, fmt.Errorf("its state is not kept any more, and batch %d, which leads to it, cannot run again: %w", batch, err)}
}

// lastBatch is the last one that was committed.
func (r *replayer) lastBatch() int64 {
	all := committedBatches(r.entries)
	return all[len(all)-1].plan.Batch
}

// advance takes over a record behind which the next batch runs.
func (r *replayer) advance(ctx context.Context, record Record) error {
	if err := r.history.apply(record); err != nil {
		return brokenRules(err)
	}
	if _, reopened := record.(*Reopened); !reopened || r.s == nil {
		return nil
	}
	if err := r.holdState(ctx); err != nil {
		return err
	}
	return r.restored(r.s.restoreAgain(ctx, r.blobs, r.history))
}

// holdState has the history say what the session has in memory, if the checkpoint does not keep all of it any more.
func (r *replayer) holdState(ctx context.Context) error {
	h, kept := r.history, true
	for _, v := range h.States {
		kept = kept && r.there(v.Batch, v.Blocks)
	}
	if kept {
		return nil
	}
	last := h.States[len(h.States)-1]
	keep := r.s.worker.keep(last.Batch)
	blocks, err := r.s.blocks(ctx, r.blobs, 0, nil, true, keep, math.MaxInt)
	if err != nil {
		return err
	}
	last.Blocks = blocks
	h.States = []VersionedState{last}
	return keep.reset()
}

// prunedError says that state was there when the replay began.
type prunedError struct{ err error }

func (e *prunedError) Error() string {
	return fmt.Sprintf("%v: the job has removed it meanwhile, or it is lost", e.err)
}
func (e *prunedError) Unwrap() error { return e.err }

// restored is what loading state ended with. What is not there was, a moment ago.
func (r *replayer) restored(err error) error {
	if errors.Is(err, store.ErrNotExist) {
		return &prunedError{err}
	}
	return lost(err)
}
