package batch

import (
	"context"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/millrace/millrace/internal/store"
	"github.com/millrace/millrace/internal/wal"
	"github.com/millrace/millrace/windows"
)

// Names in a checkpoint, docs/formats/checkpoint.md.
const (
	snapshotsPrefix = "snapshots/"
	prunedPrefix    = "pruned/"
	statePrefix     = "state/"
	blobsPrefix     = "blobs/" // as store.Blobs has it
)

// LogStart is a commit with a snapshot that a log begins with, or may: nothing before it is needed to go on from it.
type LogStart struct {
	Batch int64        `json:"batch"`
	At    int64        `json:"at_us"` // its plan time
	Place wal.Position `json:"place"`
	// From is the first batch of which the snapshot needs blocks, see needs; 0: its own.
	From int64 `json:"from,omitempty"`
}

// needs is the first batch of which the snapshot needs blocks of state: that is where its round began.
func (s LogStart) needs() int64 {
	if s.From > 0 {
		return s.From
	}
	return s.Batch
}

// name is the whole of what is kept of it.
func (s LogStart) name() string {
	if s.From > 0 {
		whole := s
		whole.From = 0
		return fmt.Sprintf("%s-%012d", whole.name(), s.From)
	}
	return fmt.Sprintf("%012d-%016d-%010d-%06d-%012d", s.Batch, s.At, s.Place.Epoch, s.Place.Segment, s.Place.Sequence)
}

// parseLogStart reads a name; false for any that name does not make.
func parseLogStart(name string) (s LogStart, ok bool) {
	base := path.Base(name)
	n, _ := fmt.Sscanf(base, "%d-%d-%d-%d-%d-%d", &s.Batch, &s.At, &s.Place.Epoch, &s.Place.Segment, &s.Place.Sequence, &s.From)
	return s, n >= 5 && s.name() == base
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

// readPruned reads a checkpoint's log. Its driver may prune it meanwhile: then it is read once more.
func (p place) readPruned(ctx context.Context, r logReader, below uint64, whole bool) (entries []Entry, end *ChainEnd, start *LogStart, err error) {
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
// means the same object: a driver that was paused while it removes some removes nothing that a later one has written. Only a start reads them.
func stateBlobs(b store.Blobs, batch int64, epoch uint64) store.Blobs {
	b.Under, b.Bulk = fmt.Sprintf("%s%012d-%010d-", statePrefix, batch, epoch), true
	return b
}

// batchOfState is the batch of such a name, 0 for other names.
func batchOfState(name string) (batch int64) {
	if n, err := fmt.Sscanf(name, statePrefix+"%d-", &batch); n != 1 || err != nil {
		return 0
	}
	return batch
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
