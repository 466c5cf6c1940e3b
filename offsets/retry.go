package offsets

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/millrace/millrace/internal/kafka"
)

// Waits between two attempts double from the first to the longest.
const (
	retryWaitFirst = 20 * time.Millisecond
	retryWaitMost  = time.Second
)

// retry spaces the attempts of one call and ends them when the budget is used up without progress, or when the brokers
// have said for long enough that something does not exist.
type retry struct {
	client  *kafka.Client
	budget  time.Duration
	unknown time.Duration // KafkaOptions.UnknownFor
	began   time.Time
	denied  time.Time // since when the brokers have said nothing else; zero: they have not
	wait    time.Duration
	outage  kafka.Outage
}

// newRetry begins a call. Its caller ends it with done, or with well before.
func (k *Kafka) newRetry() *retry {
	return &retry{client: k.client, budget: k.opts.RetryFor, unknown: k.opts.UnknownFor, began: time.Now(), wait: retryWaitFirst,
		outage: k.client.Outage()}
}

// well notes that the last attempt has succeeded.
func (r *retry) well() { r.outage.End(true) }

// done notes that there is no further attempt.
func (r *retry) done() { r.outage.End(false) }

// denies reports whether the brokers have answered that something does not exist. It may be that they do not know yet.
func denies(err error) bool {
	var topic *UnknownTopicError
	var missing *kafka.MissingError
	var old *outdatedError
	return errors.As(err, &topic) || errors.As(err, &missing) || errors.As(err, &old)
}

// believes notes an error and reports whether it is such an answer, and the only one for long enough: any other error
// in between, such as a broken connection, says that brokers come and go.
func (r *retry) believes(err error) bool {
	if !denies(err) {
		r.denied = time.Time{}
		return false
	}
	if r.denied.IsZero() {
		r.denied = time.Now()
	}
	return time.Since(r.denied)+r.wait > r.unknown
}

// after waits before the next attempt and returns nil, or returns why there must not be one.
func (r *retry) after(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	var gone *RangeGoneError
	var start *StartError
	if errors.As(err, &gone) || errors.As(err, &start) || r.believes(err) {
		return err
	}
	switch kafka.Decide(err) {
	case kafka.Stop:
		return err
	case kafka.Refresh:
		r.client.Refresh()
	}
	if spent := time.Since(r.began); spent+r.wait > r.budget && r.denied.IsZero() {
		return fmt.Errorf("no progress in %s: %w", spent.Round(time.Millisecond), err)
	}
	if !denies(err) { // that is an answer, whatever it is worth
		r.outage.Failed(err, r.budget)
	}
	timer := time.NewTimer(r.wait)
	defer timer.Stop()
	r.wait = min(2*r.wait, retryWaitMost)
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
