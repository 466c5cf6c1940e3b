package kafka

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"testing"
	"time"
)

// TestHealth steps through outages of two callers with a clock of its own.
func TestHealth(t *testing.T) {
	now := time.Unix(0, 0)
	c := client(t, Options{Brokers: []string{"nobody:1"}})
	c.health.now = func() time.Time { return now }
	var told []string
	c.OnHealth(func(text string) { told = append(told, text) })
	want := func(texts ...string) {
		t.Helper()
		if !slices.Equal(told, texts) {
			t.Fatalf("told %q, want %q", told, texts)
		}
		told = nil
	}
	fail := func(o *Outage, after time.Duration) {
		now = now.Add(after)
		o.Failed(errors.New("broker a:1: EOF"), 30*time.Second)
	}
	a, b := c.Outage(), c.Outage()
	a.End(true)
	want() // nothing was wrong

	fail(&a, 0)
	fail(&a, healthPatience-1)
	a.End(true)
	want() // too short to be told

	fail(&a, 0)
	fail(&b, healthPatience)
	fail(&a, time.Second)
	want("degraded: broker a:1: EOF; trying again for up to 30s") // once, not for each caller and attempt
	b.End(true)
	want() // one of them is still failing
	now = now.Add(time.Second)
	a.End(true)
	a.End(true)
	want("recovered after 2.5s")

	a.Failed(fmt.Errorf("ask: %w", &ConnError{"a:1", io.EOF}), 30*time.Second) // what was asked is left out
	now = now.Add(time.Minute)
	a.Failed(fmt.Errorf("ask: %w", &ConnError{"a:1", io.EOF}), 30*time.Second)
	a.End(false)
	want("degraded: broker a:1: EOF; trying again for up to 30s") // its error tells the rest
	fail(&b, 0)
	fail(&b, time.Second)
	want() // whoever was told of it knows: the caller that gave up has begun again, or another one
	a.End(true)
	want() // b is still failing
	b.End(true)
	want("recovered after 1m1s")

	fail(&a, 0)
	fail(&a, time.Second)
	a.End(false)
	want("degraded: broker a:1: EOF; trying again for up to 30s")
	now = now.Add(time.Second)
	b.End(true)
	b.End(true)
	want("recovered after 2s") // an attempt that was well at once
}
