package batch

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/millrace/millrace/dstream"
)

// sleepMax is how long a driver that waits for a time of day sleeps at most before it looks at the clock again: clocks are
// set, and machines are suspended.
const sleepMax = time.Minute

// trigger plans batches when the job says so, until it is stopped or has no more to do.
func (d *driver) trigger(ctx context.Context) error {
	switch t := d.o.Job.Trigger; {
	case t.AvailableNow:
		return d.available(ctx)
	case t.Cron != nil:
		return d.scheduled(ctx, t.Cron)
	}
	d.marks = newEpochs(d.marks)
	return d.continuous(ctx)
}

// continuous plans a batch at every tick until it is stopped. A batch that takes longer than the interval is followed
// at once by the next; the ticks that came meanwhile are counted and not made up for.
func (d *driver) continuous(ctx context.Context) error {
	every := d.o.Job.Trigger.Every
	d.pressure = newBackpressure(d.o.Job, d.history.Rate)
	due := d.o.Env.Clock.Now()
	for {
		if d.stopped() {
			return nil
		}
		d.due = due.Add(every)
		if _, err := d.tick(ctx); err != nil {
			return err
		}
		due = due.Add(every)
		now := d.o.Env.Clock.Now()
		late := now.Sub(due)
		d.pressure.begins(max(late, 0), every)
		if late >= 0 {
			d.missed += int64((late + every - 1) / every)
			due = now
			continue
		}
		if err := d.sleep(ctx, due.Sub(now)); err != nil {
			return err
		}
	}
}

func (d *driver) stopped() bool {
	select {
	case <-d.o.Stop:
		return true
	default:
		return false
	}
}

// refreshEvery is how long a driver that waits leaves the records of sinks alone at most.
const refreshEvery = time.Hour

// sleep waits for the next tick; a stop ends it early. Meanwhile the records of sinks are kept from getting old.
func (d *driver) sleep(ctx context.Context, t time.Duration) error {
	for ; t > 0 && !d.stopped(); t -= refreshEvery {
		if err := d.doze(ctx, min(t, refreshEvery)); err != nil {
			return err
		}
		if err := d.s.refresh(ctx); err != nil {
			return d.refuseIfLeading(err)
		}
	}
	return nil
}

func (d *driver) doze(ctx context.Context, t time.Duration) error {
	wait, cancel := d.untilStop(ctx)
	defer cancel()
	if err := d.o.Env.Clock.Wait(wait, t); err != nil && ctx.Err() != nil {
		return ctx.Err()
	}
	return nil
}

// untilStop returns a context that a stop cancels: for waits outside of batches.
func (d *driver) untilStop(ctx context.Context) (context.Context, context.CancelFunc) {
	wait, cancel := context.WithCancel(ctx)
	go func() {
		select {
		case <-d.o.Stop:
			cancel()
		case <-wait.Done():
		}
	}()
	return wait, cancel
}

// available catches up once, then flushes if that is asked for.
func (d *driver) available(ctx context.Context) error {
	states, err := d.survey(ctx)
	if err != nil {
		return err
	}
	if d.history.Flushed != nil {
		return d.afterFlush(states)
	}
	if err := d.catchUp(ctx, states); err != nil || d.stopped() {
		return err
	}
	if !d.o.Job.Trigger.FlushWindows || d.history.Last == nil && !ofNothing(d.o.Job.Plan) {
		return nil // without a batch there is nothing to close
	}
	return d.flush(ctx)
}

// ofNothing reports whether a job has a result even when there is no input.
func ofNothing(plan *dstream.Plan) bool {
	return slices.ContainsFunc(plan.Exchanges, func(x dstream.Exchange) bool { return wholeInput(&x) })
}

// catchUp runs batches until the end offsets that stood at the start are reached, then those that idleness closes.
func (d *driver) catchUp(ctx context.Context, states survey) error {
	d.ends = states.ends()
	for !d.stopped() {
		a, err := d.tick(ctx)
		if err != nil || a.Planned == nil && a.Wait == 0 {
			return err
		}
		if a.Wait > 0 {
			if err := d.sleep(ctx, a.Wait); err != nil {
				return err
			}
		}
	}
	return nil
}

// scheduled catches up at each time of the schedule.
func (d *driver) scheduled(ctx context.Context, s Schedule) error {
	for due := s.Next(d.o.Env.Clock.Now()); ; due = d.nextDue(s, due) {
		if due.IsZero() {
			return errors.New("the trigger's schedule has no further time")
		}
		if err := d.sleepUntil(ctx, due); err != nil || d.stopped() {
			return err
		}
		states, err := d.survey(ctx)
		if err != nil {
			return err
		}
		if err := d.catchUp(ctx, states); err != nil || d.stopped() {
			return err
		}
		if err := d.rollPending(ctx); err != nil {
			return err
		}
	}
}

// nextDue is the first time of the schedule that is still to come. Those that came while the run before was busy are
// counted and not made up for: the next run reads what theirs would have read.
func (d *driver) nextDue(s Schedule, last time.Time) time.Time {
	now, missed := d.o.Env.Clock.Now(), int64(0)
	next := s.Next(last)
	for ; !next.IsZero() && !next.After(now); next = s.Next(next) {
		missed++
	}
	if missed > 0 {
		d.missed += missed
		d.o.Warn(fmt.Sprintf("the run of %s took until %s: %d triggers that came meanwhile are left out",
			last.Format(time.RFC3339), now.Format(time.RFC3339), missed))
	}
	return next
}

// sleepUntil waits for a time of day; a stop ends it early.
func (d *driver) sleepUntil(ctx context.Context, due time.Time) error {
	for !d.stopped() {
		left := due.Sub(d.o.Env.Clock.Now())
		if left <= 0 {
			return nil
		}
		if err := d.sleep(ctx, min(left, sleepMax)); err != nil {
			return err
		}
	}
	return nil
}
