package kafka

import (
	"context"
	"errors"
	"fmt"

	kafkago "github.com/segmentio/kafka-go"
)

// Code is an error code of the Kafka protocol.
type Code int16

// The codes that readers act upon by name.
const (
	CodeOffsetOutOfRange Code = 1
	CodeUnknownTopic     Code = 3 // topic or partition
	CodeUnknownTopicID   Code = 100

	codeUnknownServer      Code = -1
	codeLeaderNotAvailable Code = 5
	codeNotLeader          Code = 6
	codeRequestTimedOut    Code = 7
	codeBrokerNotAvailable Code = 8
	codeReplicaNotAvail    Code = 9
	codeNetwork            Code = 13
	codeUnsupportedVersion Code = 35
	codeKafkaStorage       Code = 56
	codeFencedLeaderEpoch  Code = 74
	codeUnknownLeaderEpoch Code = 75
	codeOffsetNotAvailable Code = 78
	codeInconsistentTopic  Code = 103

	codeNotController       Code = 41
	codeFetchSessionID      Code = 70
	codeFetchSessionEpoch   Code = 71
	codeListenerNotFound    Code = 72
	codePreferredLeader     Code = 80
	codeEligibleLeaders     Code = 83
	codeThrottlingQuota     Code = 89
	codeFetchSessionTopicID Code = 106
	codeUnknownController   Code = 116
	codeRebootstrap         Code = 129
)

// Error returns the code's name and number.
func (c Code) Error() string {
	title := kafkago.Error(c).Title()
	switch c {
	case CodeUnknownTopicID:
		title = "Unknown Topic ID"
	case codeInconsistentTopic:
		title = "Inconsistent Topic ID"
	case codeOffsetNotAvailable:
		title = "Offset Not Available"
	}
	if title == "" {
		return fmt.Sprintf("kafka error %d", int16(c))
	}
	return fmt.Sprintf("%s (kafka error %d)", title, int16(c))
}

// Action says what to do after an error.
type Action int

const (
	// Stop: trying again cannot help.
	Stop Action = iota
	// Retry: the same broker is expected to answer soon.
	Retry
	// Refresh: call [Client.Refresh] first; the leader or its address has changed, or the connection is gone.
	Refresh
)

// String returns the action's name.
func (a Action) String() string { return [...]string{"stop", "retry", "refresh"}[a] }

// Decide says what a reader should do after an error. It is safe for reads only: a failed write may have happened.
// A deadline counts as the request's own; the caller looks at its own context first.
func Decide(err error) Action {
	var code Code
	var batch *BatchError
	var reach *ReachError
	var large *AnswerTooLargeError
	switch {
	case errors.As(err, &large):
		return Stop // it would come again
	case err == nil, errors.Is(err, context.Canceled):
		return Stop // there is nothing to do, or nobody waits for it
	case errors.As(err, &batch):
		return Stop // the bytes come from the broker's disk and would come again
	case errors.As(err, &reach) && !reach.Worked && reach.Fault != NoToken:
		return Stop // a password or a certificate does not get better
	case reach != nil:
		return Refresh // it was good before, so it is being replaced; or what gives tokens may come back
	case errors.As(err, &code):
		return decideCode(code)
	}
	// What is left happened on the way: refused, reset, hung up, no answer in time, or an answer out of step.
	return Refresh
}

func decideCode(c Code) Action {
	switch c {
	case codeLeaderNotAvailable, codeReplicaNotAvail, codeOffsetNotAvailable, codeKafkaStorage, codeEligibleLeaders, codeListenerNotFound:
		return Refresh // an election is under way, and may end at another broker
	case codeNotLeader, codeFencedLeaderEpoch, codeUnknownLeaderEpoch, codePreferredLeader:
		return Refresh // our leader, or its epoch, is out of date
	case codeNotController, codeCoordinatorNotAvail, codeNotCoordinator:
		return Refresh // the same of the broker that does other work
	case CodeOffsetOutOfRange:
		return Refresh // said by a follower that lags, or by a leader not asked yet; a reader asks it what is there
	case CodeUnknownTopic, CodeUnknownTopicID, codeInconsistentTopic:
		return Refresh // brokers learn of a new topic one after the other; a reader compares ids to find out
	case codeBrokerNotAvailable, codeNetwork, codeRebootstrap:
		return Refresh // the Transport does not know the broker yet or any more
	case codeFetchSessionID, codeFetchSessionEpoch, codeFetchSessionTopicID:
		return Refresh // we keep no fetch sessions; a broker that says so takes the connection for another's
	case codeRequestTimedOut, codeUnknownServer, codeThrottlingQuota:
		return Retry // the broker itself asks for it
	case codeCoordinatorLoading, codeConcurrentTxns, codeUnstableOffset:
		return Retry // it reads its log, or ends a transaction
	case codeNotEnoughReplicas, codeNotEnoughAfterAppend, codeUnknownController:
		return Retry // a replica is on its way back
	default:
		return Stop // the request, the right to make it, or the broker's log: the same again, e.g. not authorized
	}
}

// AnswerTooLargeError says that an answer is longer than the caller has room for; it was not read.
type AnswerTooLargeError struct{ Bytes, Most int64 }

func (e *AnswerTooLargeError) Error() string {
	return fmt.Sprintf("an answer of %d bytes, where there is room for %d", e.Bytes, e.Most)
}
