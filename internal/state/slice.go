package state

import (
	"fmt"

	"github.com/millrace/millrace/columnar"
)

// A slice is a block of all that is held of a run of key groups: a part of a snapshot. Whoever takes one part behind each of
// several batches never stands still for the whole. It is taken behind a delta, when nothing counts as changed, and leaves
// everything as it was.

// Slice returns a block of all groups held of the key groups from..to. In each key group they are in the order in which the
// namespaces and the keys came to be: nobody joins slices, so that the order of the keys need not be found.
func (t *Table) Slice(from, to uint8) ([]byte, error) {
	w := t.blockWriter()
	for _, start := range t.names.list() {
		s := t.spaces[start]
		w.order = w.order[:0]
		for g, key := range s.keys {
			if within := t.keys.groups[key]; within >= from && within <= to {
				w.order = append(w.order, int32(g))
			}
		}
		if len(w.order) > 0 {
			w.add(s)
		}
	}
	block, err := w.block()
	if err != nil {
		return nil, fmt.Errorf("write state block: %w", err)
	}
	w.release()
	if w.sizeBytes() > max(spareFree, t.size/spareShare) {
		t.writer = nil
	}
	return block, nil
}

// Slice returns a block of all live sessions of the key groups from..to.
func (s *Sessions) Slice(from, to uint8) ([]byte, error) {
	s.filedAs = fileKeys(s.filedAs, s.keys, len(s.keyCols))
	var slots []int32
	for i := range s.slots {
		if o := &s.slots[i]; !o.gone && s.filedAs[o.key] >= from && s.filedAs[o.key] <= to {
			slots = append(slots, int32(i))
		}
	}
	b, err := s.batchOf(slots)
	if err != nil {
		return nil, fmt.Errorf("write state block: %w", err)
	}
	return encodeSlice(s.partial, s.shape.keys(), b)
}

// Slice returns a block of all that is remembered of the key groups from..to.
func (s *Seen) Slice(from, to uint8) ([]byte, error) {
	s.groups = fileKeys(s.groups, s.keys, len(s.names))
	rows := s.rememberedOf(0, func(key uint32) bool { return s.groups[key] >= from && s.groups[key] <= to })
	return encodeSlice(s.partial, s.shape.keys(), rows)
}

func encodeSlice(schema *columnar.Schema, keys int, rows *columnar.Batch) ([]byte, error) {
	block, err := encode(schema, keys, []*columnar.Batch{rows})
	if err != nil {
		return nil, fmt.Errorf("write state block: %w", err)
	}
	return block, nil
}

// fileKeys appends the key groups of the keys of an index that came since the last call.
func fileKeys(groups []uint8, keys *columnar.KeyIndex, cols int) []uint8 {
	from := len(groups)
	if from == keys.Len() {
		return groups
	}
	b := &columnar.Batch{Schema: &columnar.Schema{}, Rows: keys.Len(), Sel: rowRun(from, keys.Len())}
	for i := range cols {
		b.Cols = append(b.Cols, keys.Column(i))
	}
	return append(groups, columnar.KeyGroups(b, firstColumns(cols), nil)...)
}
