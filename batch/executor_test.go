package batch

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/offsets"
)

// recorder runs tasks that do nothing but note what happens. Tasks with a range are sources: At is their number; those
// with More follow from the one of that number.
type recorder struct {
	mu      sync.Mutex
	rng     *rand.Rand
	started int
	merged  map[int]int // by shard, the tasks merged
	order   map[int][]int64
	ahead   int           // the most tasks that were ahead of a shard
	fails   map[turn]bool // tasks and followers that fail
}

func (r *recorder) run(_ context.Context, t Task) (*Result, error) {
	r.mu.Lock()
	yields := r.rng.IntN(4)
	r.mu.Unlock()
	for range yields {
		runtime.Gosched()
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	at := turn{int(t.At), -1, -1}
	if t.More {
		at = turn{int(t.At), t.Stage, t.Shard}
		r.order[t.Shard] = append(r.order[t.Shard], t.At)
		r.merged[t.Shard]++
	} else {
		r.started++
		for s := range r.merged {
			r.ahead = max(r.ahead, r.started-r.merged[s])
		}
	}
	if r.fails[at] {
		return nil, fmt.Errorf("task %d stage %d shard %d failed", at.task, at.stage, at.shard)
	}
	return &Result{}, nil
}

// TestExecutorOrder runs tasks that shards follow on any number of cores: results are taken in the order of the tasks, every
// shard works in that order, no core runs far ahead of the shards, and the error is that of the first task that fails,
// however the cores take turns.
func TestExecutorOrder(t *testing.T) {
	seed := simSeed(t)
	rng := rand.New(rand.NewPCG(seed, 7))
	failed := 0
	for round := range 400 {
		cores, n, shards := 1+rng.IntN(8), rng.IntN(60), 1+rng.IntN(4)
		rec := &recorder{rng: rng, merged: map[int]int{}, order: map[int][]int64{}, fails: map[turn]bool{}}
		var tasks []Task
		for i := range n {
			tasks = append(tasks, Task{At: int64(i)})
		}
		want := turn{task: n}
		for range rng.IntN(3) {
			at := turn{rng.IntN(n + 1), -1, -1}
			if rng.IntN(2) == 0 {
				at.stage, at.shard = 1, rng.IntN(shards)
			}
			if rec.fails[at] = true; at.before(want) {
				want = at
			}
		}
		for s := range shards {
			rec.merged[s] = 0
		}
		var taken []int
		l, ahead := &local{run: rec.run, cores: cores, most: 1}, rng.IntN(2) == 0 // no partials: they take no room
		start := l.Run
		if ahead {
			start = func(ctx context.Context, tasks []Task, then func(int, *Result) []Task) error {
				begun := l.Begin(ctx, tasks)
				runtime.Gosched()
				return begun.Finish(then)
			}
		}
		err := start(t.Context(), tasks, func(i int, _ *Result) []Task {
			taken = append(taken, i)
			var follow []Task
			for s := range shards {
				follow = append(follow, Task{At: int64(i), Stage: 1, Shard: s, More: true})
			}
			return follow
		})
		if text := fmt.Sprintf("task %d stage %d shard %d failed", want.task, want.stage, want.shard); (want.task < n) != (err != nil) || err != nil && err.Error() != text {
			t.Fatalf("round %d: %v, want %s", round, err, text)
		}
		if err != nil {
			failed++
		} else if len(taken) != n {
			t.Fatalf("round %d: %d results of %d", round, len(taken), n)
		}
		for i := range taken {
			if taken[i] != i {
				t.Fatalf("round %d: results were taken in the order %v", round, taken)
			}
		}
		for s, order := range rec.order {
			if !slices.IsSorted(order) || err == nil && len(order) != n {
				t.Fatalf("round %d: shard %d merged %v", round, s, order)
			}
		}
		if most := aheadOfShards * cores; rec.ahead > most && !ahead {
			t.Fatalf("round %d: %d tasks ahead of a shard, at most %d may be", round, rec.ahead, most)
		}
	}
	if failed < 50 {
		t.Errorf("only %d rounds failed", failed)
	}
}

// TestExecutorOverlaps: while one core merges, another runs the next task; each waits for the other here.
func TestExecutorOverlaps(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	merging, reading := make(chan bool), make(chan bool)
	meet := func(mine, other chan bool) error {
		close(mine)
		select {
		case <-other:
			return nil
		case <-ctx.Done():
			return errors.New("the other did not come")
		}
	}
	run := func(_ context.Context, task Task) (*Result, error) {
		switch {
		case task.More && task.At == 0:
			return &Result{}, meet(merging, reading)
		case !task.More && task.At == 2:
			return &Result{}, meet(reading, merging)
		}
		return &Result{}, nil
	}
	tasks := []Task{{At: 0}, {At: 1}, {At: 2}, {At: 3}}
	err := (&local{run: run, cores: 2}).Run(ctx, tasks, func(i int, _ *Result) []Task { return []Task{{At: int64(i), More: true}} })
	if err != nil {
		t.Error(err)
	}
}

// TestExecutorSharesPartitions: nine tenths of a batch are one partition's. Cores that have nothing to do take tasks of it too: all of
// them are at work on it at a time, which each waits for here.
func TestExecutorSharesPartitions(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	const cores = 4
	var tasks []Task
	for i := range 40 {
		r := offsets.Range{Topic: "t", From: int64(i), Until: int64(i + 1)}
		if i >= 36 {
			r.Partition = 1
		}
		tasks = append(tasks, Task{Range: &r})
	}
	var mu sync.Mutex
	there, all := 0, make(chan struct{})
	run := func(_ context.Context, task Task) (*Result, error) {
		mu.Lock()
		if task.Range.Partition == 0 {
			if there++; there == cores {
				close(all)
			}
		}
		mu.Unlock()
		select {
		case <-all:
			return &Result{}, nil
		case <-ctx.Done():
			return nil, errors.New("cores are idle while a partition has tasks")
		}
	}
	taken := 0
	l := &local{run: run, cores: cores}
	err := l.Run(ctx, tasks, func(int, *Result) []Task { taken++; return nil })
	if err != nil || taken != len(tasks) {
		t.Errorf("%d of %d tasks are done: %v", taken, len(tasks), err)
	}
}

// sized yields partials of so many bytes, about.
func sized(bytes int) *Result {
	b := &columnar.Batch{Cols: []*columnar.Vector{{I64: make([]int64, bytes/8)}}}
	return &Result{Partials: map[int][][]*columnar.Batch{0: {{b}}}}
}

// TestBegunHoldsSoMuch: tasks whose turn has not come stop when what they yield takes the room there is, or rows have none, and
// go on when their turn comes; given up, they end.
func TestBegunHoldsSoMuch(t *testing.T) {
	tasks := make([]Task, 20)
	unit := sized(8000).partialBytes()
	for _, test := range []struct {
		name        string
		most        int64
		room        bool
		large       int64
		least, held int
	}{
		{"no bound", 0, true, 0, 20, 20},
		{"room for five", 5 * unit, true, unit, 5, 5},
		{"nothing is known of how much they yield", 5 * unit, true, 0, 5, 6},
		{"less than one", unit - 1, true, unit, 0, 0},
		{"no room for rows", 0, false, 0, 0, 0},
	} {
		for _, finish := range []bool{true, false} {
			started := 0
			l := &local{cores: 2, most: test.most, room: func() bool { return test.room }}
			l.large.Store(test.large)
			var mu sync.Mutex
			l.run = func(ctx context.Context, task Task) (*Result, error) {
				mu.Lock()
				defer mu.Unlock()
				if !task.More {
					started++
				}
				return sized(8000), ctx.Err()
			}
			begun := stepped{l}.Begin(t.Context(), tasks)
			mu.Lock()
			held := started
			mu.Unlock()
			if held < test.least || held > test.held {
				t.Errorf("%s: %d tasks are held, want %d to %d", test.name, held, test.least, test.held)
			}
			if !finish {
				begun.Abandon()
				if started > held {
					t.Errorf("%s: given up, %d more tasks began", test.name, started-held)
				}
				continue
			}
			taken := 0
			err := begun.Finish(func(int, *Result) []Task {
				taken++
				return []Task{{More: true}}
			})
			if begun.Abandon(); err != nil || taken != len(tasks) || started != len(tasks) {
				t.Errorf("%s: %v, %d tasks began, %d were taken", test.name, err, started, taken)
			}
			if r := begun.(*run); r.bytes != 0 || test.most > 0 && r.peak > max(test.most, unit) && test.large > 0 {
				t.Errorf("%s: %d bytes are left, %d were held at most", test.name, r.bytes, r.peak)
			}
		}
	}
}
