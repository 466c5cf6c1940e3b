package columnar

// Touch makes a group for the keys of each selected row, where there is none, without folding the row in: a group of no
// rows, with the aggregates of nothing. Only the key columns of b need be there.
func (h *HashAggregate) Touch(b *Batch) { h.assign(b, h.spec.Keys) }
