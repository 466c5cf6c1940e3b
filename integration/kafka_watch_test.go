package integration

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"
)

// watcher reads a topic under read_committed while a job writes it: it must see every id once, and the batches of each
// partition in order, at any moment.
type watcher struct {
	end    chan struct{}
	cancel context.CancelFunc

	mu     sync.Mutex
	seen   map[int]int64 // batch by id
	faults []string
}

func (p *kafkaProgram) watch(t *testing.T) *watcher {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	w := &watcher{end: make(chan struct{}), cancel: cancel, seen: map[int]int64{}}
	c := p.b.Client(t, kgo.ConsumeTopics(p.out), kgo.FetchIsolationLevel(kgo.ReadCommitted()), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	go func() {
		defer close(w.end)
		last := map[int32]int64{}
		for {
			f := c.PollFetches(ctx)
			if errors.Is(f.Err(), context.Canceled) || ctx.Err() != nil {
				return
			}
			w.mu.Lock()
			f.EachRecord(func(r *kgo.Record) { w.see(t, r, last) })
			w.mu.Unlock()
		}
	}()
	return w
}

// see notes one record.
func (w *watcher) see(t *testing.T, r *kgo.Record, last map[int32]int64) {
	id := idOf(t, r.Value)
	batch, err := strconv.ParseInt(string(r.Headers[1].Value), 10, 64)
	if before, twice := w.seen[id]; twice || err != nil {
		w.faults = append(w.faults, fmt.Sprintf("id %d of batch %d is there again in batch %d at %d/%d", id, before, batch, r.Partition, r.Offset))
	}
	if batch < last[r.Partition] {
		w.faults = append(w.faults, fmt.Sprintf("batch %d behind batch %d in partition %d", batch, last[r.Partition], r.Partition))
	}
	w.seen[id], last[r.Partition] = batch, batch
}

func (w *watcher) count() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.seen)
}

func (w *watcher) faultsSoFar() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.faults
}
