package batch

import "github.com/millrace/millrace/columnar"

// tree is what one task runs: a root, which is a stage fed by a source or an exchange, and all stages down the pipes from
// it.
type tree struct {
	chains []*chain // by stage ID; the root is the first
}

func (w *worker) newTree(root int) (*tree, error) {
	t := &tree{}
	return t, t.add(w, root)
}

// add compiles a stage, then those that take its rows: their IDs are greater.
func (t *tree) add(w *worker, id int) error {
	c, err := newChain(w.job.Plan, id, w.tables)
	if err != nil {
		return err
	}
	at := len(t.chains)
	t.chains = append(t.chains, c)
	for _, p := range w.job.Plan.Pipes(id) {
		next := len(t.chains)
		if err := t.add(w, p); err != nil {
			return err
		}
		t.chains[at].pipes = append(t.chains[at].pipes, t.chains[next])
	}
	return nil
}

// start prepares for a task, whose rows are kept by the keeper of its batch.
func (t *tree) start(task *Task, keep *keeper) {
	for _, c := range t.chains {
		c.rows, c.keep = nil, keep
		if c.send != nil {
			c.send.start(task, keep)
		}
	}
}

func (t *tree) push(b *columnar.Batch) error { return t.chains[0].push(b) }

// finish adds to r what the task yielded.
func (t *tree) finish(r *Result, shards int) {
	r.Rows, r.Partials, r.Held = map[int][]*columnar.Batch{}, map[int][][]*columnar.Batch{}, map[int][][]*columnar.Batch{}
	for _, c := range t.chains {
		c.finish(r, shards)
	}
}
