package batch

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/millrace/millrace/internal/store"
	"github.com/millrace/millrace/internal/wal"
	"github.com/millrace/millrace/windows"
)

// Names in a checkpoint, docs/formats/checkpoint.md.
const (
	snapshotsPrefix = "snapshots/"
	prunedPrefix    = "pruned/"
	statePrefix     = "state/"
)

// noteEvery is how far apart, in plan time, the snapshots are that a log may begin with once it is pruned.
const noteEvery = int64(time.Hour / time.Microsecond)

// LogStart is a commit with a snapshot that a log begins with, or may: nothing before it is needed to go on from it.
type LogStart struct {
	Batch int64        `json:"batch"`
	At    int64        `json:"at_us"` // its plan time
	Place wal.Position `json:"place"`
}

// name is the whole of what is kept of it.
func (s LogStart) name() string {
	return fmt.Sprintf("%012d-%016d-%010d-%06d-%012d", s.Batch, s.At, s.Place.Epoch, s.Place.Segment, s.Place.Sequence)
}

// parseLogStart reads a name; false for any that name does not make.
func parseLogStart(name string) (s LogStart, ok bool) {
	base := path.Base(name)
	n, err := fmt.Sscanf(base, "%d-%d-%d-%d-%d", &s.Batch, &s.At, &s.Place.Epoch, &s.Place.Segment, &s.Place.Sequence)
	return s, err == nil && n == 5 && s.name() == base
}

// String says what is not there any more.
func (s LogStart) String() string {
	return fmt.Sprintf("pruned before batch %d (%s)", s.Batch+1, windows.FormatTime(s.At))
}

// logStarts are those below a prefix, oldest first.
func logStarts(ctx context.Context, s store.Store, prefix string) ([]LogStart, error) {
	names, err := s.List(ctx, prefix)
	if err != nil {
		return nil, err
	}
	var out []LogStart
	for _, name := range names {
		if start, ok := parseLogStart(name); ok && prefix+start.name() == name {
			out = append(out, start)
		}
	}
	return out, nil // by name, which is by batch
}

// prunedTo is what a checkpoint's log begins with; nil: its first record.
func (p place) prunedTo(ctx context.Context) (*LogStart, error) {
	starts, err := logStarts(ctx, p.store, prunedPrefix)
	if err != nil {
		return nil, fmt.Errorf("look where the log begins: %w", err)
	}
	if len(starts) == 0 {
		return nil, nil
	}
	return &starts[len(starts)-1], nil
}

// readLog reads a checkpoint's log. Its driver may prune it meanwhile: then it is read once more.
func (p place) readLog(ctx context.Context, r logReader, below uint64, whole bool) (entries []Entry, end *ChainEnd, start *LogStart, err error) {
	r.chains = p.chains
	if r.from, err = p.prunedTo(ctx); err != nil {
		return nil, nil, nil, err
	}
	for {
		entries, end, err = readLog(ctx, r, below, whole)
		if err == nil {
			return entries, end, r.from, nil
		}
		again, lookErr := p.prunedTo(ctx)
		if lookErr != nil || again == nil || r.from != nil && *again == *r.from {
			return nil, nil, nil, err
		}
		r.from = again
	}
}

// beginAt leaves out what a chain has before the record that the log begins with, which must be a snapshot.
func (c *rawChain) beginAt(from LogStart) error {
	n := slices.IndexFunc(c.entries, func(e Entry) bool { return e.At.Sequence == from.Place.Sequence })
	if n >= 0 {
		if r, ok := c.entries[n].Record.(*Committed); ok && r.Base != nil && r.Batch == from.Batch {
			c.entries = c.entries[n:]
			return nil
		}
	}
	return refuse("the log is %s, but the snapshot of batch %d that it begins with is not in epoch %d, record %d: restore the checkpoint from a copy", from, from.Batch, from.Place.Epoch, from.Place.Sequence)
}

// stateBlobs are where the blocks of state are that an epoch wrote for a batch. Their names carry both, so that nobody else ever
// means the same object: a driver that was paused while it removes some removes nothing that a later one has written.
func stateBlobs(b store.Blobs, batch int64, epoch uint64) store.Blobs {
	b.Under = fmt.Sprintf("%s%012d-%010d-", statePrefix, batch, epoch)
	return b
}

// batchOfState is the batch of such a name, 0 for other names.
func batchOfState(name string) (batch int64) {
	if n, err := fmt.Sscanf(name, statePrefix+"%d-", &batch); n != 1 || err != nil {
		return 0
	}
	return batch
}

// keepSnapshot notes, of the snapshots of an hour one, that the log may begin with it, and prunes the log. at is where its record
// stands. Neither is needed to go on, so that what fails is said and tried again an hour later.
func (d *driver) keepSnapshot(ctx context.Context, c *Committed, at wal.Position) error {
	if d.o.Job.Retain <= 0 || c.Base == nil || c.At < 0 || d.noted != 0 && c.At-d.noted < noteEvery {
		return nil
	}
	err := d.noteSnapshot(ctx, LogStart{Batch: c.Batch, At: c.At, Place: at})
	var superseded *SupersededError
	if errors.As(err, &superseded) || ctx.Err() != nil {
		return errors.Join(err, ctx.Err())
	}
	d.noted = c.At
	if err != nil {
		d.o.Warn(fmt.Sprintf("the log was not pruned behind batch %d, and grows: %v", c.Batch, err))
	}
	return nil
}

func (d *driver) noteSnapshot(ctx context.Context, s LogStart) error {
	starts, err := logStarts(ctx, d.cp.store, snapshotsPrefix)
	if err != nil {
		return err
	}
	if n := len(starts); n > 0 && s.At-starts[n-1].At < noteEvery {
		return nil
	}
	// Whoever takes over behind this look reads the snapshot, so that it counts for everybody.
	if err := d.cp.lead(); err != nil {
		return err
	}
	if err := putName(ctx, d.cp.store, snapshotsPrefix+s.name()); err != nil {
		return err
	}
	return d.prune(ctx, append(starts, s))
}

// putName creates an object whose name says everything.
func putName(ctx context.Context, s store.Store, name string) error {
	if err := store.PutBytes(ctx, s, name, []byte("{\"format\":1}\n")); err != nil && !errors.Is(err, store.ErrExists) {
		return err
	}
	return nil
}

// beginning is the latest snapshot that is older than what is retained, but for the newest one. It is pure.
func beginning(starts []LogStart, oldest int64) *LogStart {
	var out *LogStart
	for i := range max(len(starts)-1, 0) {
		if starts[i].At <= oldest {
			out = &starts[i]
		}
	}
	return out
}

// prune removes what is older than the job retains. First it is said where the log begins from then on: whatever is left behind a
// crash, nobody reads it. A driver that is paused in here and wakes removes only what is said to be gone.
func (d *driver) prune(ctx context.Context, starts []LogStart) error {
	begin := beginning(starts, d.history.LastAt-d.o.Job.Retain.Microseconds())
	if begin == nil {
		return nil
	}
	if err := d.cp.lead(); err != nil {
		return err
	}
	if err := putName(ctx, d.cp.store, prunedPrefix+begin.name()); err != nil {
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
		return batch == 0 || batch >= begin.Batch
	})
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
	return store.DeleteAll(ctx, d.cp.store, gone)
}

// pruned refuses what the log does not know any more. start may be nil; after are the watermarks behind it.
func (s Selection) pruned(start *LogStart, after Marks) error {
	if start == nil {
		return nil
	}
	var asked []string
	if s.First > 0 && s.First <= start.Batch {
		asked = append(asked, fmt.Sprintf("batch %d is gone", s.First))
	}
	if s.From != 0 && s.From <= start.At {
		asked = append(asked, fmt.Sprintf("batches planned since %s are gone", windows.FormatTime(s.From)))
	}
	if s.WindowFrom != 0 || s.WindowTo != 0 {
		for _, watermark := range after.Operators {
			if watermark > s.WindowFrom {
				asked = append(asked, fmt.Sprintf("batches that closed windows from %s on are gone", windows.FormatTime(s.WindowFrom)))
				break
			}
		}
	}
	if len(asked) == 0 {
		return nil
	}
	return refuse("%s: the log was %s; retain in the job file says how long it is kept", strings.Join(asked, ", "), start)
}
