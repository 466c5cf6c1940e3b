package batch

import (
	"fmt"
	"time"

	"github.com/millrace/millrace/offsets"
)

// WaitingPartition is a partition of which not everything may be read yet: a transaction that is still open holds the last
// stable offset back, and with it what others wrote behind its first record.
type WaitingPartition struct {
	Source           string `json:"source"`
	Topic            string `json:"topic"`
	Partition        int32  `json:"partition"`
	LastStableOffset int64  `json:"lastStableOffset"` // the transaction's first record in the partition
	HighWatermark    int64  `json:"highWatermark"`
	Since            string `json:"since"`                // when this run first saw it so
	ProducerID       *int64 `json:"producerId,omitempty"` // left out when the broker does not tell
	since            int64  // milliseconds since the epoch
}

// String says what is waited for.
func (w WaitingPartition) String() string {
	producer := ""
	if w.ProducerID != nil {
		producer = fmt.Sprintf(" of producer %d", *w.ProducerID)
	}
	return fmt.Sprintf("%s/%d waits for an open transaction%s, since %s at last stable offset %d; high watermark %d",
		w.Topic, w.Partition, producer, w.Since, w.LastStableOffset, w.HighWatermark)
}

// waiting are the partitions of a source that open transactions hold back.
func waiting(source string, states []offsets.PartitionState) []WaitingPartition {
	var out []WaitingPartition
	for _, s := range states {
		if s.Open.Since == 0 {
			continue
		}
		w := WaitingPartition{Source: source, Topic: s.Topic, Partition: s.Partition, LastStableOffset: s.End, HighWatermark: s.HighWatermark,
			Since: time.UnixMilli(s.Open.Since).UTC().Format(time.RFC3339), since: s.Open.Since}
		if s.Open.ProducerID >= 0 {
			w.ProducerID = &s.Open.ProducerID
		}
		out = append(out, w)
	}
	return out
}

// warnWaitingAfter is how long a transaction may be open before that is worth a warning: Kafka itself ends it after the
// producer's transaction.timeout.ms, a minute by default.
const warnWaitingAfter = 30 * time.Second

// noteWaiting tells what the job waits for by a survey, and warns once of each transaction that takes long.
func (d *driver) noteWaiting(states survey) {
	var all []WaitingPartition
	for i := range d.o.Job.Plan.Sources {
		name := d.o.Job.Plan.Sources[i].Name
		all = append(all, waiting(name, states[name])...)
	}
	d.o.Waiting(all)
	now, warned := d.o.Env.Clock.Now().UnixMilli(), map[waitKey]bool{}
	for _, w := range all {
		key := waitKey{w.Source, w.Topic, w.Partition, w.LastStableOffset}
		warned[key] = d.warnedOf[key]
		if !warned[key] && now-w.since >= warnWaitingAfter.Milliseconds() {
			warned[key] = true
			d.o.Warn(w.String())
		}
	}
	d.warnedOf = warned
}

// waitKey is an open transaction in a partition.
type waitKey struct {
	source, topic string
	partition     int32
	at            int64
}
