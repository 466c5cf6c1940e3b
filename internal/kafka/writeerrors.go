package kafka

import (
	"errors"
	"fmt"
	"time"
)

// FencedError says that the session is over because another one has begun under the same transactional id, or because
// the transaction was open for longer than its time-out and the broker ended it. See whether this process still owns
// the job; if it does, [Producer.Init] begins a new session.
type FencedError struct {
	TransactionalID string
	Op              string
	Err             error
}

func (e *FencedError) Error() string {
	return fmt.Sprintf("kafka: %s: another producer has taken over transactional id %s, or its transaction timed out: %v", e.Op, e.TransactionalID, e.Err)
}

// Unwrap returns the broker's answer.
func (e *FencedError) Unwrap() error { return e.Err }

// IndefiniteError says that it is not known whether a write has happened. The session is over: begin a new one with
// [Producer.Init], which ends what is open, then read the commit record.
type IndefiniteError struct {
	Op  string
	Err error
}

func (e *IndefiniteError) Error() string {
	return fmt.Sprintf("kafka: %s: not known whether it happened: %v", e.Op, e.Err)
}

// Unwrap returns what went wrong.
func (e *IndefiniteError) Unwrap() error { return e.Err }

// SlowTransactionError says that a transaction was open for so long that the broker may have ended it, or would before
// it is committed. It was not committed.
type SlowTransactionError struct {
	Open    time.Duration // since its first request
	Timeout time.Duration // after which the broker ends it
}

func (e *SlowTransactionError) Error() string {
	return fmt.Sprintf("transaction has been open for %s, the broker ends it after %s: publish less at a time or raise the transaction timeout", e.Open.Round(time.Millisecond), e.Timeout)
}

// TooLargeError says that a batch is larger than its topic takes.
type TooLargeError struct {
	Topic     string
	Partition int32
	Records   int // in the batch
	Size      int // of the batch in bytes, compressed
	Limit     int // max.message.bytes of the topic, 0 if not known
}

func (e *TooLargeError) Error() string {
	what := fmt.Sprintf("batch of %d records", e.Records)
	if e.Records == 1 {
		what = "record"
	}
	limit := "max.message.bytes of the topic"
	if e.Limit > 0 {
		limit = fmt.Sprintf("%d (%s)", e.Limit, limit)
	}
	return fmt.Sprintf("kafka: %s for %s/%d is %d bytes long, larger than %s", what, e.Topic, e.Partition, e.Size, limit)
}

// RefusedError says that a leader does not take a batch as it is.
type RefusedError struct {
	Topic     string
	Partition int32
	Text      string // the broker's own words
	MaxTime   int64  // greatest timestamp in the batch, milliseconds since the epoch
	Err       error
}

func (e *RefusedError) Error() string {
	text := fmt.Sprintf("kafka: %s/%d does not take records: %v", e.Topic, e.Partition, e.Err)
	if errors.Is(e.Err, codeInvalidTimestamp) {
		text += fmt.Sprintf("; the latest timestamp is %s (message.timestamp.after.max.ms and .before.max.ms of the topic)", time.UnixMilli(e.MaxTime).UTC().Format(time.RFC3339Nano))
	}
	if e.Text != "" {
		text += ": " + e.Text
	}
	return text
}

// Unwrap returns the broker's answer.
func (e *RefusedError) Unwrap() error { return e.Err }

var errNotTransactional = errors.New("kafka: a producer without transactional id has no transactions to commit")

var errNoSession = errors.New("the session is over, or none has begun")
