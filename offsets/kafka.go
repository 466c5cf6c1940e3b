package offsets

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"sync"
	"time"

	"github.com/millrace/millrace/internal/kafka"
)

// KafkaOptions says what to read and how. Zero values of all but Topics or Pattern work.
type KafkaOptions struct {
	// Source is the source's name in the job; errors name it.
	Source string
	// Topics are the topics of the source, all their partitions. At least one, unless there is a Pattern.
	Topics []string
	// Pattern chooses the topics by name instead, out of all of the cluster but its internal ones, at every survey: see
	// [TopicPattern].
	Pattern *regexp.Regexp
	// Start is where a job begins that has no positions; the beginning by default.
	Start StartAt
	// LagGroup is the consumer group that shows lag tools how far the job is, see [LagShower]; "": none.
	LagGroup string
	// ReadCommitted hides aborted transactions and ends planning at the last stable offset.
	ReadCommitted bool
	// FetchBytes is how much one request asks for at most; 4 MiB by default, less when Budget asks for it. A reader holds
	// two answers at most. A record batch larger than that comes whole.
	FetchBytes int
	// Budget bounds the memory of all readers together; one of the source's own by default.
	Budget *Budget
	// BatchBytesMax bounds one record batch, decompressed; 256 MiB by default.
	BatchBytesMax int
	// RetryFor is how long to try again without any progress, for all that may pass by itself: elections, broken
	// connections, brokers on their way up; 30 s by default.
	RetryFor time.Duration
	// UnknownFor is how long brokers must go on saying that something does not exist (a topic, or a partition or leader
	// epoch known before) until that is believed: a broker that has just started says so without reason. 5 s by default,
	// so that a wrong topic name is told soon; negative: believe it at once. RetryFor does not bound it.
	UnknownFor time.Duration
}

// unknownFor is the default of [KafkaOptions.UnknownFor].
const unknownFor = 5 * time.Second

// fetchWait is how long a broker waits for the first byte. Planned ranges lie below the end of the log, so it only
// matters when something is wrong.
const fetchWait = 500 * time.Millisecond

// Kafka is a [Source] that reads topics of one Kafka cluster.
type Kafka struct {
	client *kafka.Client
	opts   KafkaOptions

	mu       sync.Mutex
	surveyed surveyed
}

// NewKafka returns a source on a client, which may be shared by several.
func NewKafka(client *kafka.Client, opts KafkaOptions) *Kafka {
	if opts.FetchBytes <= 0 {
		opts.FetchBytes = 4 << 20
	}
	if opts.Budget == nil {
		opts.Budget = NewBudget(0)
	}
	if opts.RetryFor <= 0 {
		opts.RetryFor = 30 * time.Second
	}
	if opts.UnknownFor == 0 {
		opts.UnknownFor = unknownFor
	}
	return &Kafka{client: client, opts: opts}
}

// OnHealth has report called when the cluster does not answer as it should, and when it does again: see
// [kafka.Client.OnHealth]. With a shared client the last report counts.
func (k *Kafka) OnHealth(report func(text string)) { k.client.OnHealth(report) }

// Close closes the client's idle connections. A shared client connects again when it is used.
func (k *Kafka) Close() error {
	k.client.Close()
	return nil
}

func (k *Kafka) askPartitions(ctx context.Context, reached []Position) ([]PartitionState, error) {
	topics, err := k.askTopics(ctx, reached)
	if err != nil {
		return nil, err
	}
	byLeader := map[int32][]*PartitionState{}
	var states []*PartitionState
	for _, t := range topics {
		if t.Code == kafka.CodeUnknownTopic {
			return nil, &UnknownTopicError{Topic: t.Name, Brokers: k.client.Brokers()}
		}
		if t.Code != 0 {
			return nil, fmt.Errorf("topic %s: %w", t.Name, t.Err())
		}
		for _, p := range t.Partitions {
			l, err := p.Leading(t.Name)
			if err != nil {
				return nil, err
			}
			s := &PartitionState{Topic: t.Name, TopicID: t.ID, Partition: p.Index, LeaderEpoch: l.Epoch}
			states = append(states, s)
			byLeader[l.Node] = append(byLeader[l.Node], s)
		}
	}
	if err := k.askLeaders(ctx, byLeader); err != nil {
		return nil, err
	}
	out := sorted(states)
	if len(reached) > 0 {
		return out, nil
	}
	return out, k.askBegin(ctx, out)
}

func sorted(states []*PartitionState) []PartitionState {
	slices.SortFunc(states, func(a, b *PartitionState) int { return a.name().compare(b.name()) })
	out := make([]PartitionState, len(states))
	for i, s := range states {
		out[i] = *s
	}
	return out
}

// askLeaders fills in the offsets, all leaders at the same time. One that does not answer fails the whole: its
// partitions must not look empty.
func (k *Kafka) askLeaders(ctx context.Context, byLeader map[int32][]*PartitionState) error {
	errs := make([]error, 0, len(byLeader))
	var mu sync.Mutex
	var all sync.WaitGroup
	for leader, states := range byLeader {
		all.Go(func() {
			err := k.askLeader(ctx, leader, states)
			mu.Lock()
			defer mu.Unlock()
			errs = append(errs, err)
		})
	}
	all.Wait()
	return errors.Join(errs...)
}

// askLeader asks in the order that keeps Start ≤ End ≤ HighWatermark while the log moves on.
func (k *Kafka) askLeader(ctx context.Context, leader int32, states []*PartitionState) error {
	refs := make([]kafka.PartitionRef, len(states))
	for i, s := range states {
		refs[i] = kafka.PartitionRef{Topic: s.Topic, Partition: s.Partition, Epoch: s.LeaderEpoch}
	}
	starts, err := k.client.ListOffsets(ctx, leader, kafka.ReadUncommitted, kafka.Earliest, refs)
	if err != nil {
		return err
	}
	ends, err := k.client.ListOffsets(ctx, leader, k.isolation(), kafka.Latest, refs)
	if err != nil {
		return err
	}
	marks := ends
	if k.opts.ReadCommitted {
		marks, err = k.client.ListOffsets(ctx, leader, kafka.ReadUncommitted, kafka.Latest, refs)
	}
	if err != nil {
		return err
	}
	for i, s := range states {
		s.Start, s.End, s.HighWatermark = starts[i], ends[i], marks[i]
	}
	return nil
}

func (k *Kafka) isolation() kafka.Isolation {
	if k.opts.ReadCommitted {
		return kafka.ReadCommitted
	}
	return kafka.ReadUncommitted
}

// askOne returns the state of one partition, from its leader.
func (k *Kafka) askOne(ctx context.Context, r Range) (PartitionState, error) {
	l, err := k.client.Leader(ctx, r.Topic, r.Partition)
	if err != nil {
		return PartitionState{}, err
	}
	s := PartitionState{Topic: r.Topic, TopicID: l.TopicID, Partition: r.Partition, LeaderEpoch: l.Epoch}
	return s, k.askLeader(ctx, l.Node, []*PartitionState{&s})
}
