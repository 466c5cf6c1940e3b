package kafka

import (
	"context"
	"fmt"

	"github.com/segmentio/kafka-go/protocol"
)

const (
	describeConfigsVersion = 1 // any broker from 1.1 to 4.x takes it
	topicResource          = 2 // UNCHANGEABLE: as numbered on the wire
)

// TopicConfigs returns settings of a topic as they are in effect, by name; one the broker does not know is left out.
// It needs the right to describe the topic's configuration.
func (c *Client) TopicConfigs(ctx context.Context, topic string, names ...string) (map[string]string, error) {
	res, err := c.send(ctx, call{
		node: anyBroker, key: protocol.DescribeConfigs, version: describeConfigsVersion,
		body: func(r *request) { writeDescribeConfigs(r, topic, names) },
	})
	var configs map[string]string
	if err == nil {
		a := answer{b: res.body}
		c.throttle(anyBroker, &a)
		configs, err = parseDescribeConfigs(&a)
	}
	if err != nil {
		return nil, fmt.Errorf("describe configuration of topic %s: %w", topic, err)
	}
	return configs, nil
}

func writeDescribeConfigs(r *request, topic string, names []string) {
	r.array(1)
	r.int8(topicResource)
	r.string(topic)
	r.array(len(names))
	for _, name := range names {
		r.string(name)
	}
	r.int8(0) // where a value comes from does not matter
}

func parseDescribeConfigs(a *answer) (map[string]string, error) {
	configs := map[string]string{}
	var refused error
	a.each(func() {
		code := Code(a.int16())
		refused = withText(code, a.string())
		a.int8()   // kind
		a.string() // topic
		a.each(func() {
			name := a.string()
			configs[name] = a.string()
			a.int8() // read-only
			a.int8() // source
			a.int8() // sensitive
			a.each(func() {
				a.string()
				a.string()
				a.int8()
			})
		})
	})
	if a.err != nil {
		return nil, a.err
	}
	return configs, refused
}
