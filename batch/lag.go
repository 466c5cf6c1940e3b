package batch

import (
	"maps"

	"github.com/millrace/millrace/offsets"
)

// PartitionLag is how far a job is behind the end of a partition.
type PartitionLag struct {
	// Offsets lie between where the job stands and the end of the log (its high watermark): an upper bound of the records.
	Offsets int64 `json:"offsets"`
	// Held are those of them that may not be read yet, because of a transaction that is still open.
	Held int64 `json:"held,omitempty"`
	// Seconds is an upper bound of how long the oldest record behind has been there: the time since the job is known to
	// have had none behind, or since the timestamp of the record before it, whichever is later. 0 when nothing is behind;
	// nil when neither is known.
	Seconds *float64 `json:"seconds,omitempty"`
}

// SourceLag is how far a job is behind in the partitions of a source: Offsets and Held of all together, the greatest
// Seconds that is known of any.
type SourceLag struct {
	Name string `json:"name"`
	PartitionLag
	Partitions map[string]map[string]PartitionLag `json:"partitions"` // by topic, then partition
}

// lagView is what lags are worked out of.
type lagView struct {
	states   survey // of the plan; nil: nobody has asked
	at       int64  // plan time, µs
	weights  map[partitionKey]PartitionWeight
	caughtUp map[partitionKey]int64 // plan time when a trigger of this run last found nothing behind
	oldest   map[partitionKey]int64 // timestamp of the oldest record behind, µs, where it was asked for
}

// of returns the lag of a source behind positions; nil when the brokers were not asked.
func (v lagView) of(source string, positions []offsets.Position) *SourceLag {
	if v.states == nil {
		return nil
	}
	ends := v.states.byPartition(source)
	out := &SourceLag{Name: source, Partitions: map[string]map[string]PartitionLag{}}
	for _, p := range positions {
		key := partitionKey{source, p.Topic, p.Partition}
		s, asked := ends[key]
		if !asked {
			continue
		}
		lag := PartitionLag{Offsets: max(s.HighWatermark-p.Next, 0), Held: max(s.HighWatermark-max(s.End, p.Next), 0)}
		lag.Seconds = v.seconds(key, lag.Offsets)
		out.Offsets, out.Held = out.Offsets+lag.Offsets, out.Held+lag.Held
		if lag.Seconds != nil && (out.Seconds == nil || *lag.Seconds > *out.Seconds) {
			out.Seconds = lag.Seconds
		}
		if out.Partitions[p.Topic] == nil {
			out.Partitions[p.Topic] = map[string]PartitionLag{}
		}
		out.Partitions[p.Topic][partitionText(p.Partition)] = lag
	}
	return out
}

// seconds is how long the oldest of the offsets behind may have been there.
func (v lagView) seconds(key partitionKey, behind int64) *float64 {
	since, known := v.caughtUp[key]
	if last := v.weights[key].LastTimestamp; last > 0 {
		since, known = max(since, last*1000), true
	}
	if oldest, asked := v.oldest[key]; asked {
		since, known = oldest, true
	}
	var out float64
	switch {
	case behind == 0:
	case known:
		out = float64(max(v.at-since, 0)/1000) / 1000 // whole milliseconds
	default:
		return nil
	}
	return &out
}

// noteCaughtUp notes the partitions in which a survey found nothing behind the job.
func (d *driver) noteCaughtUp(states survey, at int64) {
	ends := map[partitionKey]offsets.PartitionState{}
	for source := range states {
		maps.Copy(ends, states.byPartition(source))
	}
	for _, p := range d.history.Positions {
		key := partitionKey{p.Source, p.Topic, p.Partition}
		if s, asked := ends[key]; asked && s.HighWatermark <= p.Next {
			d.caughtUp[key] = at
		}
	}
}

// byPartition are the states of a source.
func (s survey) byPartition(source string) map[partitionKey]offsets.PartitionState {
	out := make(map[partitionKey]offsets.PartitionState, len(s[source]))
	for _, p := range s[source] {
		out[partitionKey{source, p.Topic, p.Partition}] = p
	}
	return out
}
