package offsets

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/millrace/millrace/internal/kafka"
)

// TopicPattern compiles a pattern of topic names, in RE2 syntax. It has to match the whole name.
func TopicPattern(text string) (*regexp.Regexp, error) {
	if _, err := regexp.Compile(text); err != nil {
		return nil, err // of the text as it was written
	}
	return regexp.Compile(patternHead + text + patternTail)
}

const patternHead, patternTail = "^(?:", ")$"

// patternText is the pattern as it was written.
func patternText(p *regexp.Regexp) string {
	return strings.TrimSuffix(strings.TrimPrefix(p.String(), patternHead), patternTail)
}

// askTopics asks about the topics of the source. A topic of a pattern that a job has read must be there.
func (k *Kafka) askTopics(ctx context.Context, reached []Position) ([]kafka.Topic, error) {
	if k.opts.Pattern == nil {
		return k.client.Metadata(ctx, k.opts.Topics)
	}
	all, err := k.client.AllTopics(ctx)
	if err != nil {
		return nil, err
	}
	matching := slices.DeleteFunc(all, func(t kafka.Topic) bool { return t.Internal || !k.opts.Pattern.MatchString(t.Name) })
	unknown := &UnknownTopicError{Pattern: patternText(k.opts.Pattern), Brokers: k.client.Brokers()}
	for _, p := range reached {
		there := slices.ContainsFunc(matching, func(t kafka.Topic) bool { return t.Name == p.Topic })
		if !there && k.opts.Pattern.MatchString(p.Topic) {
			unknown.Topic = p.Topic
			return nil, unknown
		}
	}
	if len(matching) == 0 {
		return nil, unknown
	}
	return matching, nil
}

// TopicsKnown returns an [UnknownTopicError] when the brokers answer, and have kept saying for [KafkaOptions.UnknownFor] that a topic of the
// source does not exist. Of anything else that is wrong it says nothing: a survey does.
func (k *Kafka) TopicsKnown(ctx context.Context) error {
	retry := k.newRetry()
	defer retry.done()
	for {
		err := k.askKnown(ctx)
		if unknown := (*UnknownTopicError)(nil); !errors.As(err, &unknown) {
			return nil
		}
		if err := retry.after(ctx, err); err != nil {
			return fmt.Errorf("ask where source %s ends: %w", k.opts.Source, err)
		}
	}
}

func (k *Kafka) askKnown(ctx context.Context) error {
	topics, err := k.askTopics(ctx, nil)
	if err != nil {
		return err
	}
	for _, t := range topics {
		if t.Code == kafka.CodeUnknownTopic {
			return &UnknownTopicError{Topic: t.Name, Brokers: k.client.Brokers()}
		}
	}
	return nil
}

// askBegin fills in where a job begins that has no positions yet.
func (k *Kafka) askBegin(ctx context.Context, states []PartitionState) error {
	var found []int64
	if k.opts.Start.Start == AtTimestamp {
		var err error
		if found, err = k.askTimes(ctx, states, k.opts.Start.Timestamp); err != nil {
			return err
		}
	}
	return k.opts.Start.begin(states, found)
}

// askTimes asks the leaders for the first offset of a time or later, in the order of states.
func (k *Kafka) askTimes(ctx context.Context, states []PartitionState, at int64) ([]int64, error) {
	found := make([]int64, len(states))
	byLeader := map[int32][]int{}
	for i, s := range states {
		l, err := k.client.Leader(ctx, s.Topic, s.Partition)
		if err != nil {
			return nil, err
		}
		byLeader[l.Node] = append(byLeader[l.Node], i)
	}
	for leader, of := range byLeader {
		refs := make([]kafka.PartitionRef, len(of))
		for j, i := range of {
			refs[j] = kafka.PartitionRef{Topic: states[i].Topic, Partition: states[i].Partition, Epoch: states[i].LeaderEpoch}
		}
		offsets, err := k.client.ListOffsets(ctx, leader, k.isolation(), at, refs)
		if err != nil {
			return nil, err
		}
		for j, i := range of {
			found[i] = offsets[j]
		}
	}
	return found, nil
}
