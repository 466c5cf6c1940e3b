package offsets

import (
	"fmt"
	"strings"
)

// RangeGoneError says that a planned or wanted range cannot be read any more: retention has passed it, the log was
// cut, or the topic was deleted or made anew. The driver turns it into exit code 3.
type RangeGoneError struct {
	Range  Range  // empty: the position from which a job wanted to read on
	Reason string // e.g. "retention has deleted offsets before 120"
	Start  int64  // what is available now; both 0 if nothing is
	End    int64

	// Of a position: what [GiveUp] needs to go on without what is gone.
	Next       int64   // where to go on with the least loss; −1: nowhere
	Lost       int64   // offsets that are gone unread; −1: nobody can tell
	TopicID    TopicID // what the topic is now
	Remade     bool    // it is another one than the job has read
	AllOfTopic bool    // all partitions of the topic are gone
}

func (e *RangeGoneError) Error() string {
	if e.Start == 0 && e.End == 0 {
		return fmt.Sprintf("%s: %s", e.place(), e.Reason)
	}
	return fmt.Sprintf("%s: %s; available [%d, %d)", e.place(), e.Reason, e.Start, e.End)
}

// place names a position, which is an empty range, by its offset alone.
func (e *RangeGoneError) place() string {
	if r := e.Range; r.Empty() {
		return fmt.Sprintf("%s/%d position %d", r.Topic, r.Partition, r.From)
	}
	return e.Range.String()
}

// gone says whether a partition as its leader has it lacks offsets of the range from an offset on.
func gone(r Range, from int64, s PartitionState) error {
	e := &RangeGoneError{Range: r, Start: s.Start, End: s.HighWatermark, TopicID: s.TopicID}
	switch {
	case otherTopic(r.TopicID, s.TopicID):
		e.Reason, e.Next, e.Lost, e.Remade = "the topic was deleted and made again", s.Start, -1, true
	case from < s.Start:
		e.Reason, e.Next, e.Lost = fmt.Sprintf("retention has deleted offsets before %d", s.Start), s.Start, s.Start-from
	case r.Until > s.HighWatermark:
		e.Reason, e.Next, e.Lost = fmt.Sprintf("the log was cut: it ends at %d", s.HighWatermark), s.HighWatermark, -1
	default:
		return nil
	}
	return e
}

// otherTopic reports whether two ids tell that a topic was made anew.
func otherTopic(a, b TopicID) bool { return a != TopicID{} && b != TopicID{} && a != b }

// replaced says whether the records of a range, which was planned in an earlier leader epoch than s is in, may be others
// now. An unclean election cuts the log; when it has grown again beyond the range its length tells nothing.
//
// epochEnd is the leader's answer where the records of the range's epoch, or of those before it, end. When the range was
// planned the log reached to Until at least and held no later epoch, so as long as nothing was cut the answer is Until or
// more, whichever of those epochs the records are of. −1 is no answer: a leader writes down the start of its own epoch
// when it is elected, so that it can answer for every lower one, and only brokers that keep no history of epochs, as
// some that are compatible with Kafka do, say −1. To refuse then would stop a job for good after any harmless election.
func replaced(r Range, epochEnd int64, s PartitionState) error {
	if epochEnd < 0 || epochEnd >= r.Until {
		return nil
	}
	reason := fmt.Sprintf("the log was cut at %d and has other records since leader epoch %d", epochEnd, r.LeaderEpoch)
	if s.HighWatermark <= epochEnd {
		reason = fmt.Sprintf("the log was cut: it ends at %d", s.HighWatermark)
	}
	// What is behind the cut was never read, whatever was read at those offsets before.
	return &RangeGoneError{Range: r, Reason: reason, Start: s.Start, End: s.HighWatermark, TopicID: s.TopicID,
		Next: max(epochEnd, s.Start), Lost: -1}
}

// deleted is the error for a range of a topic that the brokers do not know any more.
func deleted(r Range, brokers []string) error {
	return &RangeGoneError{Range: r, Next: -1, Lost: -1, AllOfTopic: true, Reason: fmt.Sprintf(
		"the topic was deleted, or %s belong to another cluster", strings.Join(brokers, ", "))}
}

// vanished is the error for a range of a partition that is missing from a topic.
func vanished(r Range) error {
	return &RangeGoneError{Range: r, Reason: "the partition does not exist any more", Next: -1, Lost: -1}
}

// at is the empty range where the job stands.
func (p Position) at() Range {
	return Range{Source: p.Source, Topic: p.Topic, TopicID: p.TopicID, Partition: p.Partition,
		From: p.Next, Until: p.Next, LeaderEpoch: p.LeaderEpoch}
}
