package batch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/millrace/millrace/offsets"
	"github.com/millrace/millrace/windows"
)

// AskLag asks the brokers how far the job is behind, and adds that to the status. A source that does not answer, or not
// before the context ends, says why in its LagError, and no lag of the whole job is known then.
func (l *Look) AskLag(ctx context.Context) {
	total, failed, zero := PartitionLag{}, false, 0.0
	total.Seconds = &zero
	for i := range l.job.Plan.Sources {
		name := l.job.Plan.Sources[i].Name
		s := l.sourceStatus(name)
		lag, ranges, err := l.lagOf(ctx, name)
		if err != nil {
			s.LagError, failed = l.job.hidden(err.Error()), true
			continue
		}
		s.add(lag, ranges)
		s.LagOffsets, s.LagSeconds = &lag.Offsets, oldestOf(lag)
		total.Offsets, total.Held = total.Offsets+lag.Offsets, total.Held+lag.Held
		if total.Seconds != nil && (s.LagSeconds == nil || *s.LagSeconds > *total.Seconds) {
			total.Seconds = s.LagSeconds
		}
	}
	if !failed {
		l.Status.LagOffsets, l.Status.HeldOffsets, l.Status.LagSeconds = &total.Offsets, &total.Held, total.Seconds
	}
}

// oldestOf is the greatest lag in seconds of any partition; nil when it is not known of one that the job is behind in.
func oldestOf(lag *SourceLag) *float64 {
	for _, partitions := range lag.Partitions {
		for _, p := range partitions {
			if p.Seconds == nil {
				return nil
			}
		}
	}
	return lag.Seconds
}

func (l *Look) sourceStatus(name string) *SourceStatus {
	for i := range l.Status.Sources {
		if l.Status.Sources[i].Name == name {
			return &l.Status.Sources[i]
		}
	}
	return &SourceStatus{} // never: the sources of the job are all there
}

// add fills in the lag of every partition that there is something to read of or might be, also of those that the job has
// not met yet.
func (s *SourceStatus) add(lag *SourceLag, ranges []offsets.Range) {
	for _, r := range ranges {
		i := slices.IndexFunc(s.Partitions, func(p PartitionStatus) bool { return p.Topic == r.Topic && p.Partition == r.Partition })
		if i < 0 {
			i = len(s.Partitions)
			s.Partitions = append(s.Partitions, PartitionStatus{Topic: r.Topic, Partition: r.Partition, NextOffset: -1, Watermark: windows.FormatTime(windows.NoWatermark)})
		}
		if p, asked := lag.Partitions[r.Topic][partitionText(r.Partition)]; asked {
			s.Partitions[i].Lag = &p
		}
	}
}

// lagOf asks one source. The ranges are all that there is to read of it.
func (l *Look) lagOf(ctx context.Context, name string) (lag *SourceLag, ranges []offsets.Range, err error) {
	source, err := l.job.Sources[name].Open(ctx)
	if err != nil {
		return nil, nil, fmt.Errorf("open source %s: %w", name, err)
	}
	defer func() { err = errors.Join(err, source.Close()) }()
	reached := positionsOf(l.history.Positions, name)
	states, err := source.Survey(ctx, reached)
	if err != nil {
		return nil, nil, err
	}
	if ranges, err = offsets.PlanRanges(name, states, reached, offsets.Limits{}, l.job.Sources[name].Start); err != nil {
		return nil, nil, err
	}
	view := lagView{states: survey{name: states}, at: l.at, weights: l.history.Weights}
	if view.oldest, err = view.askOldest(ctx, source, ranges); err != nil {
		return nil, nil, err
	}
	var at []offsets.Position
	for _, r := range ranges {
		r.Until = r.From
		at = append(at, r.After())
	}
	return view.of(name, at), ranges, nil
}

// askOldest finds out when the oldest record behind was written, by partition and in µs, where one can be read: of a job
// that does not run nobody knows since when it is behind.
func (v *lagView) askOldest(ctx context.Context, source offsets.Source, ranges []offsets.Range) (map[partitionKey]int64, error) {
	out := map[partitionKey]int64{}
	for _, r := range ranges {
		if r.Empty() {
			continue
		}
		switch ms, err := firstTimestamp(ctx, source, r); {
		case err != nil:
			return nil, err
		case ms > 0:
			out[keyOf(r)] = ms * 1000
		}
	}
	return out, nil
}

// firstTimestamp is that of the first record in a range, in milliseconds; 0 when there is none: offsets are not dense.
func firstTimestamp(ctx context.Context, source offsets.Source, r offsets.Range) (ms int64, err error) {
	reader, err := source.Read(ctx, r)
	if err != nil {
		return 0, inRange(&r, err)
	}
	defer func() { err = errors.Join(err, reader.Close()) }()
	var recs offsets.Records
	for {
		switch err := reader.Next(ctx, &recs); {
		case errors.Is(err, io.EOF):
			return 0, nil
		case err != nil:
			return 0, inRange(&r, err)
		case len(recs.Rows) > 0:
			return recs.Rows[0].Timestamp, nil
		}
	}
}
