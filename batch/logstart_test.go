package batch

import (
	"testing"

	"github.com/millrace/millrace/internal/wal"
)

// TestLogBeginsWithItsSnapshot: a log that was pruned is read from the snapshot on that it is said to begin with, and from nothing
// else.
func TestLogBeginsWithItsSnapshot(t *testing.T) {
	chain := func() *rawChain {
		c := &rawChain{epoch: 4}
		for i, r := range []Record{&Opened{Epoch: 4}, &Planned{Batch: 7}, &Committed{Batch: 7, Base: &Base{}}, &Planned{Batch: 8}, &Committed{Batch: 8}} {
			c.entries = append(c.entries, Entry{At: wal.Position{Epoch: 4, Segment: 1, Sequence: uint64(i + 1)}, Record: r})
		}
		return c
	}
	start := func(batch int64, sequence uint64) LogStart {
		return LogStart{Batch: batch, Place: wal.Position{Epoch: 4, Segment: 1, Sequence: sequence}}
	}
	c := chain()
	if err := c.beginAt(start(7, 3)); err != nil || len(c.entries) != 3 || c.entries[0].At.Sequence != 3 {
		t.Errorf("%d records, %v", len(c.entries), err)
	}
	for name, from := range map[string]LogStart{"of another batch": start(6, 3), "a plan": start(7, 2), "a commit without state": start(8, 5), "behind the end": start(9, 7)} {
		if err := chain().beginAt(from); err == nil {
			t.Errorf("%s was taken for the snapshot of batch %d", name, from.Batch)
		} else {
			wantError[*RefusedError](t, err, "that it begins with is not in epoch 4", "restore the checkpoint from a copy")
		}
	}
}
