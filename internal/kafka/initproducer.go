package kafka

import (
	"context"
	"time"

	"github.com/segmentio/kafka-go/protocol"
)

// Versions of InitProducerID: 3 is the first that can tell a new session from an old one, 4 knows all errors.
const (
	initProducerMin = 3
	initProducerMax = 4
)

// initProducer asks for a producer id and epoch: a plain request, which names no producer of before. With a
// transactional id it ends the transaction that is open under it, fences whoever opened it, and answers when that is
// done. It may be repeated.
func (c *Client) initProducer(ctx context.Context, node int32, transactionalID string, timeout time.Duration) (id int64, epoch int16, err error) {
	highest, err := c.needVersion(ctx, node, protocol.InitProducerId, initProducerMin, "2.5")
	if err != nil {
		return 0, 0, err
	}
	res, err := c.send(ctx, call{
		node: node, key: protocol.InitProducerId, version: min(highest, initProducerMax), flexible: true,
		body: func(r *request) { writeInitProducer(r, transactionalID, timeout) },
	})
	if err != nil {
		return 0, 0, err
	}
	a := answer{b: res.body, flexible: true}
	c.throttle(node, &a)
	return parseInitProducer(&a)
}

func writeInitProducer(r *request, transactionalID string, timeout time.Duration) {
	if transactionalID == "" {
		r.null()
	} else {
		r.string(transactionalID)
	}
	r.int32(int32(timeout / time.Millisecond))
	r.int64(-1)
	r.int16(-1)
	r.tags()
}

func parseInitProducer(a *answer) (id int64, epoch int16, err error) {
	code := Code(a.int16())
	id, epoch = a.int64(), a.int16()
	switch {
	case a.err != nil:
		return 0, 0, a.err
	case code != 0:
		return 0, 0, code
	case id < 0 || epoch < 0:
		return 0, 0, errShortAnswer // a batch without a producer would be visible at once
	}
	return id, epoch, nil
}
