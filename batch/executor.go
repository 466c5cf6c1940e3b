package batch

import (
	"context"
	"sync"
	"sync/atomic"
)

// Executor runs the tasks of one stage. Results come in the order of the tasks. State of the stages lives where the
// executor runs them.
type Executor interface {
	Run(ctx context.Context, tasks []Task) ([]*Result, error)
}

// newExecutor makes the executor of a session; tests put another one around the worker.
type newExecutor func(w *worker, cores int) Executor

// local runs tasks on the cores of this process.
type local struct {
	w     *worker
	cores int
}

func localExecutor(w *worker, cores int) Executor { return &local{w: w, cores: cores} }

// Run implements [Executor]. Tasks start in order. When one fails, no later one is started, and the error of the
// earliest failed task is returned: so an error that the data decides is the same on any number of cores.
func (l *local) Run(ctx context.Context, tasks []Task) ([]*Result, error) {
	results := make([]*Result, len(tasks))
	errs := make([]error, len(tasks))
	var next, failed atomic.Int64
	failed.Store(int64(len(tasks)))
	work := func() {
		for {
			i := next.Add(1) - 1
			if i >= failed.Load() || i >= int64(len(tasks)) {
				return
			}
			if results[i], errs[i] = l.w.run(ctx, tasks[i]); errs[i] != nil {
				lower(&failed, i)
			}
		}
	}
	var wg sync.WaitGroup
	for range min(l.cores, len(tasks)) {
		wg.Go(work)
	}
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			return nil, err
		}
	}
	return results, nil
}

// lower sets v to i unless it is lower already.
func lower(v *atomic.Int64, i int64) {
	for {
		old := v.Load()
		if i >= old || v.CompareAndSwap(old, i) {
			return
		}
	}
}
