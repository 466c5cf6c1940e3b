package windows

import (
	"cmp"
	"slices"
)

// PartitionMark is how far event time has come in one partition.
type PartitionMark struct {
	Topic     string `json:"topic"`
	Partition int32  `json:"partition"`
	// Watermark is the greatest event time seen less the disorder bound; [NoWatermark] before the first record.
	Watermark int64 `json:"watermark_us"`
	// Idle takes the partition out of the source's watermark at the end of the batch.
	Idle bool `json:"idle,omitempty"`
	// IdleSince is the plan time, in µs, from which idleness counted when the plan was made; [NotQuiet] when the
	// partition had, or might have had, something to read.
	IdleSince int64 `json:"idle_since_us"`
	// LastRead is the plan time, in µs, of the last batch that read a record of the partition, else of the first plan
	// that knew it.
	LastRead int64 `json:"last_read_us"`
}

// NotQuiet stands for no time in [PartitionMark].IdleSince.
const NotQuiet = -1

// SourceMark is how far event time has come in a source. It stands in plans (before the batch, with the batch's idle
// set) and in commits (after it). Partitions are in the order of topic, then partition. It is a value: the functions
// of this package return new ones and share no memory with their arguments.
type SourceMark struct {
	// Watermark is the least over the partitions that are not idle, and never goes back; [NoWatermark] as long as one of
	// them had no record, [MaxWatermark] behind [Final].
	Watermark  int64           `json:"watermark_us"`
	Partitions []PartitionMark `json:"partitions"`
}

// NewSourceMark is the mark of a source that was never planned.
func NewSourceMark() SourceMark { return SourceMark{Watermark: NoWatermark} }

// Seen is what a batch met in one partition.
type Seen struct {
	Topic     string
	Partition int32
	// MaxEventTime is the greatest event time, in µs, of all well-formed records that are not [Future], whether a
	// filter dropped them or they turned out late; [NoWatermark] when there was none.
	MaxEventTime int64
	// Read says that at least one record was read, be it a bad one or a tombstone.
	Read bool
}

// Advance is the mark after a batch: planned is the mark in its plan, with the batch's idle set as [Idle] decided it;
// seen is what was met in any order, several entries for a partition allowed. No watermark ever goes back.
func Advance(planned SourceMark, seen []Seen, bounds Bounds, planTime int64) SourceMark {
	after := planned.clone()
	for _, s := range seen {
		p := after.partition(s.Topic, s.Partition, planTime)
		p.Watermark = max(p.Watermark, partitionWatermark(s.MaxEventTime, bounds.MaxDisorder))
		if s.Read {
			p.LastRead = max(p.LastRead, planTime)
		}
	}
	after.Watermark = max(after.Watermark, sourceWatermark(after.Partitions))
	return after
}

// Final is the mark at the end of a finished input: every window closes. The partitions keep theirs, so that the
// watermark before the flush can be had again.
func Final(m SourceMark) SourceMark {
	final := m.clone()
	final.Watermark = MaxWatermark
	return final
}

// HoldBack returns the partition that the source's watermark waits for: of those that are not idle the one with the
// least watermark, the first one among equals. None holds it when all are idle, or behind [Final].
func HoldBack(m SourceMark) (PartitionMark, bool) {
	var least PartitionMark
	found := false
	for _, p := range m.Partitions {
		if !p.Idle && (!found || p.Watermark < least.Watermark) {
			least, found = p, true
		}
	}
	return least, found && m.Watermark != MaxWatermark
}

// partitionWatermark keeps clear of both special values: a record has been seen, and the input is not finished.
func partitionWatermark(maxEventTime, maxDisorder int64) int64 {
	if maxEventTime == NoWatermark {
		return NoWatermark
	}
	return min(max(saturatingSub(maxEventTime, maxDisorder), NoWatermark+1), MaxWatermark-1)
}

// sourceWatermark is the least over the partitions that are not idle, where one without a record counts as
// NoWatermark and so holds the source back; see [Combine].
func sourceWatermark(partitions []PartitionMark) int64 {
	inputs := make([]Input, len(partitions))
	for i, p := range partitions {
		inputs[i] = Input{Watermark: p.Watermark, Idle: p.Idle}
	}
	return Combine(inputs).Watermark
}

// WithMarksOf is a planned mark, with its partitions and idle set, and the watermarks of another that has seen the same ranges
// by other rules.
func WithMarksOf(planned, seen SourceMark) SourceMark {
	out := planned.clone()
	out.Watermark = seen.Watermark
	for i, p := range out.Partitions {
		out.Partitions[i].Watermark = NoWatermark
		if at, known := seen.find(p.Topic, p.Partition); known {
			out.Partitions[i].Watermark = seen.Partitions[at].Watermark
		}
	}
	return out
}

func (m SourceMark) clone() SourceMark {
	m.Partitions = slices.Clone(m.Partitions)
	return m
}

// partition returns the mark of one partition, made with its idle clock at planTime if the source did not know it.
// The pointer is valid until the next call.
func (m *SourceMark) partition(topic string, partition int32, planTime int64) *PartitionMark {
	i, known := m.find(topic, partition)
	if !known {
		m.Partitions = slices.Insert(m.Partitions, i, PartitionMark{
			Topic: topic, Partition: partition, Watermark: NoWatermark, IdleSince: NotQuiet, LastRead: planTime,
		})
	}
	return &m.Partitions[i]
}

func (m SourceMark) find(topic string, partition int32) (int, bool) {
	return slices.BinarySearchFunc(m.Partitions, PartitionMark{Topic: topic, Partition: partition}, comparePartitions)
}

func comparePartitions(a, b PartitionMark) int {
	return cmp.Or(cmp.Compare(a.Topic, b.Topic), cmp.Compare(a.Partition, b.Partition))
}
