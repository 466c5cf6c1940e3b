package integration

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

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

// TestKafkaExactlyOnce kills a job that writes transactions, and pauses it while another takes over and wakes it then,
// again and again. A consumer that runs along sees every record once.
func TestKafkaExactlyOnce(t *testing.T) {
	const n, kills, zombies = 120_000, 50, 20
	p := newKafkaProgram(t, kafkaJob, 4)
	p.fill(t, 0, n)
	w := p.watch(t)
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	f := &faults{p: p, rng: rand.New(rand.NewPCG(seed, 0)), args: []string{p.job, "--available-now", "--take-over", "--set", "limits.rows=400"}}
	l := p.start(f.args...)
	for f.kills < kills || f.zombies < zombies {
		if f.zombies < zombies && f.rng.IntN(kills+zombies) < zombies || f.kills == kills {
			l = f.zombie(t, l)
		} else {
			l = f.kill(t, l)
		}
	}
	if _, err := l.wait(); err != nil {
		t.Fatal(err)
	}
	all := p.visible(t, n)
	for w.count() < len(all) && len(w.faultsSoFar()) == 0 && t.Context().Err() == nil {
		<-time.After(10 * time.Millisecond)
	}
	w.cancel()
	<-w.end
	lost := n - len(w.seen)
	t.Logf("%d kill -9, %d of them with a batch open; %d zombies, %d of them inside a batch; %d records in %d batches: %d lost, %d doubled or out of order",
		f.kills, f.open, f.zombies, f.inBatch, len(w.seen), p.lastPlan(t).Batch, lost, len(w.faults))
	if lost != 0 || len(w.faults) > 0 || len(all) != n {
		t.Errorf("%d lost, %d visible in the end; faults: %.10q", lost, len(all), w.faults)
	}
	if f.open < kills/4 || f.inBatch < zombies/4 {
		t.Error("too few of them in the middle of a batch to prove anything")
	}
}

func (w *watcher) faultsSoFar() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.faults
}

// faults are what was done to the job so far.
type faults struct {
	p              *kafkaProgram
	rng            *rand.Rand
	args           []string
	kills, zombies int
	open, inBatch  int
}

// after waits for some reports of a life, then for a moment that most often meets the next batch.
func (f *faults) after(t *testing.T, l *life) {
	t.Helper()
	for range 1 + f.rng.IntN(2) {
		if _, ok := <-l.progress; !ok {
			_, err := l.wait()
			t.Fatalf("the job ended after %d kills and %d zombies: %v", f.kills, f.zombies, err)
		}
	}
	<-time.After(time.Duration(f.rng.IntN(12_000)) * time.Microsecond)
}

// kill ends a life as a crash would, and begins the next.
func (f *faults) kill(t *testing.T, l *life) *life {
	t.Helper()
	f.after(t, l)
	l.kill()
	f.kills++
	if f.p.openPlan(t) != nil {
		f.open++
	}
	return f.p.start(f.args...)
}

// zombie stops a life, has the next one take over and write, and wakes the first one then.
func (f *faults) zombie(t *testing.T, l *life) *life {
	t.Helper()
	f.after(t, l)
	l.pause(t)
	if f.p.openPlan(t) != nil {
		f.inBatch++
	}
	next := f.p.start(f.args...)
	if _, ok := <-next.progress; !ok {
		_, err := next.wait()
		t.Fatalf("the job that took over ended: %v", err)
	}
	l.signal(t, syscall.SIGCONT)
	_, _ = l.wait() // its exit code is what counts
	wantExit(t, l.cmd.ProcessState.ExitCode(), l.stderr.String(), 5, "another run has taken this job over")
	f.zombies++
	return next
}
