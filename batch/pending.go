package batch

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/millrace/millrace/dstream"
	"github.com/millrace/millrace/internal/failpoint"
	"github.com/millrace/millrace/internal/store"
	"github.com/millrace/millrace/offsets"
	"github.com/millrace/millrace/output"
)

// A sink with [Sink.MaxAge] rolls its files over batches: rows wait, as state of the sink, until their file is full or they
// have waited long enough. The block of the rows that a batch leaves is an object of its own, durable before the commit that
// names it, and removed behind the commit that says that all its rows are in files.

// pendingPrefix is where the blocks are; their names carry batch and epoch, so that nobody else ever means the same object.
const pendingPrefix = "pending/"

// pendingBlobs are the blocks that an epoch wrote for a batch.
func pendingBlobs(s store.Store, batch int64, epoch uint64) store.Blobs {
	return store.Blobs{Store: s, Under: pendingUnder(batch, epoch)}
}

func pendingUnder(batch int64, epoch uint64) string {
	return fmt.Sprintf("%s%012d-%010d-", pendingPrefix, batch, epoch)
}

func pendingName(b *output.PendingBatch) string { return pendingUnder(b.Batch, b.Epoch) + b.Digest }

// batchOfPending is the batch of such a name, 0 for other names.
func batchOfPending(name string) (batch int64) {
	if n, err := fmt.Sscanf(name, pendingPrefix+"%d-", &batch); n != 1 || err != nil {
		return 0
	}
	return batch
}

// pendingNames are the names of all blocks that sinks need.
func pendingNames(pending map[string][]output.PendingBatch) map[string]bool {
	out := map[string]bool{}
	for _, batches := range pending {
		for i := range batches {
			out[pendingName(&batches[i])] = true
		}
	}
	return out
}

// pendingOf is what a sink has left of earlier batches; nil: nothing.
func (d *driver) pendingOf(sink string) *output.Pending {
	batches := d.history.Pending[sink]
	if len(batches) == 0 {
		return nil
	}
	return &output.Pending{Batches: batches, Load: func(ctx context.Context, b *output.PendingBatch) ([]byte, error) {
		data, err := pendingBlobs(d.cp.store, b.Batch, b.Epoch).Get(ctx, b.Digest)
		return data, lost(err)
	}}
}

// notePending notes in a commit under way what a sink has prepared of its pending rows.
func (o *outcome) notePending(sink string, p *output.Prepared) {
	c := p.Pending
	if c == nil || c.Before == 0 && c.After == 0 {
		return
	}
	if o.commit.Pending == nil {
		o.commit.Pending, o.blocks = map[string]*output.PendingChange{}, map[string][]byte{}
	}
	o.commit.Pending[sink] = c
	if c.Added != nil {
		o.blocks[sink] = p.Block
	}
}

// pendingMore is by how much the pending rows of a sink become more.
func pendingMore(c *output.PendingChange) int64 {
	if c == nil {
		return 0
	}
	return c.After - c.Before
}

// keepPending makes the rows that a batch leaves to later ones durable, before its commit names them.
func (d *driver) keepPending(ctx context.Context, w *work) error {
	epoch := d.cp.lease.Epoch()
	for _, sink := range slices.Sorted(maps.Keys(w.blocks)) {
		err := failpoint.Hit(failpoint.PendingKeep)
		added := w.commit.Pending[sink].Added
		if err == nil {
			added.Epoch = epoch
			added.Digest, err = pendingBlobs(d.cp.store, added.Batch, epoch).Put(ctx, w.blocks[sink])
		}
		if err != nil {
			return fmt.Errorf("keep rows of batch %d that sink %s has not put into a file yet: %w", added.Batch, sink, err)
		}
	}
	return nil
}

// applyPending takes over what a commit says of pending rows. It changes nothing that others may hold.
func applyPending(pending map[string][]output.PendingBatch, c *Committed) (map[string][]output.PendingBatch, error) {
	if len(c.Pending) == 0 {
		return pending, nil
	}
	out := maps.Clone(pending)
	if out == nil {
		out = map[string][]output.PendingBatch{}
	}
	for sink, change := range c.Pending {
		if before := output.PendingRows(out[sink]); before != change.Before {
			return nil, fmt.Errorf("batch %d begins with %d pending rows of sink %q, the batch before left %d", c.Batch, change.Before, sink, before)
		}
		left := change.Apply(out[sink])
		if after := output.PendingRows(left); after != change.After {
			return nil, fmt.Errorf("batch %d leaves %d pending rows of sink %q, and lists %d", c.Batch, change.After, sink, after)
		}
		if out[sink] = left; len(left) == 0 {
			delete(out, sink)
		}
	}
	return out, nil
}

// dropPending removes the blocks that were needed before the last commit and are not any more. That they are gone is needed
// by nobody, so what fails is said, and tried again by the next driver.
func (d *driver) dropPending(ctx context.Context, before map[string][]output.PendingBatch) error {
	needed := pendingNames(d.history.Pending)
	var gone []string
	for name := range pendingNames(before) {
		if !needed[name] {
			gone = append(gone, name)
		}
	}
	return d.removePending(ctx, gone)
}

// clearPending removes what earlier drivers have left: blocks of batches that were never committed so, or whose rows are in
// files. A block that no commit up to the last one needs is never needed again. It is looked for whatever the job is now: the one that
// crashed may have been another.
func (d *driver) clearPending(ctx context.Context) error {
	if d.history.Last == nil {
		return nil
	}
	names, err := d.cp.store.List(ctx, pendingPrefix)
	if err != nil {
		return fmt.Errorf("list pending rows: %w", err)
	}
	needed := pendingNames(d.history.Pending)
	gone := slices.DeleteFunc(names, func(name string) bool {
		batch := batchOfPending(name)
		return needed[name] || batch == 0 || batch > d.history.Last.Batch
	})
	return d.removePending(ctx, gone)
}

func (d *driver) removePending(ctx context.Context, gone []string) error {
	if len(gone) == 0 {
		return nil
	}
	if err := d.cp.lead(); err != nil {
		return err
	}
	err := failpoint.Hit(failpoint.PendingRemove)
	if err == nil {
		slices.Sort(gone)
		err = store.DeleteAll(ctx, d.cp.store, gone)
	}
	if err != nil && ctx.Err() == nil {
		d.o.Warn(fmt.Sprintf("rows that are in files now were not removed from the checkpoint, the next run tries again: %v", err))
		return nil
	}
	return errors.Join(err, ctx.Err())
}

// rollsAny reports whether a sink of the job rolls its files over batches.
func rollsAny(j *Job) bool {
	return slices.ContainsFunc(j.Sinks, func(k Sink) bool { return k.MaxAge > 0 })
}

// rolling reports whether pending rows of a sink have waited long enough, so that a batch without records puts them into
// files.
func (q *question) rolling() bool {
	return slices.ContainsFunc(q.Job.Sinks, func(k Sink) bool {
		return output.PendingDue(q.History.Pending[k.Name], k.MaxAge, q.At)
	})
}

// rollsAtEnd reports whether ranges are the last of a run that stops where its sources ended: its batch leaves no pending
// rows.
func (q *question) rollsAtEnd(ranges []offsets.Range) bool {
	return q.Ends != nil && rollsAny(q.Job) && !slices.ContainsFunc(ranges, func(r offsets.Range) bool {
		end, ok := q.Ends[keyOf(r)]
		return ok && r.Until < end
	})
}

// rollPending ends a run, or one of a schedule: a batch without records puts all pending rows into files. It asks no broker.
func (d *driver) rollPending(ctx context.Context) error {
	h := d.history
	if len(h.Pending) == 0 || len(h.Open) > 0 || h.Flushed != nil {
		return nil
	}
	p := &Planned{Batch: h.NextBatch, At: max(d.o.Env.Clock.Now().UnixMicro(), h.LastAt), Step: d.o.Job.Step, Roll: true,
		Before: Marks{Sources: d.marks, Operators: h.Marks.Operators}, Rate: h.Rate, Paid: h.Paid}
	for _, at := range h.Positions {
		p.Ranges = append(p.Ranges, offsets.Range{Source: at.Source, Topic: at.Topic, TopicID: at.TopicID, Partition: at.Partition,
			From: at.Next, Until: at.Next, LeaderEpoch: at.LeaderEpoch})
	}
	return d.plan(ctx, p, nil, newStopwatch(d.o.Env.Clock))
}

// pendingText describes the pending rows of a sink, "" for none.
func pendingText(batches []output.PendingBatch) string {
	if len(batches) == 0 {
		return ""
	}
	first, last := batches[0].Batch, batches[len(batches)-1].Batch
	if first == last {
		return fmt.Sprintf("%d rows of batch %d", output.PendingRows(batches), first)
	}
	return fmt.Sprintf("%d rows of batches %d to %d", output.PendingRows(batches), first, last)
}

// pendingDiffer says why a sink cannot put its pending rows into files as they are to be now, "" if it can.
func pendingDiffer(is *Job, was *Job, sink string) string {
	i, j := sinkNamed(is, sink), sinkNamed(was, sink)
	switch {
	case j < 0:
		return ""
	case i < 0:
		return "the sink is gone"
	case is.Sinks[i].Topic != "" || is.Sinks[i].Place == "":
		return "it writes no files any more"
	}
	now, before := &is.Plan.Sinks[i], &was.Plan.Sinks[j]
	switch a, b := columnsText(before), columnsText(now); {
	case a != b:
		return fmt.Sprintf("files have the columns %s, had %s", b, a)
	case directories(before) != directories(now):
		return fmt.Sprintf("partition_by is %s, was %s", directories(now), directories(before))
	case changelogText(before) != changelogText(now):
		return fmt.Sprintf("its rows are %s, were %s", changelogText(now), changelogText(before))
	}
	return ""
}

// columnsText are the columns of files, in their order, with their types.
func columnsText(k *dstream.SinkPlan) string {
	var out []string
	for _, c := range k.Columns {
		out = append(out, fmt.Sprintf("%s (%s)", k.Schema.Fields[c].Name, k.Schema.Fields[c].Type))
	}
	return strings.Join(out, ", ")
}
