package batch

import (
	"time"

	"github.com/millrace/millrace/offsets"
)

// backpressure sizes the batches of a continuous run by how long they take. What it measures differs from run to run, so
// it may only decide how much the next plan reads; that plan is a fact in the log before anything of it is read. nil: off.
type backpressure struct {
	pid  *offsets.PID
	late time.Duration // how long after its tick the batch under way began
}

// newBackpressure goes on from the rate of the last plan in the log.
func newBackpressure(job *Job, logged int64) *backpressure {
	gains := job.Limits.Backpressure
	if gains == nil || !job.Trigger.continuous() {
		return nil
	}
	return &backpressure{pid: offsets.NewPID(job.Trigger.Every, *gains, float64(logged))}
}

// rate is what the next plan may take, in offsets per second; 0: as much as there is.
func (b *backpressure) rate() float64 {
	if b == nil {
		return 0
	}
	return b.pid.Rate()
}

// begins notes that a trigger begins, with how long ago it was due. Ticks that came meanwhile are left out, so nothing
// adds up and it is at most an interval late.
func (b *backpressure) begins(late, every time.Duration) {
	if b != nil {
		b.late = min(late, every)
	}
}

// done takes what a batch took, from its trigger to its commit.
func (b *backpressure) done(p *Planned, took time.Duration) {
	if b == nil {
		return
	}
	span := int64(0)
	for _, r := range p.Ranges {
		span += r.Span()
	}
	b.pid.Update(offsets.Measurement{At: time.UnixMicro(p.At), Offsets: span, Took: took, Late: b.late})
}
