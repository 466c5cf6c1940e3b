package columnar

// Add folds the selected rows of b in: groups holds the number of the group for each of them. Errors are those of
// [HashAggregate.Add]; after one only [Accumulators.Reset] may follow.
func (a *Accumulators) Add(b *Batch, groups []uint32) error {
	rows := b.Sel
	if rows == nil {
		rows = a.frame.identity(b.Rows)
	}
	for i := range a.folds {
		f := &a.folds[i]
		a.input = aggInput{cols: a.input.cols[:0], rows: rows, groups: groups, scratch: &a.scratch}
		for _, c := range f.args {
			a.input.cols = append(a.input.cols, a.flat.column(c, b.Cols[c], rows))
		}
		if f.where >= 0 {
			a.input.keepTrue(b.Cols[f.where])
		}
		if err := f.state.add(&a.input); err != nil {
			return f.explain(err)
		}
	}
	return nil
}

// States appends the state columns of all groups. They are valid until the next call of any method.
func (a *Accumulators) States(dst []*Vector) []*Vector {
	for i := range a.folds {
		dst = a.folds[i].state.partial(dst, nil)
	}
	return dst
}
