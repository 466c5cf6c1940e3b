package batch

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/millrace/millrace/dstream"
	"github.com/millrace/millrace/offsets"
	"github.com/millrace/millrace/windows"
)

// question is everything that the choice of the next plan depends on. [nextPlan] is a pure function of it.
type question struct {
	Job       *Job
	History   *History
	Ground    ground                        // where the job stands
	States    survey                        // what the brokers say now
	At        int64                         // plan time, µs
	Ends      map[partitionKey]int64        // available-now: where this run stops
	Marks     map[string]windows.SourceMark // by source, of the last commit, or of a trigger since that wrote nothing
	NextClose map[string]int64              // by operator: end of its earliest open window
	Skip      []SkipRecord                  // asked for and not yet planned
	Rate      float64                       // offsets per second that backpressure allows; 0: it does not matter
	// Frontier is [session.frontier], a function of the state and its arguments.
	Frontier func(done *dstream.Done, after Marks, least int64) int64
}

// answer is the next plan, when there is something to do, and the marks to go on with when there is not.
type answer struct {
	Planned *Planned // without side inputs, job and shards; nil: nothing would change
	Marks   map[string]windows.SourceMark
	Wait    time.Duration // until limits.rate allows a run that catches up to plan on
}

// survey is what the brokers say of the partitions of every source, by its name.
type survey map[string][]offsets.PartitionState

// partitionKey names a partition in maps.
type partitionKey struct {
	source, topic string
	partition     int32
}

// ends is where each partition ends.
func (s survey) ends() map[partitionKey]int64 {
	out := map[partitionKey]int64{}
	for source, states := range s {
		for _, p := range states {
			out[partitionKey{source, p.Topic, p.Partition}] = p.End
		}
	}
	return out
}

// all are the partitions of all sources.
func (s survey) all() []offsets.PartitionState {
	var out []offsets.PartitionState
	for _, states := range s {
		out = append(out, states...)
	}
	return out
}

// nextPlan decides what the next batch is. A batch without records is planned only if it changes something: idleness moves
// the watermark past an open window or the end of a directory with a done marker, a window of processing time is over, rows
// have waited long enough for their file, or the job begins at the end of the log. Otherwise nothing at all is written.
func nextPlan(q question) (answer, error) {
	ranges, err := q.ranges()
	if err != nil {
		return answer{}, err
	}
	limitedBy, wait := q.limit(ranges)
	if wait > 0 {
		return answer{Marks: q.Marks, Wait: wait}, nil
	}
	a := answer{Marks: q.marks(ranges)}
	if allEmpty(ranges) && len(q.Ground.Losses) == 0 && !q.closesByTime(a.Marks) && !q.rolling() && !q.settlesStart(ranges) {
		return a, nil
	}
	a.Planned = q.plan(ranges, a.Marks)
	a.Planned.LimitedBy = limitedBy
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

// ranges are what there is to read: of each source in turn, all partitions.
func (q *question) ranges() ([]offsets.Range, error) {
	if err := checkRead(q.Job.Plan, q.Ground.Positions); err != nil {
		return nil, err
	}
	var out []offsets.Range
	for i := range q.Job.Plan.Sources {
		name := q.Job.Plan.Sources[i].Name
		if err := q.checkTopics(name); err != nil {
			return nil, err
		}
		positions := positionsOf(q.Ground.Positions, name)
		ranges, err := offsets.PlanRanges(name, q.capped(name), positions, offsets.Limits{}, q.Job.Sources[name].Start)
		if err != nil {
			return nil, err
		}
		out = append(out, ranges...)
	}
	return out, nil
}

// checkRead refuses a job without a source that its checkpoint has read: under another name it would be read again
// from its start.
func checkRead(plan *dstream.Plan, positions []offsets.Position) error {
	for _, p := range positions {
		if !slices.ContainsFunc(plan.Sources, func(s dstream.SourcePlan) bool { return s.Name == p.Source }) {
			return refuse("the checkpoint has read the source %q (topic %q), which the job no longer reads: put it back under that name, or begin anew with another checkpoint and output", p.Source, p.Topic)
		}
	}
	return nil
}

// checkTopics refuses a job whose source does not read a topic any more that its checkpoint has read.
func (q *question) checkTopics(source string) error {
	states := q.States[source]
	for _, topic := range unread(q.Ground.Positions, source, states) {
		return refuse("the checkpoint has read topic %q; source %q now reads %s: put the topic's name back, begin anew with another checkpoint and output, or give up what was not read of it with --accept-data-loss %s",
			topic, source, topicNames(states), source)
	}
	return nil
}

// topicNames are the topics of a survey, at most three of them.
func topicNames(states []offsets.PartitionState) string {
	var names []string
	for _, s := range states {
		if name := strconv.Quote(s.Topic); !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	if more := len(names) - 3; more > 0 {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:3], ", "), more)
	}
	return strings.Join(names, ", ")
}

// marks are the sources' watermarks with the partitions that are idle now.
func (q *question) marks(ranges []offsets.Range) map[string]windows.SourceMark {
	out := map[string]windows.SourceMark{}
	for i := range q.Job.Plan.Sources {
		s := &q.Job.Plan.Sources[i]
		rule := windows.IdleRule{Continuous: q.Job.Trigger.continuous(), PlanTime: q.At, IdleAfter: s.Bounds.IdleAfter}
		before := without(Marks{Sources: q.Marks}.source(s.Name), s.Name, q.Ground.Losses)
		out[s.Name] = windows.Idle(before, probes(rangesOf(ranges, s.Name), q.States[s.Name]), rule)
	}
	return out
}

func (q *question) plan(ranges []offsets.Range, sources map[string]windows.SourceMark) *Planned {
	return &Planned{Batch: q.History.NextBatch, At: q.At, Ranges: ranges, Step: q.Job.Step, TailStep: tailStep(q.Job.Step),
		Before: Marks{Sources: sources, Operators: q.History.Marks.Operators}, Skip: skipsWithin(q.Skip, ranges), Losses: q.Ground.Losses, Rate: int64(math.Round(q.Rate)), Paid: q.spend(ranges), Roll: q.rollsAtEnd(ranges)}
}

// capped ends every partition where this run stops. A partition that appeared since waits for the next run.
func (q *question) capped(source string) []offsets.PartitionState {
	states := q.States[source]
	if q.Ends == nil {
		return states
	}
	var out []offsets.PartitionState
	for _, s := range states {
		if end, ok := q.Ends[partitionKey{source, s.Topic, s.Partition}]; ok {
			s.End = min(s.End, end)
			out = append(out, s)
		}
	}
	return out
}

// closesByTime reports whether a batch without records would close a window, or complete a directory: because of idleness, or
// by the clock.
func (q *question) closesByTime(marks map[string]windows.SourceMark) bool {
	return len(q.closing(marks)) > 0 || q.completing(q.afterNothing(marks))
}

// afterNothing are the watermarks behind a batch without records.
func (q *question) afterNothing(marks map[string]windows.SourceMark) Marks {
	sources := map[string]windows.SourceMark{}
	for i := range q.Job.Plan.Sources {
		s := &q.Job.Plan.Sources[i]
		sources[s.Name] = windows.Advance(marks[s.Name], nil, s.Bounds, q.At)
	}
	return marksAfter(q.Job.Plan, q.History.Marks, sources, q.At)
}

// closing are the operators of which a batch without records would close a window, sorted.
func (q *question) closing(marks map[string]windows.SourceMark) []string {
	after := q.afterNothing(marks)
	var out []string
	for _, name := range slices.Sorted(maps.Keys(q.NextClose)) {
		if q.NextClose[name] <= after.Operators[name] {
			out = append(out, name)
		}
	}
	return out
}

// settlesStart reports whether the plan says where a source begins that starts elsewhere than at the beginning: until the
// log holds that place, every trigger might find a later one, and what came in between would never be read.
func (q *question) settlesStart(ranges []offsets.Range) bool {
	return slices.ContainsFunc(ranges, func(r offsets.Range) bool {
		start := q.Job.Sources[r.Source].Start
		return start != "" && start != offsets.Earliest && len(positionsOf(q.Ground.Positions, r.Source)) == 0
	})
}

// probes is what the idle rule wants to know of every partition.
func probes(ranges []offsets.Range, states []offsets.PartitionState) []windows.Probe {
	known := map[partitionKey]offsets.PartitionState{}
	for _, s := range states {
		known[partitionKey{"", s.Topic, s.Partition}] = s
	}
	out := make([]windows.Probe, 0, len(ranges))
	for _, r := range ranges {
		s, answered := known[partitionKey{"", r.Topic, r.Partition}]
		out = append(out, windows.Probe{Topic: r.Topic, Partition: r.Partition, From: r.From, Until: r.Until,
			HighWatermark: s.HighWatermark, Answered: answered && !s.Interrupted})
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
