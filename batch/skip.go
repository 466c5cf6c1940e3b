package batch

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/millrace/millrace/offsets"
)

// SkipRecord names one record of the input that is left out: it is read and counted, and never decoded.
type SkipRecord struct {
	Topic     string `json:"topic"`
	Partition int32  `json:"partition"`
	Offset    int64  `json:"offset"`
}

// String is the form that [ParseSkip] reads.
func (s SkipRecord) String() string { return fmt.Sprintf("%s/%d/%d", s.Topic, s.Partition, s.Offset) }

func (s SkipRecord) in(r offsets.Range) bool {
	return s.Topic == r.Topic && s.Partition == r.Partition && s.Offset >= r.From && s.Offset < r.Until
}

// SkipError says that a record cannot be skipped (exit code 2). Nothing was planned.
type SkipError struct {
	Text string // what was asked for
	Msg  string // why that cannot be, and what can
}

func (e *SkipError) Error() string { return fmt.Sprintf("skip %s: %s", e.Text, e.Msg) }

// ParseSkip reads TOPIC/PARTITION/OFFSET.
func ParseSkip(text string) (SkipRecord, error) {
	parts := strings.Split(text, "/")
	if len(parts) == 3 {
		partition, err1 := strconv.ParseInt(parts[1], 10, 32)
		offset, err2 := strconv.ParseInt(parts[2], 10, 64)
		if err1 == nil && err2 == nil && parts[0] != "" && partition >= 0 && offset >= 0 {
			return SkipRecord{Topic: parts[0], Partition: int32(partition), Offset: offset}, nil
		}
	}
	return SkipRecord{}, &SkipError{Text: text, Msg: "want TOPIC/PARTITION/OFFSET, e.g. events/0/1234"}
}

// checkSkips refuses to skip what no plan will ever read. ranges are what there is to read, states where it ends.
func checkSkips(skips []SkipRecord, ranges []offsets.Range, states []offsets.PartitionState) error {
	for _, s := range skips {
		if err := checkSkip(s, ranges, states); err != nil {
			return err
		}
	}
	return nil
}

func checkSkip(s SkipRecord, ranges []offsets.Range, states []offsets.PartitionState) error {
	topic, end := false, int64(-1)
	for _, p := range states {
		topic = topic || p.Topic == s.Topic
		if p.Topic == s.Topic && p.Partition == s.Partition {
			end = max(end, p.HighWatermark)
		}
	}
	next := int64(math.MaxInt64) // of all sources that read the partition, the one that is furthest behind
	for _, r := range ranges {
		if r.Topic == s.Topic && r.Partition == s.Partition {
			next = min(next, r.From)
		}
	}
	msg := ""
	switch {
	case !topic:
		msg = fmt.Sprintf("the job reads no topic %q", s.Topic)
	case end < 0:
		msg = fmt.Sprintf("topic %q has no partition %d", s.Topic, s.Partition)
	case s.Offset >= end:
		msg = fmt.Sprintf("there is no such record yet: %s/%d ends at offset %d", s.Topic, s.Partition, end)
	case s.Offset < next:
		msg = fmt.Sprintf("that record is committed already, or lies before where the job begins: the next one of %s/%d is at offset %d", s.Topic, s.Partition, next)
	default:
		return nil
	}
	return &SkipError{Text: s.String(), Msg: msg}
}

// skipsWithin are the records to skip that lie in a plan's ranges, in the order of the ranges, then of offsets.
func skipsWithin(skips []SkipRecord, ranges []offsets.Range) []SkipRecord {
	var out []SkipRecord
	for _, r := range ranges {
		first := len(out)
		for _, s := range skips {
			if s.in(r) && !slices.Contains(out[first:], s) {
				out = append(out, s)
			}
		}
		slices.SortFunc(out[first:], func(a, b SkipRecord) int { return int(min(max(a.Offset-b.Offset, -1), 1)) })
	}
	return out
}

// skipOffsets are the offsets to skip within one piece of a range, ascending.
func skipOffsets(skips []SkipRecord, piece offsets.Range) []int64 {
	var out []int64
	for _, s := range skips {
		if s.in(piece) {
			out = append(out, s.Offset)
		}
	}
	return out
}

// leaveOut removes the records at these offsets and says how many those were.
func leaveOut(recs *offsets.Records, skip []int64) int64 {
	before := len(recs.Rows)
	recs.Rows = slices.DeleteFunc(recs.Rows, func(r offsets.Record) bool { return slices.Contains(skip, r.Offset) })
	return int64(before - len(recs.Rows))
}

// ahead are the skips that some plan after these ranges may still meet.
func ahead(skips []SkipRecord, ranges []offsets.Range) []SkipRecord {
	return slices.DeleteFunc(slices.Clone(skips), func(s SkipRecord) bool {
		return !slices.ContainsFunc(ranges, func(r offsets.Range) bool {
			return r.Topic == s.Topic && r.Partition == s.Partition && s.Offset >= r.Until
		})
	})
}
