package kafka

import (
	"context"
	"slices"

	"github.com/segmentio/kafka-go/protocol"
)

// The calls of a transaction, each to a coordinator. All of them fail for good at the first answer that is not
// understood: a late copy of one of them may act upon the next transaction.

// addPartitionsVersion is the last one of clients; any broker from 2.8 to 4.x takes it and addOffsetsVersion.
const (
	addPartitionsVersion = 3
	addOffsetsVersion    = 3
)

// txn names the open transaction.
type txn struct {
	transactionalID string
	id              int64
	epoch           int16
}

func (t txn) write(r *request) {
	r.string(t.transactionalID)
	r.int64(t.id)
	r.int16(t.epoch)
}

// addPartitions makes partitions part of the transaction, in the old style.
func (c *Client) addPartitions(ctx context.Context, node int32, t txn, keys []partitionKey) error {
	if _, err := c.needVersion(ctx, node, protocol.AddPartitionsToTxn, addPartitionsVersion, "2.8"); err != nil {
		return err
	}
	res, err := c.send(ctx, call{
		node: node, key: protocol.AddPartitionsToTxn, version: addPartitionsVersion, flexible: true,
		body: func(r *request) {
			t.write(r)
			writePartitions(r, keys)
			r.tags()
		},
	})
	if err != nil {
		return err
	}
	a := answer{b: res.body, flexible: true}
	c.throttle(node, &a)
	return parseAddPartitions(&a, len(keys))
}

// writePartitions writes sorted partitions by topic.
func writePartitions(r *request, keys []partitionKey) {
	byTopic := slices.Collect(topicRuns(keys))
	r.array(len(byTopic))
	for _, run := range byTopic {
		r.string(run[0].topic)
		r.array(len(run))
		for _, k := range run {
			r.int32(k.partition)
		}
		r.tags()
	}
}

// parseAddPartitions returns the first refusal that is a partition's own.
func parseAddPartitions(a *answer, want int) error {
	return parsePartitions(a, want, func(c Code) bool { return c != codeNotAttempted })
}

// addOffsets makes the offsets of a group part of the transaction, in the old style.
func (c *Client) addOffsets(ctx context.Context, node int32, t txn, group string) error {
	res, err := c.send(ctx, call{
		node: node, key: protocol.AddOffsetsToTxn, version: addOffsetsVersion, flexible: true,
		body: func(r *request) {
			t.write(r)
			r.string(group)
			r.tags()
		},
	})
	if err != nil {
		return err
	}
	a := answer{b: res.body, flexible: true}
	c.throttle(node, &a)
	return parseCode(&a)
}

func parseCode(a *answer) error {
	code := Code(a.int16())
	switch {
	case a.err != nil:
		return a.err
	case code != 0:
		return code
	}
	return nil
}

// commitTxnOffset writes an offset of a group inside the transaction. It takes no member.
func (c *Client) commitTxnOffset(ctx context.Context, node int32, t txn, version int16, group string, o GroupOffset) error {
	res, err := c.send(ctx, call{
		node: node, key: protocol.TxnOffsetCommit, version: version, flexible: true,
		body: func(r *request) { writeTxnOffsetCommit(r, t, group, o) },
	})
	if err != nil {
		return err
	}
	a := answer{b: res.body, flexible: true}
	c.throttle(node, &a)
	return parseOffsetCommit(&a, 1)
}

func writeTxnOffsetCommit(r *request, t txn, group string, o GroupOffset) {
	r.string(t.transactionalID)
	r.string(group)
	r.int64(t.id)
	r.int16(t.epoch)
	r.int32(-1)  // no generation,
	r.string("") // no member,
	r.null()     // and no static one
	r.array(1)
	r.string(o.Topic)
	r.array(1)
	r.int32(o.Partition)
	r.int64(o.Offset)
	r.int32(o.LeaderEpoch)
	r.string(o.Metadata)
	r.tags()
	r.tags()
	r.tags()
}

// endTransaction commits or aborts, and returns who the producer is in the next transaction.
func (c *Client) endTransaction(ctx context.Context, node int32, t txn, version int16, commit bool) (txn, error) {
	res, err := c.send(ctx, call{
		node: node, key: protocol.EndTxn, version: version, flexible: true,
		body: func(r *request) {
			t.write(r)
			r.bool(commit)
			r.tags()
		},
	})
	if err != nil {
		return t, err
	}
	a := answer{b: res.body, flexible: true}
	c.throttle(node, &a)
	return parseEndTransaction(&a, t, version)
}

func parseEndTransaction(a *answer, t txn, version int16) (txn, error) {
	if err := parseCode(a); err != nil {
		return t, err
	}
	if version < newStyle.end {
		return t, nil
	}
	t.id, t.epoch = a.int64(), a.int16()
	if a.err == nil && (t.id < 0 || t.epoch < 0) {
		a.err = errShortAnswer
	}
	return t, a.err
}
