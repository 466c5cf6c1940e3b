package columnar

// distinct lets each value of a group into another state once. Both are always up to date, so that an overflow shows at
// once.
type distinct struct {
	sets  *valueSets
	inner aggState
	list  Type
	nulls bool // NULL is a value as any other
}

func newDistinct(a Agg, inner aggState, nulls bool) *distinct {
	return &distinct{sets: newValueSets(a.In), inner: inner, list: ArrayOf(a.In), nulls: nulls}
}

func (d *distinct) columns() []Field { return []Field{{Name: " values", Type: d.list}} }

func (d *distinct) extend(n int) {
	d.sets.extend(n)
	d.inner.extend(n)
}

func (d *distinct) add(in *aggInput) error {
	v := in.cols[0]
	if !d.nulls {
		in.dropNulls(v)
	}
	if err := d.sets.keepNew(in, v); err != nil {
		return err
	}
	return d.inner.add(in)
}

func (d *distinct) merge(in *aggInput) error {
	list := in.cols[0]
	if err := in.elements(list); err != nil {
		return err
	}
	in.cols[0] = list.Kids[0]
	return d.add(in)
}

func (d *distinct) partial(dst []*Vector, groups []int32) []*Vector {
	values := d.sets.values()
	off, rows := d.sets.chains.lists(groups, nullsLast(values, values))
	return append(dst, listColumn(d.list, off, rows, values))
}

func (d *distinct) final() (*Vector, error) { return d.inner.final() }

func (d *distinct) reset() {
	d.sets.reset()
	d.inner.reset()
}

func (d *distinct) sizeBytes() int64 { return d.sets.sizeBytes() + d.inner.sizeBytes() }
