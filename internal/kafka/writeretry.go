package kafka

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// The codes that writers act upon.
const (
	codeCorruptMessage       Code = 2
	codeMessageTooLarge      Code = 10
	codeCoordinatorLoading   Code = 14
	codeCoordinatorNotAvail  Code = 15
	codeNotCoordinator       Code = 16
	codeNotEnoughReplicas    Code = 19
	codeNotEnoughAfterAppend Code = 20
	codeUnknownMember        Code = 25
	codeTopicExists          Code = 36
	codeNotController        Code = 41
	codeOutOfOrderSequence   Code = 45
	codeDuplicateSequence    Code = 46
	codeInvalidEpoch         Code = 47
	codeInvalidTxnState      Code = 48
	codeInvalidPIDMapping    Code = 49
	codeConcurrentTxns       Code = 51
	codeUnknownProducer      Code = 59
	codeUnstableOffset       Code = 88
	codeProducerFenced       Code = 90
	codeThrottlingQuota      Code = 89
	codeTxnAbortable         Code = 120
)

// Waits between two attempts double from the first to the longest: a transaction of before mostly ends within
// milliseconds, a broker fails over in seconds.
const (
	writeWaitFirst = time.Millisecond
	writeWaitMost  = 20 * time.Millisecond
)

// attempts spaces the attempts of one call and ends them when the budget is used up.
type attempts struct {
	clock  Clock
	budget time.Duration
	began  time.Time
	wait   time.Duration
}

func newAttempts(clock Clock, budget time.Duration) *attempts {
	return &attempts{clock: clock, budget: budget, began: clock.Now(), wait: writeWaitFirst}
}

// after waits before the next attempt and returns nil, or returns why there must not be one.
func (t *attempts) after(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if spent := t.clock.Now().Sub(t.began); spent+t.wait > t.budget {
		return fmt.Errorf("given up after %s: %w", spent.Round(time.Millisecond), err)
	}
	wait := t.wait
	t.wait = min(2*t.wait, writeWaitMost)
	return t.clock.Sleep(ctx, wait)
}

// onCoordinator calls f with the broker that coordinates k until it succeeds, fails for good or the budget is used up.
// f must be a call that may be repeated: a read, or a write that means the same twice.
func (c *Client) onCoordinator(ctx context.Context, k coordinatorKey, t *attempts, f func(node int32) error) error {
	for {
		node, err := c.coordinator(ctx, k)
		if err == nil {
			err = f(node)
		}
		if err == nil {
			return nil
		}
		switch decideCoordinator(err) {
		case Stop:
			return err
		case Refresh:
			c.forgetCoordinator(k)
			if !isCode(err) {
				c.Refresh()
			}
		}
		if err := t.after(ctx, err); err != nil {
			return err
		}
	}
}

// isCode reports whether a broker's answer is the error, so that the connection is good.
func isCode(err error) bool {
	var code Code
	return errors.As(err, &code) && code != codeBrokerNotAvailable && code != codeNetwork
}

// decideCoordinator says what to do after a call to a coordinator failed that may be repeated. Refresh means to look
// for the coordinator afresh.
func decideCoordinator(err error) Action {
	var code Code
	if !errors.As(err, &code) {
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
