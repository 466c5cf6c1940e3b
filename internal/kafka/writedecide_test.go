package kafka

import (
	"context"
	"errors"
	"fmt"
	"io"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
)

// TestDecideWrites has a line for every branch of both tables.
func TestDecideWrites(t *testing.T) {
	codes := func(errs ...*kerr.Error) (out []Code) {
		for _, e := range errs {
			out = append(out, Code(e.Code))
		}
		return out
	}
	for _, test := range []struct {
		why                   string
		codes                 []Code
		produce, coordination verdict
	}{
		{"taken", []Code{0}, done, refused},
		{"taken before", codes(kerr.DuplicateSequenceNumber), done, refused},
		{"a gap that is not ours", codes(kerr.OutOfOrderSequenceNumber), lost, refused},
		{"the leader moves", codes(kerr.NotLeaderForPartition, kerr.LeaderNotAvailable, kerr.ReplicaNotAvailable, kerr.KafkaStorageError), find, refused},
		{"a new topic", codes(kerr.UnknownTopicOrPartition), find, again},
		{"written, the followers lag; or ended, the answer late", codes(kerr.RequestTimedOut), again, lost},
		{"written, the followers lag", codes(kerr.NotEnoughReplicasAfterAppend), again, refused},
		{"too few followers", codes(kerr.NotEnoughReplicas), again, refused},
		{"the coordinator loads", codes(kerr.CoordinatorLoadInProgress), again, again},
		{"the coordinator moves", codes(kerr.CoordinatorNotAvailable, kerr.NotCoordinator), again, find},
		{"markers are being written", codes(kerr.ConcurrentTransactions), again, again},
		{"damaged on its way", codes(kerr.CorruptMessage), again, refused},
		{"the broker is at a loss", codes(kerr.UnknownServerError, kerr.NetworkException, kerr.BrokerNotAvailable), again, lost},
		{"a newer epoch, or timed out", codes(kerr.InvalidProducerEpoch, kerr.ProducerFenced, kerr.InvalidTxnState, kerr.InvalidProducerIDMapping), fenced, fenced},
		{"to be aborted", codes(kerr.UnknownProducerID, kerr.TransactionAbortable), lost, lost},
		{"refused", codes(kerr.MessageTooLarge, kerr.InvalidTimestamp, kerr.InvalidRecord, kerr.TopicAuthorizationFailed,
			kerr.TransactionalIDAuthorizationFailed, kerr.OffsetMetadataTooLarge, kerr.UnsupportedVersion), refused, refused},
	} {
		for _, code := range test.codes {
			if got := decideProduce(code, false); got != test.produce {
				t.Errorf("%s: produce answered %v: %s, want %s", test.why, code, got, test.produce)
			}
			if code == 0 {
				continue
			}
			if got := decideTransactional(fmt.Errorf("wrapped: %w", code)); got != test.coordination {
				t.Errorf("%s: coordinator answered %v: %s, want %s", test.why, code, got, test.coordination)
			}
		}
	}
	if got := decideProduce(codeOutOfOrderSequence, true); got != again {
		t.Errorf("a gap that an earlier batch leaves: %s, want again", got)
	}
	for _, err := range []error{io.EOF, io.ErrUnexpectedEOF, context.DeadlineExceeded, errShortAnswer, errors.New("connection refused")} {
		if got := decideTransactional(err); got != lost {
			t.Errorf("%v: %s, want lost", err, got)
		}
		if got := decideFlight(err); got != find {
			t.Errorf("batches after %v: %s, want find", err, got)
		}
	}
	if got := decideTransactional(nil); got != done {
		t.Errorf("no error: %s", got)
	}
	if got := decideFlight(context.Canceled); got != lost {
		t.Errorf("cancelled: %s, want lost", got)
	}
}

func TestDecideCoordinator(t *testing.T) {
	for _, test := range []struct {
		err  error
		want Action
	}{
		{codeCoordinatorNotAvail, Refresh},
		{codeNotCoordinator, Refresh},
		{codeCoordinatorLoading, Retry},
		{codeConcurrentTxns, Retry},
		{codeUnstableOffset, Retry},
		{CodeUnknownTopic, Retry},
		{codeUnknownServer, Retry},
		{codeBrokerNotAvailable, Refresh},
		{codeGroupDenied, Stop},
		{io.EOF, Refresh},
		{context.Canceled, Stop},
		{finalError{io.EOF}, Stop},
	} {
		if got := decideCoordinator(test.err); got != test.want {
			t.Errorf("%v: %s, want %s", test.err, got, test.want)
		}
	}
}
