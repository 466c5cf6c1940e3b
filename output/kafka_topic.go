package output

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/millrace/millrace/internal/kafka"
)

// TopicError says that a topic is not as the job needs it. Nothing was written.
type TopicError struct {
	Sink  string
	Topic string
	Msg   string
}

func (e *TopicError) Error() string {
	return fmt.Sprintf("sink %s: topic %s %s", e.Sink, e.Topic, e.Msg)
}

const (
	// firstContact is how long to look for a broker when none has answered yet.
	firstContact = 5 * time.Second
	// unknownFor is how long brokers have to say that there is no such topic until they are believed: they learn of a new
	// one one after the other.
	unknownFor = 2 * time.Second
	// partitionsAge is how long a number of partitions is taken for granted.
	partitionsAge = time.Minute
)

// openTopic finds out how many partitions the topic has, and what it takes; it makes the topic if that is asked for.
func (k *Kafka) openTopic(ctx context.Context) error {
	clock, wait := k.cfg.Opening.Clock, kafkaWaitFirst
	began, made := clock.Now(), false
	for {
		n, err := k.countPartitions(ctx)
		if err == nil && n > 0 {
			k.partitions, k.asked = n, clock.Now()
			return k.readLimits(ctx)
		}
		spent := clock.Now().Sub(began)
		switch {
		case err != nil:
			err = k.mayWait(err, spent)
		case k.cfg.Create != nil && !made:
			made, err = true, k.create(ctx)
		case spent > unknownFor && k.cfg.Create == nil:
			err = k.topicError("does not exist; create it, or have the job do so: create_topic: {partitions: 4}")
		case spent > k.cfg.RetryFor:
			err = k.topicError("was made, and the brokers do not know of it after %s", spent)
		}
		if err != nil {
			return err
		}
		if err := clock.Wait(ctx, wait); err != nil {
			return err
		}
		wait = min(2*wait, kafkaWaitMost)
	}
}

func (k *Kafka) topicError(format string, args ...any) error {
	return &TopicError{Sink: k.cfg.Sink, Topic: k.cfg.Topic, Msg: fmt.Sprintf(format, args...)}
}

// countPartitions returns 0 for a topic that brokers do not know.
func (k *Kafka) countPartitions(ctx context.Context) (int, error) {
	topics, err := k.cluster.Metadata(ctx, []string{k.cfg.Topic})
	if err != nil {
		return 0, err
	}
	switch t := topics[0]; t.Code {
	case 0:
		return len(t.Partitions), nil
	case kafka.CodeUnknownTopic:
		return 0, nil
	default:
		return 0, fmt.Errorf("topic %s: %w", k.cfg.Topic, t.Err())
	}
}

// mayWait returns nil when an error may pass by itself.
func (k *Kafka) mayWait(err error, spent time.Duration) error {
	var none *kafka.NoBrokerError
	most := k.cfg.RetryFor
	if errors.As(err, &none) {
		most = min(most, firstContact)
	}
	switch action := kafka.Decide(err); {
	case action == kafka.Stop, spent > most:
		return err
	case action == kafka.Refresh:
		k.cluster.Refresh()
	}
	return nil
}

func (k *Kafka) create(ctx context.Context) error {
	spec := kafka.TopicSpec{Name: k.cfg.Topic, Partitions: -1, Replicas: -1}
	if n := k.cfg.Create.Partitions; n > 0 {
		spec.Partitions = int32(n)
	}
	if n := k.cfg.Create.ReplicationFactor; n > 0 {
		spec.Replicas = int16(n)
	}
	if k.encoder.changelog != nil { // the last record of a key is what counts: else the topic would forget results, or grow for ever
		spec.Configs = map[string]string{"cleanup.policy": "compact"}
	}
	_, err := k.cluster.CreateTopic(ctx, spec)
	return err
}

// readLimits takes over what the topic's configuration says. Who may not read it goes without: brokers refuse what does
// not fit.
func (k *Kafka) readLimits(ctx context.Context) error {
	configs, err := k.cluster.TopicConfigs(ctx, k.cfg.Topic, "max.message.bytes", "cleanup.policy", timestampType, timestampBefore, timestampAfter)
	if err != nil {
		return ctx.Err()
	}
	k.encoder.topicLimit, _ = strconv.Atoi(configs["max.message.bytes"])
	k.encoder.times = timesOf(configs)
	k.encoder.compacted = strings.Contains(configs["cleanup.policy"], "compact")
	if k.encoder.compacted && len(k.encoder.key) == 0 {
		return k.topicError("is compacted and takes no records without a key; give the sink a key")
	}
	return nil
}

// lookAtPartitions notices that the topic has grown. That brokers do not answer shows when the batch is written.
func (k *Kafka) lookAtPartitions(ctx context.Context) error {
	now := k.cfg.Opening.Clock.Now()
	if now.Sub(k.asked) < partitionsAge {
		return nil
	}
	if n, err := k.countPartitions(ctx); err == nil && n > 0 {
		k.partitions, k.asked = n, now
	}
	return ctx.Err()
}
