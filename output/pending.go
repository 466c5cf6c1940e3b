package output

import (
	"context"
	"errors"
	"slices"
	"time"
)

// Pending is what a sink that rolls files over batches keeps from one batch to the next: rows that it was given and that
// are in no file yet. Its driver keeps it, and gives it back with the next batch.
type Pending struct {
	Batches []PendingBatch // oldest first
	// Load returns the block of one of them. [ErrPendingGone] says that it is not there, which only a replay may answer: the
	// files that need it are then left out, see Prepared.Unmade.
	Load func(ctx context.Context, b *PendingBatch) ([]byte, error)
}

// ErrPendingGone says that rows of earlier batches cannot be had.
var ErrPendingGone = errors.New("pending rows are not there any more")

// PendingBatch is the rows of one batch that are in no file yet.
type PendingBatch struct {
	Batch  int64          `json:"batch"`
	At     int64          `json:"at_us"`           // its plan time
	Digest string         `json:"digest"`          // of its block, docs/formats/state.md
	Epoch  uint64         `json:"epoch,omitempty"` // that wrote the block
	Pieces []PendingPiece `json:"pieces"`          // by shard, then directory
}

// PendingPiece is the pending rows of one batch for one directory and shard.
type PendingPiece struct {
	Dir    string `json:"dir,omitempty"` // "" or "dt=2026-11-22/hour=3/"
	Shard  int    `json:"shard"`
	Rows   int64  `json:"rows"`
	Bytes  int64  `json:"bytes"`  // their estimated uncompressed size, which decides when a file is full
	Offset int    `json:"offset"` // of their encoding in the block
	Length int    `json:"length"`
}

// PendingGroup names a directory and shard, whose rows go to the same file.
type PendingGroup struct {
	Dir   string `json:"dir,omitempty"`
	Shard int    `json:"shard"`
}

func (p *PendingPiece) group() PendingGroup { return PendingGroup{p.Dir, p.Shard} }

// PendingChange is what a batch does to the pending rows of a sink.
type PendingChange struct {
	Before int64          `json:"before"` // rows pending before the batch
	After  int64          `json:"after"`  // and behind it
	Rolled []PendingGroup `json:"rolled,omitempty"`
	Added  *PendingBatch  `json:"added,omitempty"` // rows of the batch; nil: none of them is pending
}

// Apply returns what is pending behind the change. It changes nothing in batches.
func (c *PendingChange) Apply(batches []PendingBatch) []PendingBatch {
	out := slices.Clone(batches)
	if len(c.Rolled) > 0 {
		rolled := map[PendingGroup]bool{}
		for _, g := range c.Rolled {
			rolled[g] = true
		}
		for i := range out {
			out[i].Pieces = slices.DeleteFunc(slices.Clone(out[i].Pieces), func(p PendingPiece) bool { return rolled[p.group()] })
		}
		out = slices.DeleteFunc(out, func(b PendingBatch) bool { return len(b.Pieces) == 0 })
	}
	if c.Added != nil {
		out = append(out, *c.Added)
	}
	return out
}

// PendingRows is how many rows are pending.
func PendingRows(batches []PendingBatch) (rows int64) {
	for i := range batches {
		for j := range batches[i].Pieces {
			rows += batches[i].Pieces[j].Rows
		}
	}
	return rows
}

// PendingDue reports whether a batch that is planned at that time, in µs, puts pending rows into files because they have
// waited for maxAge. Where files are not rolled any more, 0, it does.
func PendingDue(batches []PendingBatch, maxAge time.Duration, at int64) bool {
	return len(batches) > 0 && due(batches[0].At, maxAge, at)
}

func due(since int64, maxAge time.Duration, at int64) bool {
	return maxAge <= 0 || at-since >= maxAge.Microseconds()
}
