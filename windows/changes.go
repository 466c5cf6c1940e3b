package windows

import (
	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/internal/state"
)

// changes makes the changelog of a windowed aggregation: what a batch has changed in results that came out before, and the
// results that come out for the first time. Nothing is kept for it between batches: a result has come out if its window
// ended at or before the watermark at the start of the batch (or, with Early, if its group was there), and what it was
// follows from the state at the start of the batch.
type changes struct {
	op      Operator
	final   *columnar.Schema // without operations
	logged  *columnar.Schema // with them
	shape   state.Shape
	scratch *columnar.HashAggregate // that images are made in; nil until there are any
	out     []*columnar.Batch       // rows by window
	ops     *columnar.Builder       // of all rows of out
}

func newChanges(c *course) *changes {
	return &changes{op: c.op, final: c.results, logged: c.final, shape: c.shape,
		ops: columnar.NewBuilder(columnar.Type{Kind: columnar.String})}
}

// image is what half-aggregated groups come to, ordered by their keys. The batch is a copy.
func (c *changes) image(parts ...*columnar.Batch) (*columnar.Batch, error) {
	if c.scratch == nil {
		c.scratch = columnar.NewHashAggregate(c.shape.In, c.shape.Spec)
	}
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
	out.Schema, out.Cols = c.logged, append(out.Cols, ops.Cols[0])
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
