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

// Images returns runs over some groups of the namespaces, those of the keys that were touched there since the last block: as
// they were then, and as they are now. All namespaces that were touched must be watched.
func (t *Table) Images(namespaces []int64) (before, after *Ranges, err error) {
	keys, err := t.changedKeys(namespaces)
	if err != nil {
		return nil, nil, err
	}
	was, is := NewTable(t.shape), NewTable(t.shape)
	for _, namespace := range namespaces {
		s := t.spaces[namespace]
		here := named(keys, t.partial.Fields[0], namespace)
		for _, part := range append([]*columnar.Batch{s.groups.Known(here, true)}, s.before...) {
			if err := was.Merge(part); err != nil {
				return nil, nil, err
			}
		}
		if err := is.Merge(s.groups.Known(here, false)); err != nil {
			return nil, nil, err
		}
	}
	return NewRanges(was), NewRanges(is), nil
}

// changedKeys are the keys, without the namespace, of the groups that were touched since the last block, each once. What
// stands behind the keys means nothing.
func (t *Table) changedKeys(namespaces []int64) (*columnar.Batch, error) {
	spec := t.shape.Spec
	spec.Keys = spec.Keys[1:]
	all, schema := columnar.NewHashAggregate(t.shape.In, spec), spec.PartialSchema(t.shape.In)
	for _, namespace := range namespaces {
		if s := t.spaces[namespace]; s.dirty {
			changed := s.groups.Dirty()
			if err := all.Merge(&columnar.Batch{Schema: schema, Cols: changed.Cols[1:], Rows: changed.Rows}); err != nil {
				return nil, err
			}
		}
	}
	return all.Partial(), nil
}

// named is keys behind a namespace.
func named(keys *columnar.Batch, field columnar.Field, namespace int64) *columnar.Batch {
	names := &columnar.Vector{Type: field.Type, N: keys.Rows, I64: make([]int64, keys.Rows)}
	for i := range names.I64 {
		names.I64[i] = namespace
	}
	return &columnar.Batch{Cols: append([]*columnar.Vector{names}, keys.Cols...), Rows: keys.Rows}
}
