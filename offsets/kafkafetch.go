package offsets

import (
	"context"
	"errors"
	"fmt"
	"math"

	"github.com/millrace/millrace/internal/kafka"
)

// fetched is a fetch answer that holds at least one whole record batch.
type fetched struct {
	*kafka.FetchAnswer
	from, next int64 // offsets asked for and to ask for next
}

// fetch asks for the record batches from an offset of the range on until it has some, or knows that it cannot have
// them, most bytes unless one batch is larger. It returns no answer without progress: an empty one is not the end of
// anything.
func (k *Kafka) fetch(ctx context.Context, r Range, from int64, most int, buf []byte) (fetched, error) {
	retry := k.newRetry()
	defer retry.done()
	for {
		answer, err := k.fetchOnce(ctx, r, kafka.FetchRequest{
			Topic: r.Topic, TopicID: r.TopicID, Partition: r.Partition, Offset: from, Isolation: k.isolation(),
			MaxBytes: int32(min(most, math.MaxInt32)), MaxWait: fetchWait, Buf: buf, AnswerMax: k.answerMax(most),
		})
		var large *kafka.AnswerTooLargeError
		if errors.As(err, &large) { // more than was asked for: that is one batch
			return fetched{}, &TooLargeError{Topic: r.Topic, Partition: r.Partition, Offset: from, Bytes: large.Bytes, Most: k.opts.Budget.batches}
		}
		if err != nil {
			buf = nil // the broken exchange may still write into it
			err = k.explain(ctx, r, from, err)
		} else {
			next, want, walkErr := kafka.Walk(answer.Records, from)
			switch {
			case walkErr != nil:
				return fetched{}, &kafka.BatchError{Topic: r.Topic, Partition: r.Partition, Offset: next, Err: walkErr}
			case next > from:
				retry.well()
				return fetched{answer, from, next}, nil
			}
			buf, most = answer.Buf, max(most, int(want))
			err = k.whyEmpty(ctx, r, from)
		}
		if err := retry.after(ctx, err); err != nil {
			return fetched{}, k.lost(r, err)
		}
	}
}

// answerMax is the longest answer to a fetch of so many bytes, beside whose records there is little.
func (k *Kafka) answerMax(most int) int64 {
	if k.opts.Budget.batches == 0 {
		return 0
	}
	return max(int64(most), k.opts.Budget.batches) + answerBeside
}

// answerBeside is what an answer may have beside records: of aborted transactions, mostly.
const answerBeside = 1 << 20

// fetchOnce fetches from a leader that still has the log the range was planned on. The fetch names the leader epoch
// that was looked at, so a leader elected in between refuses it.
func (k *Kafka) fetchOnce(ctx context.Context, r Range, f kafka.FetchRequest) (*kafka.FetchAnswer, error) {
	l, err := k.client.Leader(ctx, r.Topic, r.Partition)
	if err != nil {
		return nil, err
	}
	if r.LeaderEpoch >= 0 && l.Epoch > r.LeaderEpoch {
		if err := k.checkEpoch(ctx, r, l); err != nil {
			return nil, err
		}
	}
	return k.client.Fetch(ctx, f)
}

// checkEpoch asks a leader elected after planning whether all that was planned is still there.
func (k *Kafka) checkEpoch(ctx context.Context, r Range, l kafka.Leader) error {
	ref := kafka.PartitionRef{Topic: r.Topic, Partition: r.Partition, Epoch: l.Epoch}
	ends, err := k.client.EpochEnds(ctx, l.Node, []kafka.EpochRef{{PartitionRef: ref, Wanted: r.LeaderEpoch}})
	if err != nil || replaced(r, ends[0], PartitionState{}) == nil {
		return err
	}
	s, err := k.askOne(ctx, r)
	if err != nil {
		return err
	}
	if otherTopic(r.TopicID, s.TopicID) {
		return gone(r, r.From, s)
	}
	return replaced(r, ends[0], s)
}

// stalledError says that a broker has nothing at an offset where something was planned. It may pass.
type stalledError struct {
	r     Range
	at    int64
	state PartitionState
}

func (e *stalledError) Error() string {
	return fmt.Sprintf("%s: nothing to read at offset %d although the log goes on to %d (last stable offset %d)",
		e.r, e.at, e.state.HighWatermark, e.state.End)
}

// whyEmpty asks the leader about an answer without records. That is not the end of the range: read_committed may
// have to wait, a follower may lag. Only a log that ends inside the range has lost what was planned.
func (k *Kafka) whyEmpty(ctx context.Context, r Range, from int64) error {
	s, err := k.askOne(ctx, r)
	if err != nil {
		return err
	}
	if err := gone(r, from, s); err != nil {
		return err
	}
	return &stalledError{r, from, s}
}

// explain turns the errors that may mean lost data into a [RangeGoneError] if the leader confirms it: a lagging
// follower and a broker that has not heard of a topic yet say the same.
func (k *Kafka) explain(ctx context.Context, r Range, from int64, err error) error {
	if !doubtful(err) {
		return err
	}
	k.client.Refresh()
	s, askErr := k.askOne(ctx, r)
	if askErr != nil {
		return askErr
	}
	if gone := gone(r, from, s); gone != nil {
		return gone
	}
	return err
}

// doubtful reports whether an error is the word of one broker about a log, which the partition's leader may know better.
// A missing leader is not: that was the metadata's word.
func doubtful(err error) bool {
	var missing *kafka.MissingError
	return !errors.As(err, &missing) && (errors.Is(err, kafka.CodeOffsetOutOfRange) ||
		errors.Is(err, kafka.CodeUnknownTopicID) || errors.Is(err, kafka.CodeUnknownTopic))
}

// lost turns the brokers' last word that a topic or partition does not exist into a [RangeGoneError]: it did when the
// range was planned.
func (k *Kafka) lost(r Range, err error) error {
	var missing *kafka.MissingError
	switch {
	case !errors.As(err, &missing):
		return err
	case missing.Partition < 0:
		return deleted(r, k.client.Brokers())
	}
	return vanished(r)
}
