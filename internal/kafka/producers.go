package kafka

import (
	"context"
	"fmt"

	"github.com/segmentio/kafka-go/protocol"
)

const (
	describeProducers        protocol.ApiKey = 61
	describeProducersVersion                 = 0 // any broker from 2.8 (KIP-664) to 4.x takes it
)

// ActiveProducer is a producer that the leader of a partition still knows.
type ActiveProducer struct {
	ID            int64
	LastTimestamp int64 // of its last record in the partition, milliseconds since the epoch
	TxnStart      int64 // first offset of its open transaction in the partition; −1: none is open
}

// Producers asks the leader of a partition which producers it knows. The partition's topic must be readable.
func (c *Client) Producers(ctx context.Context, topic string, partition int32) ([]ActiveProducer, error) {
	producers, err := c.producers(ctx, topic, partition)
	if err != nil {
		return nil, fmt.Errorf("describe producers of %s/%d: %w", topic, partition, err)
	}
	return producers, nil
}

func (c *Client) producers(ctx context.Context, topic string, partition int32) ([]ActiveProducer, error) {
	l, err := c.Leader(ctx, topic, partition)
	if err != nil {
		return nil, err
	}
	if _, err := c.versionMax(ctx, l.Node, describeProducers); err != nil {
		return nil, err
	}
	res, err := c.send(ctx, call{
		node: l.Node, key: describeProducers, version: describeProducersVersion, flexible: true,
		body: func(r *request) { writeProducers(r, topic, partition) },
	})
	if err != nil {
		return nil, err
	}
	a := answer{b: res.body, flexible: true}
	c.throttle(l.Node, &a)
	return parseProducers(&a)
}

func writeProducers(r *request, topic string, partition int32) {
	r.array(1)
	r.string(topic)
	r.array(1)
	r.int32(partition)
	r.tags()
	r.tags()
}

// parseProducers reads the answer about one partition.
func parseProducers(a *answer) (out []ActiveProducer, err error) {
	var code Code
	a.each(func() {
		a.string()
		a.each(func() {
			a.int32()
			code = Code(a.int16())
			a.string() // the code in words
			a.each(func() { out = append(out, parseProducer(a)) })
			a.tags()
		})
		a.tags()
	})
	if a.err == nil && code != 0 {
		return nil, code
	}
	return out, a.err
}

func parseProducer(a *answer) ActiveProducer {
	p := ActiveProducer{ID: a.int64()}
	a.int32() // epoch
	a.int32() // last sequence
	p.LastTimestamp = a.int64()
	a.int32() // epoch of the coordinator
	p.TxnStart = a.int64()
	a.tags()
	return p
}
