package batch

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/millrace/millrace/internal/store"
	"github.com/millrace/millrace/internal/wal"
	"github.com/millrace/millrace/offsets"
)

// NextPlan is what the next batch of a job would be.
type NextPlan struct {
	Holder *wal.Holder `json:"holder,omitempty"` // who runs the job now, and may be ahead of this
	// Open is the batch that the next run finishes first, as it was planned. What comes behind it is not known yet: all
	// fields below are then zero.
	Open *Planned `json:"open,omitempty"`
	// Flushed says why the next run plans nothing: the windows were flushed. "" when it does.
	Flushed string `json:"flushed,omitempty"`
	// Planned is the plan, without side inputs and job; nil: there is nothing to do.
	Planned   *Planned           `json:"planned,omitempty"`
	Records   int64              `json:"records"`             // in its ranges, about: offsets by the records per offset so far
	WireBytes int64              `json:"wire_bytes"`          // that they take on the wire, about; 0 when no record was read yet
	Left      int64              `json:"left"`                // offsets that it leaves for later batches
	Lag       []SourceLag        `json:"lag,omitempty"`       // before it, by source
	Wait      time.Duration      `json:"wait,omitempty"`      // until limits.rate allows a run that catches up to plan it; Planned is nil
	Operators []OperatorProgress `json:"operators,omitempty"` // before it
	Closes    []string           `json:"closes,omitempty"`    // operators of which it closes a window whatever its records are
}

// Next tells what the next batch of a job would be. It takes no lock and writes nothing; another run may plan meanwhile.
func Next(ctx context.Context, env Env, job *Job) (*NextPlan, error) {
	if err := job.check(); err != nil {
		return nil, fmt.Errorf("job %s: %w", job.Name, err)
	}
	n := &NextPlan{}
	v, err := view(ctx, env, job)
	if err != nil {
		return nil, err
	}
	h := v.history
	n.Holder = v.holder
	switch {
	case len(h.Open) > 0:
		n.Open = h.Open[0]
		return n, nil
	case h.Flushed != nil:
		n.Flushed = h.flushedReason()
		return n, nil
	}
	s := &session{job: job, shards: job.Shards}
	if err := s.openSources(ctx); err != nil {
		return nil, errors.Join(err, s.close())
	}
	err = n.ask(ctx, env, s, h)
	return n, errors.Join(err, s.close())
}

// ask plans as a driver would that starts now.
func (n *NextPlan) ask(ctx context.Context, env Env, s *session, h *History) error {
	s.worker = newWorker(s.job, s.sources, s.shards)
	p, err := openPlace(ctx, env, s.job.Checkpoint)
	if err != nil {
		return err
	}
	blobs := store.Blobs{Store: p.store}
	if err := lost(s.restore(ctx, blobs, h)); err != nil {
		return err
	}
	g := ground{Positions: h.Positions, accept: s.job.AcceptLoss}
	states, err := s.survey(ctx, &g)
	if err != nil {
		return err
	}
	q := question{Job: s.job, History: h, Ground: g, States: states, Marks: h.Marks.Sources, NextClose: s.nextClose(), Frontier: s.frontier, Skip: s.job.Skip,
		At: max(env.Clock.Now().UnixMicro(), h.LastAt)}
	if s.job.Trigger.continuous() {
		q.Marks = newEpochs(h.Marks.Sources)
		q.Rate = newBackpressure(s.job, h.Rate).rate()
	}
	ranges, err := q.ranges()
	if err != nil {
		return err
	}
	if err := checkSkips(s.job.Skip, ranges, states.all()); err != nil {
		return err
	}
	n.Operators = s.operators(h.Marks, s.openWindows())
	n.Lag = q.lag(ranges)
	a, err := nextPlan(q)
	if n.Wait = a.Wait; err != nil || a.Planned == nil {
		return err
	}
	n.Planned, n.Closes = a.Planned, q.closing(a.Marks)
	n.estimate(h, states)
	return nil
}

// estimate fills in what the plan's ranges hold, going by what the job has read so far.
func (n *NextPlan) estimate(h *History, states survey) {
	span, ends := int64(0), states.ends()
	for _, r := range n.Planned.Ranges {
		span += r.Span()
		n.Left += max(ends[partitionKey{r.Source, r.Topic, r.Partition}]-r.Until, 0)
	}
	n.Records = span
	if h.Offsets > 0 {
		n.Records = int64(math.Round(float64(span) * float64(h.Records) / float64(h.Offsets)))
		n.WireBytes = int64(math.Round(float64(span) * float64(h.WireBytes) / float64(h.Offsets)))
	}
}

// lag is how far the job is behind now. ranges are all that there is to read.
func (q *question) lag(ranges []offsets.Range) []SourceLag {
	view := lagView{states: q.States, at: q.At, weights: q.History.Weights}
	var out []SourceLag
	for i := range q.Job.Plan.Sources {
		name := q.Job.Plan.Sources[i].Name
		var at []offsets.Position
		for _, r := range rangesOf(ranges, name) {
			r.Until = r.From
			at = append(at, r.After())
		}
		out = append(out, *view.of(name, at))
	}
	return out
}
