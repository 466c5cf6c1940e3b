package batch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/dstream"
	"github.com/millrace/millrace/offsets"
	"github.com/millrace/millrace/windows"
)

// decodeRows is how many rows are decoded before operators run over them. 4k to 16k rows of a few columns stay in the
// second-level cache; see docs/decisions.md.
const decodeRows = 8192

// decodeBytes ends a batch of long values early: one column holds at most 2 GiB.
const decodeBytes = 64 << 20

// worker runs the tasks of one compiled job: it pools compiled chains and holds the state of every shard.
type worker struct {
	job    *Job
	source offsets.Source
	tables map[string]*columnar.Batch
	zones  map[string]*columnar.Zone

	mu      sync.Mutex
	idle    map[int][]*chain // by stage
	readers []*sourceChain
	states  map[int][]*windows.Aggregate // by stage behind an exchange, by shard
}

// sourceChain is a chain with the decoder in front of it.
type sourceChain struct {
	dec columnar.Decoder
	obs *windows.Observer // nil without an event time
	*chain
	recs offsets.Records
}

func newWorker(job *Job, source offsets.Source, shards int) *worker {
	return &worker{job: job, source: source, idle: map[int][]*chain{}, states: newStates(job.Plan, shards)}
}

// setInputs makes later tasks join with these tables and go by these rules of time zones. Chains compiled for others are
// dropped.
func (w *worker) setInputs(tables map[string]*columnar.Batch, zones map[string]*columnar.Zone) {
	w.tables, w.zones, w.idle, w.readers = tables, zones, map[int][]*chain{}, nil
}

// env is what expressions of a batch planned at that time may depend on.
func (w *worker) env(at int64) *columnar.Env { return &columnar.Env{Now: at, Zones: w.zones} }

// run executes one task.
func (w *worker) run(ctx context.Context, t Task) (*Result, error) {
	if t.JobHash != w.job.Hash {
		return nil, fmt.Errorf("task of job %.8s came to a worker of job %.8s", t.JobHash, w.job.Hash)
	}
	if t.Range != nil {
		return w.runSource(ctx, t)
	}
	return w.runShard(t)
}

func (w *worker) runSource(ctx context.Context, t Task) (*Result, error) {
	c, err := w.takeSource()
	if err != nil {
		return nil, err
	}
	c.start(t.Late)
	r := &Result{Source: SourceStats{MaxEventTime: windows.NoWatermark}, ClosedTo: windows.NoWatermark}
	if err := c.read(ctx, w, t, r); err != nil {
		return nil, err // the chain is in an unknown state: dropped
	}
	r.Edges = append(r.Edges, c.sourceEdge())
	if c.obs != nil {
		r.Source.MaxEventTime = c.obs.Max()
	}
	if err := c.finish(r, t.Shards); err != nil {
		return nil, err
	}
	w.mu.Lock()
	w.readers = append(w.readers, c)
	w.mu.Unlock()
	return r, nil
}

// takeSource compiles outside of the lock: every core builds its chain at the same time.
func (w *worker) takeSource() (*sourceChain, error) {
	if c := w.idleReader(); c != nil {
		return c, nil
	}
	return w.newSourceChain()
}

func (w *worker) idleReader() *sourceChain {
	w.mu.Lock()
	defer w.mu.Unlock()
	n := len(w.readers)
	if n == 0 {
		return nil
	}
	c := w.readers[n-1]
	w.readers = w.readers[:n-1]
	return c
}

func (w *worker) newSourceChain() (*sourceChain, error) {
	p := &w.job.Plan.Sources[0]
	dec, err := columnar.NewDecoder(p.Format, p.Name, p.Fields, columnar.DecodeOptions{NullBadValues: p.OnBadValue == "null"})
	if err != nil {
		return nil, fmt.Errorf("compile decoder of %s: %w", p.Name, err)
	}
	ch, err := w.newChain(0)
	if err != nil {
		return nil, err
	}
	c := &sourceChain{dec: dec, chain: ch}
	if p.EventTime >= 0 {
		c.obs = windows.NewObserver(p.EventTime, p.Bounds)
	}
	return c, nil
}

// read streams the task's range through the decoder and the operators.
func (c *sourceChain) read(ctx context.Context, w *worker, t Task, r *Result) error {
	reader, err := w.source.Read(ctx, *t.Range)
	if err != nil {
		return fmt.Errorf("read %s: %w", t.Range, err)
	}
	defer reader.Close()
	for {
		err := reader.Next(ctx, &c.recs)
		if errors.Is(err, io.EOF) {
			return c.flush(w, t, r)
		}
		if err != nil {
			return fmt.Errorf("read %s: %w", t.Range, err)
		}
		r.Source.Records += int64(len(c.recs.Rows))
		r.Source.WireBytes += c.recs.WireBytes
		if len(t.Skip) > 0 {
			c.skipped += leaveOut(&c.recs, t.Skip)
		}
		c.dec.Append(&c.recs)
		if c.dec.Rows() >= decodeRows || c.dec.Bytes() >= decodeBytes {
			if err := c.flush(w, t, r); err != nil {
				return err
			}
		}
	}
}

func (c *sourceChain) flush(w *worker, t Task, r *Result) error {
	b, bad := c.dec.Flush()
	b.Env = w.env(t.At)
	if c.obs != nil && b.Len() > 0 {
		unusable := c.obs.Observe(b, t.At)
		c.unusable += int64(len(unusable))
		bad = byOffset(bad, unusable)
	}
	if err := w.judge(bad, r); err != nil {
		return err
	}
	if b.Len() == 0 {
		return nil
	}
	return c.push(b)
}

// sourceEdge is the accounting of what is left out, decoder and event-time guard together.
func (c *sourceChain) sourceEdge() Edge {
	counts := c.dec.Counts()
	counts.Bad += c.unusable
	counts.Out -= c.unusable
	counts.In += c.skipped
	counts.Skipped = c.skipped
	c.unusable, c.skipped = 0, 0
	return Edge{Stage: 0, Operator: "decode", RowCounts: counts}
}

// runShard merges partials into the shard's state, closes windows, and sends what they yield on.
func (w *worker) runShard(t Task) (*Result, error) {
	state := w.states[t.Stage][t.Shard]
	edge := Edge{Stage: t.Stage, Operator: w.exchange(t.Stage).Name, HeldBefore: state.RowsHeld()}
	for _, p := range t.Inputs {
		rows := sumRows(p)
		edge.In += rows
		if err := state.Merge(p); err != nil {
			return nil, &BadDataError{Err: fmt.Errorf("merge %s: %w", edge.Operator, err)}
		}
	}
	closed, err := state.Close(t.Close)
	if err != nil {
		return nil, fmt.Errorf("close windows of %s: %w", edge.Operator, err)
	}
	edge.HeldAfter = state.RowsHeld()
	edge.Out, edge.Groups = sumRows(closed), int64(closed.Len())
	c, err := w.takeChain(t.Stage)
	if err != nil {
		return nil, err
	}
	c.start(t.Late)
	if closed.Len() > 0 {
		closed.Env = w.env(t.At)
		if err := c.push(closed); err != nil {
			return nil, err
		}
	}
	r := &Result{Edges: []Edge{edge}, Source: SourceStats{MaxEventTime: windows.NoWatermark}, ClosedTo: windows.NoWatermark}
	if closed.Len() > 0 { // sorted by window
		r.ClosedTo = closed.Cols[0].I64[closed.Rows-1] + w.exchange(t.Stage).Window.Size
	}
	if r.Delta, err = state.Delta(); err != nil {
		return nil, fmt.Errorf("take delta of %s: %w", edge.Operator, err)
	}
	if err := c.finish(r, t.Shards); err != nil {
		return nil, err
	}
	w.mu.Lock()
	w.idle[t.Stage] = append(w.idle[t.Stage], c)
	w.mu.Unlock()
	return r, nil
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

func (w *worker) takeChain(stage int) (*chain, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if free := w.idle[stage]; len(free) > 0 {
		w.idle[stage] = free[:len(free)-1]
		return free[len(free)-1], nil
	}
	return w.newChain(stage)
}

func (w *worker) newChain(stage int) (*chain, error) {
	st := &w.job.Plan.Stages[stage]
	return newChain(st, into(w.job.Plan, st), w.tables)
}

// exchange is the exchange that feeds a stage.
func (w *worker) exchange(stage int) *dstream.Exchange {
	return feeding(w.job.Plan, &w.job.Plan.Stages[stage])
}
