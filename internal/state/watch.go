package state

import "github.com/millrace/millrace/columnar"

// Watch makes the table remember, of the namespaces for which watched holds, what groups were before they were touched
// for the first time since the last block. It is called before the first Merge.
func (t *Table) Watch(watched func(namespace int64) bool) { t.watched = watched }

// Touched lists the namespaces with groups that were touched since the last block, in no order. The slice belongs to the
// table until its next change.
func (t *Table) Touched() []int64 { return t.dirty }

// Changed returns the groups of a namespace that were touched since the last block, half-aggregated: a copy that belongs
// to the caller.
func (t *Table) Changed(namespace int64) *columnar.Batch {
	if s := t.spaces[namespace]; s != nil {
		return s.groups.Dirty()
	}
	return columnar.EmptyBatch(t.partial)
}

// Before returns those of the groups of a watched namespace that were touched since the last block and were there before,
// as they were then.
func (t *Table) Before(namespace int64) []*columnar.Batch {
	if s := t.spaces[namespace]; s != nil {
		return s.before
	}
	return nil
}

// keep notes what the groups of part are before it is merged, if they are touched for the first time.
func (s *space) keep(part *columnar.Batch) {
	if known := s.groups.Known(part, true); known.Rows > 0 {
		s.before = append(s.before, known)
	}
}
