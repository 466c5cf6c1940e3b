package kafka

import (
	"context"
	"fmt"

	"github.com/segmentio/kafka-go/protocol"
)

const offsetFetchVersion = 7 // the first that can ask for stable offsets; any broker from 2.5 to 4.x takes it

// fetchOffset reads the committed offset of a group in one partition; found is false if it has none. With
// stable an offset that an open transaction is about to change is refused with "unstable offset commit".
func (c *Client) fetchOffset(ctx context.Context, node int32, group, topic string, partition int32, stable bool) (o GroupOffset, found bool, err error) {
	res, err := c.send(ctx, call{
		node: node, key: protocol.OffsetFetch, version: offsetFetchVersion, flexible: true,
		body: func(r *request) { writeOffsetFetch(r, group, topic, partition, stable) },
	})
	if err != nil {
		return o, false, err
	}
	a := answer{b: res.body, flexible: true}
	c.throttle(node, &a)
	return parseOffsetFetch(&a, topic, partition)
}

func writeOffsetFetch(r *request, group, topic string, partition int32, stable bool) {
	r.string(group)
	r.array(1)
	r.string(topic)
	r.array(1)
	r.int32(partition)
	r.tags()
	r.bool(stable)
	r.tags()
}

func parseOffsetFetch(a *answer, topic string, partition int32) (o GroupOffset, found bool, err error) {
	var refused Code
	a.each(func() {
		name := a.string()
		a.each(func() {
			got := GroupOffset{Topic: name, Partition: a.int32(), Offset: a.int64(), LeaderEpoch: a.int32(), Metadata: a.string()}
			code := Code(a.int16())
			a.tags()
			if got.Topic == topic && got.Partition == partition {
				o, refused, found = got, code, true
			}
		})
		a.tags()
	})
	code := Code(a.int16())
	switch {
	case a.err != nil:
		return o, false, a.err
	case code == codeGroupNotFound:
		return o, false, nil
	case code != 0:
		return o, false, code
	case !found:
		return o, false, fmt.Errorf("%w: partition %s/%d left out", errShortAnswer, topic, partition)
	case refused != 0:
		return o, false, fmt.Errorf("partition %s/%d: %w", topic, partition, refused)
	}
	return o, o.Offset >= 0, nil
}
