package batch

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/millrace/millrace/offsets"
	"github.com/millrace/millrace/output"
	"github.com/millrace/millrace/windows"
)

// ground is where a job stands: its positions, without what a run that was told to accept losses has given up.
type ground struct {
	Positions []offsets.Position
	Losses    []offsets.Loss
	accept    []string // sources whose losses are accepted
}

// giveUp gives up what an error says is gone, if that is accepted. It reports whether it did.
func (g *ground) giveUp(err error) bool {
	var gone *offsets.RangeGoneError
	if !errors.As(err, &gone) || !slices.Contains(g.accept, gone.Range.Source) {
		return false
	}
	positions, losses := offsets.GiveUp(g.Positions, gone)
	g.Positions, g.Losses = positions, append(g.Losses, losses...)
	return len(losses) > 0
}

// settle gives up all that the sources, as surveyed, do not hold any more. What may not be given up is left to the plan.
func (g *ground) settle(job *Job, states survey) {
	for _, source := range g.accept {
		for _, topic := range unread(g.Positions, source, states[source]) {
			g.giveUp(offsets.Unread(source, topic, g.Positions))
		}
		for range 2 * len(g.Positions) { // a bound, should sources contradict themselves
			_, err := offsets.PlanRanges(source, states[source], positionsOf(g.Positions, source), offsets.Limits{}, job.Sources[source].Start)
			if !g.giveUp(err) {
				break
			}
		}
	}
}

// unread are the topics that a checkpoint has read of a source and that its survey does not know.
func unread(positions []offsets.Position, source string, states []offsets.PartitionState) []string {
	var out []string
	for _, p := range positionsOf(positions, source) {
		known := slices.ContainsFunc(states, func(s offsets.PartitionState) bool { return s.Topic == p.Topic })
		if !known && len(states) > 0 && !slices.Contains(out, p.Topic) {
			out = append(out, p.Topic)
		}
	}
	return out
}

// dropped reports whether a partition was given up altogether.
func dropped(losses []offsets.Loss, source, topic string, partition int32) bool {
	return slices.ContainsFunc(losses, func(l offsets.Loss) bool {
		return l.Next < 0 && l.Source == source && l.Topic == topic && l.Partition == partition
	})
}

// without is a source's mark without the partitions that were given up: nothing will ever move their watermarks on.
func without(m windows.SourceMark, source string, losses []offsets.Loss) windows.SourceMark {
	m.Partitions = slices.DeleteFunc(slices.Clone(m.Partitions), func(p windows.PartitionMark) bool {
		return dropped(losses, source, p.Topic, p.Partition)
	})
	return m
}

// accepted ends the acceptance of losses: it holds for what the run meets first, not for what may be lost while it runs.
func (d *driver) accepted(losses []offsets.Loss) {
	for _, l := range losses {
		d.o.Warn("gave up " + l.String())
	}
	for _, source := range d.accept {
		if !d.gaveUp && !slices.ContainsFunc(losses, func(l offsets.Loss) bool { return l.Source == source }) {
			d.o.Warn(fmt.Sprintf("nothing of source %s is lost: there was no need to accept it", source))
		}
	}
	d.accept = nil
}

// cancelGone gives up an open plan of an earlier driver whose ranges cannot be read any more, if nothing of it can be
// visible or become so: its offsets are planned anew, as far as they are still there.
func (d *driver) cancelGone(ctx context.Context, p *Planned, gone error) error {
	if err := d.cp.lead(); err != nil {
		return err
	}
	if err := d.mayLive(ctx, p, gone.Error()+"; ", "accept the loss"); err != nil {
		return err
	}
	if err := d.visible(ctx, p); err != nil {
		return refuse("%v; batch %d is open and part of its output is visible already%s", gone, p.Batch, visibleWay(p.Batch, err))
	}
	last := d.history.NextBatch - 1
	c := &Cancelled{Batch: p.Batch, Reason: "its records were lost, and the run was told to accept that: " + gone.Error(), At: d.o.Env.Clock.Now().UnixMicro()}
	if err := d.cancelDiscarded(p, c); err != nil {
		return err
	}
	// No file of it was there before; one that has come since would stand beside the rows that are planned anew.
	if err := d.removeLeft(ctx, &discardSinks{job: d.s.job, open: d.s.sinks}, nil, p.Batch, last); err != nil {
		return err
	}
	d.gaveUp = true
	d.o.Warn(fmt.Sprintf("batch %d was open and is cancelled: %v", p.Batch, gone))
	// Records in front of the lost ones are in the state in memory.
	return lost(d.s.restoreAgain(ctx, d.cp.blobs, d.history))
}

// visibleWay says what of an open batch is visible, and the way out: files can be given up by whoever knows what their readers have
// done with them, records of a topic cannot.
func visibleWay(batch int64, err error) string {
	var file *output.ConflictError
	if !errors.As(err, &file) {
		return fmt.Sprintf(" (%v): it can neither be finished nor planned anew; begin anew with another checkpoint and output", err)
	}
	return fmt.Sprintf(" (sink %s: %s): it cannot be finished, and is not planned anew beside that; to have its files moved out of the output and give it up, accept the loss once more with --discard-open-batch %d",
		file.Sink, file.Path, batch)
}

// mayLive refuses to give up a plan that a process may still publish. Where only heartbeats tell, one that was killed looks as one
// that is paused: that it has ended is for an operator to say, by its name. why stands in front of what it says, then is what the
// operator wanted.
func (d *driver) mayLive(ctx context.Context, p *Planned, why, then string) error {
	for below := d.cp.lease.Epoch(); ; {
		holder, err := d.cp.epochs.HeldBelow(ctx, below)
		if err != nil || holder == nil {
			return err
		}
		name := fmt.Sprintf("%s:%d", holder.Host, holder.PID)
		said := IsRemote(d.o.Job.Checkpoint) && holder.Host != "" && slices.Contains(d.o.HolderEnded, name)
		switch {
		case said:
			below = holder.Epoch
		case IsRemote(d.o.Job.Checkpoint):
			return refuse("%sbatch %d is open and %s, which may still publish it, has not said that it ended: make sure that it has, then run with --holder-ended %s and %s", why, p.Batch, holder, name, then)
		default:
			return refuse("%sbatch %d is open and %s, which may still publish it, has not ended: end that process, then %s", why, p.Batch, holder, then)
		}
	}
}

// visible is an error when a sink holds something of a batch.
func (d *driver) visible(ctx context.Context, p *Planned) error {
	published, err := d.s.published(ctx)
	if err != nil {
		return err
	}
	for sink, at := range published {
		switch {
		case at.Batch >= p.Batch:
			return fmt.Errorf("sink %q has committed it", sink)
		case at.Missing:
			return fmt.Errorf("sink %q may have committed it: its record is missing", sink)
		}
	}
	info := batchInfo(d.s.job, p)
	info.Rerun = true
	return d.leftover(ctx, info)
}
