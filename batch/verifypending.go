package batch

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/millrace/millrace/internal/store"
	"github.com/millrace/millrace/output"
)

// leaves checks that sinks begin with the pending rows that the batch before left, and notes what they leave now. The log may
// begin with some: of its first batch nothing is known.
func (v *verification) leaves(pending map[string]int64, b committedBatch) {
	if b.plan.Batch != v.batches[0].plan.Batch {
		names := maps.Clone(pending)
		for sink := range b.commit.Pending {
			names[sink] = 0
		}
		for _, sink := range slices.Sorted(maps.Keys(names)) {
			before := int64(0)
			if c := b.commit.Pending[sink]; c != nil {
				before = c.Before
			}
			if was := pending[sink]; was != before {
				v.find(b.plan.Batch, "sink %s begins with %d pending rows, the batch before left %d", sink, before, was)
			}
		}
	}
	clear(pending)
	for sink, c := range b.commit.Pending {
		if c.After > 0 {
			pending[sink] = c.After
		}
	}
}

// pending looks at the rows that are in no file yet: the checkpoint must have them, as they were.
func (v *verification) pending(ctx context.Context) error {
	for _, sink := range slices.Sorted(maps.Keys(v.in.History.Pending)) {
		batches := v.in.History.Pending[sink]
		v.out.Notes = append(v.out.Notes, fmt.Sprintf("sink %s: %s are in no file yet", sink, pendingText(batches)))
		for i := range batches {
			if err := v.pendingBatch(ctx, sink, &batches[i]); err != nil {
				return err
			}
		}
	}
	return nil
}

func (v *verification) pendingBatch(ctx context.Context, sink string, b *output.PendingBatch) error {
	_, err := pendingBlobs(v.blobs.Store, b.Batch, b.Epoch).Get(ctx, b.Digest)
	finding := output.Finding{Sink: sink, Path: pendingName(b) + " of the checkpoint", Batch: b.Batch}
	var digest *store.DigestError
	switch {
	case err == nil:
		return nil
	case errors.Is(err, store.ErrNotExist) && v.in.Holder != nil:
		v.out.Notes = append(v.out.Notes, fmt.Sprintf("sink %s: the rows of batch %d were put into files meanwhile", sink, b.Batch))
		return nil
	case errors.Is(err, store.ErrNotExist):
		finding.Kind, finding.Why = output.Missing, fmt.Sprintf("%d rows that are in no file yet are gone", output.PendingRows([]output.PendingBatch{*b}))
	case errors.As(err, &digest):
		finding.Kind, finding.Why = output.Changed, err.Error()
	default:
		return err
	}
	v.out.Findings = append(v.out.Findings, finding)
	return nil
}
