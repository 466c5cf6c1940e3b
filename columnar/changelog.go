package columnar

import (
	"errors"
	"fmt"
)

// What a row of a changelog does, as Flink and Spark call it. The two halves of an update stand one behind the other.
const (
	OpInsert       = "insert"        // a row of the result that was not there
	OpUpdateBefore = "update_before" // the row as it was, which the next one replaces
	OpUpdateAfter  = "update_after"  // the row as it is now
	OpDelete       = "delete"        // the row as it was, which is no longer there
)

// ChangelogFilter is the [Filter] of a changelog: what comes out is the changelog of the rows for which a condition is
// TRUE. Where only one half of an update meets it, the row enters the result or leaves it: an insert or a delete.
type ChangelogFilter struct {
	Filter
	op   int     // the column of the operations
	ops  Builder // of the rows of out
	cols []*Vector
}

// NewChangelogFilter returns a filter of batches of schema in, whose column op holds the operations. pred must be
// boolean.
func NewChangelogFilter(in *Schema, pred *Expr, op int) (*ChangelogFilter, error) {
	if op < 0 || op >= len(in.Fields) || in.Fields[op].Type.Kind != String {
		return nil, fmt.Errorf("no column %d of operations in (%s)", op, in)
	}
	f, err := NewFilter(in, pred)
	if err != nil {
		return nil, err
	}
	return &ChangelogFilter{Filter: *f, op: op, ops: *NewBuilder(Type{Kind: String})}, nil
}

// Process returns in with a selection. It aliases the columns of in but for that of the operations, and only where one
// of them has changed.
func (f *ChangelogFilter) Process(in *Batch) (*Batch, error) {
	out, err := f.Filter.Process(in)
	if err != nil || out.Len() == in.Len() {
		return out, err
	}
	changed, err := f.halve(in.Cols[f.op], selectedRows(in), f.sel)
	if err != nil || !changed {
		return out, err
	}
	f.cols = append(f.cols[:0], in.Cols...)
	f.cols[f.op] = f.ops.Vector()
	out.Cols = f.cols
	return out, nil
}

var errHalfUpdate = errors.New("half an update in a changelog: a bug")

// halve writes the operations anew for a batch of which only the rows of kept, a part of rows, are left. Rows that are
// not kept keep theirs. It reports whether any has changed.
func (f *ChangelogFilter) halve(ops *Vector, rows, kept []int32) (changed bool, err error) {
	f.ops.Reset()
	next := 0 // in kept
	keeps := func(r int32) bool {
		if next < len(kept) && kept[next] == r {
			next++
			return true
		}
		return false
	}
	put := func(r int32, op string) {
		for int32(f.ops.Len()) < r { // not selected
			f.ops.AppendString("")
		}
		f.ops.AppendString(op)
	}
	for i := 0; i < len(rows); i++ {
		r := rows[i]
		if string(ops.Str(int(r))) != OpUpdateBefore {
			put(r, string(ops.Str(int(r))))
			keeps(r)
			continue
		}
		if i++; i == len(rows) || string(ops.Str(int(rows[i]))) != OpUpdateAfter {
			return false, errHalfUpdate
		}
		before, after := OpUpdateBefore, OpUpdateAfter
		switch was, is := keeps(r), keeps(rows[i]); {
		case was && !is:
			before, changed = OpDelete, true
		case is && !was:
			after, changed = OpInsert, true
		}
		put(r, before)
		put(rows[i], after)
	}
	for f.ops.Len() < ops.N {
		f.ops.AppendString("")
	}
	return changed, nil
}

// DropUnchanged leaves out the updates of a changelog that change nothing: both halves are the same, as where a column
// that has changed was projected away. They count as filtered.
type DropUnchanged struct {
	schema *Schema
	op     int
	rest   []int // the other columns
	sel    []int32
	out    Batch
	counts RowCounts
}

// NewDropUnchanged returns the operator for batches of schema in, whose column op holds the operations.
func NewDropUnchanged(in *Schema, op int) (*DropUnchanged, error) {
	if op < 0 || op >= len(in.Fields) || in.Fields[op].Type.Kind != String {
		return nil, fmt.Errorf("no column %d of operations in (%s)", op, in)
	}
	d := &DropUnchanged{schema: in, op: op, sel: make([]int32, 0, 1)}
	for i := range in.Fields {
		if i != op {
			d.rest = append(d.rest, i)
		}
	}
	return d, nil
}

// Schema is the schema of the input.
func (d *DropUnchanged) Schema() *Schema { return d.schema }

// Process returns in with a selection; it aliases the columns of in.
func (d *DropUnchanged) Process(in *Batch) (*Batch, error) {
	ops, rows := in.Cols[d.op], selectedRows(in)
	compare := CompareRows(in, d.rest)
	d.sel = d.sel[:0]
	for i := 0; i < len(rows); i++ {
		if string(ops.Str(int(rows[i]))) == OpUpdateBefore {
			if i++; i == len(rows) || string(ops.Str(int(rows[i]))) != OpUpdateAfter {
				return nil, errHalfUpdate
			}
			if compare(rows[i-1], rows[i]) == 0 {
				continue
			}
			d.sel = append(d.sel, rows[i-1])
		}
		d.sel = append(d.sel, rows[i])
	}
	d.out = *in
	if len(d.sel) < in.Rows {
		d.out.Sel = d.sel
	}
	d.counts.Add(RowCounts{In: int64(len(rows)), Out: int64(len(d.sel)), Filtered: int64(len(rows) - len(d.sel))})
	return &d.out, nil
}

// Counts implements [Operator].
func (d *DropUnchanged) Counts() RowCounts { return takeCounts(&d.counts) }
