package state

import (
	"fmt"
	"slices"

	"github.com/millrace/millrace/columnar"
)

// A slice is a block of all that is held of a run of key groups: a part of a snapshot. Whoever takes one part behind each of
// several batches never stands still for the whole. It is taken behind a delta, when nothing counts as changed, and leaves
// everything as it was.

// Slice appends a block of all groups held of the key groups from..to to room, which is empty: memory that is used again. In
// each key group they are in the order in which the namespaces and the keys came to be: nobody joins slices, so that the order of
// the keys need not be found.
func (t *Table) Slice(room []byte, from, to uint8) ([]byte, error) {
	w := t.blockWriter()
	for _, start := range t.names.list() {
		s := t.spaces[start]
		w.pick(s, from, to)
		if len(w.order) > 0 {
			w.add(s)
		}
	}
	block, err := w.block(room)
	if err != nil {
		return nil, fmt.Errorf("write state block: %w", err)
	}
	w.release()
	if w.sizeBytes() > max(spareFree, t.size/spareShare) {
		t.writer = nil
	}
	return block, nil
}

// pick lists the groups of a namespace that are in the key groups from..to. Which ones cannot be guessed, so there is no branch.
func (w *blockWriter) pick(s *space, from, to uint8) {
	w.order = w.order[:0]
	const run = 4096
	for first := 0; first < len(s.keys); first += run {
		keys := s.keys[first:min(first+run, len(s.keys))]
		n := len(w.order)
		w.order = slices.Grow(w.order, len(keys))
		picked, count := w.order[n:n+len(keys)], 0
		for i, key := range keys {
			picked[count] = int32(first + i)
			if w.table.keys.groups[key]-from <= to-from {
				count++
			}
		}
		w.order = w.order[:n+count]
	}
}

// Slice appends a block of all live sessions of the key groups from..to to room, as that of a Table.
func (s *Sessions) Slice(room []byte, from, to uint8) ([]byte, error) {
	s.filedAs = fileKeys(s.filedAs, s.keys, len(s.keyCols))
	in := newSliced(s.live, from, to)
	for i := range s.slots {
		if o := &s.slots[i]; !o.gone {
			in.add(int32(i), s.filedAs[o.key])
		}
	}
	b, err := s.batchOf(in.filed())
	if err != nil {
		return nil, fmt.Errorf("write state block: %w", err)
	}
	return in.block(room, s.shape.keys(), b)
}

// Slice appends a block of all that is remembered of the key groups from..to to room, as that of a Table.
func (s *Seen) Slice(room []byte, from, to uint8) ([]byte, error) {
	s.groups = fileKeys(s.groups, s.keys, len(s.names))
	in := newSliced(s.live, from, to)
	for i := range s.kept {
		if g := s.groups[s.kept[i].key]; in.has(g) && !s.expired(s.cell(s.kept[i].time), s.watermark) {
			in.add(int32(i), g)
		}
	}
	return in.block(room, s.shape.keys(), s.batchOf(in.filed()))
}

// sliced gathers what a slice has, in the order in which it lies in memory, and files it under its key groups. Nothing is there twice,
// as whoever loads the slice finds out, so that it need not be put in the order of its keys.
type sliced struct {
	from, to uint8
	held     []int32 // positions
	groups   []uint8 // of these
	index    [keyGroups + 1]uint32
}

// newSliced begins a slice of a state that holds so many rows.
func newSliced(all int, from, to uint8) *sliced {
	about := all / keyGroups * (int(to) - int(from) + 1)
	about += about / 16
	return &sliced{from: from, to: to, held: make([]int32, 0, about), groups: make([]uint8, 0, about)}
}

func (s *sliced) has(group uint8) bool { return group >= s.from && group <= s.to }

// add takes what lies at a position, if its key group is one of the slice.
func (s *sliced) add(at int32, group uint8) {
	if s.has(group) {
		s.held, s.groups = append(s.held, at), append(s.groups, group)
	}
}

// filed lists the positions by key group.
func (s *sliced) filed() []int32 {
	f := fileRows(nil, s.groups)
	for row, i := range f.rows {
		f.rows[row] = s.held[i]
	}
	s.index = f.index
	return f.rows
}

// block writes the rows that were filed into room.
func (s *sliced) block(room []byte, keys int, rows *columnar.Batch) ([]byte, error) {
	block, err := assemble(room, keys, &s.index, func(block []byte, from, to int) ([]byte, error) {
		return columnar.AppendIPC(block, rows, from, to)
	})
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
