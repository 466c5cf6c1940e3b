package wal

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/millrace/millrace/internal/store"
	"github.com/millrace/millrace/internal/store/storetest"
)

// testPlace is one implementation, in a fresh place.
type testPlace struct {
	epochs  Epochs
	chains  Chains
	objects *storetest.Objects // nil: files
	now     *testTime
}

// testTime is a clock that goes on by waiting.
type testTime struct {
	mu     sync.Mutex
	at     time.Time
	waited time.Duration
	onWait func()
}

func (c *testTime) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *testTime) Wait(ctx context.Context, d time.Duration) error {
	c.mu.Lock()
	c.at, c.waited = c.at.Add(d), c.waited+d
	c.mu.Unlock()
	if c.onWait != nil {
		c.onWait()
	}
	return ctx.Err()
}

// onPlaces runs a test on every implementation.
func onPlaces(t *testing.T, test func(t *testing.T, p testPlace)) {
	t.Run("files", func(t *testing.T) {
		fsys := storetest.NewCrashFS()
		test(t, testPlace{epochs: FileEpochs{fsys, "/epochs"}, chains: FileChains{fsys, "/wal"}, now: &testTime{at: startOfDriver}})
	})
	t.Run("objects", func(t *testing.T) {
		now := &testTime{at: startOfDriver}
		objects := &storetest.Objects{Now: now.Now}
		test(t, testPlace{epochs: ObjectEpochs{objects, now.Wait}, chains: ObjectChains{objects}, objects: objects, now: now})
	})
}

func (p testPlace) acquire(t *testing.T, pid int, takeOver bool) Lease {
	t.Helper()
	lease, err := p.epochs.Acquire(t.Context(), AcquireOptions{TakeOver: takeOver, Now: p.now.Now(), Host: "worker-7", PID: pid})
	must(t, err)
	return lease
}

// beating makes a lease's heart beat whenever somebody waits.
func (p testPlace) beating(lease Lease) {
	if b, ok := lease.(Beater); ok {
		p.now.onWait = func() { _ = b.Beat(context.Background()) }
	}
}

func TestOneHolder(t *testing.T) {
	onPlaces(t, func(t *testing.T, p testPlace) {
		if holder, err := p.epochs.Current(t.Context()); holder != nil || err != nil {
			t.Fatalf("held by %v, %v before anybody came", holder, err)
		}
		first := p.acquire(t, 1, false)
		p.beating(first)
		var held *HeldError
		if _, err := p.epochs.Acquire(t.Context(), AcquireOptions{}); !errors.As(err, &held) || held.PID != 1 || held.Epoch != 1 {
			t.Fatalf("a second driver got %v, want that process 1 holds epoch 1", err)
		}
		if holder, err := p.epochs.Current(t.Context()); err != nil || holder == nil || holder.PID != 1 {
			t.Errorf("current holder %v, %v", holder, err)
		}
		if newer, err := first.Newer(); newer != nil || err != nil {
			t.Errorf("newer %v, %v", newer, err)
		}
		second := p.acquire(t, 2, true)
		if newer, err := first.Newer(); err != nil || newer == nil || newer.PID != 2 || newer.Epoch != 2 {
			t.Errorf("newer than the first: %v, %v", newer, err)
		}
		if newer, err := second.Newer(); newer != nil || err != nil {
			t.Errorf("newer than the second: %v, %v", newer, err)
		}
		if older, err := p.epochs.HeldBelow(t.Context(), 2); err != nil || older == nil || older.PID != 1 {
			t.Errorf("held below the second: %v, %v", older, err)
		}
		must(t, first.Release())
		if older, err := p.epochs.HeldBelow(t.Context(), 2); err != nil || older != nil {
			t.Errorf("held below the second, when the first has ended: %v, %v", older, err)
		}
		must(t, second.Release())
		if holder, err := p.epochs.Current(t.Context()); holder != nil || err != nil {
			t.Errorf("held by %v, %v when all have ended", holder, err)
		}
		before := p.now.waited
		if third := p.acquire(t, 3, false); third.Epoch() != 3 || p.now.waited != before {
			t.Errorf("epoch %d after %v, want 3 at once", third.Epoch(), p.now.waited-before)
		}
	})
}

// TestSilentHolder: a successor takes over by itself at most 15 seconds after the last sign of life, and never while the
// holder gives signs.
func TestSilentHolder(t *testing.T) {
	for _, silent := range []time.Duration{0, time.Second, 7 * time.Second, 14 * time.Second, time.Hour} {
		now := &testTime{at: startOfDriver}
		objects := &storetest.Objects{Now: now.Now}
		p := testPlace{epochs: ObjectEpochs{objects, now.Wait}, now: now}
		first := p.acquire(t, 1, false)
		must(t, first.(Beater).Beat(t.Context()))
		died := now.at
		now.at = now.at.Add(silent)
		second := p.acquire(t, 2, false)
		if took := now.at.Sub(died); second.Epoch() != 2 || took > max(15*time.Second, silent) {
			t.Errorf("silent for %v: epoch %d after %v", silent, second.Epoch(), took)
		}
		if silent < deadAfter && now.at.Sub(died) < deadAfter {
			t.Errorf("silent for %v: taken over %v after the last heartbeat, too early", silent, now.at.Sub(died))
		}
	}
}

// TestStoreClockStandsStill: whoever watches for long enough goes on.
func TestStoreClockStandsStill(t *testing.T) {
	now := &testTime{at: startOfDriver}
	p := testPlace{epochs: ObjectEpochs{&storetest.Objects{}, now.Wait}, now: now}
	p.acquire(t, 1, false)
	if lease := p.acquire(t, 2, false); lease.Epoch() != 2 || now.waited < deadAfter || now.waited > 15*time.Second {
		t.Errorf("epoch %d after %v", lease.Epoch(), now.waited)
	}
}

func TestOneWinnerPerEpoch(t *testing.T) {
	onPlaces(t, func(t *testing.T, p testPlace) {
		leases := make([]Lease, 8)
		var wg sync.WaitGroup
		for i := range leases {
			wg.Go(func() {
				leases[i], _ = p.epochs.Acquire(context.Background(), AcquireOptions{TakeOver: true, Host: "h", PID: i + 1})
			})
		}
		wg.Wait()
		seen := map[uint64]bool{}
		for _, l := range leases {
			if l == nil || seen[l.Epoch()] || l.Epoch() > 8 {
				t.Fatalf("a driver got %v, want each epoch to 8 once", l)
			}
			seen[l.Epoch()] = true
		}
	})
}

func TestForeignNames(t *testing.T) {
	now := &testTime{at: startOfDriver}
	objects := &storetest.Objects{Now: now.Now}
	p := testPlace{epochs: ObjectEpochs{objects, now.Wait}, chains: ObjectChains{objects}, now: now}
	lease := p.acquire(t, 1, false)
	p.acquire(t, 2, true)
	for _, name := range []string{"epochs/0", "epochs/0000000001.json.bak", "epochs/0000000001.x", "epochs/~", "wal/0000000001/0", "wal/0000000001/000000000001.bak", "wal/x"} {
		must(t, store.PutBytes(t.Context(), objects, name, []byte("x")))
	}
	if newer, err := lease.Newer(); err != nil || newer == nil || newer.Epoch != 2 {
		t.Errorf("newer %v, %v", newer, err)
	}
	if third := p.acquire(t, 3, true); third.Epoch() != 3 {
		t.Errorf("epoch %d, want 3", third.Epoch())
	}
	log, err := p.chains.Create(t.Context(), 1)
	must(t, err)
	appendAll(t, log, 3)
	wantChain(t, p.chains, 1, Tail{}, 1, 3)
}

func appendAll(t *testing.T, log Log, n int) {
	t.Helper()
	for i := range n {
		_, err := log.Append(fmt.Appendf(nil, "record %d", i+1))
		must(t, err)
	}
}

// wantChain wants the records of an epoch from one sequence to another.
func wantChain(t *testing.T, c Chains, epoch uint64, tail Tail, from, to uint64) {
	t.Helper()
	chain, err := c.Recover(t.Context(), epoch, tail)
	must(t, err)
	for i, r := range chain.Records {
		if want := from + uint64(i); r.Position.Epoch != epoch || r.Position.Sequence != want || string(r.Payload) != fmt.Sprintf("record %d", want) {
			t.Fatalf("record %d is %v %q, want sequence %d", i, r.Position, r.Payload, want)
		}
	}
	if n := uint64(len(chain.Records)); n != to-from+1 {
		t.Fatalf("%d records, want %d to %d", n, from, to)
	}
}

func TestChains(t *testing.T) {
	onPlaces(t, func(t *testing.T, p testPlace) {
		if newest, err := p.chains.Newest(t.Context(), 99); newest != 0 || err != nil {
			t.Fatalf("newest %d, %v of nothing", newest, err)
		}
		for _, epoch := range []uint64{1, 2, 7} {
			log, err := p.chains.Create(t.Context(), epoch)
			must(t, err)
			appendAll(t, log, 150)
			_, err = p.chains.Create(t.Context(), epoch)
			if !errors.Is(err, store.ErrExists) {
				t.Errorf("created again: %v", err)
			}
			must(t, log.Close())
			if _, err := log.Append(nil); !errors.Is(err, ErrClosed) {
				t.Errorf("append to a closed log: %v", err)
			}
		}
		for below, want := range map[uint64]uint64{1: 0, 2: 1, 3: 2, 7: 2, 8: 7, 1 << 63: 7} {
			if newest, err := p.chains.Newest(t.Context(), below); newest != want || err != nil {
				t.Errorf("newest below %d is %d, %v, want %d", below, newest, err, want)
			}
		}
		wantChain(t, p.chains, 2, Tail{}, 1, 150)
		if p.objects != nil {
			at := func(n int) func([]byte) bool {
				return func(payload []byte) bool { return string(payload) == fmt.Sprintf("record %d", n) }
			}
			wantChain(t, p.chains, 2, Tail{UpTo: 100}, 1, 100)
			wantChain(t, p.chains, 2, Tail{UpTo: 200}, 1, 150)
			wantChain(t, p.chains, 2, Tail{UpTo: 100, Enough: at(40)}, 40, 100)
			wantChain(t, p.chains, 2, Tail{UpTo: 100, Enough: at(120)}, 1, 100)
			wantChain(t, p.chains, 2, Tail{Enough: at(150)}, 150, 150)
		}
		empty, err := p.chains.Read(t.Context(), 3, Tail{})
		if err != nil || len(empty.Records) != 0 {
			t.Errorf("a chain that nobody began: %v, %v", empty, err)
		}
	})
}

// TestHighest counts the questions: a start must not cost more with the age of a job.
func TestHighest(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		var numbers []uint64
		for n := rng.Uint64N(1 << rng.IntN(20)); uint64(len(numbers)) < n%50; {
			numbers = append(numbers, 1+rng.Uint64N(n+1))
		}
		slices.Sort(numbers)
		asked := 0
		got, err := highest(func(after uint64) (uint64, error) {
			asked++
			i, _ := slices.BinarySearch(numbers, after+1)
			if i == len(numbers) {
				return 0, nil
			}
			return numbers[i], nil
		})
		want := uint64(0)
		if len(numbers) > 0 {
			want = numbers[len(numbers)-1]
		}
		if err != nil || got != want || asked > 46 {
			t.Fatalf("highest of %v is %d, %v after %d questions", numbers, got, err, asked)
		}
	}
}

// TestObjectDamage changes every byte of every record's object, cuts it everywhere, takes objects away and swaps them:
// what is read then is the whole, or damage is told.
func TestObjectDamage(t *testing.T) {
	objects := &storetest.Objects{}
	chains := ObjectChains{objects}
	log, err := chains.Create(t.Context(), 3)
	must(t, err)
	const n = 4
	appendAll(t, log, n)
	var good [n][]byte
	for i := range n {
		good[i], err = objects.Get(t.Context(), recordObject(3, uint64(i+1)))
		must(t, err)
	}
	tries := 0
	try := func(i int, what string, data []byte) {
		tries++
		name := recordObject(3, uint64(i+1))
		objects.Damage(name, data)
		chain, err := chains.Read(t.Context(), 3, Tail{})
		var damaged *CorruptionError
		var format *FormatError
		if !errors.As(err, &damaged) && !errors.As(err, &format) {
			t.Errorf("record %d, %s: %v, %v", i+1, what, chain, err)
		} else if !strings.Contains(err.Error(), "wal/0000000003/") {
			t.Errorf("record %d, %s: %v does not name the object", i+1, what, err)
		}
		objects.Damage(name, good[i])
	}
	for i := range n {
		for at := range good[i] {
			flipped := slices.Clone(good[i])
			flipped[at] ^= 1 << (at % 8)
			try(i, fmt.Sprintf("byte %d flipped", at), flipped)
			try(i, fmt.Sprintf("cut at %d", at), good[i][:at:at])
		}
		try(i, "longer", append(slices.Clone(good[i]), 0))
		if i < n-1 {
			try(i, "gone", nil)
		}
		try(i, "another record's", good[(i+1)%n])
		other, _ := encodeObject(3, uint64(i+1), 12345, []byte("not what was there"))
		try(i, "another record of that number", other)
	}
	t.Logf("%d damages, all told", tries)
	wantChain(t, chains, 3, Tail{}, 1, n)
}

// TestObjectLogFails: after the first error nothing is appended any more, whether the record is there or not.
func TestObjectLogFails(t *testing.T) {
	for _, lost := range []bool{false, true} {
		broken := errors.New("broken")
		objects := &storetest.Objects{}
		log, err := ObjectChains{objects}.Create(t.Context(), 1)
		must(t, err)
		appendAll(t, log, 2)
		objects.Fail = func(op, _ string) (error, bool) { return broken, lost }
		_, first := log.Append([]byte("record 3"))
		objects.Fail = nil
		_, second := log.Append([]byte("record 4"))
		if !errors.Is(first, broken) || second != first || log.Close() != first {
			t.Errorf("errors %v, %v", first, second)
		}
		want := uint64(2)
		if lost {
			want = 3
		}
		wantChain(t, ObjectChains{objects}, 1, Tail{}, 1, want)
	}
}
