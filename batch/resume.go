package batch

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/millrace/millrace/internal/failpoint"
	"github.com/millrace/millrace/offsets"
	"github.com/millrace/millrace/output"
)

// recover brings sinks and log to the same batch.
func (d *driver) recover(ctx context.Context, digest string) error {
	if err := failpoint.Hit(failpoint.DriverRecover); err != nil {
		return err
	}
	if err := d.settleDropped(ctx, digest); err != nil {
		return err
	}
	job, shards := d.o.Job, d.o.Job.Shards
	if len(d.history.Open) > 0 {
		p := d.history.Open[0]
		var err error
		if job, err = d.planned(ctx, p, digest); err != nil {
			return err
		}
		digest, shards = p.Job, p.Shards
	}
	if err := d.use(ctx, job, digest, shards); err != nil {
		return err
	}
	if err := d.checkAssumptions(ctx); err != nil {
		return err
	}
	for {
		action, err := d.settle(ctx)
		switch {
		case err != nil:
			return err
		case action == Undo:
			return d.reopen(ctx)
		case action == Plan:
			return nil
		}
		if err := d.rerun(ctx, d.history.Open[0]); err != nil {
			return err
		}
	}
}

// rerun runs an open plan of an earlier driver.
func (d *driver) rerun(ctx context.Context, p *Planned) error {
	if err := failpoint.Hit(failpoint.DriverRerun); err != nil {
		return err
	}
	if err := d.cp.open(); err != nil {
		return err
	}
	watch := newStopwatch(d.o.Env.Clock)
	w, err := d.ready(ctx, p, d.history.Floor)
	if err != nil {
		return err
	}
	w.watch, w.rerun, w.info.Rerun = watch, true, true
	err = d.finish(ctx, w)
	var gone *offsets.RangeGoneError
	if errors.As(err, &gone) && slices.Contains(d.accept, gone.Range.Source) {
		return d.cancelGone(ctx, p, gone)
	}
	return d.orDiscard(p, err)
}

// planned returns the job that an open plan was made with: the one at hand, whose recorded form is the blob digest, or
// the recorded one. It must still mean what it meant then, or the rerun would write other files beside the first ones.
func (d *driver) planned(ctx context.Context, p *Planned, digest string) (*Job, error) {
	job, err := d.jobOf(ctx, p, digest)
	if err != nil {
		return nil, err
	}
	if job.Hash != p.JobHash {
		return nil, refuse("batch %d is open and was planned as job %.8s, which this program understands as job %.8s: finish it with the program version that planned it, or give it up with --discard-open-batch %d", p.Batch, p.JobHash, job.Hash, p.Batch)
	}
	return job, nil
}

// jobOf is the job that a plan was made with, as this program understands it.
func (d *driver) jobOf(ctx context.Context, p *Planned, digest string) (*Job, error) {
	switch {
	case p.Job == digest:
		return d.o.Job, nil
	case d.o.Resolve == nil:
		return nil, refuse("batch %d is open and was planned with another version of this job; run that version once more", p.Batch)
	}
	return d.recorded(ctx, p.Batch, p.Job)
}

// recorded is the job that a batch was planned with, of which digest is the blob.
func (d *driver) recorded(ctx context.Context, batch int64, digest string) (*Job, error) {
	data, err := d.cp.blobs.Get(ctx, digest)
	if err != nil {
		return nil, lost(fmt.Errorf("read the job of batch %d: %w", batch, err))
	}
	if d.o.Resolve == nil {
		return nil, refuse("batch %d was planned with another version of this job; run that version once more", batch)
	}
	job, err := d.o.Resolve(data)
	if err != nil {
		return nil, fmt.Errorf("resolve the job of batch %d: %w", batch, err)
	}
	return job, nil
}

// use makes job the session in use, with its state restored.
func (d *driver) use(ctx context.Context, job *Job, digest string, shards int) error {
	if d.s != nil {
		if d.s.digest == digest && d.s.shards == shards {
			return nil
		}
		if err := d.s.close(); err != nil {
			return fmt.Errorf("close job: %w", err)
		}
		d.s = nil
	}
	s, err := openSession(ctx, job, digest, d.opening(job), d.history.LastRows, shards)
	if err != nil {
		return d.refuseIfLeading(err)
	}
	d.s, s.lanes, s.beside = s, d.o.Cores, d.o.beside
	d.warnForgotten(job.Plan)
	s.watch(d.o.Warn)
	s.worker.limit(d.o.Memory, d.o.Cores)
	s.worker.useScratch(d.scratch)
	s.exec = d.o.executor(s.worker, d.o.Cores)
	return lost(s.restore(ctx, d.cp.blobs, d.history))
}

func (d *driver) opening(job *Job) output.Opening {
	return output.Opening{Owner: output.Owner{Job: job.Name, Checkpoint: d.cp.id}, Lead: d.cp.lead, Clock: d.o.Env.Clock, Each: onCores(d.o.Cores)}
}

// useAtHand makes the job at hand the session in use. A session that was not there for recovery has sinks that were not
// asked yet.
func (d *driver) useAtHand(ctx context.Context, digest string) error {
	recovered := d.s
	if err := d.use(ctx, d.o.Job, digest, d.o.Job.Shards); err != nil || d.s == recovered {
		return err
	}
	_, err := d.settle(ctx)
	return err
}

// repeatManifests tells the sinks about the last commit again, and leaves the markers that it decided, in case the last
// driver died before it could.
func (d *driver) repeatManifests(ctx context.Context, published map[string]output.Standing) error {
	c := d.history.Last
	if c == nil {
		return nil
	}
	for i, sink := range d.s.sinks {
		name := d.s.job.Sinks[i].Name
		if err := d.tell(ctx, c, name, sink, published[name]); err != nil {
			return err
		}
	}
	return nil
}

// reopen takes a flush back. The state in memory is still as the flush left it: for it all windows there are were closed.
func (d *driver) reopen(ctx context.Context) error {
	h := d.history
	r := &Reopened{Batch: h.Flushed.Batch, Marks: h.FlushPlan.Before, FlushedTo: h.Flushed.FlushedTo}
	if err := d.cp.append(r); err != nil {
		return err
	}
	if err := h.apply(r); err != nil {
		return err
	}
	return lost(d.s.restoreAgain(ctx, d.cp.blobs, h))
}

// afterFlush ends a run that asks for a flush again, most often because the one before died when it had flushed: there
// is nothing to do, unless records came since.
func (d *driver) afterFlush(states survey) error {
	q := question{Job: d.o.Job, History: d.history, Ground: d.ground, States: states}
	ranges, err := q.ranges()
	if err == nil && !allEmpty(ranges) {
		err = &RefusedError{Msg: d.history.flushedReason()}
	}
	if err != nil {
		return d.refuseIfLeading(err)
	}
	return nil
}
