package batch

import (
	"cmp"
	"context"
	"sync"
	"sync/atomic"
)

// Executor runs the tasks of one stage. State of the stages lives where the executor runs them.
type Executor interface {
	// Run runs tasks, which start in order. then takes each result, one after the other in the order of the tasks, and
	// returns what follows from it: tasks that go to shards. Those of one stage and shard run one at a time, in the order in
	// which they were returned; what they yield is not asked for. It returns when all is done, or with the error of the
	// earliest task that fails, before those that follow from it; so an error that the data decides does not depend on
	// who ran what.
	Run(ctx context.Context, tasks []Task, then func(i int, r *Result) []Task) error
	// Begin starts tasks whose turn has not come. Until Finish is called then takes no result, so nothing follows from any;
	// what they yield is held as far as there is room for it. Every Begin is followed by Finish, or by Abandon.
	Begin(ctx context.Context, tasks []Task) Begun
}

// Begun are tasks that [Executor.Begin] has started.
type Begun interface {
	// Finish returns as [Executor.Run] does.
	Finish(then func(i int, r *Result) []Task) error
	// Abandon returns when no task runs any more; results are dropped. Behind Finish it does nothing.
	Abandon()
}

// newExecutor makes the executor of a session; tests put another one around the worker.
type newExecutor func(w *worker, cores int) Executor

// local runs tasks on the cores of this process. Every core takes what there is to do next, whatever partition it is of:
// first what follows from results, which makes room, else the next task.
type local struct {
	run   func(ctx context.Context, t Task) (*Result, error)
	cores int
	most  int64        // bytes of partials that wait to be merged; 0: no bound
	room  func() bool  // for what tasks yield for sinks, before their turn; nil: always
	large atomic.Int64 // the most bytes of partials that a task has yielded
}

func localExecutor(w *worker, cores int) Executor {
	return &local{run: w.run, cores: cores, most: w.memory.Partials, room: w.roomAhead}
}

// aheadOfShards is how many tasks a core may be ahead of the shards, at the mean: what tasks yield for shards is in memory
// until it is merged.
const aheadOfShards = 2

// Run implements [Executor].
func (l *local) Run(ctx context.Context, tasks []Task, then func(i int, r *Result) []Task) error {
	r := l.newRun(ctx, tasks)
	r.then = then
	r.launch()
	r.wg.Wait()
	return r.err
}

// Begin implements [Executor].
func (l *local) Begin(ctx context.Context, tasks []Task) Begun {
	ctx, cancel := context.WithCancel(ctx)
	r := l.newRun(ctx, tasks)
	r.held, r.cancel = true, cancel
	r.launch()
	return r
}

func (l *local) newRun(ctx context.Context, tasks []Task) *run {
	r := &run{local: l, ctx: ctx, tasks: tasks, results: make([]*Result, len(tasks)), open: make([]int, len(tasks)), waiting: make([]int64, len(tasks))}
	r.failed.task = len(tasks)
	r.changed.L = &r.mu
	return r
}

// launch has every core work.
func (r *run) launch() {
	for range min(r.cores, len(r.tasks)) {
		r.wg.Go(r.work)
	}
}

// Finish implements [Begun].
func (r *run) Finish(then func(i int, r *Result) []Task) error {
	r.mu.Lock()
	r.then, r.held = then, false
	r.take()
	r.changed.Broadcast()
	r.mu.Unlock()
	r.wg.Wait()
	r.cancel()
	return r.err
}

// Abandon implements [Begun].
func (r *run) Abandon() {
	r.cancel()
	r.mu.Lock()
	if r.held {
		r.held, r.failed = false, turn{task: -1}
	}
	r.changed.Broadcast()
	r.mu.Unlock()
	r.wg.Wait()
}

// run is one call of Run. All of it but what is read only is guarded by mu.
type run struct {
	*local
	ctx    context.Context
	cancel func() // of Begin only
	tasks  []Task
	wg     sync.WaitGroup

	mu      sync.Mutex
	changed sync.Cond // something has ended
	then    func(i int, r *Result) []Task
	held    bool      // the turn of these tasks has not come: then is nil
	busy    int       // cores at work
	reading int       // of these, on tasks that follow from none
	next    int       // the task that starts next
	results []*Result // that then has not taken
	taken   int       // results that it has
	merged  int       // of these, from the first on, those of which all that follows is done
	open    []int     // by task: what follows from it and is not done
	waiting []int64   // by task: bytes of partials that are not all merged
	bytes   int64     // of all waiting
	peak    int64     // the most that bytes has been
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
	if r.busy == 0 && !r.held {
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
	result, err := r.run(r.ctx, t)
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

// start runs the next task, unless there is no room for what it yields, or an earlier one has failed.
func (r *run) start() bool {
	i := r.next
	if i >= len(r.tasks) || i >= r.failed.task || !r.fits(i) {
		return false
	}
	r.next++
	r.reading++
	result, err := r.outside(r.tasks[i])
	r.reading--
	if err != nil {
		r.fail(turn{i, -1, -1}, err)
		return true
	}
	r.results[i] = result
	r.waiting[i] = result.partialBytes()
	r.bytes += r.waiting[i]
	r.peak = max(r.peak, r.bytes)
	r.large.Store(max(r.large.Load(), r.waiting[i]))
	r.take()
	return true
}

// fits reports whether there is room for what a task yields, if it is as much as of the largest so far. Tasks whose turn has
// come let the shards catch up first; of those one may always run, for which the others have to be merged.
func (r *run) fits(i int) bool {
	enough := r.most <= 0 || r.bytes+int64(r.reading+1)*r.large.Load() <= r.most
	if r.held {
		return enough && (r.room == nil || r.room())
	}
	return i < r.merged+aheadOfShards*r.cores && (enough || i == r.merged)
}

// take hands results on whose turn has come.
func (r *run) take() {
	for r.then != nil && r.taken < len(r.tasks) && r.results[r.taken] != nil {
		i := r.taken
		r.taken++
		followers := r.then(i, r.results[i])
		r.results[i], r.open[i] = nil, len(followers)
		for _, t := range followers {
			l := r.lane(t.Stage, t.Shard)
			l.queue = append(l.queue, follower{t, i})
		}
		r.release(i)
	}
	r.advance()
}

// release gives the room back of a task of which all is merged.
func (r *run) release(i int) {
	if r.open[i] == 0 {
		r.bytes, r.waiting[i] = r.bytes-r.waiting[i], 0
	}
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
		r.release(t.of)
		r.advance()
		return true
	}
	return false
}
