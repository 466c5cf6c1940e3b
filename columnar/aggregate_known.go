package columnar

// Known returns those of the groups with the keys of the selected rows of b that there are, half-aggregated: a copy that
// belongs to the caller, in the order of the rows. The keys are the first columns of b, each of them once; its other
// columns are not looked at. With clean set, groups that were touched since the last MarkClean are left out.
func (h *HashAggregate) Known(b *Batch, clean bool) *Batch {
	h.settle()
	rows := h.selected(b)
	h.keys.bind(b, h.partialKeys, rows)
	var found []int32
	h.groups, found = h.keys.lookup(h.groups, nil, rows)
	groups := found[:0]
	for _, g := range h.groups {
		if !clean || !h.touched(g) {
			groups = append(groups, int32(g))
		}
	}
	return h.partialOf(groups)
}

// partialOf is some groups half-aggregated, a copy.
func (h *HashAggregate) partialOf(groups []int32) *Batch {
	if groups == nil {
		groups = []int32{} // to the states nil is all of them
	}
	h.start(h.partial)
	out := Take(&h.out, groups)
	for i := range h.folds {
		out.Cols = h.folds[i].state.partial(out.Cols, groups)
	}
	return out
}
