package batch

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/millrace/millrace/internal/failpoint"
	"github.com/millrace/millrace/internal/store"
	"github.com/millrace/millrace/internal/wal"
)

// Snapshots are noted by name: one an hour, as places where the log may begin once it is pruned, and each whose state is in
// blobs, so that what it takes can be given back. What is removed is decided by these names alone, and the same way every time:
// whatever a crash leaves is removed by the next driver that notes one.

const (
	// noteEvery is how far apart, in plan time, the snapshots are that are kept.
	noteEvery = time.Hour
	// idleMost is the longest time between two snapshots that counts as time gone by, see [beginning].
	idleMost = 24 * time.Hour
	// newestKept is how many of the newest snapshots are kept in any case.
	newestKept = 2
)

// keepSnapshot notes a snapshot that is committed, if it is one to note, and removes what is not kept any more. at is where its
// record stands. Nobody needs either to go on, so that what fails is said, and tried again with the next one.
func (d *driver) keepSnapshot(ctx context.Context, c *Committed, at wal.Position) error {
	if d.o.Job.Retain <= 0 || c.Base == nil || c.At < 0 || !inBlobs(c) && d.noted != 0 && c.At-d.noted < d.o.noteEvery.Microseconds() {
		return nil
	}
	err := d.noteSnapshot(ctx, c.start(at), inBlobs(c))
	var superseded *SupersededError
	if errors.As(err, &superseded) || ctx.Err() != nil {
		return errors.Join(err, ctx.Err())
	}
	if err != nil {
		d.noted = c.At
		d.o.Warn(fmt.Sprintf("the log was not pruned behind batch %d, and grows: %v", c.Batch, err))
	}
	return nil
}

// inBlobs reports whether some of the state of a snapshot is in objects of its own.
func inBlobs(c *Committed) bool {
	apart := func(b StateBlock) bool { return b.Digest != "" && b.Epoch > 0 }
	return slices.ContainsFunc(c.State, apart) || slices.ContainsFunc(c.Slices, apart) ||
		slices.ContainsFunc(c.Base.States, func(v VersionedState) bool { return slices.ContainsFunc(v.Blocks, apart) })
}

// start is the place at which the log may begin with a snapshot.
func (c *Committed) start(at wal.Position) LogStart {
	s := LogStart{Batch: c.Batch, At: c.At, Place: at}
	if states := c.Base.States; len(states) > 0 {
		s.From = states[0].Batch
	}
	return s
}

func (d *driver) noteSnapshot(ctx context.Context, s LogStart, always bool) error {
	starts, err := logStarts(ctx, d.cp.store, snapshotsPrefix)
	if err != nil {
		return err
	}
	if last := lastHourly(starts, d.o.noteEvery); last >= 0 && s.At-starts[last].At < d.o.noteEvery.Microseconds() {
		d.noted = starts[last].At
		if !always {
			return nil
		}
	}
	// Whoever takes over behind this look reads the snapshot, so that it counts for everybody.
	if err := d.cp.lead(); err != nil {
		return err
	}
	if err := failpoint.Hit(failpoint.RetainNote); err != nil {
		return err
	}
	if err := putName(ctx, d.cp.store, snapshotsPrefix+s.name()); err != nil {
		return err
	}
	starts = append(starts, s)
	if h := hourly(starts, d.o.noteEvery); h[len(h)-1] {
		d.noted = s.At
	}
	if err := d.thin(ctx, starts); err != nil {
		return err
	}
	return d.prune(ctx, starts)
}

// putName creates an object whose name says everything.
func putName(ctx context.Context, s store.Store, name string) error {
	if err := store.PutBytes(ctx, s, name, []byte("{\"format\":1}\n")); err != nil && !errors.Is(err, store.ErrExists) {
		return err
	}
	return nil
}

// hourly says which of the snapshots noted, oldest first, are an hour or more behind the one before that is. Removing any other
// one, or all that are older than one of them, changes nothing about the rest. It is pure.
func hourly(starts []LogStart, every time.Duration) []bool {
	out, last := make([]bool, len(starts)), int64(math.MinInt64)
	for i, s := range starts {
		if out[i] = i == 0 || s.At-last >= every.Microseconds(); out[i] {
			last = s.At
		}
	}
	return out
}

// lastHourly is the last of these; -1: there is none.
func lastHourly(starts []LogStart, every time.Duration) int {
	h := hourly(starts, every)
	for i := range slices.Backward(h) {
		if h[i] {
			return i
		}
	}
	return -1
}

// thinned are, of the snapshots noted, oldest first, those that are not kept: all but one an hour and the newest. gone are the
// names of their blocks of state, and of those behind each up to the first that the next snapshot needs, which are of no use without
// it. It is pure.
func thinned(starts []LogStart, every time.Duration, states []string) (dropped []LogStart, gone []string) {
	h := hourly(starts, every)
	for i := range max(len(starts)-newestKept, 0) {
		if h[i] {
			continue
		}
		dropped = append(dropped, starts[i])
		for _, name := range states {
			if b := batchOfState(name); b >= starts[i].needs() && b < starts[i+1].needs() {
				gone = append(gone, name)
			}
		}
	}
	return dropped, gone
}

// thin removes snapshots inside the retained time that are not kept. Their state goes before their names: what a crash leaves is
// found by the name that is left. They are behind no look for a newer driver that has not read two later ones.
func (d *driver) thin(ctx context.Context, starts []LogStart) error {
	if dropped, _ := thinned(starts, d.o.noteEvery, nil); len(dropped) == 0 {
		return nil
	}
	states, err := d.cp.store.List(ctx, statePrefix)
	if err != nil {
		return err
	}
	dropped, gone := thinned(starts, d.o.noteEvery, states)
	if err := d.cp.lead(); err != nil {
		return err
	}
	if err := d.removeOld(ctx, failpoint.RetainState, gone); err != nil {
		return err
	}
	names := make([]string, len(dropped))
	for i, s := range dropped {
		names[i] = snapshotsPrefix + s.name()
	}
	return d.removeOld(ctx, failpoint.RetainNames, names)
}

// beginning is the latest of the snapshots noted, oldest first, that is older than what is retained: of those that are kept, and
// never the newest one. Time goes by from snapshot to snapshot, and never by more than a day, or half of what is retained if that
// is less: a clock that jumps ahead by a year takes a day of what is kept with it, and not all. It is pure.
func beginning(starts []LogStart, every, retain time.Duration) *LogStart {
	most := min(idleMost, max(retain/2, every)).Microseconds()
	h, age := hourly(starts, every), int64(0)
	for i := len(starts) - 2; i >= 0; i-- {
		age += min(starts[i+1].At-starts[i].At, most)
		if h[i] && age >= retain.Microseconds() {
			return &starts[i]
		}
	}
	return nil
}

// prune removes what is older than the job retains. First it is said where the log begins from then on: whatever is left behind a
// crash, nobody reads it. A driver that is paused in here and wakes removes only what is said to be gone.
func (d *driver) prune(ctx context.Context, starts []LogStart) error {
	begin := beginning(starts, d.o.noteEvery, d.o.Job.Retain)
	if begin == nil {
		return nil
	}
	if err := d.cp.lead(); err != nil {
		return err
	}
	if err := failpoint.Hit(failpoint.RetainBegin); err != nil {
		return err
	}
	if err := putName(ctx, d.cp.store, prunedPrefix+begin.name()); err != nil {
		return err
	}
	if err := failpoint.Hit(failpoint.RetainLog); err != nil {
		return err
	}
	if err := d.cp.chains.Prune(ctx, begin.Place); err != nil {
		return err
	}
	states, err := d.cp.store.List(ctx, statePrefix)
	if err != nil {
		return err
	}
	gone := slices.DeleteFunc(states, func(name string) bool {
		batch := batchOfState(name)
		return batch == 0 || batch >= begin.needs()
	})
	if err := d.removeOld(ctx, failpoint.RetainState, gone); err != nil {
		return err
	}
	if err := failpoint.Hit(failpoint.RetainEpochs); err != nil {
		return err
	}
	if err := d.cp.epochs.Prune(ctx, begin.Place.Epoch); err != nil {
		return err
	}
	return d.pruneNames(ctx, begin)
}

// pruneNames removes the names of snapshots in front of the one that the log begins with.
func (d *driver) pruneNames(ctx context.Context, begin *LogStart) error {
	var gone []string
	for _, prefix := range []string{snapshotsPrefix, prunedPrefix} {
		older, err := logStarts(ctx, d.cp.store, prefix)
		if err != nil {
			return err
		}
		for _, s := range older {
			if s.Batch < begin.Batch {
				gone = append(gone, prefix+s.name())
			}
		}
	}
	return d.removeOld(ctx, failpoint.RetainNames, gone)
}

// removeOld removes objects, if there are any.
func (d *driver) removeOld(ctx context.Context, point failpoint.Point, names []string) error {
	if len(names) == 0 {
		return nil
	}
	if err := failpoint.Hit(point); err != nil {
		return err
	}
	return store.DeleteAll(ctx, d.cp.store, names)
}
