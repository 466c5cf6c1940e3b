package columnar

import "fmt"

// Filter keeps the rows for which a predicate is TRUE, by a selection vector: no column is copied.
type Filter struct {
	schema *Schema
	pred   *Program
	sel    []int32
	out    Batch
	counts RowCounts
}

// NewFilter returns a filter of batches of schema in. pred must be boolean.
func NewFilter(in *Schema, pred *Expr) (*Filter, error) {
	if pred.Type.Kind != Bool {
		return nil, fmt.Errorf("a condition must be boolean, %s is %s", pred.describe(), pred.Type)
	}
	prog, err := Compile(pred, in)
	if err != nil {
		return nil, err
	}
	return &Filter{schema: in, pred: prog, sel: make([]int32, 0, 1)}, nil
}

// Schema is the schema of the input.
func (f *Filter) Schema() *Schema { return f.schema }

// Process returns in with a selection; it aliases the columns of in.
func (f *Filter) Process(in *Batch) (*Batch, error) {
	sel, err := f.pred.Select(in, f.sel[:0])
	if err != nil {
		return nil, err
	}
	f.sel = sel
	f.out = *in
	if len(sel) < in.Rows {
		f.out.Sel = sel
	}
	f.counts.In += int64(in.Len())
	f.counts.Out += int64(len(sel))
	f.counts.Filtered += int64(in.Len() - len(sel))
	return &f.out, nil
}

// CountDropped counts rows that never came, because something in front has dropped them for this filter.
func (f *Filter) CountDropped(rows int64) {
	f.counts.In += rows
	f.counts.Filtered += rows
}

// Counts implements [Operator].
func (f *Filter) Counts() RowCounts { return takeCounts(&f.counts) }

func takeCounts(c *RowCounts) RowCounts {
	out := *c
	*c = RowCounts{}
	return out
}
