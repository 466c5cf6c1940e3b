package batch

import (
	"errors"
	"fmt"
	"iter"
	"slices"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/dstream"
	"github.com/millrace/millrace/windows"
)

// chain is one compiled stage: its row operators, and behind them every place that its rows go to. It serves one
// goroutine at a time and any number of tasks one after the other.
type chain struct {
	stage *dstream.Stage
	ops   []columnar.Operator
	plain []columnar.Flattener // by operator, for those that take no references
	pipes []*chain             // stages that take the rows in the same task
	send  *sender              // into the exchange; nil: none
	rows  []*columnar.Batch    // for sinks
	keep  *keeper              // that keeps them
}

// newChain compiles a stage without its pipes. tables are those that it joins with.
func newChain(plan *dstream.Plan, id int, tables joinTables) (*chain, error) {
	c := &chain{stage: &plan.Stages[id]}
	in := c.stage.In
	for _, op := range c.stage.Ops {
		o, err := compileOp(in, op, tables)
		if err != nil {
			return nil, fmt.Errorf("compile %s: %w", op.Name, err)
		}
		if j, ok := o.(*columnar.HashJoin); ok {
			j.EmitReferences()
		}
		c.ops = append(c.ops, o)
		in = o.Schema()
	}
	c.plain = make([]columnar.Flattener, len(c.ops))
	if i := c.stage.Exchange; i >= 0 {
		c.send = newSender(in, i, &plan.Exchanges[i])
		c.send.late = newLateRows(plan, &plan.Exchanges[i])
	}
	return c, nil
}

func compileOp(in *columnar.Schema, op dstream.Op, tables joinTables) (columnar.Operator, error) {
	switch {
	case op.Changed:
		return columnar.NewDropUnchanged(in, op.Ops-1)
	case op.Ops > 0:
		return columnar.NewChangelogFilter(in, op.Filter, op.Ops-1)
	case op.Filter != nil:
		return columnar.NewFilter(in, op.Filter)
	case op.Project != nil:
		return columnar.NewProject(in, op.Project.Exprs, op.Project.Names)
	case op.Join != nil:
		t, ok := tables[joinKey(op.Join)]
		if !ok {
			return nil, fmt.Errorf("table %q is not loaded", op.Join.Table)
		}
		return t.Join(in, op.Join.LeftKeys, op.Join.Left)
	case op.Unnest != nil:
		u := op.Unnest
		return columnar.NewUnnest(in, u.Column, u.Keep, u.Names, u.Ordinality, u.Left)
	}
	if op.Map != nil {
		return columnar.NewMapBatch(in, op.Out, op.Map.ID, op.Map.Func)
	}
	return nil, fmt.Errorf("operator %q does nothing", op.Name)
}

// push takes one batch through the operators to all that take the rows. None of them changes the batch.
func (c *chain) push(b *columnar.Batch) error {
	for i, op := range c.ops {
		if !columnar.TakesReferences(op) {
			b = c.plain[i].Flat(b)
		}
		out, err := op.Process(b)
		if err != nil {
			return locate(err, b)
		}
		if b = out; b.Len() == 0 {
			return nil
		}
	}
	for _, p := range c.pipes {
		if err := p.push(b); err != nil {
			return err
		}
	}
	if len(c.stage.Sinks) > 0 {
		rows, err := c.keep.rows(columnar.Concat([]*columnar.Batch{b}))
		if err != nil {
			return err
		}
		c.rows = append(c.rows, rows)
	}
	if c.send == nil {
		return nil
	}
	return c.send.push(b)
}

// locate adds topic, partition and offset to an error about one row, and marks it as the data's fault.
func locate(err error, b *columnar.Batch) error {
	var row *columnar.RowError
	if !errors.As(err, &row) {
		return err
	}
	err = row.Locate(b)
	if row.Shared || b.Origin == nil || row.Row >= len(b.Offsets) {
		return &BadDataError{Err: orInstead(err)}
	}
	way := row.Instead
	if way == "" {
		way = "correct the query"
	}
	return &BadDataError{Err: fmt.Errorf("%w; %s, or leave out this one record with --skip %s", err, way,
		SkipRecord{b.Origin.Topic, b.Origin.Partition, b.Offsets[row.Row]})}
}

// orInstead adds to an error about rows how else the query may be written.
func orInstead(err error) error {
	if row := (*columnar.RowError)(nil); errors.As(err, &row) && row.Instead != "" {
		return fmt.Errorf("%w; %s", err, row.Instead)
	}
	return err
}

// finish adds to r what the task yielded in this stage.
func (c *chain) finish(r *Result, shards int) {
	id := c.stage.ID
	for i, op := range c.ops {
		if m, ok := op.(*columnar.MapBatch); ok {
			m.Release()
		}
		r.Edges = append(r.Edges, Edge{Stage: id, Operator: c.stage.Ops[i].Name, RowCounts: op.Counts()})
	}
	if len(c.rows) > 0 {
		r.Rows[id] = c.rows
		c.rows = nil
	}
	if c.send != nil {
		r.Edges = append(r.Edges, Edge{Stage: id, Operator: assignName(c.send.x), RowCounts: c.send.assign.Counts()})
		c.send.finish(r, id, shards)
		if c.send.late != nil {
			c.send.late.finish(r, id)
		}
	}
}

// assignName is the operator in front of an exchange that finds the window of a row, in the row accounting.
func assignName(x *dstream.Exchange) string { return assignOf(x.Name) }

func assignOf(operator string) string { return operator + " assign" }

// sender is the sending side of an exchange in one task.
type sender struct {
	index  int // in the plan's exchanges
	x      *dstream.Exchange
	assign *windows.Assign
	agg    *windows.LocalAggregate
	rows   []*columnar.Batch // that travel whole, to be deduplicated
	groups []uint8
	shards int
	early  [][]*columnar.Batch // by shard: partials that were in the way, in a scratch file
	most   int64               // bytes of partials from which on they are; 0: no bound
	waits  int64               // bytes of rows
	keep   *keeper

	watermark int64     // of the operator at the start of the batch
	mark      int64     // that rows are late against, see Task.Late
	late      *lateRows // nil when no side output takes them
}

func newSender(in *columnar.Schema, index int, x *dstream.Exchange) *sender {
	s := &sender{index: index, x: x, assign: windows.NewAssign(in, x.TimeColumn, x.Window)}
	s.agg = windows.NewLocalAggregate(s.assign.Schema(), x.Spec, x.Window)
	return s
}

// start prepares for a task.
func (s *sender) start(t *Task, keep *keeper) {
	s.watermark, s.mark = t.Watermarks[s.index], t.Late[s.index]
	s.assign.SetWatermark(s.mark)
	floor, flushed := t.Floor[s.index]
	if !flushed {
		floor = windows.NoWatermark
	}
	s.assign.SetFloor(floor)
	s.agg.Reset()
	s.rows, s.waits, s.early = nil, 0, nil
	s.shards, s.keep, s.most = t.Shards, keep, keep.taskPartials()
	if s.late != nil {
		s.late.start(t.Shards, keep)
	}
}

func (s *sender) push(b *columnar.Batch) error {
	assigned, err := s.assign.Process(b)
	if err != nil {
		return locate(err, b)
	}
	if s.late != nil {
		if err := s.takeLate(b, assigned); err != nil {
			return err
		}
	}
	if assigned.Len() == 0 {
		return nil
	}
	if s.x.Window.Kind == windows.Dedup {
		rows := columnar.Concat([]*columnar.Batch{assigned})
		s.rows, s.waits = append(s.rows, rows), s.waits+rows.SizeBytes()
		return s.makeRoom(s.waits)
	}
	if err := s.agg.Add(assigned); err != nil {
		return locate(err, assigned)
	}
	return s.makeRoom(s.agg.SizeBytes())
}

// takeLate keeps what is late of rows, and of sessions what may be.
func (s *sender) takeLate(rows, assigned *columnar.Batch) error {
	if err := s.late.add(rows, s.assign.Late(rows), s.watermark, s.assign.LastWindow); err != nil || s.x.Window.Kind != windows.Session {
		return err
	}
	return s.late.hold(assigned, s.watermark, s.mark)
}

// makeRoom takes what there is out of the way when it is large. Shards do not see in how many pieces partials come.
func (s *sender) makeRoom(size int64) error {
	if s.most == 0 || size <= s.most {
		return nil
	}
	if s.early == nil {
		s.early = make([][]*columnar.Batch, s.shards)
	}
	for n, b := range s.divide(s.shards) {
		moved, err := s.keep.aside(b)
		if err != nil {
			return err
		}
		s.early[n] = append(s.early[n], moved)
	}
	s.agg = windows.NewLocalAggregate(s.assign.Schema(), s.x.Spec, s.x.Window) // Reset would keep the memory
	return nil
}

// finish adds to r the partials of the task, by shard.
func (s *sender) finish(r *Result, stage, shards int) {
	out := make([][]*columnar.Batch, shards)
	for n, partials := range s.early {
		for _, b := range partials {
			r.aside += b.SizeBytes()
		}
		out[n] = partials
	}
	for n, b := range s.divide(shards) {
		out[n] = append(out[n], b)
	}
	r.Partials[stage], s.early = out, nil
}

// divide copies the groups, or the rows that travel whole, into batches for each shard, and forgets them.
func (s *sender) divide(shards int) iter.Seq2[int, *columnar.Batch] {
	return func(yield func(shard int, b *columnar.Batch) bool) {
		rows, keys := slices.Values(s.rows), s.x.Spec.Keys[1:]
		if s.x.Window.Kind != windows.Dedup {
			rows, keys = s.agg.Drain(), make([]int, len(keys))
			for i := range keys {
				keys[i] = i + 1
			}
		}
		s.rows, s.waits = nil, 0
		for b := range rows {
			if !s.split(b, keys, shards, yield) {
				return
			}
		}
	}
}

// split yields, by shard, copies of the rows of b. All keys but the first, the window, choose the shard, so that every
// window of a key is in the same one.
func (s *sender) split(b *columnar.Batch, keys []int, shards int, yield func(int, *columnar.Batch) bool) bool {
	if b.Len() == 0 {
		return true
	}
	if shards == 1 {
		return yield(0, columnar.Concat([]*columnar.Batch{b}))
	}
	s.groups = columnar.KeyGroups(b, keys, s.groups[:0])
	rows := make([][]int32, shards)
	for i, g := range s.groups {
		n := columnar.Shard(g, shards)
		rows[n] = append(rows[n], int32(i))
	}
	for n := range rows {
		if len(rows[n]) > 0 && !yield(n, columnar.Take(b, rows[n])) {
			return false
		}
	}
	return true
}
