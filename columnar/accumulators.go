package columnar

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Accumulators hold the aggregates of groups that their owner numbers: a [HashAggregate] without keys, for groups that
// are found in another way than by the equality of keys. They are used by one goroutine.
//
// What a group comes to depends on its rows alone, as in a HashAggregate.
type Accumulators struct {
	folds   []aggFold
	n       int
	frame   frame
	input   aggInput
	scratch scratch
	flat    Flattener // of arguments
}

// NewAccumulators returns the aggregates of no groups, over rows of schema in. Every aggregate must have a result type
// ([Agg.Out]).
func NewAccumulators(in *Schema, aggs []Agg) *Accumulators {
	a := &Accumulators{}
	for _, agg := range aggs {
		a.folds = append(a.folds, newAggFold(in, agg))
	}
	return a
}

// Len is the number of groups.
func (a *Accumulators) Len() int { return a.n }

// Grow makes groups of no rows until there are n.
func (a *Accumulators) Grow(n int) {
	a.n = max(a.n, n)
	for i := range a.folds {
		a.folds[i].state.extend(a.n)
	}
}

// Merge folds half-aggregated groups in: groups holds the number of the group for each selected row of partial. The first
// columns of partial are keys, as many as said, which are looked at for messages only; then come the state columns of the
// aggregates, as in [AggSpec.PartialSchema]; columns behind them are left alone. After an error, which names an aggregate
// and the keys, only [Accumulators.Reset] may follow.
func (a *Accumulators) Merge(partial *Batch, keys int, groups []uint32) error {
	rows := partial.Sel
	if rows == nil {
		rows = a.frame.identity(partial.Rows)
	}
	cols := partial.Cols[keys:]
	for i := range a.folds {
		f := &a.folds[i]
		if err := a.mergeFold(f, cols[:f.width], rows, groups); err != nil {
			return nameRow(err, partial, keys, int(rows[max(slices.Index(groups, a.input.failed), 0)]))
		}
		cols = cols[f.width:]
	}
	return nil
}

// mergeFold is Merge for one aggregate.
func (a *Accumulators) mergeFold(f *aggFold, cols []*Vector, rows []int32, groups []uint32) error {
	a.input = aggInput{cols: append(a.input.cols[:0], cols...), rows: rows, groups: groups, scratch: &a.scratch}
	if err := f.state.merge(&a.input); err != nil {
		return f.explain(err)
	}
	return nil
}

// Partial appends the state columns of the groups, copies that belong to the caller.
func (a *Accumulators) Partial(dst []*Vector, groups []int32) []*Vector {
	if groups == nil {
		groups = []int32{} // nil would be all groups, without a copy
	}
	for i := range a.folds {
		dst = a.folds[i].state.partial(dst, groups)
	}
	return dst
}

// Final appends the results of all groups, one column for each aggregate. They are valid until the next call of any
// method. An error is a result that its type cannot hold; it names the aggregate, and the group by the first columns of
// names, of which the rows are the groups.
func (a *Accumulators) Final(dst []*Vector, names *Batch, keys int) ([]*Vector, error) {
	for i := range a.folds {
		f := &a.folds[i]
		v, err := f.state.final()
		if err != nil {
			err = f.explain(err)
			if row := (*RowError)(nil); errors.As(err, &row) {
				err = nameRow(err, names, keys, row.Row)
			}
			return nil, err
		}
		dst = append(dst, v)
	}
	return dst, nil
}

// Reset forgets all groups and keeps the memory.
func (a *Accumulators) Reset() {
	a.n = 0
	for i := range a.folds {
		a.folds[i].state.reset()
	}
}

// SizeBytes is the memory held.
func (a *Accumulators) SizeBytes() int64 {
	size := a.scratch.sizeBytes() + int64(cap(a.frame.iota))*4 + a.flat.sizeBytes()
	for i := range a.folds {
		size += a.folds[i].state.sizeBytes()
	}
	return size
}

// nameRow adds the keys of a row to an error about one of its values.
func nameRow(err error, b *Batch, keys, at int) error {
	if row := (*RowError)(nil); !errors.As(err, &row) || keys == 0 {
		return err
	}
	parts := make([]string, keys)
	for i := range parts {
		v := b.Cols[i]
		parts[i] = b.Schema.Fields[i].Name + " = " + valueAt(v, at).literal(v.Type)
	}
	return fmt.Errorf("group %s: %w", strings.Join(parts, ", "), err)
}
