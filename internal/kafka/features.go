package kafka

import (
	"context"
	"fmt"
	"math"

	"github.com/segmentio/kafka-go/protocol"
)

// Features stand only in answers to ApiVersions 3 and later.
const featuresVersion = 3

// transactionVersion asks a broker for the finalized level of the feature transaction.version: from 2 on brokers add
// partitions by themselves and every transaction has an epoch of its own (KIP-890). 0: there is no such feature.
func (c *Client) transactionVersion(ctx context.Context, node int32) (int16, error) {
	res, err := c.send(ctx, call{node: node, key: protocol.ApiVersions, version: featuresVersion, body: writeFeatures})
	if err != nil {
		return 0, fmt.Errorf("ask for features: %w", err)
	}
	level, err := parseFeatures(res.body)
	if err != nil {
		return 0, fmt.Errorf("ask for features: %w", err)
	}
	return level, nil
}

// writeFeatures writes a flexible request although the call says otherwise: the answer's header has no tagged fields,
// so that a broker too old can be understood.
func writeFeatures(r *request) {
	r.flexible = true
	r.tags()
	r.string("millrace")
	r.string("1")
	r.tags()
}

const (
	finalizedFeatures  = 2 // tag. UNCHANGEABLE
	transactionFeature = "transaction.version"
)

func parseFeatures(body []byte) (level int16, err error) {
	a := answer{b: body, flexible: true}
	if code := Code(a.int16()); code == codeUnsupportedVersion {
		return 0, nil // answered as version 0, by a broker that has no features
	} else if code != 0 {
		return 0, code
	}
	a.each(func() {
		a.int16()
		a.int16()
		a.int16()
		a.tags()
	})
	a.int32() // throttle time
	for n := a.uvarint(); n > 0 && a.err == nil; n-- {
		tag := a.uvarint()
		field := answer{b: a.take(a.uvarint()), flexible: true}
		if tag == finalizedFeatures && a.err == nil {
			level = parseFinalized(&field)
			a.err = field.err
		}
	}
	return level, a.err
}

func parseFinalized(a *answer) (level int16) {
	a.each(func() {
		name := a.string()
		most := a.int16()
		a.int16() // the lowest level
		a.tags()
		if name == transactionFeature {
			level = max(most, 0)
		}
	})
	return level
}

// style is how transactions are spoken of.
type style struct {
	produce, commitOffsets, end int16 // versions of the requests
	implicit                    bool  // partitions and groups join a transaction by being written to
}

var (
	oldStyle = style{produce: 8, commitOffsets: 3, end: 3}
	newStyle = style{produce: 12, commitOffsets: 5, end: 5, implicit: true}
)

// newStyleFrom is the level of transaction.version from which on the new style works.
const newStyleFrom = 2

func (c *Client) transactionStyle(ctx context.Context, node int32) (style, error) {
	level, err := c.transactionVersion(ctx, node)
	if err != nil || level < newStyleFrom {
		return oldStyle, err
	}
	return newStyle, nil
}

// needVersion refuses a broker that does not take a request's version.
func (c *Client) needVersion(ctx context.Context, node int32, key protocol.ApiKey, version int16, since string) (int16, error) {
	highest, err := c.versionMax(ctx, node, key)
	if err == nil && highest < version {
		err = fmt.Errorf("broker is older than Kafka %s: %w", since, codeUnsupportedVersion)
	}
	return min(highest, math.MaxInt16), err
}
