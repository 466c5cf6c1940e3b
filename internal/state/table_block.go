package state

import (
	"errors"
	"fmt"
	"slices"

	"github.com/millrace/millrace/columnar"
)

// Snapshot returns a block of all groups held.
func (t *Table) Snapshot() ([]byte, error) {
	w := t.blockWriter()
	for _, start := range t.names.list() {
		s := t.spaces[start]
		w.order = t.keys.order(w.order[:0], s.keys)
		w.add(s)
	}
	return t.block(w)
}

// Delta returns a block of the groups that changed since the last block and are still held.
func (t *Table) Delta() ([]byte, error) {
	w := t.blockWriter()
	slices.Sort(t.dirty)
	t.dirty = slices.Compact(t.dirty) // one that came again after it was dropped is there twice
	for _, namespace := range t.dirty {
		if s := t.spaces[namespace]; s != nil && len(s.changed) > 0 {
			w.changed = w.changed[:0]
			for _, g := range s.changed {
				w.changed = append(w.changed, s.keys[g])
			}
			w.order = t.keys.order(w.order[:0], w.changed)
			for i, at := range w.order {
				w.order[i] = s.changed[at]
			}
			w.add(s)
		}
	}
	return t.block(w)
}

func (t *Table) block(w *blockWriter) ([]byte, error) {
	block, err := w.block(nil)
	if err != nil {
		return nil, fmt.Errorf("write state block: %w", err)
	}
	t.markClean()
	w.release()
	if w.sizeBytes() > max(spareFree, t.size/spareShare) {
		t.writer = nil
	}
	return block, nil
}

func (t *Table) markClean() {
	for _, namespace := range t.dirty {
		if s := t.spaces[namespace]; s != nil {
			s.markClean()
		}
	}
	t.dirty = t.dirty[:0]
}

func (s *space) markClean() {
	for _, g := range s.changed {
		s.touched[g] = 0
	}
	s.changed, s.before = s.changed[:0], nil
}

// blockWriter gathers groups of namespaces, which ascend, each in the order of their keys. So they need not be sorted any
// more, only filed under their key groups, which every state is copied for once. What it gathers in is used again.
type blockWriter struct {
	table  *Table
	index  [keyGroups + 1]uint32 // the first row of every key group, and at the end the number of rows
	spaces []*space              // with groups
	ends   []int                 // of the groups of each
	groups []int32
	rows   []int32 // by group: where it stands in the block
	parts  []columnar.GroupPart
	failed error

	order   []int32 // scratch
	changed []uint32

	names  *columnar.Vector // by row
	keys   []int32
	cols   []*columnar.Vector // of keys
	states columnar.PartialColumns
}

// blockWriter returns the writer of blocks without groups.
func (t *Table) blockWriter() *blockWriter {
	if t.writer == nil {
		t.writer = &blockWriter{table: t, names: &columnar.Vector{Type: t.partial.Fields[0].Type}}
	}
	w := t.writer
	w.release()
	w.failed = nil
	clear(w.index[:])
	return w
}

// release forgets what was gathered, and keeps the memory.
func (w *blockWriter) release() {
	clear(w.spaces)
	clear(w.parts)
	w.spaces, w.parts, w.ends, w.groups = w.spaces[:0], w.parts[:0], w.ends[:0], w.groups[:0]
}

// add takes the groups of a namespace that w.order lists.
func (w *blockWriter) add(s *space) {
	before := int64(-1)
	for _, g := range w.order {
		key := s.keys[g]
		if int64(key) == before {
			w.failed = errors.New("two groups have the same keys")
		}
		before = int64(key)
		w.index[int(w.table.keys.groups[key])+1]++
	}
	w.spaces, w.groups = append(w.spaces, s), append(w.groups, w.order...)
	w.ends = append(w.ends, len(w.groups))
}

// file finds the row of every group.
func (w *blockWriter) file() {
	for g := range keyGroups {
		w.index[g+1] += w.index[g]
	}
	n, next := len(w.groups), w.index
	w.rows, w.keys = slices.Grow(w.rows[:0], n)[:n], slices.Grow(w.keys[:0], n)[:n]
	w.names.N, w.names.I64 = n, slices.Grow(w.names.I64[:0], n)[:n]
	from := 0
	for i, s := range w.spaces {
		for at := from; at < w.ends[i]; at++ {
			key := s.keys[w.groups[at]]
			slot := &next[w.table.keys.groups[key]]
			row := *slot
			*slot++
			w.rows[at], w.keys[row], w.names.I64[row] = int32(row), int32(key), s.start
		}
		w.parts = append(w.parts, columnar.GroupPart{Accs: s.accs, Groups: w.groups[from:w.ends[i]], Rows: w.rows[from:w.ends[i]]})
		from = w.ends[i]
	}
}

// block appends the block to room, which is empty.
func (w *blockWriter) block(room []byte) ([]byte, error) {
	if w.failed != nil {
		return nil, w.failed
	}
	w.file()
	t, all := w.table, &columnar.Batch{Schema: w.table.partial, Rows: len(w.groups)}
	states, err := w.states.Gather(w.parts, all.Rows, Concat)
	if err == nil {
		w.cols, err = t.keys.index.Retake(w.cols, w.keys)
	}
	if err != nil {
		return nil, err
	}
	all.Cols = append(append(append(all.Cols, w.names), w.cols...), states...)
	return assemble(room, t.shape.keys(), &w.index, func(block []byte, from, to int) ([]byte, error) {
		return columnar.AppendIPC(block, all, from, to)
	})
}

// sizeBytes is the memory held.
func (w *blockWriter) sizeBytes() int64 {
	if w == nil {
		return 0
	}
	size := int64(cap(w.groups)+cap(w.rows)+cap(w.keys)+cap(w.order)+cap(w.changed))*4 + int64(cap(w.names.I64))*8 + w.states.SizeBytes()
	size += int64(cap(w.ends)+cap(w.spaces))*8 + int64(cap(w.parts))*56
	return size + (&columnar.Batch{Cols: w.cols}).SizeBytes()
}
