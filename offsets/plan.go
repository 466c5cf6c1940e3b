package offsets

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

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
// The limits are kept as [Share] does.
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
		return &RangeGoneError{Range: mark, Start: s.Start, End: s.HighWatermark, Next: s.Start, Lost: -1, TopicID: s.TopicID, Remade: true, Reason: fmt.Sprintf(
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
