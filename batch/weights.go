package batch

import (
	"fmt"

	"github.com/millrace/millrace/offsets"
)

// PartitionWeight is what a job knows about the records of a partition that it has read: enough to turn bytes into
// offsets, and to say how old the next record may be.
type PartitionWeight struct {
	Offsets   int64 `json:"offsets,omitempty"`    // that were read of late
	WireBytes int64 `json:"wire_bytes,omitempty"` // that those took on the wire
	// LastTimestamp is the timestamp of the last record read, as the broker keeps it, in milliseconds; 0: none.
	LastTimestamp int64 `json:"last_timestamp_ms,omitempty"`
}

// weightMemory is about how many offsets a mean goes back: with more behind it both of its numbers are halved, so that
// it follows records that become larger or smaller.
const weightMemory = 1_000_000

// add takes a range that was read.
func (w PartitionWeight) add(offsets, bytes, lastTimestamp int64) PartitionWeight {
	w.Offsets, w.WireBytes = w.Offsets+offsets, w.WireBytes+bytes
	if w.Offsets > weightMemory {
		w.Offsets, w.WireBytes = w.Offsets/2, w.WireBytes/2
	}
	if lastTimestamp > 0 {
		w.LastTimestamp = lastTimestamp
	}
	return w
}

// weightsAfter are the weights behind a batch, by its positions.
func (o *outcome) weightsAfter(before map[partitionKey]PartitionWeight) []PartitionWeight {
	left := map[string][]*Result{} // of the tasks of each source, in the order of its ranges
	for i := range o.job.Plan.Sources {
		left[o.job.Plan.Sources[i].Name] = o.roots[o.job.Plan.Root(i)]
	}
	out := make([]PartitionWeight, len(o.plan.Ranges))
	for i, cut := range o.plan.pieces() {
		r := o.plan.Ranges[i]
		bytes, last := int64(0), int64(0)
		pieces := len(cut)
		for _, done := range left[r.Source][:pieces] {
			bytes += done.Source.WireBytes
			if done.Source.Records > 0 {
				last = done.Source.LastTimestamp
			}
		}
		left[r.Source] = left[r.Source][pieces:]
		out[i] = before[keyOf(r)].add(r.Span(), bytes, last)
	}
	return out
}

func keyOf(r offsets.Range) partitionKey { return partitionKey{r.Source, r.Topic, r.Partition} }

// noteWeights takes over what a commit knows of its partitions. Logs of before it was noted know nothing.
func (h *History) noteWeights(c *Committed) error {
	if len(c.Weights) > 0 && len(c.Weights) != len(c.Positions) {
		return fmt.Errorf("batch %d has %d weights for %d positions", c.Batch, len(c.Weights), len(c.Positions))
	}
	for i, w := range c.Weights {
		p := c.Positions[i]
		h.Weights[partitionKey{p.Source, p.Topic, p.Partition}] = w
	}
	return nil
}

// weigh returns what is known of how much an offset of each partition takes on the wire, see [offsets.Limits]: by its own
// mean, else that of its source. A job whose log does not tell partitions apart has one mean for all.
func (h *History) weigh() func(offsets.Range) float64 {
	sources := map[string]PartitionWeight{}
	for k, w := range h.Weights {
		s := sources[k.source]
		sources[k.source] = PartitionWeight{Offsets: s.Offsets + w.Offsets, WireBytes: s.WireBytes + w.WireBytes}
	}
	all := PartitionWeight{}
	if len(h.Weights) == 0 {
		all = PartitionWeight{Offsets: h.Offsets, WireBytes: h.WireBytes}
	}
	return func(r offsets.Range) float64 {
		for _, w := range []PartitionWeight{h.Weights[keyOf(r)], sources[r.Source], all} {
			if w.Offsets > 0 && w.WireBytes > 0 {
				return float64(w.WireBytes) / float64(w.Offsets)
			}
		}
		return 0
	}
}
