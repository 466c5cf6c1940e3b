package windows

import (
	"slices"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/internal/state"
)

// changes makes the changelog of a windowed aggregation: what a batch has changed in results that came out before, and the
// results that come out for the first time. Nothing is kept for it between batches: a result has come out if its window
// ended at or before the watermark at the start of the batch (or, with Early, if its group was there), and what it was
// follows from the state at the start of the batch.
type changes struct {
	op      Operator
	final   *columnar.Schema        // without operations
	scratch *columnar.HashAggregate // that images are made in
	out     []*columnar.Batch       // rows by window
	ops     *columnar.Builder       // of all rows of out
}

func newChanges(o Operator, shape state.Shape) *changes {
	return &changes{op: o, final: shape.Spec.FinalSchema(shape.In),
		scratch: columnar.NewHashAggregate(shape.In, shape.Spec), ops: columnar.NewBuilder(columnar.Type{Kind: columnar.String})}
}

// image is what half-aggregated groups come to, ordered by their keys. The batch is a copy.
func (c *changes) image(parts ...*columnar.Batch) (*columnar.Batch, error) {
	c.scratch.Reset()
	for _, p := range parts {
		if err := c.scratch.Merge(p); err != nil {
			return nil, err
		}
	}
	final, err := c.scratch.Final()
	if err != nil {
		return nil, err
	}
	return columnar.Take(final, columnar.SortRows(final, columnsFrom(0, len(c.op.Spec.Keys)))), nil
}

// insert adds results that come out for the first time.
func (c *changes) insert(rows *columnar.Batch) {
	c.out = append(c.out, rows)
	for range rows.Rows {
		c.ops.AppendString(Insert)
	}
}

// update adds what tells the results before a batch from those behind it. Both are ordered by their keys, which no two
// rows of one share.
func (c *changes) update(before, after *columnar.Batch) {
	all := columnar.Concat([]*columnar.Batch{before, after})
	keys := len(c.op.Spec.Keys)
	byKey, byRest := columnar.CompareRows(all, columnsFrom(0, keys)), columnar.CompareRows(all, columnsFrom(keys, len(all.Cols)))
	var rows []int32
	put := func(row int32, op string) {
		rows = append(rows, row)
		c.ops.AppendString(op)
	}
	was, is, end := int32(0), int32(before.Rows), int32(all.Rows)
	for was < int32(before.Rows) || is < end {
		order := 0
		switch {
		case is == end:
			order = -1
		case was == int32(before.Rows):
			order = 1
		default:
			order = byKey(was, is)
		}
		switch {
		case order < 0:
			put(was, Delete)
		case order > 0:
			put(is, Insert)
		case byRest(was, is) != 0:
			put(was, UpdateBefore)
			put(is, UpdateAfter)
		}
		if order <= 0 {
			was++
		}
		if order >= 0 {
			is++
		}
	}
	c.out = append(c.out, columnar.Take(all, rows))
}

// take returns the rows added, with their operations, and starts anew.
func (c *changes) take() *columnar.Batch {
	out := columnar.Concat(append([]*columnar.Batch{columnar.EmptyBatch(c.final)}, c.out...))
	ops := columnar.Concat([]*columnar.Batch{{Schema: opSchema, Cols: []*columnar.Vector{c.ops.Vector()}, Rows: c.ops.Len()}})
	out.Schema, out.Cols = c.op.Final(), append(out.Cols, ops.Cols[0])
	c.out = nil
	c.ops.Reset()
	return out
}

var opSchema = columnar.NewSchema(columnar.Field{Name: OpColumn, Type: columnar.Type{Kind: columnar.String}})

// columnsFrom are from to n−1.
func columnsFrom(from, n int) []int {
	var out []int
	for i := from; i < n; i++ {
		out = append(out, i)
	}
	return out
}

// closeChanges is Close of a changelog. Groups leave the state when their window takes no late rows any more, which
// nobody notices.
func (a *Aggregate) closeChanges(watermark int64) (Closed, error) {
	for _, start := range a.changedWindows(watermark) {
		if err := a.changeWindow(start); err != nil {
			return Closed{}, err
		}
	}
	out := Closed{Groups: a.changes.take(), End: NoWatermark}
	gone := a.table.Namespaces()[:a.closing(watermark)]
	for _, start := range gone {
		_, rows := a.table.Held(start)
		out.Rows += rows
		out.End = a.window.End(start)
	}
	a.table.DropFirst(len(gone))
	a.came = watermark
	return out, nil
}

// changedWindows are the starts of windows with groups that the batch has touched, and those that come out with it.
func (a *Aggregate) changedWindows(watermark int64) []int64 {
	var out []int64
	for _, start := range a.table.Touched() {
		if end := a.window.End(start); a.cameOut(end) || end <= watermark {
			out = append(out, start)
		}
	}
	if !a.op.Emit.Early {
		for _, start := range a.table.Namespaces() {
			end := a.window.End(start)
			if end > watermark {
				break
			}
			if !a.cameOut(end) {
				out = append(out, start)
			}
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// changeWindow adds what the batch has changed in a window's results, all of them when they come out for the first time.
func (a *Aggregate) changeWindow(start int64) error {
	if !a.cameOut(a.window.End(start)) {
		all, err := a.table.Finished(start)
		if err == nil {
			a.changes.insert(all)
		}
		return err
	}
	before, err := a.changes.image(a.table.Before(start)...)
	if err != nil {
		return err
	}
	after, err := a.changes.image(a.table.Changed(start))
	if err != nil {
		return err
	}
	a.changes.update(before, after)
	return nil
}

// cameOut reports whether results of a window with that end came out before the batch.
func (a *Aggregate) cameOut(end int64) bool { return a.op.Emit.Early || end <= a.came }
