package kafka

import (
	"context"
	"errors"
)

// The codes that writers act upon.
const (
	codeCorruptMessage       Code = 2
	codeMessageTooLarge      Code = 10
	codeCoordinatorLoading   Code = 14
	codeCoordinatorNotAvail  Code = 15
	codeNotCoordinator       Code = 16
	codeBatchTooLarge        Code = 18
	codeNotEnoughReplicas    Code = 19
	codeNotEnoughAfterAppend Code = 20
	codeInvalidTimestamp     Code = 32
	codeTopicExists          Code = 36
	codeOutOfOrderSequence   Code = 45
	codeDuplicateSequence    Code = 46
	codeInvalidEpoch         Code = 47
	codeInvalidTxnState      Code = 48
	codeInvalidPIDMapping    Code = 49
	codeInvalidTxnTimeout    Code = 50
	codeConcurrentTxns       Code = 51
	codeNotAttempted         Code = 55
	codeUnknownProducer      Code = 59
	codeGroupNotFound        Code = 69
	codeUnstableOffset       Code = 88
	codeProducerFenced       Code = 90
	codeTxnAbortable         Code = 120
)

// verdict says what to do after an answer to a write, or after none.
type verdict int

const (
	// done: it has happened.
	done verdict = iota
	// again: it has not happened, or happens only once; the same broker is expected to take it soon.
	again
	// find: as again, but look for the broker afresh first.
	find
	// fenced: it has not happened and will not, another session is in force.
	fenced
	// lost: it is not known whether it happened; the session is over.
	lost
	// refused: it has not happened, and trying again cannot help.
	refused
)

func (v verdict) String() string {
	return [...]string{"done", "again", "find", "fenced", "lost", "refused"}[v]
}

// decideProduce judges a leader's answer to one batch. A batch may be sent any number of times, as long as it is one of
// the last five of its partition: the leader knows it by producer, epoch and sequence. behind says that an earlier
// batch of the partition, sent along with this one, has not been taken.
func decideProduce(code Code, behind bool) verdict {
	switch code {
	case 0, codeDuplicateSequence:
		return done // a duplicate was taken before
	case codeOutOfOrderSequence:
		if behind {
			return again // it came before the one that was not taken
		}
		return lost // the leader misses batches that it has answered for, or no longer knows the producer
	case codeNotLeader, CodeUnknownTopic, codeLeaderNotAvailable, codeReplicaNotAvail, codeKafkaStorage:
		return find // the leader moves, or the topic is new
	case codeRequestTimedOut, codeNotEnoughAfterAppend:
		return again // written, but the followers lag
	case codeNotEnoughReplicas, codeCoordinatorLoading, codeCoordinatorNotAvail, codeNotCoordinator:
		return again // not written: too few followers, or the leader could not ask the transaction's coordinator
	case codeConcurrentTxns:
		return again // the markers of the transaction before are being written
	case codeCorruptMessage, codeUnknownServer, codeNetwork, codeBrokerNotAvailable:
		return again // damaged on its way, or the broker is at a loss; the sequence keeps it from coming twice
	case codeInvalidEpoch, codeInvalidTxnState, codeInvalidPIDMapping, codeProducerFenced:
		return fenced // a newer epoch is in force, or the transaction was ended by time-out
	case codeUnknownProducer, codeTxnAbortable:
		return lost // the transaction must be aborted
	default:
		return refused // too large, a timestamp or record the topic does not take, not authorized
	}
}

// decideTransactional judges the outcome of a call of a transaction to a coordinator. Only an answer that says it has
// not happened lets it be sent again: a late copy would act upon the next transaction.
func decideTransactional(err error) verdict {
	var code Code
	switch {
	case err == nil:
		return done
	case !errors.As(err, &code):
		return lost // refused, reset, hung up, no answer in time, or one that makes no sense: it may have arrived
	}
	switch code {
	case codeConcurrentTxns, codeCoordinatorLoading:
		return again // the markers of the transaction before are being written, or the coordinator reads its log
	case CodeUnknownTopic:
		return again // the coordinator has not heard of a new topic yet
	case codeCoordinatorNotAvail, codeNotCoordinator:
		return find // it has moved
	case codeInvalidEpoch, codeInvalidTxnState, codeInvalidPIDMapping, codeProducerFenced:
		return fenced
	case codeUnknownServer, codeRequestTimedOut, codeNetwork, codeBrokerNotAvailable, codeTxnAbortable, codeUnknownProducer:
		return lost // the broker does not know itself, or asks for an abort
	default:
		return refused // not authorized, metadata too long, a version that is not supported
	}
}

// finalError is an error that no retry helps against, whatever it wraps.
type finalError struct{ error }

func (e finalError) Unwrap() error { return e.error }

// decideCoordinator says what to do after a call to a coordinator failed that may be repeated. Refresh means to look
// for the coordinator afresh.
func decideCoordinator(err error) Action {
	var code Code
	var final finalError
	switch {
	case errors.As(err, &final), errors.Is(err, context.Canceled):
		return Stop
	case !errors.As(err, &code):
		return Decide(err)
	}
	switch code {
	case codeCoordinatorNotAvail, codeNotCoordinator:
		return Refresh // it has moved, or its topic is only being made
	case codeCoordinatorLoading, codeConcurrentTxns, codeUnstableOffset:
		return Retry // it reads its log, or writes the markers of the transaction before
	case CodeUnknownTopic:
		return Retry // it has not heard of a new topic yet
	default:
		return decideCode(code)
	}
}

// isCode reports whether a broker's answer is the error, so that the connection is good.
func isCode(err error) bool {
	var code Code
	return errors.As(err, &code) && code != codeBrokerNotAvailable && code != codeNetwork
}
