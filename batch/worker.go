package batch

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/dstream"
	"github.com/millrace/millrace/internal/failpoint"
	"github.com/millrace/millrace/offsets"
	"github.com/millrace/millrace/windows"
)

// worker runs the tasks of one compiled job: it pools compiled trees and holds the state of every shard.
type worker struct {
	job     *Job
	sources []offsets.Source // as in the plan
	tables  joinTables
	zones   map[string]*columnar.Zone
	states  [][]*windows.Aggregate // by exchange, by shard
	merging [][]merging            // the same

	memory      Memory
	again       string // what to do when memory: is too little, with room for how much would do; "": as a run says it
	decodeBytes int    // of values that one core decodes at a time
	size        stateSize
	heap        heap
	keeps       [2]keeper // of the batch whose turn it is, and of the one after it
	spare       spare

	mu      sync.Mutex
	idle    map[int][]*tree       // by root
	readers map[int][]*sourceTree // by root
}

func newWorker(job *Job, sources []offsets.Source, shards int) *worker {
	w := &worker{job: job, sources: sources}
	w.setStates(newStates(job.Plan, shards))
	w.limit(Memory{}, 1)
	w.setInputs(nil, nil)
	return w
}

// limit bounds the memory that tasks take, with so many of them at a time. It comes before the first task.
func (w *worker) limit(m Memory, cores int) {
	w.memory, w.decodeBytes, w.size.most = m, m.decodeBytes(cores), m.State
	w.spare.cores, w.spare.changed.L = cores, &w.spare.mu
	for i := range w.keeps {
		w.keeps[i].memory, w.keeps[i].cores, w.keeps[i].heap = m, cores, &w.heap
	}
}

// useScratch gives the keepers what they move rows to.
func (w *worker) useScratch(scratch scratches) {
	for i := range w.keeps {
		w.keeps[i].scratch = scratch[i]
	}
}

// keep is the keeper of a batch. The ids of batches that are open at a time follow on each other.
func (w *worker) keep(batch int64) *keeper { return &w.keeps[batch%2] }

// roomAhead reports whether there is room for rows of a batch whose turn has not come.
func (w *worker) roomAhead() bool {
	return w.memory.Output <= 0 || w.heap.used.Load() < w.memory.Output
}

// setInputs makes later tasks join with these tables and go by these rules of time zones. Trees compiled for others are
// dropped.
func (w *worker) setInputs(tables map[string]*columnar.Batch, zones map[string]*columnar.Zone) {
	w.tables, w.zones = newJoinTables(w.job.Plan, tables), zones
	w.size.tables = w.tables.sizeBytes()
	w.idle, w.readers = map[int][]*tree{}, map[int][]*sourceTree{}
	for i := range w.states {
		if z := zones[w.job.Plan.Exchanges[i].Window.Zone]; z != nil {
			for _, a := range w.states[i] {
				a.SetZone(z)
			}
		}
	}
}

// env is what expressions of a batch planned at that time may depend on.
func (w *worker) env(at int64) *columnar.Env { return &columnar.Env{Now: at, Zones: w.zones} }

// run executes one task.
func (w *worker) run(ctx context.Context, t Task) (*Result, error) {
	if t.JobHash != w.job.Hash {
		return nil, fmt.Errorf("task of job %.8s came to a worker of job %.8s", t.JobHash, w.job.Hash)
	}
	w.spare.begin()
	defer w.spare.end()
	if t.Range != nil {
		return w.runSource(ctx, t)
	}
	return w.runShard(t)
}

// closeError marks a result that its type cannot hold as the data's fault.
func closeError(operator string, err error) error {
	err = orInstead(fmt.Errorf("close windows of %s: %w", operator, err))
	if row := (*columnar.RowError)(nil); errors.As(err, &row) {
		return &BadDataError{Err: err}
	}
	return err
}

// merging is what a shard has merged of a batch that is not closed yet.
type merging struct {
	began      bool
	in         int64        // rows
	heldBefore int64        // rows, before the first of them
	size       func() int64 // see stateSize
}

// setStates makes the state of every shard, by exchange, that which tasks work on.
func (w *worker) setStates(states [][]*windows.Aggregate) {
	w.states, w.merging = states, make([][]merging, len(states))
	for i := range states {
		w.merging[i] = make([]merging, len(states[i]))
	}
}

// merge merges the task's partials into a shard's state.
func (w *worker) merge(t Task, x *dstream.Exchange, state *windows.Aggregate, m *merging) error {
	if !m.began {
		*m = merging{began: true, heldBefore: state.RowsHeld(), size: w.size.measured(state)}
		state.SetWatermark(t.Late[w.job.Plan.Stages[t.Stage].From.Exchange])
	}
	for _, p := range t.Inputs {
		m.in += rowsIn(x, p)
		if err := state.Merge(p); err != nil {
			return &BadDataError{Err: orInstead(fmt.Errorf("merge %s: %w", x.Name, err))}
		}
		if used := m.size(); w.size.over(used) {
			return w.stateTooLarge(used, fmt.Sprintf("the state of batch %d", t.Batch))
		}
	}
	return nil
}

// runShard merges partials into the shard's state and, when there are no more, closes windows and sends what they yield
// on.
func (w *worker) runShard(t Task) (*Result, error) {
	x, exchange := w.exchange(t.Stage), w.job.Plan.Stages[t.Stage].From.Exchange
	state, m := w.states[exchange][t.Shard], &w.merging[exchange][t.Shard]
	if err := failpoint.Hit(failpoint.DriverMerge); err != nil {
		return nil, err
	}
	if err := w.merge(t, x, state, m); err != nil || t.More {
		return &Result{}, err
	}
	if err := failpoint.Hit(failpoint.DriverClose); err != nil {
		return nil, err
	}
	edge := Edge{Stage: t.Stage, Operator: x.Name, HeldBefore: m.heldBefore}
	edge.In = m.in
	defer func() { m.size(); *m = merging{} }()
	closed, err := state.Close(t.Close)
	if err != nil {
		return nil, closeError(edge.Operator, err)
	}
	if closed.Groups.Len() == 0 && w.yieldsNothing(t, x) {
		if closed.Groups, err = state.OfNothing(0); err != nil {
			return nil, fmt.Errorf("aggregate nothing in %s: %w", edge.Operator, err)
		}
		closed.End = windows.MaxWatermark
	}
	edge.HeldAfter, edge.Remembered, edge.Duplicate = state.RowsHeld(), state.Remembered(), closed.Duplicates
	edge.Out, edge.Late, edge.Groups = closed.Rows, closed.Late, int64(closed.Groups.Len())
	r := &Result{Edges: []Edge{edge}, Source: SourceStats{MaxEventTime: windows.NoWatermark}, ClosedTo: closed.End}
	if late := newLateRows(w.job.Plan, x); late != nil {
		late.keep = w.keep(t.Batch)
		if err := late.tell(state, t.Held, r); err != nil {
			return nil, err
		}
	}
	if r.Delta, err = state.Delta(); err != nil {
		return nil, fmt.Errorf("take delta of %s: %w", edge.Operator, err)
	}
	if r.Delta, err = w.keep(t.Batch).bytes(r.Delta); err != nil {
		return nil, err
	}
	return r, w.sendOn(t, closed.Groups, r)
}

// yieldsNothing reports whether the task gives the one group of an aggregation without any key, of which there were no
// rows: at the end of the input, once, in the shard that the group belongs to.
func (w *worker) yieldsNothing(t Task, x *dstream.Exchange) bool {
	if !wholeInput(x) || t.Close != windows.MaxWatermark || t.Late[w.job.Plan.Stages[t.Stage].From.Exchange] == windows.MaxWatermark {
		return false
	}
	group := columnar.KeyGroups(&columnar.Batch{Rows: 1}, nil, nil)[0]
	return columnar.Shard(group, t.Shards) == t.Shard
}

// wholeInput reports whether an aggregation takes the whole input as one group, which is there even without rows.
func wholeInput(x *dstream.Exchange) bool { return x.Unwindowed() && len(x.Spec.Keys) == 1 }

// sendOn takes the groups of closed windows through the stages of the task.
func (w *worker) sendOn(t Task, closed *columnar.Batch, r *Result) error {
	c, err := w.takeTree(t.Stage)
	if err != nil {
		return err
	}
	c.start(&t, w.keep(t.Batch))
	if closed.Len() > 0 {
		closed.Env = w.env(t.At)
		if err := c.push(closed); err != nil {
			return err // the tree is in an unknown state: dropped
		}
	}
	c.finish(r, t.Shards)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.idle[t.Stage] = append(w.idle[t.Stage], c)
	return nil
}

// sumRows is the number of rows in groups: the sum of the hidden count in the last column.
func sumRows(b *columnar.Batch) int64 {
	if b == nil || b.Len() == 0 {
		return 0
	}
	n := int64(0)
	counts := b.Cols[len(b.Cols)-1].I64
	if b.Sel == nil {
		for _, v := range counts[:b.Rows] {
			n += v
		}
		return n
	}
	for _, i := range b.Sel {
		n += counts[i]
	}
	return n
}

// takeTree compiles outside of the lock: every core builds its tree at the same time.
func (w *worker) takeTree(root int) (*tree, error) {
	if t, ok := takeIdle(&w.mu, w.idle, root); ok {
		return t, nil
	}
	return w.newTree(root)
}

// takeIdle takes something compiled for a root out of its pool.
func takeIdle[T any](mu *sync.Mutex, pool map[int][]T, root int) (T, bool) {
	mu.Lock()
	defer mu.Unlock()
	free := pool[root]
	if len(free) == 0 {
		var none T
		return none, false
	}
	pool[root] = free[:len(free)-1]
	return free[len(free)-1], true
}

// exchange is the exchange that feeds a stage.
func (w *worker) exchange(stage int) *dstream.Exchange {
	return &w.job.Plan.Exchanges[w.job.Plan.Stages[stage].From.Exchange]
}
