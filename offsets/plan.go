package offsets

import (
	"cmp"
	"fmt"
	"math"
	"math/bits"
	"slices"
	"strings"
)

// FirstOffsetsMax is how many offsets of each partition the first plan of a job takes at most: nothing is known yet
// about how much they weigh.
const FirstOffsetsMax = 100_000

// Limits bounds one plan. The zero value bounds nothing.
type Limits struct {
	Rows  int64 // most offsets over all partitions, an upper bound of the records; 0: no limit
	Bytes int64 // most bytes on the wire over all partitions; 0: no limit
	// MeanBytes is what an offset took on the wire in past commits. Without it (0) Bytes bounds nothing.
	MeanBytes float64
	First     bool // the job has not committed yet: at most FirstOffsetsMax offsets per partition
}

// offsetsMax is the limit as a number of offsets, MaxInt64 for none.
func (l Limits) offsetsMax() int64 {
	most := int64(math.MaxInt64)
	if l.Rows > 0 {
		most = l.Rows
	}
	if l.Bytes > 0 && l.MeanBytes > 0 {
		if byBytes := float64(l.Bytes) / l.MeanBytes; byBytes < float64(most) {
			most = max(int64(byBytes), 1) // some progress, however heavy records are
		}
	}
	return most
}

// After is where a job stands in a partition once it has committed the range.
func (r Range) After() Position {
	return Position{Source: r.Source, Topic: r.Topic, TopicID: r.TopicID, Partition: r.Partition,
		Next: r.Until, LeaderEpoch: r.LeaderEpoch}
}

// PlanRanges returns the next range of every partition, ordered by topic and partition; partitions with nothing to
// read get an empty one, so that a plan knows them all.
//
// states are those of [Source.Survey] with the same positions: a log that was cut and has grown again beyond a position
// does not show in them.
//
// positions are those reached so far; without any, start says where a job begins. A partition without a position
// among others that have one is new and read from its beginning. A position that the log does not hold any more is a
// [RangeGoneError], as is a partition that is gone or a topic made anew: going on would lose records silently.
//
// Limits are split by lag, as Spark's maxOffsetsPerTrigger: each partition gets limit·lag/Σlag, rounded down, but at
// least one offset if it lags at all. So a plan may exceed the limit by up to one offset per partition.
func PlanRanges(source string, states []PartitionState, positions []Position, lim Limits, start Start) ([]Range, error) {
	known, err := byPartition(positions)
	if err != nil {
		return nil, err
	}
	first := Earliest
	if len(positions) == 0 {
		first = start
	}
	ranges := make([]Range, 0, len(states))
	for _, s := range states {
		r, err := wanted(source, s, known, first)
		if err != nil {
			return nil, err
		}
		delete(known, s.name())
		ranges = append(ranges, r)
	}
	if err := missing(known); err != nil {
		return nil, err
	}
	slices.SortFunc(ranges, func(a, b Range) int { return a.name().compare(b.name()) })
	Share(ranges, lim)
	return ranges, nil
}

// partitionName is a partition among those of a source.
type partitionName struct {
	topic     string
	partition int32
}

func (s PartitionState) name() partitionName { return partitionName{s.Topic, s.Partition} }
func (p Position) name() partitionName       { return partitionName{p.Topic, p.Partition} }
func (r Range) name() partitionName          { return partitionName{r.Topic, r.Partition} }

// compare orders by topic, then by partition.
func (n partitionName) compare(o partitionName) int {
	return cmp.Or(strings.Compare(n.topic, o.topic), cmp.Compare(n.partition, o.partition))
}

func byPartition(positions []Position) (map[partitionName]Position, error) {
	known := make(map[partitionName]Position, len(positions))
	for _, p := range positions {
		if _, twice := known[p.name()]; twice {
			return nil, fmt.Errorf("plan ranges: two positions for %s/%d", p.Topic, p.Partition)
		}
		known[p.name()] = p
	}
	return known, nil
}

// wanted is the range from where the job stands in a partition to its end.
func wanted(source string, s PartitionState, known map[partitionName]Position, start Start) (Range, error) {
	r := Range{Source: source, Topic: s.Topic, TopicID: s.TopicID, Partition: s.Partition,
		From: s.Start, Until: s.End, LeaderEpoch: s.LeaderEpoch}
	p, ok := known[s.name()]
	switch {
	case ok:
		r.From = p.Next
	case start == Latest:
		r.From = s.End
	case start == AtTimestamp, start == AtOffsets:
		r.From = s.Begin
	}
	r.Until = max(r.From, s.End)
	if ok {
		return r, reachable(p, r, s)
	}
	return r, nil
}

// reachable says whether a partition can be read on from a position.
func reachable(p Position, r Range, s PartitionState) error {
	mark := p.at()
	mark.Source = r.Source
	if err := gone(mark, p.Next, s); err != nil {
		return err
	}
	// Without topic ids only the leader epoch, which never goes back, tells a topic made anew.
	noIDs := p.TopicID == TopicID{} || s.TopicID == TopicID{}
	if noIDs && s.LeaderEpoch >= 0 && s.LeaderEpoch < p.LeaderEpoch {
		return &RangeGoneError{Range: mark, Start: s.Start, End: s.HighWatermark, Reason: fmt.Sprintf(
			"the topic was deleted and made again: its leader epoch went back from %d to %d", p.LeaderEpoch, s.LeaderEpoch)}
	}
	return nil
}

// missing says which partition, the first by name, has a position but does not exist.
func missing(left map[partitionName]Position) error {
	var first *Position
	for _, p := range left {
		if first == nil || p.name().compare(first.name()) < 0 {
			first = &p
		}
	}
	if first == nil {
		return nil
	}
	return vanished(first.at())
}

// Share cuts ranges, of one source or of several, so that together they keep the limits, as [PlanRanges] does with
// those of its source.
func Share(ranges []Range, lim Limits) {
	var lag int64
	for _, r := range ranges {
		lag += r.Span()
	}
	most := lim.offsetsMax()
	for i := range ranges {
		r := &ranges[i]
		span := r.Span()
		if lag > most && span > 0 {
			span = max(portion(most, span, lag), 1)
		}
		if lim.First {
			span = min(span, FirstOffsetsMax)
		}
		r.Until = r.From + min(span, r.Span())
	}
}

// portion is limit·part/whole rounded down, exactly; part ≤ whole.
func portion(limit, part, whole int64) int64 {
	hi, lo := bits.Mul64(uint64(limit), uint64(part))
	quotient, _ := bits.Div64(hi, lo, uint64(whole))
	return int64(quotient)
}
