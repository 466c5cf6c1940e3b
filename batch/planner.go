package batch

import (
	"math"

	"github.com/millrace/millrace/offsets"
	"github.com/millrace/millrace/windows"
)

// Question is everything that the choice of the next plan depends on. [Next] is a pure function of it.
type Question struct {
	Job        *Job
	History    *History
	States     []offsets.PartitionState // what the brokers say now
	At         int64                    // plan time, µs
	Ends       map[offsetKey]int64      // available-now: where this run stops
	Continuous bool
	Marks      windows.SourceMark // of the last commit or of the last idle trigger
	NextClose  int64              // end of the earliest open window; math.MaxInt64 for none
}

// Answer is the next plan, when there is something to do, and the marks to go on with when there is not.
type Answer struct {
	Planned *Planned // without tables, job and shards
	Marks   windows.SourceMark
	Reached bool // available-now: every partition is at its end
}

// Next decides what the next batch is. A batch without records is planned only if it changes something: idleness moves
// the watermark past an open window, or the job begins at the end of the log. Otherwise nothing at all is written.
func Next(q Question) (Answer, error) {
	states := q.capped()
	ranges, err := offsets.PlanRanges(q.Job.Plan.Source.Name, states, q.History.Positions, q.limits(), q.Job.Source.Start)
	if err != nil {
		return Answer{}, err
	}
	marks := windows.Idle(q.Marks, probes(ranges, q.States), windows.IdleRule{
		Continuous: q.Continuous, PlanTime: q.At, IdleAfter: q.Job.Plan.Source.Bounds.IdleAfter})
	a := Answer{Marks: marks, Reached: allEmpty(ranges)}
	if a.Reached && !q.closesByIdleness(marks) && !q.settlesStart(ranges) {
		return a, nil
	}
	before := Marks{Source: marks, Operators: q.History.Marks.Operators}
	a.Planned = &Planned{Batch: q.History.NextBatch, At: q.At, Ranges: ranges, Step: q.Job.Step, Before: before}
	return a, nil
}

// capped ends every partition where this run stops. A partition that appeared since waits for the next run.
func (q *Question) capped() []offsets.PartitionState {
	if q.Ends == nil {
		return q.States
	}
	var out []offsets.PartitionState
	for _, s := range q.States {
		if end, ok := q.Ends[offsetKey{s.Topic, s.Partition}]; ok {
			s.End = min(s.End, end)
			out = append(out, s)
		}
	}
	return out
}

func (q *Question) limits() offsets.Limits {
	h := q.History
	lim := offsets.Limits{Rows: q.Job.Limits.Rows, Bytes: q.Job.Limits.Bytes, First: h.WireBytes == 0}
	if h.Offsets > 0 {
		lim.MeanBytes = float64(h.WireBytes) / float64(h.Offsets)
	}
	return lim
}

func (q *Question) closesByIdleness(marks windows.SourceMark) bool {
	after := windows.Advance(marks, nil, q.Job.Plan.Source.Bounds, q.At)
	return q.NextClose != math.MaxInt64 && q.NextClose <= after.Watermark && after.Watermark > q.History.Marks.Source.Watermark
}

// settlesStart reports whether the plan says where a job begins that starts with the latest records: until the log holds
// that place, every trigger would find a later one, and what came in between would never be read.
func (q *Question) settlesStart(ranges []offsets.Range) bool {
	return q.Job.Source.Start == offsets.Latest && len(q.History.Positions) == 0 && len(ranges) > 0
}

// probes is what the idle rule wants to know of every partition.
func probes(ranges []offsets.Range, states []offsets.PartitionState) []windows.Probe {
	high := map[offsetKey]int64{}
	for _, s := range states {
		high[offsetKey{s.Topic, s.Partition}] = s.HighWatermark
	}
	out := make([]windows.Probe, 0, len(ranges))
	for _, r := range ranges {
		hw, answered := high[offsetKey{r.Topic, r.Partition}]
		out = append(out, windows.Probe{Topic: r.Topic, Partition: r.Partition, From: r.From, Until: r.Until, HighWatermark: hw, Answered: answered})
	}
	return out
}

func allEmpty(ranges []offsets.Range) bool {
	for _, r := range ranges {
		if !r.Empty() {
			return false
		}
	}
	return true
}

// flushPlan is the last batch of a run that closes every window: no offsets, the watermark at the end of time.
func flushPlan(q Question) (*Planned, error) {
	ranges, err := offsets.PlanRanges(q.Job.Plan.Source.Name, q.capped(), q.History.Positions, q.limits(), q.Job.Source.Start)
	if err != nil {
		return nil, err
	}
	for i := range ranges {
		ranges[i].Until = ranges[i].From
	}
	before := Marks{Source: windows.Idle(q.Marks, probes(ranges, q.States), windows.IdleRule{PlanTime: q.At, IdleAfter: q.Job.Plan.Source.Bounds.IdleAfter}), Operators: q.History.Marks.Operators}
	return &Planned{Batch: q.History.NextBatch, At: q.At, Ranges: ranges, Step: q.Job.Step, Before: before, Final: true}, nil
}
