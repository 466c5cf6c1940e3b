package kafka

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/segmentio/kafka-go/protocol"
)

// Topic is what a broker says about one topic.
type Topic struct {
	Name       string
	ID         [16]byte // zero before Kafka 2.8
	Code       Code     // 0, or why Partitions is empty
	Internal   bool     // of the brokers' own, such as the offsets of consumer groups
	Partitions []TopicPartition

	asker *Client // nil in tests of others
}

// TopicPartition is what a broker says about one partition.
type TopicPartition struct {
	Index  int32
	Code   Code // 0, or e.g. "leader not available"
	Leader Leader
}

// Leader says which broker leads a partition.
type Leader struct {
	Node    int32    // broker id, −1 for none
	Epoch   int32    // −1 if the broker does not tell
	TopicID [16]byte // zero before Kafka 2.8
}

type partitionKey struct {
	topic     string
	partition int32
}

// Versions of Metadata requests: 9 is the first flexible one, 10 the first with topic ids.
const (
	metadataMin      = 9
	metadataTopicIDs = 10
	metadataMax      = 12
)

// Metadata asks any broker about topics, in the order of names. It never creates a topic.
func (c *Client) Metadata(ctx context.Context, names []string) ([]Topic, error) {
	topics, err := c.metadata(ctx, names)
	if err != nil {
		return nil, fmt.Errorf("ask for metadata: %w", err)
	}
	c.learn(topics)
	return topics, nil
}

// AllTopics asks any broker about all topics of the cluster that this client may see, ordered by name.
func (c *Client) AllTopics(ctx context.Context) ([]Topic, error) {
	topics, err := c.askTopics(ctx, nil)
	if err != nil {
		return nil, fmt.Errorf("ask for all topics: %w", err)
	}
	slices.SortFunc(topics, func(a, b Topic) int { return strings.Compare(a.Name, b.Name) })
	c.learn(topics)
	return topics, nil
}

func (c *Client) metadata(ctx context.Context, names []string) ([]Topic, error) {
	if names == nil {
		names = []string{} // nil asks for all
	}
	topics, err := c.askTopics(ctx, names)
	if err != nil {
		return nil, err
	}
	return inOrder(topics, names), nil
}

// askTopics asks about the topics of these names, or about all for nil.
func (c *Client) askTopics(ctx context.Context, names []string) ([]Topic, error) {
	highest, err := c.versionMax(ctx, anyBroker, protocol.Metadata)
	if err != nil {
		return nil, err
	}
	version := min(highest, metadataMax)
	if version < metadataMin {
		return nil, fmt.Errorf("broker is older than Kafka 2.4: %w", codeUnsupportedVersion)
	}
	res, err := c.send(ctx, call{
		node: anyBroker, key: protocol.Metadata, version: version, flexible: true,
		body: func(r *request) { writeMetadata(r, version, names) },
	})
	if err != nil {
		return nil, err
	}
	a := answer{b: res.body, flexible: true}
	c.throttle(anyBroker, &a)
	topics := parseMetadata(&a, version)
	for i := range topics {
		topics[i].asker = c
	}
	return topics, a.err
}

func writeMetadata(r *request, version int16, names []string) {
	if names == nil {
		r.nullArray()
	} else {
		r.array(len(names))
	}
	for _, name := range names {
		if version >= metadataTopicIDs {
			r.uuid([16]byte{})
		}
		r.string(name)
		r.tags()
	}
	r.int8(0) // do not create topics
	if version <= 10 {
		r.int8(0) // no authorized operations of the cluster
	}
	r.int8(0) // no authorized operations of topics
	r.tags()
}

func parseMetadata(a *answer, version int16) (topics []Topic) {
	a.each(func() { // brokers: the Transport knows their addresses
		a.int32()
		a.string()
		a.int32()
		a.string()
		a.tags()
	})
	a.string() // cluster id
	a.int32()  // controller
	a.each(func() { topics = append(topics, parseTopic(a, version)) })
	return topics
}

func parseTopic(a *answer, version int16) Topic {
	t := Topic{Code: Code(a.int16()), Name: a.string()}
	if version >= metadataTopicIDs {
		t.ID = a.uuid()
	}
	t.Internal = a.int8() != 0
	a.each(func() { t.Partitions = append(t.Partitions, parsePartition(a, t.ID)) })
	a.int32() // authorized operations
	a.tags()
	return t
}

func parsePartition(a *answer, topicID [16]byte) TopicPartition {
	p := TopicPartition{Code: Code(a.int16()), Index: a.int32()}
	p.Leader = Leader{Node: a.int32(), Epoch: a.int32(), TopicID: topicID}
	a.skipInt32s() // replicas
	a.skipInt32s() // in-sync replicas
	a.skipInt32s() // offline replicas
	a.tags()
	return p
}

// inOrder returns the topics in the order of names; a topic the broker left out is unknown to it.
func inOrder(topics []Topic, names []string) []Topic {
	byName := make(map[string]Topic, len(topics))
	for _, t := range topics {
		byName[t.Name] = t
	}
	out := make([]Topic, len(names))
	for i, name := range names {
		t, ok := byName[name]
		if !ok {
			t = Topic{Name: name, Code: CodeUnknownTopic}
		}
		out[i] = t
	}
	return out
}

// learn keeps the leaders that an answer tells.
func (c *Client) learn(topics []Topic) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, t := range topics {
		for _, p := range t.Partitions {
			if p.Code == 0 && p.Leader.Node >= 0 {
				c.leaders[partitionKey{t.Name, p.Index}] = p.Leader
			}
		}
	}
}

// Leader returns the leader of a partition, from the last metadata answer since [Client.Refresh] or else by asking.
func (c *Client) Leader(ctx context.Context, topic string, partition int32) (Leader, error) {
	key := partitionKey{topic, partition}
	if l, ok := c.knownLeader(key); ok {
		return l, nil
	}
	select { // one request serves all partitions that wait
	case c.looking <- struct{}{}:
		defer func() { <-c.looking }()
	case <-ctx.Done():
		return Leader{}, ctx.Err()
	}
	if l, ok := c.knownLeader(key); ok {
		return l, nil
	}
	topics, err := c.Metadata(ctx, []string{topic})
	if err != nil {
		return Leader{}, err
	}
	return topics[0].leader(partition)
}

func (c *Client) knownLeader(key partitionKey) (Leader, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	l, ok := c.leaders[key]
	return l, ok
}

// forgetLeader makes the next request look for the partition's leader afresh.
func (c *Client) forgetLeader(key partitionKey) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.leaders, key)
}

// MissingError says that a broker answers, but does not know a topic or one of its partitions. A broker that has just
// started, or has not heard of a new topic yet, says so too: only one that keeps saying it is to be believed.
type MissingError struct {
	Topic     string
	Partition int32 // −1: the whole topic
}

func (e *MissingError) Error() string {
	if e.Partition < 0 {
		return fmt.Sprintf("topic %s: %v", e.Topic, CodeUnknownTopic)
	}
	return fmt.Sprintf("partition %s/%d: %v", e.Topic, e.Partition, CodeUnknownTopic)
}

// Unwrap returns the code that brokers give it.
func (e *MissingError) Unwrap() error { return CodeUnknownTopic }

// Err is what Code says, with the right that is missing if that is it; nil for 0.
func (t Topic) Err() error {
	switch {
	case t.Code == 0:
		return nil
	case t.asker == nil:
		return t.Code
	}
	return t.asker.denied(t.Code, resources{operation: "Describe", topic: t.Name})
}

func (t Topic) leader(partition int32) (Leader, error) {
	switch t.Code {
	case 0:
	case CodeUnknownTopic:
		return Leader{}, &MissingError{t.Name, -1}
	default:
		return Leader{}, fmt.Errorf("topic %s: %w", t.Name, t.Err())
	}
	for _, p := range t.Partitions {
		if p.Index == partition {
			return p.Leading(t.Name)
		}
	}
	return Leader{}, &MissingError{t.Name, partition}
}

// Leading returns the partition's leader, or why it has none.
func (p TopicPartition) Leading(topic string) (Leader, error) {
	code := p.Code
	if code == 0 && p.Leader.Node < 0 {
		code = codeLeaderNotAvailable
	}
	if code != 0 {
		return Leader{}, fmt.Errorf("partition %s/%d: %w", topic, p.Index, code)
	}
	return p.Leader, nil
}
