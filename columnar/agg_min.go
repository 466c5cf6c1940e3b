package columnar

// extreme is the state of min and max, and of bool_and and bool_or, which are the least and the greatest truth value.
type extreme struct {
	best
	typ Type
}

func newExtreme(a Agg) aggState {
	return &extreme{best: newBest(a.In, a.Func == Max || a.Func == BoolOr), typ: a.In}
}

func (e *extreme) columns() []Field { return []Field{{Type: e.typ}} }

func (e *extreme) add(in *aggInput) error {
	in.dropNulls(in.cols[0])
	return e.improve(in, in.cols[0], nil)
}

func (e *extreme) merge(in *aggInput) error { return e.add(in) }

func (e *extreme) partial(dst []*Vector, groups []int32) []*Vector {
	return append(dst, e.column(groups))
}

func (e *extreme) final() (*Vector, error) { return e.column(nil), nil }
