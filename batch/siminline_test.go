package batch

import "context"

// inlineExecutor runs every task in the goroutine of the driver, one after the other, so that nothing in a run depends on
// which goroutine comes first.
type inlineExecutor struct{ w *worker }

func newInlineExecutor(w *worker, _ int) Executor { return inlineExecutor{w} }

// inline is an option.
func inline(o *Options) { o.executor = newInlineExecutor }

// Run implements [Executor].
func (e inlineExecutor) Run(ctx context.Context, tasks []Task, then func(int, *Result) []Task) error {
	for i, t := range tasks {
		r, err := e.w.run(ctx, t)
		if err != nil {
			return err
		}
		if err := e.follow(ctx, then(i, r)); err != nil {
			return err
		}
	}
	return nil
}

// Begin implements [Executor].
func (e inlineExecutor) Begin(ctx context.Context, tasks []Task) Begun {
	return beginNow(ctx, e.w.run, tasks)
}

func (e inlineExecutor) follow(ctx context.Context, followers []Task) error {
	for _, t := range followers {
		if _, err := e.w.run(ctx, t); err != nil {
			return err
		}
	}
	return nil
}
