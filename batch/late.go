package batch

import (
	"fmt"
	"math"
	"slices"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/dstream"
	"github.com/millrace/millrace/windows"
)

// lateRows makes the rows of a side output of what one operator finds late.
type lateRows struct {
	side   int // in the plan's sides
	x      *dstream.Exchange
	schema *columnar.Schema
	keep   *keeper // of done and held
	done   []*columnar.Batch
	held   [][]*columnar.Batch // by shard, of sessions, see hold
}

// newLateRows returns nil for a job without a side output of late rows.
func newLateRows(plan *dstream.Plan, x *dstream.Exchange) *lateRows {
	i := plan.Side(dstream.LateRows)
	if i < 0 {
		return nil
	}
	for k := range plan.Sinks {
		if plan.Sinks[k].Name == plan.Sides[i].Sink {
			return &lateRows{side: i, x: x, schema: plan.Sinks[k].Schema, keep: &keeper{}}
		}
	}
	return nil // a plan that was checked has the sink
}

// start prepares for a task.
func (l *lateRows) start(shards int, keep *keeper) {
	l.keep, l.done, l.held = keep, nil, make([][]*columnar.Batch, shards)
}

// missed finds the last window of a time, false where it is not known.
type missed func(t int64) (start, end int64, ok bool)

// add makes late rows of rows of in, which are as the window operator takes them. watermark is the operator's at
// the start of the batch.
func (l *lateRows) add(in *columnar.Batch, rows []int32, watermark int64, window missed) error {
	if len(rows) == 0 {
		return nil
	}
	late, err := l.keep.rows(l.rows(columnar.Take(in, rows), watermark, window))
	l.done = append(l.done, late)
	return err
}

// rows makes late rows of rows in front of the window operator.
func (l *lateRows) rows(in *columnar.Batch, watermark int64, window missed) *columnar.Batch {
	out := &columnar.Batch{Schema: l.schema, Rows: in.Rows}
	for i, c := range l.x.Late {
		if c >= 0 {
			out.Cols = append(out.Cols, in.Cols[c])
		} else {
			out.Cols = append(out.Cols, nulls(l.schema.Fields[i].Type, in.Rows))
		}
	}
	out.Cols = append(out.Cols, l.metadata(in, watermark, window)...)
	return out
}

// metadata are the columns of [dstream.LateMetadata].
func (l *lateRows) metadata(rows *columnar.Batch, watermark int64, window missed) []*columnar.Vector {
	var cols [8]*columnar.Builder
	for i, f := range dstream.LateMetadata() {
		cols[i] = columnar.NewBuilder(f.Type)
	}
	for i := range rows.Rows {
		cols[0].AppendString(l.x.Name)
		if rows.Origin != nil && i < len(rows.Offsets) {
			cols[1].AppendString(rows.Origin.Topic)
			cols[2].AppendInt32(rows.Origin.Partition)
			cols[3].AppendInt64(rows.Offsets[i])
		} else {
			for _, c := range cols[1:4] {
				c.AppendNull()
			}
		}
		at, known := int64(0), l.x.TimeColumn >= 0
		if known {
			at = rows.Cols[l.x.TimeColumn].I64[i]
		}
		start, end, in := int64(0), int64(0), false
		if known && window != nil {
			start, end, in = window(at)
		}
		appendTime(cols[4], at, known)
		appendTime(cols[5], watermark, watermark != windows.NoWatermark && watermark != windows.MaxWatermark)
		appendTime(cols[6], start, in)
		appendTime(cols[7], end, in)
	}
	out := make([]*columnar.Vector, len(cols))
	for i, c := range cols {
		out[i] = c.Vector()
	}
	return out
}

func appendTime(b *columnar.Builder, t int64, known bool) {
	if known {
		b.AppendInt64(t)
	} else {
		b.AppendNull()
	}
}

// nulls is a column of n NULLs.
func nulls(t columnar.Type, n int) *columnar.Vector {
	b := columnar.NewBuilder(t)
	for range n {
		b.AppendNull()
	}
	return b.Vector()
}

// finish adds to r what the task, of that stage, yielded.
func (l *lateRows) finish(r *Result, stage int) {
	if len(l.done) > 0 {
		r.addSide(l.side, l.done)
	}
	r.Held[stage] = l.held
	l.done, l.held = nil, nil
}

// hold keeps the rows of sessions that may be late: they end before the watermark, unless they touch a session that is
// live. Only the shard of their key can tell. They go there as the late rows that they would be, with key and time behind.
// mark is the watermark less the lateness that is allowed.
func (l *lateRows) hold(in *columnar.Batch, watermark, mark int64) error {
	gap := l.x.Window.Size
	if mark < math.MinInt64+gap { // none is so early
		return nil
	}
	var rows []int32
	times := in.Cols[l.x.TimeColumn].I64
	for i := range in.Len() {
		row := int32(i)
		if in.Sel != nil {
			row = in.Sel[i]
		}
		if times[row] < mark-gap {
			rows = append(rows, row)
		}
	}
	if len(rows) == 0 {
		return nil
	}
	taken := columnar.Take(in, rows)
	out := l.rows(taken, watermark, nil)
	for _, k := range l.x.Spec.Keys[1:] {
		out.Cols = append(out.Cols, taken.Cols[k])
	}
	out.Cols = append(out.Cols, taken.Cols[l.x.TimeColumn])
	out.Schema = heldSchema(l.schema, l.x)
	return l.partition(out)
}

// heldSchema is that of late rows, with the columns behind that tell whether they are late.
func heldSchema(late *columnar.Schema, x *dstream.Exchange) *columnar.Schema {
	out := &columnar.Schema{Fields: slices.Clone(late.Fields)}
	for i, c := range append(slices.Clone(x.Spec.Keys[1:]), x.TimeColumn) {
		out.Fields = append(out.Fields, columnar.Field{Name: fmt.Sprintf("_held%d", i), Type: x.Assigned.Fields[c].Type})
	}
	return out
}

// heldColumns are the positions of keys and time in held rows.
func heldColumns(late *columnar.Schema, x *dstream.Exchange) (keys []int, time int) {
	for i := range x.Spec.Keys[1:] {
		keys = append(keys, len(late.Fields)+i)
	}
	return keys, len(late.Fields) + len(keys)
}

// partition keeps rows for the shards of their keys.
func (l *lateRows) partition(b *columnar.Batch) error {
	shards := len(l.held)
	keys, _ := heldColumns(l.schema, l.x)
	rows := make([][]int32, shards)
	for i, g := range columnar.KeyGroups(b, keys, nil) {
		n := columnar.Shard(g, shards)
		rows[n] = append(rows[n], int32(i))
	}
	for n := range rows {
		if len(rows[n]) == 0 {
			continue
		}
		kept, err := l.keep.rows(columnar.Take(b, rows[n]))
		if err != nil {
			return err
		}
		l.held[n] = append(l.held[n], kept)
	}
	return nil
}

// tell finds the late rows among those held for a shard whose sessions have just closed.
func (l *lateRows) tell(state *windows.Aggregate, held []*columnar.Batch, r *Result) error {
	keys, time := heldColumns(l.schema, l.x)
	for _, b := range held {
		rows, err := state.LateRows(b, keys, time)
		if err != nil {
			return fmt.Errorf("tell late rows of %s: %w", l.x.Name, err)
		}
		if len(rows) > 0 {
			late := columnar.Take(b, rows)
			late.Schema, late.Cols = l.schema, late.Cols[:len(l.schema.Fields)]
			if late, err = l.keep.rows(late); err != nil {
				return err
			}
			r.addSide(l.side, []*columnar.Batch{late})
		}
	}
	return nil
}
