package kafka

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Waits between two attempts double from the first to the longest: a transaction of before mostly ends within
// milliseconds, a broker fails over in seconds.
const (
	writeWaitFirst  = time.Millisecond
	markersWaitMost = 20 * time.Millisecond
	writeWaitMost   = 200 * time.Millisecond
)

// attempts spaces the attempts of one call and ends them when the budget is used up.
type attempts struct {
	clock  Clock
	budget time.Duration
	began  time.Time
	wait   time.Duration
	outage Outage
}

// newAttempts begins a call. Its caller ends it with done, or with well before.
func (c *Client) newAttempts(clock Clock, budget time.Duration) *attempts {
	return &attempts{clock: clock, budget: budget, began: clock.Now(), wait: writeWaitFirst, outage: c.Outage()}
}

// well notes that the last attempt has succeeded; it returns nil.
func (t *attempts) well() error {
	t.outage.End(true)
	return nil
}

// done notes that there is no further attempt.
func (t *attempts) done() { t.outage.End(false) }

// after waits before the next attempt and returns nil, or returns why there must not be one.
func (t *attempts) after(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	most := writeWaitMost
	if errors.Is(err, codeConcurrentTxns) {
		most = markersWaitMost
	}
	wait := min(t.wait, most)
	if spent := t.clock.Now().Sub(t.began); spent+wait > t.budget {
		return fmt.Errorf("given up after %s: %w", spent.Round(time.Millisecond), err)
	}
	t.outage.Failed(err, t.budget)
	t.wait = min(2*t.wait, writeWaitMost)
	return t.clock.Sleep(ctx, wait)
}

// onCoordinator calls f with the broker that coordinates k until it succeeds, fails for good or the budget is used up.
// f must be a call that may be repeated: a read, or a write that means the same twice.
func (c *Client) onCoordinator(ctx context.Context, k coordinatorKey, t *attempts, f func(node int32) error) error {
	defer t.done()
	for {
		node, err := c.coordinator(ctx, k)
		if err == nil {
			err = f(node)
		}
		if err == nil {
			return t.well()
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
