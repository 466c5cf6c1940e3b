package offsets

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/millrace/millrace/internal/kafka"
)

// UnknownTopicError says that the brokers answer, but do not know a topic, or none of a pattern, and have kept saying so
// for [KafkaOptions.UnknownFor].
type UnknownTopicError struct {
	Topic   string   // "" when no topic matches Pattern
	Pattern string   // of sources with one
	Brokers []string // the bootstrap addresses
}

func (e *UnknownTopicError) Error() string {
	if e.Topic == "" {
		return fmt.Sprintf("no topic on %s matches %s", strings.Join(e.Brokers, ", "), e.Pattern)
	}
	return fmt.Sprintf("topic %q does not exist on %s", e.Topic, strings.Join(e.Brokers, ", "))
}

// Partitions implements [Source]. It asks for the metadata anew each time, so new partitions show.
func (k *Kafka) Partitions(ctx context.Context) ([]PartitionState, error) { return k.Survey(ctx, nil) }

// Survey implements [Source]. What one broker just started may say for a moment, that a topic does not exist, has fewer
// partitions or an older leader, is believed only after [KafkaOptions.UnknownFor]; then fewer partitions are returned as
// they are, for the planner to judge.
func (k *Kafka) Survey(ctx context.Context, reached []Position) ([]PartitionState, error) {
	retry := k.newRetry()
	defer retry.done()
	for again := false; ; again = true {
		states, err := k.surveyOnce(ctx, retry, reached)
		if err == nil {
			retry.well()
			noteInterrupted(states, again || time.Since(retry.began) > steadyWithin)
			return states, nil
		}
		if err := retry.after(ctx, err); err != nil {
			return nil, fmt.Errorf("ask where source %s ends: %w", k.opts.Source, lostTopic(err, reached))
		}
	}
}

// steadyWithin is how long brokers take at most to answer a survey while nothing is wrong with them.
const steadyWithin = 5 * time.Second

func noteInterrupted(states []PartitionState, interrupted bool) {
	for i := range states {
		states[i].Interrupted = interrupted
	}
}

// surveyed is what a source remembers of its last survey. Its slice and map are replaced, never changed.
type surveyed struct {
	partitions []Position         // their names, ids and leader epochs only
	intact     map[Position]int32 // positions whose log was compared, with the leader epoch that was asked
	open       map[partitionName]heldBack
}

func (k *Kafka) surveyOnce(ctx context.Context, retry *retry, reached []Position) ([]PartitionState, error) {
	k.mu.Lock()
	last := k.surveyed
	k.mu.Unlock()
	states, err := k.askPartitions(ctx, reached)
	if err != nil {
		return nil, err
	}
	old := cmp.Or(outdated(states, last.partitions), outdated(states, reached))
	if old != nil && !retry.believes(old) {
		return nil, old
	}
	intact, err := k.compareLogs(ctx, elections(states, reached), last.intact)
	if err != nil {
		return nil, err
	}
	open := k.noteOpen(ctx, states, last)
	k.mu.Lock()
	defer k.mu.Unlock()
	k.surveyed = surveyed{named(states), intact, open}
	return states, nil
}

func named(states []PartitionState) []Position {
	out := make([]Position, len(states))
	for i, s := range states {
		out[i] = Position{Topic: s.Topic, TopicID: s.TopicID, Partition: s.Partition, LeaderEpoch: s.LeaderEpoch}
	}
	return out
}

// lostTopic turns an unknown topic into a [RangeGoneError] if the job has been there.
func lostTopic(err error, reached []Position) error {
	var unknown *UnknownTopicError
	if errors.As(err, &unknown) {
		for _, p := range reached {
			if p.Topic == unknown.Topic {
				return deleted(p.at(), unknown.Brokers)
			}
		}
	}
	return err
}

// compareLogs asks the leaders elected since whether what the job has read is still in their logs. before are the
// positions for which they have been asked already: of a harmless election they are asked once, not at every survey
// until the position moves on. It returns the positions that now need not be asked for again.
func (k *Kafka) compareLogs(ctx context.Context, elected []election, before map[Position]int32) (map[Position]int32, error) {
	intact := make(map[Position]int32, len(elected))
	byLeader := map[int32][]election{}
	for _, e := range elected {
		intact[e.position] = e.state.LeaderEpoch
		if epoch, ok := before[e.position]; ok && epoch == e.state.LeaderEpoch {
			continue
		}
		l, err := k.client.Leader(ctx, e.state.Topic, e.state.Partition)
		if err != nil {
			return nil, err
		}
		byLeader[l.Node] = append(byLeader[l.Node], e)
	}
	for leader, part := range byLeader {
		if err := k.compareLog(ctx, leader, part); err != nil {
			return nil, err
		}
	}
	return intact, nil
}

// compareLog asks one leader. It refuses if it is not in the epoch that the states were asked in.
func (k *Kafka) compareLog(ctx context.Context, leader int32, elected []election) error {
	refs := make([]kafka.EpochRef, len(elected))
	for i, e := range elected {
		refs[i].PartitionRef = kafka.PartitionRef{Topic: e.state.Topic, Partition: e.state.Partition, Epoch: e.state.LeaderEpoch}
		refs[i].Wanted = e.position.LeaderEpoch
	}
	ends, err := k.client.EpochEnds(ctx, leader, refs)
	if err != nil {
		return err
	}
	for i, e := range elected {
		if err := replaced(e.position.at(), ends[i], e.state); err != nil {
			return err
		}
	}
	return nil
}
