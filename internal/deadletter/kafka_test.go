package deadletter

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/millrace/millrace/offsets"
)

// waiter is a clock that calls do behind each wait.
type waiter struct {
	now   time.Time
	waits int
	do    func(waits int)
}

func (c *waiter) Now() time.Time { return c.now }

func (c *waiter) Wait(ctx context.Context, d time.Duration) error {
	c.now = c.now.Add(d)
	c.waits++
	if c.do != nil {
		c.do(c.waits)
	}
	return ctx.Err()
}

// post writes the letter of a record of t/0 into a partition of the topic of letters.
func post(m *offsets.Memory, job string, partition int32, offset, batch int64, value string) {
	text := fmt.Sprintf(`{"source":"a","topic":"t","partition":0,"offset":%d,"timestamp":null,"batch":%d,"key":null,"value":%q,"headers":[],"complete":true}`,
		offset, batch, base64.StdEncoding.EncodeToString([]byte(value)))
	m.Append("bad", partition, offsets.MemoryRecord{Value: []byte(text), Headers: []offsets.MemoryHeader{{Key: jobHeader, Value: []byte(job)}}})
}

// TestOnlyCommittedBatches: the letters of a batch come all together or not at all, however they lie in the topic.
func TestOnlyCommittedBatches(t *testing.T) {
	m := offsets.NewMemory("letters")
	post(m, "job", 0, 1, 1, "v")
	post(m, "job", 1, 2, 1, "w")
	post(m, "other", 1, 3, 1, "not ours")
	post(m, "job", 1, 9, 3, "z") // of a batch whose other letter, offset 8, is not there yet
	post(m, "job", 0, 5, 2, "x")
	s, err := ReadKafka(t.Context(), "job", m, KafkaOptions{Until: 2, Clock: &waiter{}})
	if err != nil {
		t.Fatal(err)
	}
	if got := records(t, s.Source("a")); !slices.Equal(got, []string{"0:1=v", "0:2=w", "0:5=x"}) || s.Later() != 1 {
		t.Errorf("letters %q, %d later", got, s.Later())
	}
	post(m, "job", 0, 8, 3, "y")
	if s, err = ReadKafka(t.Context(), "job", m, KafkaOptions{Until: 3, Clock: &waiter{}}); err != nil {
		t.Fatal(err)
	}
	if got := records(t, s.Source("a")); !slices.Equal(got, []string{"0:1=v", "0:2=w", "0:5=x", "0:8=y", "0:9=z"}) || s.Later() != 0 {
		t.Errorf("letters %q, %d later", got, s.Later())
	}
}

// heldTopic has a letter in each of two partitions, of which an open transaction holds back the one of partition 1.
func heldTopic() *offsets.Memory {
	m := offsets.NewMemory("letters")
	post(m, "job", 0, 2, 1, "x")
	m.Gap("bad", 1, 3)
	post(m, "job", 1, 1, 1, "w")
	m.SetStable("bad", 1, 3)
	return m
}

// TestWaitForOpenTransaction: what an open transaction holds back is waited for, and no more than that.
func TestWaitForOpenTransaction(t *testing.T) {
	m := heldTopic()
	clock := &waiter{do: func(waits int) {
		post(m, "other", 0, 1, 1, "y") // somebody writes all the time
		m.SetStable("bad", 0, int64(waits))
		if waits == 7 {
			m.SetStable("bad", 1, 4)
			m.Append("bad", 1, offsets.MemoryRecord{}) // of the next transaction
		}
	}}
	s, err := ReadKafka(t.Context(), "job", m, KafkaOptions{Until: 1, Clock: clock})
	if err != nil {
		t.Fatal(err)
	}
	if got := records(t, s.Source("a")); !slices.Equal(got, []string{"0:1=w", "0:2=x"}) || clock.waits != 7 {
		t.Errorf("letters %q after %d waits", got, clock.waits)
	}
}

// TestOpenTransaction: one that goes on holding letters back is refused, with its place; no letter is left out for it.
func TestOpenTransaction(t *testing.T) {
	clock := &waiter{}
	_, err := ReadKafka(t.Context(), "job", heldTopic(), KafkaOptions{Until: 1, Clock: clock})
	var refused *RefusedError
	if !errors.As(err, &refused) || clock.now.Sub(time.Time{}) != stableWait {
		t.Fatalf("error %v after %s", err, clock.now.Sub(time.Time{}))
	}
	for _, part := range []string{"bad/1 waits at offset 3, high watermark 4", "open transaction", "run again when it has ended"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%q is not in %v", part, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	clock = &waiter{do: func(int) { cancel() }}
	if _, err := ReadKafka(ctx, "job", heldTopic(), KafkaOptions{Until: 1, Clock: clock}); !errors.Is(err, context.Canceled) || clock.waits != 1 {
		t.Errorf("error %v after %d waits", err, clock.waits)
	}
}
