package batch

import (
	"context"
	"errors"
	"fmt"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/internal/failpoint"
	"github.com/millrace/millrace/internal/wal"
	"github.com/millrace/millrace/output"
)

// ready makes ready what a logged plan is run with. floor is that of the history in front of the batch.
func (d *driver) ready(ctx context.Context, p *Planned, floor map[string]int64) (*work, error) {
	keep := d.s.worker.keep(p.Batch)
	if err := keep.reset(); err != nil {
		return nil, err
	}
	if err := d.s.useInputs(ctx, d.cp.blobs, p); err != nil {
		return nil, lost(err)
	}
	w := &work{outcome: newOutcome(d.s.job, p, d.s.worker.env(p.At), floor), info: d.s.info(p)}
	w.counted = d.counted
	return w, nil
}

// finish takes a logged plan to its commit.
func (d *driver) finish(ctx context.Context, w *work) error {
	if err := w.run(ctx, d.s.exec); err != nil {
		return d.cancelIfBad(ctx, w, err)
	}
	d.hurrySlice()
	w.commit.Weights = w.weightsAfter(d.history.Weights)
	w.watch.lap("addBatch")
	if err := d.publish(ctx, w); err != nil {
		return d.cancelIfBad(ctx, w, err)
	}
	w.watch.lap("publish")
	if err := d.commit(ctx, w); err != nil {
		return err
	}
	w.watch.lap("commitOffsets")
	d.showLag()
	if !w.rerun {
		d.warnAbsent(w.outcome)
	}
	d.report(w)
	return d.s.worker.keep(w.plan.Batch).reset()
}

// cancelIfBad logs that the batch will never be published when its data is at fault: every driver that meets it decides
// the same, before anything of the batch is visible. Where an earlier driver has decided otherwise, because it was
// another version of the program, what it published is in the way: the batch must not be planned anew. Nor must one that a sink
// has been told to publish.
func (d *driver) cancelIfBad(ctx context.Context, w *work, err error) error {
	if w.visible || !dataDecides(err) {
		return d.refuseIfLeading(err)
	}
	if lead := d.cp.lead(); lead != nil {
		return lead
	}
	if w.rerun {
		if left := d.leftover(ctx, w.info); left != nil {
			return fmt.Errorf("%w; and its data stops the batch now: %v", left, err)
		}
	}
	if logErr := d.cancelBehind(w.plan); logErr != nil {
		return errors.Join(err, logErr)
	}
	if err := failpoint.Hit(failpoint.DriverCancel); err != nil {
		return err
	}
	c := &Cancelled{Batch: w.plan.Batch, Reason: d.s.job.hidden(err.Error())}
	if logErr := d.cp.append(c); logErr != nil {
		return errors.Join(err, logErr)
	}
	return &BadDataError{Err: err}
}

// dataDecides reports whether the records of the batch alone are why it cannot be published.
func dataDecides(err error) bool {
	var bad *BadDataError
	var row *columnar.RowError
	var limit *output.PartitionLimitError
	var value *output.PartitionValueError
	var large *output.MessageTooLargeError
	var at *output.TimestampRangeError
	return errors.As(err, &bad) || errors.As(err, &row) || errors.As(err, &limit) || errors.As(err, &value) || errors.As(err, &large) || errors.As(err, &at)
}

// leftover is the error of a sink that holds something of the batch already: to a rerun that publishes nothing, whatever
// is there of its batch is in the way.
func (d *driver) leftover(ctx context.Context, info output.BatchInfo) error {
	for _, i := range d.s.publishOrder() {
		if err := d.s.sinks[i].Publish(ctx, &output.Prepared{Info: info}); err != nil {
			return err
		}
	}
	return nil
}

// info is what sinks may know of a batch, with a keeper for what they make of it.
func (s *session) info(p *Planned) output.BatchInfo {
	info, keep := batchInfo(s.job, p), s.worker.keep(p.Batch)
	info.Keep, info.Fits, info.Passed = keep.bytes, keep.onHeap, keep.passed
	return info
}

func batchInfo(job *Job, p *Planned) output.BatchInfo {
	return output.BatchInfo{Job: job.Name, JobHash: p.JobHash, Batch: p.Batch, PlanTime: p.At, Ranges: p.Ranges, RangeHash: RangeHash(p),
		Shards: p.Shards, Roll: p.Roll || p.Final}
}

// publish prepares the batch in every sink before any of them makes it visible: files first, then what is committed
// with a record, and behind publish the log.
func (d *driver) publish(ctx context.Context, w *work) error {
	if err := d.goAhead(ctx, w); err != nil {
		return err
	}
	if err := failpoint.Hit(failpoint.DriverPrepare); err != nil {
		return err
	}
	prepared, err := d.prepare(ctx, w.info, w.outcome)
	if err != nil {
		return err
	}
	if err := d.goAhead(ctx, w); err != nil { // its trigger may be due by now
		return err
	}
	if err := d.cp.lead(); err != nil {
		return err
	}
	if err := failpoint.Hit(failpoint.DriverPublish); err != nil {
		return err
	}
	c := w.commit
	c.Files, c.SinkRows = map[string][]output.File{}, map[string]int64{}
	w.visible = true
	for _, i := range d.s.publishOrder() {
		name := d.s.job.Sinks[i].Name
		if err := d.s.sinks[i].Publish(ctx, prepared[i]); err != nil {
			return fmt.Errorf("publish batch %d: %w", c.Batch, err)
		}
		if err := failpoint.Hit(failpoint.DriverNextSink); err != nil {
			return err
		}
		c.Files[name], c.SinkRows[name] = prepared[i].Files, prepared[i].Rows
		if n := prepared[i].LeftOut; n > 0 {
			if c.LeftOut == nil {
				c.LeftOut = map[string]int64{}
			}
			c.LeftOut[name] = n
		}
	}
	return nil
}

// manifestBytesMax bounds the manifest of a batch, which the log must be able to hold in one record.
const manifestBytesMax = wal.MaxRecordBytes / 4

// prepare has every sink make ready what it will publish. A manifest that the log could not hold is found here, before
// anything is visible.
func (d *driver) prepare(ctx context.Context, info output.BatchInfo, o *outcome) ([]*output.Prepared, error) {
	prepared := make([]*output.Prepared, len(d.s.sinks))
	files, size := 0, 0
	for i, sink := range d.s.sinks {
		var err error
		name := d.s.job.Sinks[i].Name
		if prepared[i], err = sink.Prepare(ctx, info, o.shards[name], d.pendingOf(name)); err != nil {
			return nil, fmt.Errorf("prepare batch %d: %w", info.Batch, err)
		}
		if rows, more := sinkRows(o.shards[name]), pendingMore(prepared[i].Pending); prepared[i].Rows+prepared[i].LeftOut+more != rows {
			return nil, bug(unbalanced("sink %q prepared %d rows, left out %d and has %d more pending, of %d", name, prepared[i].Rows, prepared[i].LeftOut, more, rows))
		}
		o.notePending(name, prepared[i])
		files += len(prepared[i].Files)
		for _, f := range prepared[i].Files {
			size += 2*len(f.Path) + 200 // of its JSON, generously
		}
	}
	if err := d.decideDone(ctx, o, prepared); err != nil {
		return nil, err
	}
	if size > manifestBytesMax {
		return nil, &BadDataError{Err: fmt.Errorf("batch %d would write %d files, more than its log record can list: partition by fewer values, or lower limits.rows", info.Batch, files)}
	}
	return prepared, d.checkDone(o)
}

// commit logs that the batch is done, then tells the sinks.
func (d *driver) commit(ctx context.Context, w *work) error {
	p, c := w.plan, w.commit
	c.Job = p.Job
	err := d.keepPending(ctx, w)
	if err != nil {
		return err
	}
	whole, err := d.snapshot(p, c)
	if err != nil {
		return err
	}
	next, err := d.beginSlice(w)
	if err != nil {
		return err
	}
	if next != nil {
		defer func() { _ = next.wait() }() // whatever the commit comes to
	}
	epoch := d.cp.lease.Epoch()
	if c.State, err = d.s.blocks(ctx, stateBlobs(d.cp.blobs, p.Batch, epoch), epoch, w.deltas, whole, d.s.worker.keep(p.Batch), d.inlineMost(len(w.deltas))); err != nil {
		return err
	}
	if p.Final {
		c.FlushedTo = w.closed
	}
	c.Open = d.s.openWindows()
	if err := failpoint.Hit(failpoint.DriverCommit); err != nil {
		return err
	}
	if err := d.cp.append(c); err != nil {
		return err
	}
	at, before := d.cp.last, d.history.Pending
	if err := failpoint.Hit(failpoint.DriverCommitted); err != nil {
		return err
	}
	if err := d.history.apply(c); err != nil {
		return err
	}
	d.noteRound(p, c)
	d.marks = d.history.Marks.Sources
	for i, sink := range d.s.sinks {
		name := d.s.job.Sinks[i].Name
		if err := sink.Committed(ctx, c.Batch, c.Files[name]); err != nil {
			return d.refuseIfLeading(fmt.Errorf("write manifest of batch %d: %w", c.Batch, err))
		}
	}
	if err := failpoint.Hit(failpoint.DriverTold); err != nil {
		return err
	}
	if err := d.mark(ctx, c); err != nil {
		return err
	}
	if err := d.dropPending(ctx, before); err != nil {
		return err
	}
	if err := d.keepSnapshot(ctx, c, at); err != nil {
		return err
	}
	if err := d.mergeManifests(ctx, c.Batch); err != nil {
		return err
	}
	return d.nextSlice(ctx, next)
}

// snapshot gives a commit what it says as a snapshot, if it is one: of the whole state, which it has to carry then, or of the slices
// of a round.
func (d *driver) snapshot(p *Planned, c *Committed) (whole bool, err error) {
	if c.Slices, err = d.takeSlices(p); err != nil {
		return false, err
	}
	if whole = d.snapshotDue(p); whole {
		d.dropRound()
		c.Slices = nil
	}
	round := !whole && d.roundEnds() && d.mayBeSnapshot(p)
	if !whole && !round {
		return false, nil
	}
	if c.Base, err = d.history.base(p, c); err != nil {
		return false, bug(err)
	}
	if round {
		c.Base.States = d.round.states
		err = failpoint.Hit(failpoint.StateRound)
	}
	return whole, err
}

// snapshotDue says whether a commit carries the whole state. One that holds nothing costs nothing, so it always does. A
// flush does not: to reopen it its plan is needed. Nor does the commit of a batch with a later plan open, which reading
// from the snapshot would miss. The last batch of a run begins no slice, and each run may have only that one: it does not wait for a round
// to begin, nor for long where one stands still.
func (d *driver) snapshotDue(p *Planned) bool {
	last := d.caughtUpBy(positionsAfter(p.Ranges))
	return d.mayBeSnapshot(p) && (d.snapshotWanted(1) || last && (d.round == nil && d.overdue(1) || d.overdue(2)))
}

// mayBeSnapshot reports whether reading may begin with the commit of a plan.
func (d *driver) mayBeSnapshot(p *Planned) bool { return !p.Final && len(d.history.Open) <= 1 }

// deltasDue reports whether deltas are so many times what a snapshot is due for.
func (d *driver) deltasDue(times int) bool {
	return d.history.DeltaBytes >= times*max(d.o.snapshotBytes, d.history.SnapshotBytes+d.history.SnapshotBytes/2)
}

// overdue reports whether the next commit should be a snapshot, if it can be: so many times the commits, or the bytes of deltas, that one
// is due for lie behind the last one.
func (d *driver) overdue(times int) bool {
	return d.history.SinceSnapshot+1 >= times*d.o.snapshotEvery || d.deltasDue(times)
}

// snapshotWanted reports whether the next commit is to carry the whole state, which it does after so many commits when it
// holds nothing; and where a round should have begun long ago, whatever kept it from that.
func (d *driver) snapshotWanted(emptyEvery int) bool {
	n := d.history.SinceSnapshot + 1
	if d.overdue(1) && !d.inSlices() || d.round == nil && n >= 2*d.o.snapshotEvery {
		return true
	}
	held := int64(0)
	for exchange := range d.s.worker.states {
		held += d.s.held(exchange)
	}
	return held == 0 && len(d.history.Pending) == 0 && n >= emptyEvery
}

func (d *driver) report(w *work) {
	r := report(d.s.job, w.plan, w.commit, lagView{states: w.states, at: w.plan.At, weights: d.history.Weights, caughtUp: d.caughtUp}, w.watch)
	r.ID, r.RunID, r.Rerun = d.cp.id, d.runID, w.rerun
	r.NumTriggersMissed, d.missed = d.missed, 0
	r.StateOperators = d.s.operators(w.commit.After, w.commit.Open)
	for _, b := range w.bad {
		r.BadRecords = append(r.BadRecords, b.Error())
	}
	d.o.Report(r)
}
