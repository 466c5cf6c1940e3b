package offsets

import (
	"fmt"
	"slices"
)

// Loss is what a job gives up in one partition because a run was told to: records that it has not read, or the certainty
// that those it has read are still what the log holds.
type Loss struct {
	Source    string  `json:"source"`
	Topic     string  `json:"topic"`
	TopicID   TopicID `json:"topic_id"` // that the job has read
	Partition int32   `json:"partition"`
	Wanted    int64   `json:"wanted"`  // the first offset that it had not read
	Next      int64   `json:"next"`    // where it goes on; −1: nowhere, the partition is given up
	Offsets   int64   `json:"offsets"` // given up unread, an upper bound of the records; −1: nobody can tell
	Start     int64   `json:"start"`   // what was available then: [Start, End)
	End       int64   `json:"end"`
	Reason    string  `json:"reason"`
}

func (l Loss) String() string {
	lost := fmt.Sprintf("%d offsets unread", l.Offsets)
	switch {
	case l.Offsets == 1:
		lost = "1 offset unread"
	case l.Offsets < 0:
		lost = "unread records that nobody can count"
	}
	next := fmt.Sprintf("goes on at %d", l.Next)
	if l.Next < 0 {
		next = "is not read any more"
	}
	return fmt.Sprintf("%s/%d position %d: %s; %s, %s", l.Topic, l.Partition, l.Wanted, l.Reason, lost, next)
}

// GiveUp returns the positions without what cannot be read on from, and what that gives up: the partition of the error,
// or all partitions of a topic that is gone. There is none when the error is about no position.
func GiveUp(positions []Position, gone *RangeGoneError) ([]Position, []Loss) {
	var left []Position
	var losses []Loss
	for _, p := range positions {
		if !gone.concerns(p) {
			left = append(left, p)
			continue
		}
		losses = append(losses, Loss{Source: p.Source, Topic: p.Topic, TopicID: p.TopicID, Partition: p.Partition,
			Wanted: p.Next, Next: gone.Next, Offsets: gone.Lost, Start: gone.Start, End: gone.End, Reason: gone.Reason})
		if gone.Next >= 0 {
			p.Next = gone.Next
			if otherTopic(p.TopicID, gone.TopicID) || gone.Remade {
				p.TopicID, p.LeaderEpoch = gone.TopicID, -1
			}
			left = append(left, p)
		}
	}
	return left, losses
}

func (e *RangeGoneError) concerns(p Position) bool {
	return p.Source == e.Range.Source && p.Topic == e.Range.Topic && (e.AllOfTopic || p.Partition == e.Range.Partition)
}

// Unread is the error for positions in a topic that the source is not told to read any more.
func Unread(source, topic string, positions []Position) *RangeGoneError {
	i := slices.IndexFunc(positions, func(p Position) bool { return p.Source == source && p.Topic == topic })
	e := &RangeGoneError{Range: Range{Source: source, Topic: topic}, Reason: "the source does not read the topic any more",
		Next: -1, Lost: -1, AllOfTopic: true}
	if i >= 0 {
		e.Range = positions[i].at()
	}
	return e
}
