package batch

import (
	"math"

	"github.com/millrace/millrace/offsets"
	"github.com/millrace/millrace/windows"
)

// question is everything that the choice of the next plan depends on. [nextPlan] is a pure function of it.
type question struct {
	Job       *Job
	History   *History
	States    []offsets.PartitionState // what the brokers say now
	At        int64                    // plan time, µs
	Ends      map[partitionKey]int64   // available-now: where this run stops
	Marks     windows.SourceMark       // of the last commit, or of a trigger since that wrote nothing
	NextClose int64                    // end of the earliest open window; math.MaxInt64 for none
	Skip      []SkipRecord             // asked for and not yet planned
}

// answer is the next plan, when there is something to do, and the marks to go on with when there is not.
type answer struct {
	Planned *Planned // without tables, job and shards; nil: nothing would change
	Marks   windows.SourceMark
}

// partitionKey names a partition in maps.
type partitionKey struct {
	topic     string
	partition int32
}

// endsOf is where each partition ends.
func endsOf(states []offsets.PartitionState) map[partitionKey]int64 {
	out := make(map[partitionKey]int64, len(states))
	for _, s := range states {
		out[partitionKey{s.Topic, s.Partition}] = s.End
	}
	return out
}

// nextPlan decides what the next batch is. A batch without records is planned only if it changes something: idleness moves
// the watermark past an open window, or the job begins at the end of the log. Otherwise nothing at all is written.
func nextPlan(q question) (answer, error) {
	ranges, err := q.ranges()
	if err != nil {
		return answer{}, err
	}
	a := answer{Marks: q.marks(ranges)}
	if allEmpty(ranges) && !q.closesByIdleness(a.Marks) && !q.settlesStart(ranges) {
		return a, nil
	}
	a.Planned = q.plan(ranges, a.Marks)
	return a, nil
}

// flushPlan is the last batch of a run that closes every window: no offsets, the watermark at the end of time.
func flushPlan(q question) (*Planned, error) {
	ranges, err := q.ranges()
	if err != nil {
		return nil, err
	}
	for i := range ranges {
		ranges[i].Until = ranges[i].From
	}
	p := q.plan(ranges, q.marks(ranges))
	p.Final = true
	return p, nil
}

func (q *question) ranges() ([]offsets.Range, error) {
	if err := q.checkTopics(); err != nil {
		return nil, err
	}
	return offsets.PlanRanges(q.Job.Plan.Sources[0].Name, q.capped(), q.History.Positions, q.limits(), q.Job.Source.Start)
}

// checkTopics refuses a job that names another topic than the one its checkpoint has read.
func (q *question) checkTopics() error {
	now := map[string]bool{}
	for _, s := range q.States {
		now[s.Topic] = true
	}
	for _, p := range q.History.Positions {
		if len(now) > 0 && !now[p.Topic] {
			return refuse("the checkpoint has read topic %q; the job now reads %q: put the topic's name back, or begin anew with another checkpoint and output", p.Topic, q.States[0].Topic)
		}
	}
	return nil
}

// marks are the source's watermarks with the partitions that are idle now.
func (q *question) marks(ranges []offsets.Range) windows.SourceMark {
	return windows.Idle(q.Marks, probes(ranges, q.States), windows.IdleRule{
		Continuous: q.Job.Trigger.continuous(), PlanTime: q.At, IdleAfter: q.Job.Plan.Sources[0].Bounds.IdleAfter})
}

func (q *question) plan(ranges []offsets.Range, source windows.SourceMark) *Planned {
	before := Marks{Source: source, Operators: q.History.Marks.Operators}
	return &Planned{Batch: q.History.NextBatch, At: q.At, Ranges: ranges, Step: q.Job.Step, Before: before,
		Skip: skipsWithin(q.Skip, ranges)}
}

// capped ends every partition where this run stops. A partition that appeared since waits for the next run.
func (q *question) capped() []offsets.PartitionState {
	if q.Ends == nil {
		return q.States
	}
	var out []offsets.PartitionState
	for _, s := range q.States {
		if end, ok := q.Ends[partitionKey{s.Topic, s.Partition}]; ok {
			s.End = min(s.End, end)
			out = append(out, s)
		}
	}
	return out
}

func (q *question) limits() offsets.Limits {
	h := q.History
	lim := offsets.Limits{Rows: q.Job.Limits.Rows, Bytes: q.Job.Limits.Bytes, First: h.WireBytes == 0}
	if h.Offsets > 0 {
		lim.MeanBytes = float64(h.WireBytes) / float64(h.Offsets)
	}
	return lim
}

func (q *question) closesByIdleness(marks windows.SourceMark) bool {
	after := windows.Advance(marks, nil, q.Job.Plan.Sources[0].Bounds, q.At)
	return q.NextClose != math.MaxInt64 && q.NextClose <= after.Watermark && after.Watermark > q.History.Marks.Source.Watermark
}

// settlesStart reports whether the plan says where a job begins that starts with the latest records: until the log holds
// that place, every trigger would find a later one, and what came in between would never be read.
func (q *question) settlesStart(ranges []offsets.Range) bool {
	return q.Job.Source.Start == offsets.Latest && len(q.History.Positions) == 0 && len(ranges) > 0
}

// probes is what the idle rule wants to know of every partition.
func probes(ranges []offsets.Range, states []offsets.PartitionState) []windows.Probe {
	high := map[partitionKey]int64{}
	for _, s := range states {
		high[partitionKey{s.Topic, s.Partition}] = s.HighWatermark
	}
	out := make([]windows.Probe, 0, len(ranges))
	for _, r := range ranges {
		hw, answered := high[partitionKey{r.Topic, r.Partition}]
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
