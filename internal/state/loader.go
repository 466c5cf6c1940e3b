package state

import (
	"fmt"
	"slices"

	"github.com/millrace/millrace/columnar"
)

// Loader rebuilds the table of a shard from blocks: a snapshot, then the deltas behind it, oldest first. A group of a
// later block replaces the same group of an earlier one; of sessions, all those of a key replace all those of that key. A slice
// replaces all that earlier blocks say of its key groups.
//
// Loaded rows are gathered in layers, which are made one whenever they have grown to twice what was left the last time:
// hundreds of small deltas on top of a large snapshot cost little more than reading them.
type Loader struct {
	shape   Shape
	partial *columnar.Schema
	unit    []int          // columns: rows that are equal in them are replaced together
	layers  []layer        // oldest first
	blocks  int            // read so far
	rows    int            // in all layers
	kept    int            // of these, rows of the first block or of the last compaction, and of slices since
	sliced  [keyGroups]int // by key group: the last block that is a slice of it
	stale   bool           // there may be rows that newer ones replace, or that are closed
	drops   []drop         // not done yet, oldest first
	byName  bool           // what is closed is so by the namespace
}

// drop says what is closed, of the rows of blocks up to one.
type drop struct {
	block  int
	closed func(rows *columnar.Batch, row int32) bool
}

// layer is rows of one block, or what a compaction left of them.
type layer struct {
	rows   *columnar.Batch
	groups []uint8 // by row: its key group
	block  int
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
	o, err := openBlock(block)
	if err == nil {
		err = l.load(o, from, to)
	}
	if err != nil {
		return fmt.Errorf("load state: %w", err)
	}
	return nil
}

// LoadBlock is Load of a block that is decoded already.
func (l *Loader) LoadBlock(b *Block, from, to uint8) error {
	if err := l.load(b.opened, from, to); err != nil {
		return fmt.Errorf("load state: %w", err)
	}
	return nil
}

func (l *Loader) load(o *opened, from, to uint8) error {
	if from > to {
		return fmt.Errorf("key groups %d to %d are none", from, to)
	}
	if o.keys != l.shape.keys() {
		return fmt.Errorf("groups have %d keys, the job needs %d", o.keys, l.shape.keys())
	}
	parts, err := o.groups(from, to)
	if err != nil {
		return err
	}
	l.blocks++
	had := l.rows
	for _, p := range parts {
		if err := checkGroups(l.partial, p.rows); err != nil {
			return err
		}
		p.block = l.blocks
		l.layers = append(l.layers, p)
		l.rows += p.rows.Rows
	}
	l.stale = true
	switch {
	case l.kept == 0:
		l.kept = l.rows
	case o.slice != nil:
		l.kept += l.rows - had
	}
	if o.slice != nil {
		for g := max(int(o.slice.from), int(from)); g <= min(int(o.slice.to), int(to)); g++ {
			l.sliced[g] = l.blocks
		}
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
	l.byName = true
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

// Table returns the table of what was loaded. No group of it counts as changed. each calls f for 0 to n−1, several at a time if it
// likes. The loader must not be used any more.
func (l *Loader) Table(each func(n int, f func(i int) error) error) (*Table, error) {
	err := l.compact()
	if err != nil {
		return nil, fmt.Errorf("load state: %w", err)
	}
	t := NewTable(l.shape)
	if err := t.load(l.layers, each); err != nil {
		return nil, fmt.Errorf("load state: %w", err)
	}
	return t, nil
}

// mergeInto hands out what was loaded.
func (l *Loader) mergeInto(merge func(*columnar.Batch) error) error {
	if err := l.compact(); err != nil {
		return fmt.Errorf("load state: %w", err)
	}
	for i := range l.layers {
		if err := merge(l.layers[i].rows); err != nil {
			return fmt.Errorf("load state: %w", err)
		}
		l.layers[i].rows = nil // memory for what comes
	}
	return nil
}

// compact leaves the newest of each group that is not closed, as the rows of one block.
//
// Blocks are gone through from the newest to the oldest, with an index of the units that newer ones have: so the rows of the
// oldest, which is a snapshot and has most of them, are looked up among those of the deltas, and are not gathered themselves.
func (l *Loader) compact() error {
	if !l.stale {
		return nil
	}
	var newer *columnar.KeyIndex // nil: nothing is newer
	rows := 0
	for end := len(l.layers); end > 0; {
		from := end - 1
		for from > 0 && l.layers[from-1].block == l.layers[end-1].block {
			from--
		}
		block := l.layers[from:end]
		var all []*columnar.Batch // with those that are left out: they are newer too
		for i := range block {
			if ask := l.askedFor(block[i]); ask != nil {
				all = append(all, ask)
			}
			block[i] = l.live(block[i], newer)
			rows += block[i].rows.Rows
		}
		if end = from; end > 0 {
			if newer == nil {
				newer = columnar.NewKeyIndex(l.unitTypes())
			}
			for _, b := range all {
				if _, err := newer.Number(b, l.unit); err != nil {
					return err
				}
			}
		}
	}
	for i := range l.layers {
		l.layers[i].block = l.blocks
	}
	l.layers = slices.DeleteFunc(l.layers, func(l layer) bool { return l.rows.Rows == 0 })
	l.rows, l.kept, l.stale, l.drops = rows, rows, false, nil
	return nil
}

func (l *Loader) unitTypes() []columnar.Type {
	types := make([]columnar.Type, len(l.unit))
	for i, col := range l.unit {
		types[i] = l.partial.Fields[col].Type
	}
	return types
}

// askedFor are the rows of a layer that older blocks must be looked up among; nil: none. Of key groups of which the block, or a newer
// one, is a slice, nothing older is left to be looked up.
func (l *Loader) askedFor(of layer) *columnar.Batch {
	var asked []int32
	for row, g := range of.groups {
		if l.sliced[g] < of.block {
			asked = append(asked, int32(row))
		}
	}
	switch len(asked) {
	case 0:
		return nil
	case of.rows.Rows:
		return of.rows
	}
	b := *of.rows
	b.Sel = asked
	return &b
}

// outdated reports whether a newer slice says what became of some row of a layer.
func (l *Loader) outdated(of layer) bool {
	return slices.ContainsFunc(of.groups, func(g uint8) bool { return l.sliced[g] > of.block })
}

// live is a layer with the rows that are not closed and of which no newer block has the unit.
func (l *Loader) live(of layer, newer *columnar.KeyIndex) layer {
	var replaced []int32 // ascending
	if newer != nil {
		replaced, _ = newer.Lookup(of.rows, l.unit)
	}
	if len(replaced) == 0 && len(l.drops) == 0 && !l.outdated(of) {
		return of
	}
	keep := make([]int32, 0, of.rows.Rows)
	names, closed := of.rows.Cols[0].I64, false
	for row := range int32(of.rows.Rows) {
		if !l.byName || row == 0 || names[row] != names[row-1] {
			closed = l.closed(of.rows, row, of.block)
		}
		if len(replaced) > 0 && replaced[0] == row {
			replaced = replaced[1:]
		} else if !closed && l.sliced[of.groups[row]] <= of.block {
			keep = append(keep, row)
		}
	}
	if len(keep) == of.rows.Rows {
		return of
	}
	return layer{columnar.Take(of.rows, keep), at(of.groups, keep), of.block}
}
