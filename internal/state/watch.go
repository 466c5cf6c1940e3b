package state

import (
	"errors"
	"slices"

	"github.com/millrace/millrace/columnar"
)

// Watch makes the table remember, of the namespaces for which watched holds, what groups were before they were touched
// for the first time since the last block. It is called before the first Merge.
func (t *Table) Watch(watched func(namespace int64) bool) { t.watched = watched }

// Touched lists the namespaces with groups that were touched since the last block, in no order. The slice belongs to the
// table until its next change.
func (t *Table) Touched() []int64 { return t.dirty }

// Changed returns the groups of a namespace that were touched since the last block, half-aggregated: a copy that belongs
// to the caller.
func (t *Table) Changed(namespace int64) (*columnar.Batch, error) {
	if s := t.spaces[namespace]; s != nil {
		return t.some(s, s.changed)
	}
	return columnar.EmptyBatch(t.partial), nil
}

// Before returns those of the groups of a watched namespace that were touched since the last block and were there before,
// as they were then.
func (t *Table) Before(namespace int64) []*columnar.Batch {
	if s := t.spaces[namespace]; s != nil {
		return s.before
	}
	return nil
}

// keep notes what the groups of keys are before they are merged into, if they are touched for the first time.
func (t *Table) keep(s *space, keys []uint32) error {
	known, err := t.some(s, s.known(keys, true))
	if err == nil && known.Rows > 0 {
		s.before = append(s.before, known)
	}
	return err
}

// known are those of the groups of keys that there are. With clean set, those that were touched since the last block are left out.
func (s *space) known(keys []uint32, clean bool) []int32 {
	var found []int32
	for _, key := range keys {
		if g := s.find(key); g >= 0 && (!clean || s.touched[g] == 0) {
			found = append(found, g)
		}
	}
	return found
}

// some is some groups of a namespace half-aggregated, a copy.
func (t *Table) some(s *space, groups []int32) (*columnar.Batch, error) {
	cols, err := t.named(s.start, at(s.keys, groups))
	if err != nil {
		return nil, err
	}
	return &columnar.Batch{Schema: t.partial, Cols: s.accs.Partial(cols, groups), Rows: len(groups)}, nil
}

// Images returns runs over some groups of the namespaces, those of the keys that were touched there since the last block: as
// they were then, and as they are now. All namespaces that were touched must be watched.
func (t *Table) Images(namespaces []int64) (before, after *Ranges, err error) {
	keys := t.changedKeys(namespaces)
	was, is := NewTable(t.shape), NewTable(t.shape)
	for _, namespace := range namespaces {
		s := t.spaces[namespace]
		for _, part := range s.before {
			if err := was.Merge(part); err != nil {
				return nil, nil, err
			}
		}
		if err := errors.Join(t.copyTo(was, s, s.known(keys, true)), t.copyTo(is, s, s.known(keys, false))); err != nil {
			return nil, nil, err
		}
	}
	return NewRanges(was), NewRanges(is), nil
}

// copyTo merges groups of a namespace into another table.
func (t *Table) copyTo(into *Table, s *space, groups []int32) error {
	part, err := t.some(s, groups)
	if err != nil {
		return err
	}
	return into.Merge(part)
}

// changedKeys are the keys of the groups that were touched since the last block, each once.
func (t *Table) changedKeys(namespaces []int64) []uint32 {
	var all []uint32
	for _, namespace := range namespaces {
		s := t.spaces[namespace]
		all = append(all, at(s.keys, s.changed)...)
	}
	slices.Sort(all)
	return slices.Compact(all)
}
