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

// retry spaces the attempts of one call and ends them when the budget is used up without progress.
type retry struct {
	client *kafka.Client
	budget time.Duration
	began  time.Time
	wait   time.Duration
}

func (k *Kafka) newRetry() *retry {
	return &retry{client: k.client, budget: k.opts.RetryFor, began: time.Now(), wait: retryWaitFirst}
}

// after waits before the next attempt and returns nil, or returns why there must not be one.
func (r *retry) after(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if settled(err) {
		return err
	}
	switch kafka.Decide(err) {
	case kafka.Stop:
		return err
	case kafka.Refresh:
		r.client.Refresh()
	}
	if spent := time.Since(r.began); spent+r.wait > r.budget {
		return fmt.Errorf("no progress in %s: %w", spent.Round(time.Millisecond), err)
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

// settled reports whether the brokers have answered: what they say will not change by asking again.
func settled(err error) bool {
	var unknown *UnknownTopicError
	var gone *RangeGoneError
	return errors.As(err, &unknown) || errors.As(err, &gone)
}
