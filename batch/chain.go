package batch

import (
	"errors"
	"fmt"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/dstream"
	"github.com/millrace/millrace/windows"
)

// chain is the compiled row operators of one stage and its end. It serves one goroutine at a time and any number of
// tasks one after the other.
type chain struct {
	stage  *dstream.Stage
	into   *dstream.Exchange // nil without one
	ops    []columnar.Operator
	assign *windows.Assign // with the exchange
	agg    *columnar.HashAggregate
	groups []uint8
	rows   []*columnar.Batch // for sinks

	unusable, skipped int64 // source stage: rows without a usable event time, records left out
}

// newChain compiles a stage that sends into an exchange, or into sinks when that is nil. tables are the static tables by name, with the columns of the plan.
func newChain(stage *dstream.Stage, into *dstream.Exchange, tables map[string]*columnar.Batch) (*chain, error) {
	c := &chain{stage: stage, into: into}
	in := stage.In
	for _, op := range stage.Ops {
		o, err := compileOp(in, op, tables)
		if err != nil {
			return nil, fmt.Errorf("compile %s: %w", op.Name, err)
		}
		c.ops = append(c.ops, o)
		in = o.Schema()
	}
	if into != nil {
		c.assign = windows.NewAssign(in, into.TimeColumn, into.Window)
		c.agg = columnar.NewHashAggregate(c.assign.Schema(), into.Spec)
	}
	return c, nil
}

func compileOp(in *columnar.Schema, op dstream.Op, tables map[string]*columnar.Batch) (columnar.Operator, error) {
	switch {
	case op.Filter != nil:
		return columnar.NewFilter(in, op.Filter)
	case op.Project != nil:
		return columnar.NewProject(in, op.Project.Exprs, op.Project.Names)
	case op.Join != nil:
		t, ok := tables[op.Join.Table]
		if !ok {
			return nil, fmt.Errorf("table %q is not loaded", op.Join.Table)
		}
		return columnar.NewHashJoin(in, t, op.Join.LeftKeys, op.Join.RightKeys, op.Join.Left)
	}
	return nil, fmt.Errorf("operator %q does nothing", op.Name)
}

// start prepares the chain for a task. late is the watermark against which rows are judged late.
func (c *chain) start(late int64) {
	c.rows = nil
	if c.assign != nil {
		c.assign.SetWatermark(late)
		c.agg.Reset()
	}
}

// push takes one batch through the operators into the chain's end.
func (c *chain) push(b *columnar.Batch) error {
	for _, op := range c.ops {
		out, err := op.Process(b)
		if err != nil {
			return locate(err, b)
		}
		if b = out; b.Len() == 0 {
			return nil
		}
	}
	if c.assign == nil {
		c.rows = append(c.rows, columnar.Concat([]*columnar.Batch{b}))
		return nil
	}
	assigned, err := c.assign.Process(b)
	if err != nil {
		return locate(err, b)
	}
	if assigned.Len() == 0 {
		return nil
	}
	return locate(c.agg.Add(assigned), assigned)
}

// locate adds topic, partition and offset to an error about one row, and marks it as the data's fault.
func locate(err error, b *columnar.Batch) error {
	var row *columnar.RowError
	if !errors.As(err, &row) {
		return err
	}
	err = row.Locate(b)
	if b.Origin != nil && row.Row < len(b.Offsets) {
		err = fmt.Errorf("%w; correct the query, or leave out this one record with --skip %s", err,
			SkipRecord{b.Origin.Topic, b.Origin.Partition, b.Offsets[row.Row]})
	}
	return &BadDataError{Err: err}
}

// finish adds to r what the task yielded.
func (c *chain) finish(r *Result, shards int) error {
	r.Rows = c.rows
	c.rows = nil
	for i, op := range c.ops {
		r.Edges = append(r.Edges, Edge{Stage: c.stage.ID, Operator: c.stage.Ops[i].Name, RowCounts: op.Counts()})
	}
	if c.assign == nil {
		return nil
	}
	r.Edges = append(r.Edges, Edge{Stage: c.stage.ID, Operator: c.into.Name + " assign", RowCounts: c.assign.Counts()})
	r.Partials = c.partition(shards)
	c.agg.Reset()
	return nil
}

// partition copies the groups into one batch for each shard. All keys but the first, the window, choose the shard, so
// that every window of a key is in the same one.
func (c *chain) partition(shards int) [][]*columnar.Batch {
	out := make([][]*columnar.Batch, shards)
	partial := c.agg.Partial()
	if partial.Len() == 0 {
		return out
	}
	if shards == 1 {
		out[0] = []*columnar.Batch{columnar.Concat([]*columnar.Batch{partial})}
		return out
	}
	keys := make([]int, len(c.into.Spec.Keys)-1)
	for i := range keys {
		keys[i] = i + 1
	}
	c.groups = columnar.KeyGroups(partial, keys, c.groups[:0])
	rows := make([][]int32, shards)
	for i, g := range c.groups {
		s := columnar.Shard(g, shards)
		rows[s] = append(rows[s], int32(i))
	}
	for s := range rows {
		if len(rows[s]) > 0 {
			out[s] = []*columnar.Batch{columnar.Take(partial, rows[s])}
		}
	}
	return out
}
