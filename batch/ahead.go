package batch

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/millrace/millrace/offsets"
	"github.com/millrace/millrace/output"
)

// work is a logged plan on its way to its commit.
type work struct {
	*outcome
	info   output.BatchInfo
	states survey // what the brokers said when it was planned; nil: that is not known
	watch  *stopwatch
	rerun  bool
	asked  bool // whether another may be planned behind it
	// visible: a sink may show rows of it already, so that it can never be cancelled.
	visible bool
}

// emptySnapshotEvery is the most commits between two snapshots while batches are read ahead and no state is held: a snapshot
// costs nothing then, but a batch that carries one has none planned behind it.
const emptySnapshotEvery = 20

// surveyPatience bounds how long a batch that is ready waits for brokers to say what the next one could read; aheadPause is
// after how many batches they are asked again when that was too short.
const (
	surveyPatience = time.Second
	aheadPause     = 16
)

// goAhead plans the batch behind one whose rows are known, and begins to read it, while this one is published: when there is
// something to read, its trigger is due, and nothing about the plan would differ if it were made behind the commit. Whatever is
// in the way is met again behind it, so this only fails when the log cannot be written.
func (d *driver) goAhead(ctx context.Context, w *work) error {
	if w.asked || !d.mayGoAhead(w) {
		return nil
	}
	w.asked = true
	w.watch.lap("publish")
	defer w.watch.resume()
	h, err := d.history.behind(w.commit)
	if err != nil {
		return brokenRules(err)
	}
	watch := newStopwatch(d.o.Env.Clock)
	p, states, err := d.planAhead(ctx, h, watch)
	if err != nil {
		d.aheadFrom = w.plan.Batch + aheadPause
	}
	if p == nil {
		return nil
	}
	if err := d.logPlan(p); err != nil {
		return err
	}
	watch.lap("walCommit")
	next, err := d.ready(ctx, p, h.Floor)
	if err != nil {
		return err
	}
	next.states, next.watch, next.counted = states, watch, w.countedBehind()
	next.begin(ctx, d.s.exec)
	d.next = next
	return nil
}

// mayGoAhead reports whether a batch may be planned behind one that is not committed. Not where its plan depends on how long
// this one takes, or on what time allows; nor behind a flush, of which nothing comes, or in front of a snapshot, for which no
// plan may be open; nor, of course, where all is read that the run is to read.
func (d *driver) mayGoAhead(w *work) bool {
	limits := d.o.Job.Limits
	return !d.caughtUpBy(w.commit.Positions) && !d.o.oneAtATime && !w.rerun && !w.plan.Final && w.plan.Batch >= d.aheadFrom && !d.stopped() && len(d.accept) == 0 &&
		limits.Rate == 0 && limits.Backpressure == nil && !d.o.Env.Clock.Now().Before(d.due) && !d.snapshotWanted(emptySnapshotEvery) && !d.roundEnds()
}

// caughtUpBy reports whether positions are the ends at which this run stops.
func (d *driver) caughtUpBy(positions []offsets.Position) bool {
	return d.ends != nil && !slices.ContainsFunc(positions, func(p offsets.Position) bool {
		end, ok := d.ends[partitionKey{p.Source, p.Topic, p.Partition}]
		return ok && p.Next < end
	})
}

// planAhead is the plan of the batch behind a commit that has not come yet, which the history tells of: that which
// [driver.tick] would make. nil: it has to wait for the commit. An error says that brokers do not answer in time.
func (d *driver) planAhead(ctx context.Context, h *History, watch *stopwatch) (*Planned, survey, error) {
	ask, cancel := context.WithTimeout(ctx, d.o.surveyPatience)
	defer cancel()
	g := ground{Positions: h.Positions}
	states, err := d.s.survey(ask, &g)
	if err != nil {
		return nil, nil, err
	}
	watch.lap("latestOffset")
	q := d.ask(h, states)
	q.Ground, q.Marks = g, h.Marks.Sources
	a, err := nextPlan(q)
	if err != nil || a.Planned == nil || allEmpty(a.Planned.Ranges) {
		return nil, nil, nil
	}
	if err := d.inputs.current(ctx, d.s.job, a.Planned); err != nil || !d.s.uses(a.Planned) {
		return nil, nil, nil
	}
	return a.Planned, states, nil
}

// behind is what the history will say behind the commit of the oldest open plan. Of the commit that is not known yet what sinks
// have to say.
func (h *History) behind(c *Committed) (*History, error) {
	out := *h
	out.Open = slices.Clone(h.Open)
	out.LastRows, out.Floor, out.Weights = maps.Clone(h.LastRows), maps.Clone(h.Floor), maps.Clone(h.Weights)
	out.Totals, out.Partitions = h.Totals.clone(), partitionsOf(listPartitions(h.Partitions))
	out.releaseState()
	return &out, out.apply(c)
}

// adopt goes on with the batch that was begun ahead.
func (d *driver) adopt(ctx context.Context) (answer, error) {
	w := d.next
	d.next = nil
	defer w.abandon()
	w.watch.resume()
	d.noteWaiting(w.states)
	d.noteCaughtUp(w.states, w.plan.At)
	return answer{Planned: w.plan}, d.finish(ctx, w)
}

// dropAhead ends the reading of a batch that was begun ahead.
func (d *driver) dropAhead() {
	if d.next != nil {
		d.next.abandon()
	}
}

// cancelAhead cancels the plan behind the last commit of a run that is told to stop. Nothing of it is visible.
func (d *driver) cancelAhead() error {
	if d.next == nil {
		return nil
	}
	d.dropAhead()
	p := d.next.plan
	d.next = nil
	c := &Cancelled{Batch: p.Batch, Reason: "the run was stopped before the batch was published"}
	if err := d.cp.append(c); err != nil {
		return err
	}
	d.skip = append(d.skip, p.Skip...)
	return d.history.apply(c)
}

// cancelBehind cancels the plans behind one that is going to be cancelled, the last first: each begins where the one before
// ends, so at any moment those that are open can be run in order.
func (d *driver) cancelBehind(p *Planned) error {
	d.dropAhead()
	for i := len(d.history.Open) - 1; i >= 0 && d.history.Open[i].Batch > p.Batch; i-- {
		later := d.history.Open[i]
		c := &Cancelled{Batch: later.Batch, Reason: fmt.Sprintf("batch %d, behind which it was planned, is cancelled", p.Batch)}
		if err := d.cp.append(c); err != nil {
			return err
		}
		if err := d.history.apply(c); err != nil {
			return err
		}
		d.skip = append(d.skip, later.Skip...)
	}
	return nil
}
