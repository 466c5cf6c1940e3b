package kafka

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/segmentio/kafka-go/protocol"
)

// TopicSpec says what a topic is to be like.
type TopicSpec struct {
	Name       string
	Partitions int32             // −1: as the broker is configured
	Replicas   int16             // −1: as the broker is configured
	Configs    map[string]string // of the topic, such as "cleanup.policy"
}

const createTopicsVersion = 4 // the last inflexible one, and the first with defaults; any broker from 2.4 to 4.x takes it

// CreateTopic makes a topic and reports whether it did: false means that there is one already, whatever it is like.
// Brokers learn of it some milliseconds later and until then call it unknown.
func (c *Client) CreateTopic(ctx context.Context, spec TopicSpec) (made bool, err error) {
	made, err = c.createTopic(ctx, spec)
	if err != nil {
		return false, fmt.Errorf("create topic %s: %w", spec.Name, c.denied(err, resources{operation: "Create", topic: spec.Name}))
	}
	return made, nil
}

func (c *Client) createTopic(ctx context.Context, spec TopicSpec) (bool, error) {
	node, err := c.controller(ctx)
	if err != nil {
		return false, err
	}
	res, err := c.send(ctx, call{
		node: node, key: protocol.CreateTopics, version: createTopicsVersion,
		body: func(r *request) { writeCreateTopic(r, spec, c.opts.RequestTimeout) },
	})
	if err != nil {
		return false, err
	}
	a := answer{b: res.body}
	c.throttle(node, &a)
	err = parseCreateTopic(&a)
	if errors.Is(err, codeTopicExists) {
		return false, nil
	}
	return err == nil, err
}

func writeCreateTopic(r *request, spec TopicSpec, timeout time.Duration) {
	r.array(1)
	r.string(spec.Name)
	r.int32(spec.Partitions)
	r.int16(spec.Replicas)
	r.array(0) // no replicas assigned by hand
	r.array(len(spec.Configs))
	for _, name := range slices.Sorted(maps.Keys(spec.Configs)) {
		r.string(name)
		r.string(spec.Configs[name])
	}
	r.int32(int32(timeout / time.Millisecond))
	r.int8(0) // not only as a trial
}

func parseCreateTopic(a *answer) error {
	var refused error
	seen := false
	a.each(func() {
		a.string()
		code := Code(a.int16())
		refused, seen = withText(code, a.string()), true
	})
	switch {
	case a.err != nil:
		return a.err
	case !seen:
		return fmt.Errorf("%w: no topic in it", errShortAnswer)
	}
	return refused
}

// withText is the error of a code with the broker's own words, nil for none.
func withText(code Code, text string) error {
	switch {
	case code == 0:
		return nil
	case text == "":
		return code
	}
	return fmt.Errorf("%w: %s", code, text)
}

// controller asks any broker which one makes topics. With KRaft any does, and this names one that is alive.
func (c *Client) controller(ctx context.Context) (int32, error) {
	res, err := c.send(ctx, call{
		node: anyBroker, key: protocol.Metadata, version: metadataMin, flexible: true,
		body: func(r *request) { writeMetadata(r, metadataMin, nil) },
	})
	if err != nil {
		return 0, fmt.Errorf("ask for controller: %w", err)
	}
	a := answer{b: res.body, flexible: true}
	c.throttle(anyBroker, &a)
	node := parseController(&a)
	return node, a.err
}

func parseController(a *answer) int32 {
	a.each(func() {
		a.int32()
		a.string()
		a.int32()
		a.string()
		a.tags()
	})
	a.string() // cluster id
	return a.int32()
}
