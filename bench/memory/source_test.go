package memory

import (
	"context"
	"io"
	"slices"

	"github.com/millrace/millrace/bench/limit"
	"github.com/millrace/millrace/offsets"
)

// source is an [offsets.Source] whose partitions all hold the same events, which lie in memory once.
type source struct {
	events     *limit.Events
	partitions int32
}

// Partitions implements offsets.Source.
func (s *source) Partitions(ctx context.Context) ([]offsets.PartitionState, error) {
	return s.Survey(ctx, nil)
}

// Survey implements offsets.Source.
func (s *source) Survey(context.Context, []offsets.Position) ([]offsets.PartitionState, error) {
	var out []offsets.PartitionState
	end := int64(s.events.Records)
	for p := range s.partitions {
		out = append(out, offsets.PartitionState{Topic: topic, TopicID: offsets.TopicID{1}, Partition: p, End: end, HighWatermark: end})
	}
	return out, nil
}

// Read implements offsets.Source.
func (s *source) Read(_ context.Context, r offsets.Range) (offsets.Reader, error) {
	at, _ := slices.BinarySearchFunc(s.events.Runs, r.From, func(run offsets.Records, from int64) int {
		return int(run.Rows[len(run.Rows)-1].Offset - from)
	})
	return &reader{runs: s.events.Runs[at:], r: r}, nil
}

// Close implements offsets.Source.
func (s *source) Close() error { return nil }

// reader gives out the runs that a range has a part of, without copying them.
type reader struct {
	runs []offsets.Records
	r    offsets.Range
}

// Next implements offsets.Reader.
func (r *reader) Next(_ context.Context, recs *offsets.Records) error {
	if len(r.runs) == 0 || r.runs[0].Rows[0].Offset >= r.r.Until {
		return io.EOF
	}
	*recs, r.runs = r.runs[0], r.runs[1:]
	first, n := recs.Rows[0].Offset, int64(len(recs.Rows)) // offsets of a run are dense
	recs.Rows = recs.Rows[max(r.r.From-first, 0):min(r.r.Until-first, n)]
	recs.Partition, recs.WireBytes = r.r.Partition, int64(len(recs.Buf))
	return nil
}

// Close implements offsets.Reader.
func (r *reader) Close() error { return nil }
