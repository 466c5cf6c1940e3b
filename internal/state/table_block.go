package state

import (
	"errors"
	"fmt"
	"slices"

	"github.com/millrace/millrace/columnar"
)

// Snapshot returns a block of all groups held.
func (t *Table) Snapshot() ([]byte, error) {
	w := blockWriter{table: t}
	for _, start := range t.names.list() {
		s := t.spaces[start]
		w.add(s, t.keys.inOrder(s.keys))
	}
	return t.block(&w)
}

// Delta returns a block of the groups that changed since the last block and are still held.
func (t *Table) Delta() ([]byte, error) {
	w := blockWriter{table: t}
	slices.Sort(t.dirty)
	t.dirty = slices.Compact(t.dirty) // one that came again after it was dropped is there twice
	for _, namespace := range t.dirty {
		if s := t.spaces[namespace]; s != nil && len(s.changed) > 0 {
			w.add(s, at(s.changed, t.keys.inOrder(at(s.keys, s.changed))))
		}
	}
	return t.block(&w)
}

func (t *Table) block(w *blockWriter) ([]byte, error) {
	block, err := w.block()
	if err != nil {
		return nil, fmt.Errorf("write state block: %w", err)
	}
	t.markClean()
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
// more, only filed under their key groups.
type blockWriter struct {
	table  *Table
	keys   []uint32
	names  []int64
	states []*columnar.Batch
	failed error
}

// add takes groups of a namespace.
func (w *blockWriter) add(s *space, order []int32) {
	keys := at(s.keys, order)
	for i, key := range keys {
		if i > 0 && keys[i-1] == key {
			w.failed = errors.New("two groups have the same keys")
		}
		w.names = append(w.names, s.start)
	}
	w.keys = append(w.keys, keys...)
	w.states = append(w.states, &columnar.Batch{Schema: w.table.states, Cols: s.accs.Partial(nil, order), Rows: len(order)})
}

func (w *blockWriter) block() ([]byte, error) {
	t := w.table
	states, err := Concat(t.states, w.states)
	if err = errors.Join(w.failed, err); err != nil {
		return nil, err
	}
	keys, err := t.keys.take(w.keys)
	if err != nil {
		return nil, err
	}
	all := &columnar.Batch{Schema: t.partial, Rows: len(w.names)}
	all.Cols = append(all.Cols, &columnar.Vector{Type: t.partial.Fields[0].Type, N: all.Rows, I64: w.names})
	all.Cols = append(append(all.Cols, keys...), states.Cols...)
	return fileRows(all, at(t.keys.groups, w.keys)).block(t.shape.keys())
}
