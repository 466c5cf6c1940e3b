package batch

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"

	"github.com/millrace/millrace/output"
)

// widen makes of the chosen batches all whose rows are in the same files: a file can only be made whole.
func (r *replayer) widen(all, chosen []committedBatch) []committedBatch {
	first, last := chosen[0].plan.Batch, chosen[len(chosen)-1].plan.Batch
	from, to := first, last
	for _, b := range all {
		for _, files := range b.commit.Files {
			for _, f := range files {
				begin, end, ok := output.BatchesOf(f.Path, r.o.Job.Name)
				if ok && begin <= last && end >= first {
					from, to = min(from, begin), max(to, end)
				}
			}
		}
	}
	var out []committedBatch
	for _, b := range all {
		if b.plan.Batch >= from && b.plan.Batch <= to {
			out = append(out, b)
		}
	}
	if from < first || to > last {
		what := fmt.Sprintf("batches %d to %d are", first, last)
		if first == last {
			what = fmt.Sprintf("batch %d is", first)
		}
		r.o.warn(fmt.Sprintf("%s replayed with batches %d to %d, whose rows are in the same files", what, out[0].plan.Batch, out[len(out)-1].plan.Batch))
	}
	return out
}

// pendingOf is what a sink had left of earlier batches, by the log. Of its rows a replay has those of batches that it ran:
// what the checkpoint keeps of them is removed once they are in files.
func (r *replayer) pendingOf(sink string) *output.Pending {
	batches := r.history.Pending[sink]
	if len(batches) == 0 {
		return nil
	}
	return &output.Pending{Batches: batches, Load: func(_ context.Context, b *output.PendingBatch) ([]byte, error) {
		if block, ran := r.kept[sink][b.Batch]; ran {
			return block, nil
		}
		return nil, output.ErrPendingGone
	}}
}

// pendingDifferences are those between the pending rows that a batch leaves and the log's. It keeps them for later batches.
func (r *replayer) pendingDifferences(sink string, want *Committed, got *output.Prepared) []Difference {
	r.keep(sink, want, got)
	was, is := want.Pending[sink], got.Pending
	if was == nil {
		was = &output.PendingChange{}
	}
	if is == nil {
		is = &output.PendingChange{}
	}
	if was.Before != is.Before || was.After != is.After {
		return []Difference{{Sink: sink, Why: fmt.Sprintf("%d rows pending before and %d after, the log has %d and %d", is.Before, is.After, was.Before, was.After)}}
	}
	if was.Added != nil && is.Added != nil {
		if sum := sha256.Sum256(got.Block); hex.EncodeToString(sum[:]) != was.Added.Digest {
			return []Difference{{Sink: sink, Why: "the rows that wait for their file are others than the log's"}}
		}
	}
	return nil
}

// keep takes over what a batch leaves, and forgets what is in files.
func (r *replayer) keep(sink string, want *Committed, got *output.Prepared) {
	if r.kept == nil {
		r.kept = map[string]map[int64][]byte{}
	}
	if r.kept[sink] == nil {
		r.kept[sink] = map[int64][]byte{}
	}
	if got.Pending == nil || want.Pending[sink] == nil {
		return
	}
	if got.Pending.Added != nil {
		r.kept[sink][want.Batch] = got.Block
	}
	needed := map[int64]bool{}
	for _, b := range want.Pending[sink].Apply(r.history.Pending[sink]) {
		needed[b.Batch] = true
	}
	for batch := range r.kept[sink] {
		if !needed[batch] {
			delete(r.kept[sink], batch)
		}
	}
}

// checkKept refuses to go on when the rows that wait for their files take more than there is room for, with the state.
func (r *replayer) checkKept() error {
	w, used := r.s.worker, int64(0)
	for _, batches := range r.kept {
		for _, block := range batches {
			used += int64(len(block))
		}
	}
	if used == 0 || !w.size.over(w.size.used.Load()+used) {
		return nil
	}
	return w.stateTooLarge(w.size.used.Load()+used, fmt.Sprintf("the state with what waits for its file (%s)", sizeText(used)))
}
