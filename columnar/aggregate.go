package columnar

import (
	"errors"
	"fmt"
)

// HashAggregate groups rows by key columns and folds each group into aggregates. Groups are kept in the order in which
// they are first seen. It is used by one goroutine.
//
// What a group comes to depends on its rows alone, not on their order, on how they were cut into batches or on the order
// in which halves were merged: this holds for results and for half-aggregated rows, bit by bit.
type HashAggregate struct {
	in, partial, final *Schema
	spec               AggSpec
	keys               *keyTable
	partialKeys        []int // positions of the keys in partial rows: 0, 1, …
	folds              []aggFold
	dirty              []byte // of the groups at the last MarkClean: 1 = touched since; later ones all are
	settled            bool   // until the next Reset, groups are in columns: see [HashAggregate.settle]
	frame              frame
	groups             []uint32
	input              aggInput
	scratch            scratch
	flat               Flattener // of arguments
	args               Batch
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
		h.folds = append(h.folds, newAggFold(in, a))
	}
	return h
}

// Add folds the selected rows of b in. An error is about the values of an aggregate, which it names; after it only
// [HashAggregate.Reset] may follow.
func (h *HashAggregate) Add(b *Batch) error {
	rows := h.selected(b)
	inRecords := h.arrange(b, rows)
	if err := h.keys.roomForKeys(b, h.spec.Keys, rows); err != nil {
		return err
	}
	if inRecords {
		return h.addRecords(b, rows)
	}
	h.assign(b, h.spec.Keys, rows)
	return h.fold(b, rows, h.groups)
}

// selected is the selected rows of b.
func (h *HashAggregate) selected(b *Batch) []int32 {
	if b.Sel != nil {
		return b.Sel
	}
	return h.frame.identity(b.Rows)
}

// fold folds rows of b into their groups.
func (h *HashAggregate) fold(b *Batch, rows []int32, groups []uint32) error {
	for i := range h.folds {
		f := &h.folds[i]
		in := h.inputOf(f, b, rows, groups)
		if f.where >= 0 {
			in.keepTrue(b.Cols[f.where])
		}
		var err error
		if f.inRecords != nil {
			err = f.inRecords.addRecords(in, h.keys.records, f.lane)
		} else {
			err = f.state.add(in)
		}
		if err != nil {
			return f.explain(err)
		}
	}
	return nil
}

// Merge folds half-aggregated groups in, rows of [AggSpec.PartialSchema]. Errors are those of Add, another schema, and
// rows that no aggregate has written.
func (h *HashAggregate) Merge(partial *Batch) error {
	if !partial.Schema.Equal(h.partial) {
		return fmt.Errorf("merge groups (%s) into (%s)", partial.Schema, h.partial)
	}
	h.settle()
	rows := h.selected(partial)
	if err := h.keys.roomForKeys(partial, h.partialKeys, rows); err != nil {
		return err
	}
	h.assign(partial, h.partialKeys, rows)
	cols := partial.Cols[len(h.partialKeys):]
	for i := range h.folds {
		f := &h.folds[i]
		in := h.input.start(rows, h.groups, &h.scratch)
		in.cols = append(in.cols, cols[:f.width]...)
		if err := f.state.merge(in); err != nil {
			return h.inGroup(f.explain(err), int(in.failed))
		}
		cols = cols[f.width:]
	}
	return nil
}

// inputOf is the arguments of an aggregate at the rows.
func (h *HashAggregate) inputOf(f *aggFold, b *Batch, rows []int32, groups []uint32) *aggInput {
	in := h.input.start(rows, groups, &h.scratch)
	for _, c := range f.args {
		in.cols = append(in.cols, h.flat.column(c, b.Cols[c], rows))
	}
	return in
}

// assign finds the group of each row, and makes room for new groups.
func (h *HashAggregate) assign(b *Batch, keys []int, rows []int32) {
	h.groups = h.keys.numberRows(h.groups, b, keys, rows)
	h.touch()
	h.extend()
}

// extend makes room for new groups, in states that are not in records.
func (h *HashAggregate) extend() {
	for i := range h.folds {
		if f := &h.folds[i]; f.inRecords == nil {
			f.state.extend(h.keys.n)
		}
	}
}

// touch marks the groups that were there at the last MarkClean.
func (h *HashAggregate) touch() {
	dirty := h.dirty
	if len(dirty) == 0 {
		return
	}
	for _, g := range h.groups {
		if int(g) < len(dirty) {
			dirty[g] = 1
		}
	}
}

// touched reports whether rows came to a group since the last MarkClean.
func (h *HashAggregate) touched(g uint32) bool { return int(g) >= len(h.dirty) || h.dirty[g] != 0 }

// Groups is the number of groups.
func (h *HashAggregate) Groups() int { return h.keys.n }

// SizeBytes is the memory held for groups and buffers.
func (h *HashAggregate) SizeBytes() int64 {
	size := h.keys.sizeBytes() + int64(cap(h.dirty)) + int64(cap(h.groups)+cap(h.frame.iota))*4 + h.scratch.sizeBytes() + h.flat.sizeBytes()
	for i := range h.folds {
		size += h.folds[i].state.sizeBytes()
	}
	return size
}

// Partial returns all groups half-aggregated, in the order of first sight. The batch is valid until the next call of
// any method.
func (h *HashAggregate) Partial() *Batch {
	h.start(h.partial)
	for i := range h.folds {
		h.out.Cols = h.folds[i].state.partial(h.out.Cols, nil)
	}
	return &h.out
}

// Final returns all groups finished, in the order of first sight. The batch is valid until the next call of any method.
// An error is a result that its type cannot hold, such as a text of more than 2 GiB; it names aggregate and group.
func (h *HashAggregate) Final() (*Batch, error) {
	h.start(h.final)
	for i := range h.folds {
		f := &h.folds[i]
		v, err := f.state.final()
		if err != nil {
			return nil, h.finalError(f.explain(err))
		}
		h.out.Cols = append(h.out.Cols, v)
	}
	return &h.out, nil
}

// finalError names the group of a result that does not exist: it is the row of the error.
func (h *HashAggregate) finalError(err error) error {
	if row := (*RowError)(nil); errors.As(err, &row) {
		return h.inGroup(err, row.Row)
	}
	return err
}

// start begins a batch of all groups with the key columns.
func (h *HashAggregate) start(s *Schema) {
	h.settle()
	h.out = Batch{Schema: s, Rows: h.keys.n, Cols: h.out.Cols[:0]}
	for i := range h.keys.cols {
		h.out.Cols = append(h.out.Cols, h.keys.cols[i].own.Vector())
	}
}

// MarkClean starts a new record of which groups are touched.
func (h *HashAggregate) MarkClean() {
	clear(h.dirty)
	h.dirty = extended(h.dirty, h.keys.n)
}

// Dirty returns the groups touched since the last MarkClean, half-aggregated, in the order of first sight. The batch is
// a copy that belongs to the caller.
func (h *HashAggregate) Dirty() *Batch {
	return h.partialOf(h.Touched())
}

// Touched lists the groups that Dirty returns, in its order, by their numbers: groups are counted from 0 by first sight.
func (h *HashAggregate) Touched() []int32 {
	groups := []int32{} // for Dirty: nil would mean all
	for g := range h.keys.n {
		if h.touched(uint32(g)) {
			groups = append(groups, int32(g))
		}
	}
	return groups
}

// Reset forgets all groups and keeps the memory.
func (h *HashAggregate) Reset() {
	h.keys.reset()
	h.dirty, h.settled = h.dirty[:0], false
	for i := range h.folds {
		h.folds[i].inRecords = nil
		h.folds[i].state.reset()
	}
}
