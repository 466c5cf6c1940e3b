package kafka

import (
	"context"
	"fmt"

	"github.com/segmentio/kafka-go/protocol"
)

const epochEndVersion = 3 // the last inflexible one; any broker from 2.3 to 4.x takes it

// EpochEnd asks a partition's leader where the records of a leader epoch, or of those before it, end in its log
// (KIP-320). A log that was cut and has grown again in a later epoch is told by that alone. −1: the log does not
// reach back that far.
func (c *Client) EpochEnd(ctx context.Context, leader int32, ref PartitionRef, epoch int32) (int64, error) {
	res, err := c.send(ctx, call{
		node: leader, key: protocol.OffsetForLeaderEpoch, version: epochEndVersion,
		body: func(r *request) { writeEpochEnd(r, ref, epoch) },
	})
	if err == nil {
		a := answer{b: res.body}
		c.throttle(leader, &a)
		var end int64
		if end, err = parseEpochEnd(&a); err == nil {
			return end, nil
		}
	}
	return 0, fmt.Errorf("ask for the end of leader epoch %d of %s/%d: %w", epoch, ref.Topic, ref.Partition, err)
}

func writeEpochEnd(r *request, ref PartitionRef, epoch int32) {
	r.int32(-1) // not a replica
	r.array(1)
	r.string(ref.Topic)
	r.array(1)
	r.int32(ref.Partition)
	r.int32(ref.Epoch)
	r.int32(epoch)
}

func parseEpochEnd(a *answer) (end int64, err error) {
	err = errShortAnswer
	a.each(func() {
		a.string()
		a.each(func() {
			err = nil
			if code := Code(a.int16()); code != 0 {
				err = code
			}
			a.int32() // partition
			a.int32() // the epoch that was found
			end = a.int64()
		})
	})
	if a.err != nil {
		return 0, a.err
	}
	return end, err
}
