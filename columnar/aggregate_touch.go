package columnar

// Touch makes a group for the keys of each selected row, where there is none, without folding the row in: a group of no
// rows, with the aggregates of nothing. Only the key columns of b need be there. An error says that the keys are too much
// for one aggregate.
func (h *HashAggregate) Touch(b *Batch) error {
	h.settle()
	rows := h.selected(b)
	if err := h.keys.roomForKeys(b, h.spec.Keys, rows); err != nil {
		return err
	}
	h.assign(b, h.spec.Keys, rows)
	return nil
}
