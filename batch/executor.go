package batch

import (
	"cmp"
	"context"
	"sync"
)

// Executor runs the tasks of one stage. State of the stages lives where the executor runs them.
type Executor interface {
	// Run runs tasks, which start in order. then takes each result, one after the other in the order of the tasks, and
	// returns what follows from it: tasks that go to shards. Those of one stage and shard run one at a time, in the order in
	// which they were returned; what they yield is not asked for. It returns when all is done, or with the error of the
	// earliest task that fails, before those that follow from it; so an error that the data decides does not depend on
	// who ran what.
	Run(ctx context.Context, tasks []Task, then func(i int, r *Result) []Task) error
}

// newExecutor makes the executor of a session; tests put another one around the worker.
type newExecutor func(w *worker, cores int) Executor

// local runs tasks on the cores of this process. Every core takes what there is to do next, whatever partition it is of:
// first what follows from results, which makes room, else the next task.
type local struct {
	run   func(ctx context.Context, t Task) (*Result, error)
	cores int
}

func localExecutor(w *worker, cores int) Executor { return &local{run: w.run, cores: cores} }

// aheadOfShards is how many tasks a core may be ahead of the shards, at the mean: what tasks yield for shards is in memory
// until it is merged.
const aheadOfShards = 2

// Run implements [Executor].
func (l *local) Run(ctx context.Context, tasks []Task, then func(i int, r *Result) []Task) error {
	r := &run{ctx: ctx, do: l.run, tasks: tasks, then: then, ahead: aheadOfShards * l.cores, results: make([]*Result, len(tasks)), open: make([]int, len(tasks))}
	r.failed.task = len(tasks)
	r.changed.L = &r.mu
	var wg sync.WaitGroup
	for range min(l.cores, len(tasks)) {
		wg.Go(r.work)
	}
	wg.Wait()
	return r.err
}

// run is one call of Run. All of it but what is read only is guarded by mu.
type run struct {
	ctx   context.Context
	do    func(ctx context.Context, t Task) (*Result, error)
	tasks []Task
	then  func(i int, r *Result) []Task
	ahead int

	mu      sync.Mutex
	changed sync.Cond // something has ended
	busy    int       // cores at work
	next    int       // the task that starts next
	results []*Result // that then has not taken
	taken   int       // results that it has
	merged  int       // of these, from the first on, those of which all that follows is done
	open    []int     // by task: what follows from it and is not done
	lanes   []*lane
	failed  turn
	err     error
}

// turn orders errors: a task comes before what follows from it.
type turn struct {
	task         int
	stage, shard int // −1: of the task itself
}

func (p turn) before(q turn) bool {
	return cmp.Or(cmp.Compare(p.task, q.task), cmp.Compare(p.stage, q.stage), cmp.Compare(p.shard, q.shard)) < 0
}

// lane is what waits for one shard.
type lane struct {
	stage, shard int
	busy         bool
	queue        []follower
}

// follower is a task that follows from the result of another.
type follower struct {
	Task
	of int
}

// work is what one core does until nothing is left that could be done.
func (r *run) work() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for r.follow() || r.start() || r.wait() {
	}
}

// wait reports whether there may be more to do, as long as others are at work.
func (r *run) wait() bool {
	if r.busy == 0 {
		r.changed.Broadcast()
		return false
	}
	r.changed.Wait()
	return true
}

// outside runs a task without the lock.
func (r *run) outside(t Task) (*Result, error) {
	r.busy++
	r.mu.Unlock()
	result, err := r.do(r.ctx, t)
	r.mu.Lock()
	r.busy--
	r.changed.Broadcast()
	return result, err
}

func (r *run) fail(at turn, err error) {
	if at.before(r.failed) {
		r.failed, r.err = at, err
	}
}

// start runs the next task, unless the shards have to catch up first or an earlier one has failed.
func (r *run) start() bool {
	i := r.next
	if i >= len(r.tasks) || i >= r.failed.task || i >= r.merged+r.ahead {
		return false
	}
	r.next++
	result, err := r.outside(r.tasks[i])
	if err != nil {
		r.fail(turn{i, -1, -1}, err)
		return true
	}
	r.results[i] = result
	r.take()
	return true
}

// take hands results on whose turn has come.
func (r *run) take() {
	for r.taken < len(r.tasks) && r.results[r.taken] != nil {
		i := r.taken
		r.taken++
		followers := r.then(i, r.results[i])
		r.results[i], r.open[i] = nil, len(followers)
		for _, t := range followers {
			l := r.lane(t.Stage, t.Shard)
			l.queue = append(l.queue, follower{t, i})
		}
	}
	r.advance()
}

// advance moves on over tasks of which all is done.
func (r *run) advance() {
	for r.merged < r.taken && r.open[r.merged] == 0 {
		r.merged++
	}
}

func (r *run) lane(stage, shard int) *lane {
	for _, l := range r.lanes {
		if l.stage == stage && l.shard == shard {
			return l
		}
	}
	l := &lane{stage: stage, shard: shard}
	r.lanes = append(r.lanes, l)
	return l
}

// follow runs the next task of a shard that is not busy.
func (r *run) follow() bool {
	for _, l := range r.lanes {
		if l.busy || len(l.queue) == 0 {
			continue
		}
		t := l.queue[0]
		at := turn{t.of, l.stage, l.shard}
		if !at.before(r.failed) {
			continue
		}
		l.queue[0], l.queue = follower{}, l.queue[1:]
		l.busy = true
		_, err := r.outside(t.Task)
		l.busy = false
		if err != nil {
			r.fail(at, err)
			return true
		}
		r.open[t.of]--
		r.advance()
		return true
	}
	return false
}
