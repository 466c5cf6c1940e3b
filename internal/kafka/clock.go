package kafka

import (
	"context"
	"time"
)

// Clock is time as retries see it; tests bring their own.
type Clock interface {
	Now() time.Time
	// Sleep returns after d, or with the cause when ctx ends before.
	Sleep(ctx context.Context, d time.Duration) error
}

// systemClock is the machine's clock. Differences of its times are monotonic.
type systemClock struct{}

func (systemClock) Now() time.Time { return time.Now() }

func (systemClock) Sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
