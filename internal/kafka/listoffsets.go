package kafka

import (
	"context"
	"fmt"

	"github.com/segmentio/kafka-go/protocol"
)

// Isolation says how far a reader sees.
type Isolation int8

// The isolation levels: up to the high watermark, or up to the last stable offset without aborted transactions.
const (
	ReadUncommitted Isolation = 0
	ReadCommitted   Isolation = 1
)

// When a partition's offset is wanted; other values are times in milliseconds since the epoch.
const (
	Latest   int64 = -1
	Earliest int64 = -2
)

// PartitionRef names a partition for a request to its leader.
type PartitionRef struct {
	Topic     string
	Partition int32
	Epoch     int32 // leader epoch as we know it; the leader refuses another one. −1: not known
}

const listOffsetsVersion = 5 // the last inflexible one; any broker from 2.2 to 4.x takes it

// ListOffsets asks one leader for an offset of several of its partitions and returns them in the order of refs. The
// leader must answer for all of them; if it refuses one, that is the error.
func (c *Client) ListOffsets(ctx context.Context, leader int32, isolation Isolation, when int64, refs []PartitionRef) ([]int64, error) {
	offsets, err := c.askOffsets(ctx, parseListOffsets, refs, call{
		node: leader, key: protocol.ListOffsets, version: listOffsetsVersion,
		body: func(r *request) { writeListOffsets(r, isolation, when, refs) },
	})
	if err != nil {
		return nil, fmt.Errorf("list offsets: %w", err)
	}
	return offsets, nil
}

// askOffsets sends a request that is answered by one offset for each of refs.
func (c *Client) askOffsets(ctx context.Context, parse func(*answer) (map[partitionKey]listedOffset, error), refs []PartitionRef, q call) ([]int64, error) {
	res, err := c.send(ctx, q)
	if err != nil {
		return nil, err
	}
	a := answer{b: res.body}
	c.throttle(q.node, &a)
	found, err := parse(&a)
	if err != nil {
		return nil, err
	}
	return c.pickOffsets(found, refs)
}

func writeListOffsets(r *request, isolation Isolation, when int64, refs []PartitionRef) {
	r.int32(-1) // not a replica
	r.int8(int8(isolation))
	r.array(len(refs)) // one topic entry per partition: topics may repeat
	for _, ref := range refs {
		r.string(ref.Topic)
		r.array(1)
		r.int32(ref.Partition)
		r.int32(ref.Epoch)
		r.int64(when)
	}
}

type listedOffset struct {
	code   Code
	offset int64
}

func parseListOffsets(a *answer) (map[partitionKey]listedOffset, error) {
	found := map[partitionKey]listedOffset{}
	a.each(func() {
		topic := a.string()
		a.each(func() {
			key := partitionKey{topic, a.int32()}
			code := Code(a.int16())
			a.int64() // time
			found[key] = listedOffset{code, a.int64()}
			a.int32() // epoch of the record
		})
	})
	return found, a.err
}

// pickOffsets returns the offsets in the order of refs.
func (c *Client) pickOffsets(found map[partitionKey]listedOffset, refs []PartitionRef) ([]int64, error) {
	offsets := make([]int64, len(refs))
	for i, ref := range refs {
		o, ok := found[partitionKey{ref.Topic, ref.Partition}]
		switch {
		case !ok:
			return nil, fmt.Errorf("partition %s/%d: %w: left out", ref.Topic, ref.Partition, errShortAnswer)
		case o.code != 0:
			return nil, fmt.Errorf("partition %s/%d: %w", ref.Topic, ref.Partition, c.denied(o.code, resources{operation: "Describe", topic: ref.Topic}))
		}
		offsets[i] = o.offset
	}
	return offsets, nil
}
