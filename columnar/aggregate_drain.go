package columnar

import "iter"

// Drain hands over all groups half-aggregated, in the order of first sight, and forgets them as Reset does. Groups in
// records come some thousand at a time, and their memory is let go of, so that there is never much more than one form of
// them. A batch is valid until the next one is asked for; how many there are means nothing.
func (h *HashAggregate) Drain() iter.Seq[*Batch] {
	return func(yield func(*Batch) bool) {
		defer h.Reset()
		r := h.keys.records
		if r == nil {
			if h.keys.n > 0 {
				yield(h.Partial())
			}
			return
		}
		whole := h.wholeStates()
		for i := range r.chunks {
			if !yield(h.run(r, whole, i*chunkRecords, min(chunkRecords, r.n-i*chunkRecords))) {
				return
			}
			r.chunks[i] = nil
		}
	}
}

// wholeStates are the columns of all groups, by aggregate, of those that are not in records.
func (h *HashAggregate) wholeStates() [][]*Vector {
	whole := make([][]*Vector, len(h.folds))
	for i := range h.folds {
		if f := &h.folds[i]; f.inRecords == nil {
			whole[i] = f.state.partial(nil, nil)
		}
	}
	return whole
}

// run is n groups from number first on, half-aggregated.
func (h *HashAggregate) run(r *groupRecords, whole [][]*Vector, first, n int) *Batch {
	h.out = Batch{Schema: h.partial, Rows: n, Cols: h.out.Cols[:0]}
	for i := range h.keys.cols {
		own := h.keys.cols[i].own
		r.read(&r.fields[i], &own.vec, first, n)
		h.out.Cols = append(h.out.Cols, own.Vector())
	}
	groups := make([]int32, n)
	for i := range groups {
		groups[i] = int32(first + i)
	}
	for i := range h.folds {
		if f := &h.folds[i]; f.inRecords != nil {
			f.inRecords.unpack(r, f.lane, first, n)
			h.out.Cols = f.state.partial(h.out.Cols, nil)
		}
		for _, v := range whole[i] {
			h.out.Cols = append(h.out.Cols, takeVector(v, groups))
		}
	}
	return &h.out
}
