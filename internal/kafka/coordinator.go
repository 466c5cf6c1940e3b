package kafka

import (
	"context"
	"fmt"

	"github.com/segmentio/kafka-go/protocol"
)

// coordinatorKey names what a broker coordinates.
type coordinatorKey struct {
	kind int8 // groupCoordinator or transactionCoordinator
	id   string
}

// Kinds of coordinators. UNCHANGEABLE: as numbered on the wire.
const (
	groupCoordinator       int8 = 0
	transactionCoordinator int8 = 1
)

const findCoordinatorVersion = 2 // the last inflexible one; any broker from 2.0 to 4.x takes it

// coordinator returns the broker that coordinates k, from the last answer or else by asking.
func (c *Client) coordinator(ctx context.Context, k coordinatorKey) (int32, error) {
	c.mu.Lock()
	node, ok := c.coordinators[k]
	c.mu.Unlock()
	if ok {
		return node, nil
	}
	node, err := c.findCoordinator(ctx, k)
	if err != nil {
		return 0, fmt.Errorf("find coordinator of %s %s: %w", k.name(), k.id, err)
	}
	c.mu.Lock()
	c.coordinators[k] = node
	c.mu.Unlock()
	return node, nil
}

func (k coordinatorKey) name() string {
	if k.kind == transactionCoordinator {
		return "transactional id"
	}
	return "group"
}

func (c *Client) findCoordinator(ctx context.Context, k coordinatorKey) (int32, error) {
	res, err := c.send(ctx, call{
		node: anyBroker, key: protocol.FindCoordinator, version: findCoordinatorVersion,
		body: func(r *request) {
			r.string(k.id)
			r.int8(k.kind)
		},
	})
	if err != nil {
		return 0, err
	}
	a := answer{b: res.body}
	c.throttle(anyBroker, &a)
	return parseFindCoordinator(&a)
}

func parseFindCoordinator(a *answer) (int32, error) {
	code := Code(a.int16())
	text := a.string()
	node := a.int32()
	a.string() // host and port: the Transport knows them
	a.int32()
	switch {
	case a.err != nil:
		return 0, a.err
	case code != 0:
		return 0, withText(code, text)
	case node < 0:
		return 0, codeCoordinatorNotAvail
	}
	return node, nil
}

// forgetCoordinator makes the next request look for the coordinator afresh.
func (c *Client) forgetCoordinator(k coordinatorKey) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.coordinators, k)
}
