package state

import (
	"fmt"
	"slices"

	"github.com/millrace/millrace/columnar"
)

// Loader rebuilds the table of a shard from blocks: a snapshot, then the deltas behind it, oldest first. A group of a
// later block replaces the same group of an earlier one; of sessions, all those of a key replace all those of that key.
//
// Loaded rows are gathered in layers, which are made one whenever they have grown to twice what was left the last time:
// hundreds of small deltas on top of a large snapshot cost little more than reading them.
type Loader struct {
	shape   Shape
	partial *columnar.Schema
	unit    []int   // columns: rows that are equal in them are replaced together
	layers  []layer // oldest first
	blocks  int     // read so far
	rows    int     // in all layers
	kept    int     // of these, rows of the first block or of the last compaction
	stale   bool    // there may be rows that newer ones replace, or that are closed
	drops   []drop  // not done yet, oldest first
}

// drop says what is closed, of the rows of blocks up to one.
type drop struct {
	block  int
	closed func(rows *columnar.Batch, row int32) bool
}

// layer is rows of one block, or what a compaction left of several.
type layer struct {
	rows  *columnar.Batch
	block int
}

// compactAbove is the number of rows below which layers are left alone.
const compactAbove = 4096

// NewLoader returns a loader of no blocks.
func NewLoader(shape Shape) *Loader {
	return &Loader{
		shape:   shape,
		partial: shape.Spec.PartialSchema(shape.In),
		unit:    firstColumns(shape.keys()),
	}
}

// Load reads the groups of the key groups from..to, both included, out of a block. It keeps nothing of the block. A
// damaged block is a [CorruptError].
func (l *Loader) Load(block []byte, from, to uint8) error {
	if err := l.load(block, from, to); err != nil {
		return fmt.Errorf("load state: %w", err)
	}
	return nil
}

func (l *Loader) load(block []byte, from, to uint8) error {
	if from > to {
		return fmt.Errorf("key groups %d to %d are none", from, to)
	}
	o, err := openBlock(block)
	if err != nil {
		return err
	}
	if o.keys != l.shape.keys() {
		return fmt.Errorf("groups have %d keys, the job needs %d", o.keys, l.shape.keys())
	}
	parts, err := o.groups(from, to)
	if err != nil {
		return err
	}
	l.blocks++
	for _, b := range parts {
		if err := checkGroups(l.partial, b); err != nil {
			return err
		}
		l.layers = append(l.layers, layer{b, l.blocks})
		l.rows += b.Rows
	}
	l.stale = true
	if l.kept == 0 {
		l.kept = l.rows
	}
	if l.rows > max(2*l.kept, compactAbove) {
		return l.compact()
	}
	return nil
}

// Drop forgets the groups of namespaces that are closed, of the blocks loaded so far. Those of later blocks stay: what is
// closed may open again. It is called for the batch of each delta; covers says that closed answers true for all that it did
// in the last call, which then need not be asked any more.
func (l *Loader) Drop(closed func(namespace int64) bool, covers bool) {
	l.drop(func(rows *columnar.Batch, row int32) bool { return closed(rows.Cols[0].I64[row]) }, covers)
}

func (l *Loader) drop(closed func(rows *columnar.Batch, row int32) bool, covers bool) {
	if n := len(l.drops); covers && n > 0 {
		l.drops = l.drops[:n-1]
	}
	l.drops, l.stale = append(l.drops, drop{l.blocks, closed}), true
}

// closed reports whether a row of a block was closed behind it.
func (l *Loader) closed(rows *columnar.Batch, row int32, block int) bool {
	return slices.ContainsFunc(l.drops, func(d drop) bool { return block <= d.block && d.closed(rows, row) })
}

// Table returns the table of what was loaded. No group of it counts as changed. The loader must not be used any more.
func (l *Loader) Table() (*Table, error) {
	t := NewTable(l.shape)
	if err := l.mergeInto(t.Merge); err != nil {
		return nil, err
	}
	t.markClean()
	return t, nil
}

// mergeInto hands out what was loaded.
func (l *Loader) mergeInto(merge func(*columnar.Batch) error) error {
	if err := l.compact(); err != nil {
		return fmt.Errorf("load state: %w", err)
	}
	for _, b := range l.layers {
		if err := merge(b.rows); err != nil {
			return fmt.Errorf("load state: %w", err)
		}
	}
	return nil
}

// compact leaves one layer, with the newest of each group that is not closed.
func (l *Loader) compact() error {
	if !l.stale {
		return nil
	}
	slices.Reverse(l.layers)
	var parts []*columnar.Batch
	var blocks []int // by row
	for _, layer := range l.layers {
		parts = append(parts, layer.rows)
		blocks = append(blocks, slices.Repeat([]int{layer.block}, layer.rows.Rows)...)
	}
	all, err := Concat(l.partial, parts)
	if err != nil {
		return err
	}
	live := columnar.Take(all, l.newest(all, blocks))
	l.layers, l.rows, l.kept, l.stale, l.drops = []layer{{live, l.blocks}}, live.Rows, live.Rows, false, nil
	return nil
}

// newest lists the rows that the newest block holds of each unit and that are not closed. blocks says which block a row
// is of; newer ones come first in all.
func (l *Loader) newest(all *columnar.Batch, blocks []int) []int32 {
	compare := columnar.CompareRows(all, l.unit)
	var rows []int32
	newest, before := 0, int32(-1)
	for _, row := range columnar.SortRows(all, l.unit) { // stable
		if before < 0 || compare(before, row) != 0 {
			newest = blocks[row]
		}
		before = row
		if blocks[row] == newest && !l.closed(all, row, newest) {
			rows = append(rows, row)
		}
	}
	return rows
}
