package columnar

import "fmt"

// HashAggregate groups rows by key columns and folds each group into aggregates. Groups are kept in the order in which
// they are first seen. It is used by one goroutine.
type HashAggregate struct {
	in, partial, final *Schema
	spec               AggSpec
	keys               *keyTable
	partialKeys        []int // positions of the keys in partial rows: 0, 1, …
	accs               []*accumulator
	dirty              []byte // for each group: 1 = touched since MarkClean
	frame              frame
	groups             []uint32
	scratch            scratch
	out                Batch
}

// NewHashAggregate returns an empty aggregate of batches of schema in. Every aggregate of spec must have a result type
// ([Agg.Out]) and the type of its argument column; binding checks that.
func NewHashAggregate(in *Schema, spec AggSpec) *HashAggregate {
	h := &HashAggregate{in: in, spec: spec, partial: spec.PartialSchema(in), final: spec.FinalSchema(in),
		keys: newKeyTable(columnTypes(in, spec.Keys))}
	for i := range spec.Keys {
		h.partialKeys = append(h.partialKeys, i)
	}
	for _, a := range spec.Aggs {
		h.accs = append(h.accs, newAccumulator(in, a))
	}
	return h
}

// Add folds the selected rows of b in. A sum of integers that leaves the range of bigint is a [RowError] that names the
// aggregate; after it only [HashAggregate.Reset] may follow.
func (h *HashAggregate) Add(b *Batch) error {
	rows := h.assign(b, h.spec.Keys)
	for _, acc := range h.accs {
		var arg *Vector
		if acc.agg.Func != CountStar {
			arg = b.Cols[acc.agg.Arg]
		}
		if err := acc.add(&h.scratch, arg, rows, h.groups); err != nil {
			return err
		}
	}
	return nil
}

// Merge folds half-aggregated groups in, rows of [AggSpec.PartialSchema]. Errors are those of Add, and another schema.
func (h *HashAggregate) Merge(partial *Batch) error {
	if !partial.Schema.Equal(h.partial) {
		return fmt.Errorf("merge groups (%s) into (%s)", partial.Schema, h.partial)
	}
	rows := h.assign(partial, h.partialKeys)
	cols := partial.Cols[len(h.partialKeys):]
	for _, acc := range h.accs {
		if err := acc.merge(&h.scratch, cols[:acc.width()], rows, h.groups); err != nil {
			return err
		}
		cols = cols[acc.width():]
	}
	return nil
}

// assign finds the group of each selected row and makes room for new groups.
func (h *HashAggregate) assign(b *Batch, keys []int) (rows []int32) {
	rows = b.Sel
	if rows == nil {
		rows = h.frame.identity(b.Rows)
	}
	h.keys.bind(b, keys, rows)
	h.groups = h.keys.number(h.groups, rows)
	h.dirty = extended(h.dirty, h.keys.n)
	for _, g := range h.groups {
		h.dirty[g] = 1
	}
	for _, acc := range h.accs {
		acc.extend(h.keys.n)
	}
	return rows
}

// extended is s with zeros up to length n.
func extended[T any](s []T, n int) []T {
	if n <= cap(s) {
		from := len(s)
		s = s[:n]
		clear(s[min(from, n):])
		return s
	}
	grown := make([]T, n, n+n/2)
	copy(grown, s)
	return grown
}

// Groups is the number of groups.
func (h *HashAggregate) Groups() int { return h.keys.n }

// SizeBytes is the memory held for groups and buffers.
func (h *HashAggregate) SizeBytes() int64 {
	size := h.keys.sizeBytes() + int64(cap(h.dirty)) + int64(cap(h.groups)+cap(h.frame.iota))*4 + h.scratch.sizeBytes()
	for _, acc := range h.accs {
		size += acc.sizeBytes()
	}
	return size
}

// Partial returns all groups half-aggregated, in the order of first sight. The batch is valid until the next call of
// any method.
func (h *HashAggregate) Partial() *Batch { return h.batch(h.partial, (*accumulator).partial) }

// Final returns all groups finished, in the order of first sight. The batch is valid until the next call of any method.
func (h *HashAggregate) Final() *Batch { return h.batch(h.final, (*accumulator).final) }

func (h *HashAggregate) batch(s *Schema, columns func(*accumulator, []*Vector) []*Vector) *Batch {
	h.out = Batch{Schema: s, Rows: h.keys.n, Cols: h.out.Cols[:0]}
	for i := range h.keys.cols {
		h.out.Cols = append(h.out.Cols, h.keys.cols[i].own.Vector())
	}
	for _, acc := range h.accs {
		h.out.Cols = columns(acc, h.out.Cols)
	}
	return &h.out
}

// MarkClean starts a new record of which groups are touched.
func (h *HashAggregate) MarkClean() { clear(h.dirty) }

// Dirty returns the groups touched since the last MarkClean, half-aggregated, in the order of first sight. The batch is
// a copy that belongs to the caller.
func (h *HashAggregate) Dirty() *Batch {
	var rows []int32
	for g, touched := range h.dirty {
		if touched != 0 {
			rows = append(rows, int32(g))
		}
	}
	return Take(h.Partial(), rows)
}

// Reset forgets all groups and keeps the memory.
func (h *HashAggregate) Reset() {
	h.keys.reset()
	h.dirty = h.dirty[:0]
	for _, acc := range h.accs {
		acc.reset()
	}
}
