package output

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"

	"github.com/millrace/millrace/offsets"
)

// KafkaCheck compares a topic with the log. It changes nothing, and ends no transaction.
type KafkaCheck struct {
	Sink   string
	Topic  string
	Source offsets.Source // that reads the topic, committed records only
	Expect Expected
	// AtLeastOnce says that rows may be there more than once, Changelog that the topic may be compacted, and NoHeaders that
	// records do not say which batch they are of.
	AtLeastOnce, Changelog, NoHeaders bool
}

// topicBatch is what a topic holds of a batch.
type topicBatch struct {
	rows int64
	sum  recordSum
}

// topicCount is what a topic holds of a job.
type topicCount struct {
	batches map[int64]topicBatch
	others  int64 // records of other writers
	gone    bool  // some records of the topic have been deleted
}

// Run reads the whole topic, and counts and sums up its records by the batch that their headers name. Records of other writers are
// counted and nothing else: a topic may be shared. What retention has deleted cannot be told from what was never there.
func (c KafkaCheck) Run(ctx context.Context) (*Checked, error) {
	out := &Checked{}
	if c.NoHeaders {
		out.note("topic %s was not read: with headers: false its records do not say which batch they are of", c.Topic)
		return out, nil
	}
	n := topicCount{batches: map[int64]topicBatch{}}
	if err := c.count(ctx, &n); err != nil {
		return nil, fmt.Errorf("sink %s: read topic %s: %w", c.Sink, c.Topic, err)
	}
	for _, b := range n.batches {
		out.Rows += b.rows
	}
	c.compare(&n, out)
	if n.others > 0 {
		out.note("topic %s holds %d records of other writers", c.Topic, n.others)
	}
	for i := range out.Findings {
		out.Findings[i].Sink = c.Sink
	}
	return out, nil
}

func (c KafkaCheck) compare(n *topicCount, out *Checked) {
	fewer := int64(0)
	for _, b := range c.Expect.Batches {
		there := n.batches[b.Batch]
		delete(n.batches, b.Batch)
		have := there.rows
		switch {
		case have == b.Rows && !there.isOf(b.Files):
			out.find(Changed, c.Topic, b.Batch, "the topic has %d rows of it, with other keys or values than were written", have)
		case have > b.Rows && !c.AtLeastOnce:
			out.find(Doubled, c.Topic, b.Batch, "the topic has %d rows of it, written were %d", have, b.Rows)
		case have < b.Rows && (n.gone || c.Changelog):
			fewer++
		case have < b.Rows:
			out.find(Missing, c.Topic, b.Batch, "the topic has %d rows of it, written were %d", have, b.Rows)
		}
	}
	if fewer > 0 {
		why := "the topic's oldest records are deleted"
		if !n.gone {
			why = "the topic of a changelog may be compacted"
		}
		out.note("of %d batches topic %s has fewer rows than were written: %s", fewer, c.Topic, why)
	}
	for _, batch := range slices.Sorted(maps.Keys(n.batches)) {
		switch {
		case batch < c.Expect.First:
		case batch > c.Expect.Planned && c.Expect.Running:
		case batch > c.Expect.Last && batch <= c.Expect.Planned:
			out.note("topic %s has %d rows of batch %d, which is not committed yet", c.Topic, n.batches[batch].rows, batch)
		default:
			out.find(Foreign, c.Topic, batch, "the topic has %d rows of it, the log has none", n.batches[batch].rows)
		}
	}
}

func (c KafkaCheck) count(ctx context.Context, n *topicCount) error {
	states, err := c.Source.Survey(ctx, nil)
	if err != nil {
		return err
	}
	for _, s := range states {
		n.gone = n.gone || s.Start > 0
		r := offsets.Range{Topic: s.Topic, TopicID: s.TopicID, Partition: s.Partition, From: s.Start, Until: s.End, LeaderEpoch: s.LeaderEpoch}
		if r.Empty() {
			continue
		}
		if err := offsets.EachRecord(ctx, c.Source, r, func(buf []byte, rec *offsets.Record) error { return c.record(buf, rec, n) }); err != nil {
			return fmt.Errorf("partition %d: %w", r.Partition, err)
		}
	}
	return nil
}

// isOf reports whether the records are those of a batch's manifest, as far as that says.
func (b topicBatch) isOf(manifest []File) bool {
	return len(manifest) == 0 || manifest[0].RecordSum == "" || manifest[0].RecordSum == b.sum.String()
}

// record counts one record.
func (c KafkaCheck) record(buf []byte, r *offsets.Record, n *topicCount) error {
	batch, ours, err := c.batchOf(buf, r)
	switch {
	case err != nil:
		return err
	case ours:
		b := n.batches[batch]
		b.rows++
		b.sum.add(r.Key.Of(buf), r.Value.Of(buf))
		n.batches[batch] = b
	default:
		n.others++
	}
	return nil
}

// batchOf reads from the headers of a record which batch it is of, if the job has written it.
func (c KafkaCheck) batchOf(buf []byte, r *offsets.Record) (batch int64, ours bool, err error) {
	for h := offsets.ReadHeaders(buf, r); ; {
		key, value, ok := h.Next()
		if !ok {
			return batch, ours && batch > 0, h.Err()
		}
		if value.Len < 0 {
			continue
		}
		switch string(key.Of(buf)) {
		case kafkaJobHeader:
			ours = string(value.Of(buf)) == c.Expect.Owner.Job
		case kafkaBatchHeader:
			if batch, err = strconv.ParseInt(string(value.Of(buf)), 10, 64); err != nil {
				batch = 0
			}
		}
	}
}
