package offsets

import (
	"fmt"
	"slices"
)

// Start says where the first run of a source begins.
type Start string

// The places to start from. Later runs go on from their positions whatever Start says, and a partition that appears
// later is read from its beginning.
const (
	Earliest    Start = "earliest"
	Latest      Start = "latest"
	AtTimestamp Start = "timestamp" // the first record of that time or later; without one, the end
	AtOffsets   Start = "offsets"   // the offsets given; partitions without one from their beginning
)

// StartAt is a place to start from with all that belongs to it. The zero value is [Earliest].
type StartAt struct {
	Start     Start
	Timestamp int64         // of AtTimestamp: milliseconds since the epoch
	Offsets   []StartOffset // of AtOffsets
}

// StartOffset is the first offset to read of a partition.
type StartOffset struct {
	Topic     string
	Partition int32
	Offset    int64
}

// StartError says that a job cannot begin where it was told to (exit code 2). Nothing was planned.
type StartError struct {
	StartOffset
	Msg string // why not, and what can
}

func (e *StartError) Error() string {
	return fmt.Sprintf("start at offset %d of %s/%d: %s", e.Offset, e.Topic, e.Partition, e.Msg)
}

// begin fills in where a job begins that has no positions. times are, for [AtTimestamp], the offsets found, in the order
// of states; −1: none.
func (s StartAt) begin(states []PartitionState, times []int64) error {
	for i := range states {
		switch p := &states[i]; {
		case s.Start == Latest || s.Start == AtTimestamp && times[i] < 0:
			p.Begin = p.End
		case s.Start == AtTimestamp: // what was found may have been deleted since, or not be stable yet
			p.Begin = min(max(times[i], p.Start), p.End)
		default:
			p.Begin = p.Start
		}
	}
	if s.Start == AtOffsets {
		return s.beginAtOffsets(states)
	}
	return nil
}

func (s StartAt) beginAtOffsets(states []PartitionState) error {
	for _, o := range s.Offsets {
		i := slices.IndexFunc(states, func(p PartitionState) bool { return p.Topic == o.Topic && p.Partition == o.Partition })
		if i < 0 {
			return &StartError{o, "the source has no such partition"}
		}
		p := &states[i]
		switch {
		case o.Offset < p.Start:
			return &StartError{o, fmt.Sprintf("retention has deleted it; what is available is [%d, %d)", p.Start, p.HighWatermark)}
		case o.Offset > p.HighWatermark:
			return &StartError{o, fmt.Sprintf("the log ends before it; what is available is [%d, %d)", p.Start, p.HighWatermark)}
		}
		p.Begin = o.Offset
	}
	return nil
}
