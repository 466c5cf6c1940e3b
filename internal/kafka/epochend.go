package kafka

import (
	"context"
	"fmt"

	"github.com/segmentio/kafka-go/protocol"
)

const epochEndVersion = 3 // the last inflexible one; any broker from 2.3 to 4.x takes it

// EpochRef names a leader epoch of a partition.
type EpochRef struct {
	PartitionRef
	Wanted int32 // the epoch asked about; PartitionRef.Epoch is the one that the leader is in
}

// EpochEnds asks one leader where in its logs the records of a leader epoch, or of those before it, end (KIP-320), and
// returns the offsets in the order of refs. A log that was cut and has grown again in a later epoch is told by that
// alone. −1: the leader cannot tell. The leader must answer for all of them; if it refuses one, that is the error.
func (c *Client) EpochEnds(ctx context.Context, leader int32, refs []EpochRef) ([]int64, error) {
	asked := make([]PartitionRef, len(refs))
	for i, ref := range refs {
		asked[i] = ref.PartitionRef
	}
	ends, err := c.askOffsets(ctx, parseEpochEnds, asked, call{
		node: leader, key: protocol.OffsetForLeaderEpoch, version: epochEndVersion,
		body: func(r *request) { writeEpochEnds(r, refs) },
	})
	if err != nil {
		return nil, fmt.Errorf("ask for ends of leader epochs: %w", err)
	}
	return ends, nil
}

func writeEpochEnds(r *request, refs []EpochRef) {
	r.int32(-1) // not a replica
	r.array(len(refs))
	for _, ref := range refs { // one topic entry per partition: topics may repeat
		r.string(ref.Topic)
		r.array(1)
		r.int32(ref.Partition)
		r.int32(ref.Epoch)
		r.int32(ref.Wanted)
	}
}

func parseEpochEnds(a *answer) (map[partitionKey]listedOffset, error) {
	found := map[partitionKey]listedOffset{}
	a.each(func() {
		topic := a.string()
		a.each(func() {
			code := Code(a.int16())
			key := partitionKey{topic, a.int32()}
			a.int32() // the epoch that was found
			found[key] = listedOffset{code, a.int64()}
		})
	})
	return found, a.err
}
