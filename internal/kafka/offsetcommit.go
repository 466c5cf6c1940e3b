package kafka

import (
	"context"
	"fmt"
	"time"

	"github.com/segmentio/kafka-go/protocol"
)

// GroupOffset is where a consumer group stands in a partition.
type GroupOffset struct {
	Topic       string
	Partition   int32
	Offset      int64 // the next one to read
	LeaderEpoch int32 // of the record before it, −1 if not known
	Metadata    string
}

const offsetCommitVersion = 7 // the last inflexible one; any broker from 2.3 to 4.x takes it

// CommitOffsets publishes where a group stands, as a consumer that assigns its partitions itself: it is no member, so the
// group must have none. It is tried again for at most retryFor while the coordinator is found, loads or moves; a repeated
// commit means the same. Offsets of a group expire 7 days after the last commit (offsets.retention.minutes).
func (c *Client) CommitOffsets(ctx context.Context, group string, offsets []GroupOffset, retryFor time.Duration) error {
	t := c.newAttempts(systemClock{}, retryFor)
	t.outage = Outage{health: &health{now: time.Now}} // nobody's work waits for it: an attempt that fails is no outage
	err := c.onCoordinator(ctx, coordinatorKey{groupCoordinator, group}, t, func(node int32) error {
		return c.commitOffsets(ctx, node, group, offsets)
	})
	if err != nil {
		return fmt.Errorf("commit offsets of group %s: %w", group, c.denied(err, resources{operation: "Read", txn: group}))
	}
	return nil
}

func (c *Client) commitOffsets(ctx context.Context, node int32, group string, offsets []GroupOffset) error {
	res, err := c.send(ctx, call{
		node: node, key: protocol.OffsetCommit, version: offsetCommitVersion,
		body: func(r *request) { writeOffsetCommit(r, group, offsets) },
	})
	if err != nil {
		return err
	}
	a := answer{b: res.body}
	c.throttle(node, &a)
	return parseOffsetCommit(&a, len(offsets))
}

func writeOffsetCommit(r *request, group string, offsets []GroupOffset) {
	r.string(group)
	r.int32(-1)  // no generation,
	r.string("") // no member,
	r.int16(-1)  // and no static one
	r.array(len(offsets))
	for _, o := range offsets { // one topic entry per partition: topics may repeat
		r.string(o.Topic)
		r.array(1)
		r.int32(o.Partition)
		r.int64(o.Offset)
		r.int32(o.LeaderEpoch)
		r.string(o.Metadata)
	}
}

// parseOffsetCommit also reads answers to TxnOffsetCommit, which are built alike.
func parseOffsetCommit(a *answer, want int) error {
	return parsePartitions(a, want, func(Code) bool { return true })
}

// parsePartitions reads an answer that has one code for each of want partitions, and returns the first refusal that
// counts.
func parsePartitions(a *answer, want int, counts func(Code) bool) error {
	var refused error
	seen := 0
	a.each(func() {
		topic := a.string()
		a.each(func() {
			partition := a.int32()
			code := Code(a.int16())
			a.tags()
			if seen++; code != 0 && refused == nil && counts(code) {
				refused = &partitionError{topic, partition, code}
			}
		})
		a.tags()
	})
	switch {
	case a.err != nil:
		return a.err
	case refused == nil && seen < want:
		return fmt.Errorf("%w: %d of %d partitions left out", errShortAnswer, want-seen, want)
	}
	return refused
}

// partitionError is a coordinator's refusal of one partition.
type partitionError struct {
	topic     string
	partition int32
	code      Code
}

func (e *partitionError) Error() string {
	return fmt.Sprintf("partition %s/%d: %v", e.topic, e.partition, e.code)
}

func (e *partitionError) Unwrap() error { return e.code }
