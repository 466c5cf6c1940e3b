package windows

import (
	"iter"
	"slices"

	"github.com/millrace/millrace/columnar"
)

// LocalAggregate is the aggregation of the sending side: rows behind [Assign] become half-aggregated groups, for [Aggregate.Merge].
// It is used by one goroutine.
//
// A key comes in many cells, and is numbered once for all of them, and from task to task; a group is then looked up by the cell and this
// number. That costs less than hashing and comparing the cell with the key. It is for keys of which a cell has a good part, and
// which are not more than fit into the caches; others go into a hash table, as do keys that are references, whose numbers are known.
// How a group was found shows in nothing but the order of the groups.
type LocalAggregate struct {
	in    *columnar.Schema
	hash  *columnar.HashAggregate // groups that are not found by cell; nil until there are any
	spec  columnar.AggSpec
	index *columnar.KeyIndex // of the keys without the window
	accs  *columnar.Accumulators

	cells  map[int64]*localCell
	last   [2]*localCell // that rows were in, the newest first
	spare  []*localCell
	places int // in all cells
	most   int // cells, for their keys to fit into one column

	starts []int64 // by group
	keys   []int32
	groups []uint32           // scratch: by row
	cols   []*columnar.Vector // memory of Partial
	window columnar.Vector
	out    columnar.Batch

	hashing bool // until the next Reset, groups are in hash
	rest    int  // for so many more
	maxKeys int
}

// localCell is the groups of a cell.
type localCell struct {
	start  int64
	groups []uint32 // by key: 1 + the group; 0 = none
}

// Cells keep places for all keys. They are worth it for so many keys, and while there are placesPerGroup for each group; placesFree are
// always fine.
const (
	localKeys      = 1 << 14
	placesPerGroup = 4
	placesFree     = 1 << 16
	localRest      = 64 // after groups did not fit, so many resets pass until cells are tried again

	keysFree  = 1024    // numbers of keys without groups that are always kept
	cellsFree = 64      // cells without groups that are kept
	keyBytes  = 1 << 30 // of keys in all cells, at most
)

// NewLocalAggregate returns an empty aggregation of rows of schema in, of which spec.Keys[0] is the window.
func NewLocalAggregate(in *columnar.Schema, spec columnar.AggSpec, w Window) *LocalAggregate {
	types := make([]columnar.Type, len(spec.Keys)-1)
	for i, k := range spec.Keys[1:] {
		types[i] = in.Fields[k].Type
	}
	a := &LocalAggregate{in: in, spec: spec, index: columnar.NewKeyIndex(types),
		accs: columnar.NewAccumulators(in, spec.Aggs), cells: map[int64]*localCell{}, maxKeys: localKeys}
	a.out.Schema = spec.PartialSchema(in)
	a.window.Type = in.Fields[spec.Keys[0]].Type
	if len(types) == 0 || w == (Window{}) { // one key, or one cell
		a.maxKeys = 0
	}
	a.Reset()
	return a
}

// Add folds the selected rows of b in. Errors are those of [columnar.HashAggregate.Add].
func (a *LocalAggregate) Add(b *columnar.Batch) error {
	if !a.hashing {
		found, err := a.find(b)
		if err != nil {
			return err
		}
		if found {
			a.accs.Grow(len(a.starts))
			return a.accs.Add(b, a.groups)
		}
		if err := a.toHash(); err != nil {
			return err
		}
	}
	return a.hashed().Add(b)
}

// hashed is the hash table.
func (a *LocalAggregate) hashed() *columnar.HashAggregate {
	if a.hash == nil {
		a.hash = columnar.NewHashAggregate(a.in, a.spec)
	}
	return a.hash
}

// find sets a.groups to the groups of the rows, new ones among them. After false nothing is known of the rows.
func (a *LocalAggregate) find(b *columnar.Batch) (found bool, err error) {
	starts := b.Cols[a.spec.Keys[0]]
	if starts.Valid != nil || slices.ContainsFunc(a.spec.Keys[1:], func(k int) bool { return b.Cols[k].Values != nil }) {
		return false, nil
	}
	keys, err := a.index.Number(b, a.spec.Keys[1:])
	if err != nil || a.index.Len() > a.maxKeys {
		return false, err
	}
	a.index.Spread()
	had := len(a.starts)
	a.most = int(keyBytes / max(a.index.SizeBytes(), 1))
	if !a.number(starts.I64, b.Sel, keys) {
		a.starts, a.keys = a.starts[:had], a.keys[:had]
		return false, nil
	}
	return true, nil
}

// number finds the groups of rows, or all where sel is nil, by their cells and the numbers of their keys. It gives up where cells
// have few of the keys. Rows that are out of order go to and fro between two cells.
func (a *LocalAggregate) number(starts []int64, sel []int32, keys []uint32) bool {
	a.groups = slices.Grow(a.groups[:0], len(keys))[:len(keys)]
	if len(keys) == 0 {
		return true
	}
	cell, other := a.widen(a.last[0]), a.widen(a.last[1])
	if cell == nil {
		first := int32(0)
		if sel != nil {
			first = sel[0]
		}
		cell = a.cell(starts[first])
	}
	start, places, groups := cell.start, cell.groups, a.groups
	for i, key := range keys {
		row := int32(i)
		if sel != nil {
			row = sel[i]
		}
		if starts[row] != start {
			cell, other = other, cell
			if cell == nil || cell.start != starts[row] {
				if cell = a.cell(starts[row]); !a.worthIt() {
					return false
				}
			}
			start, places = cell.start, cell.groups
		}
		group := places[key]
		if group == 0 {
			group = a.newGroup(cell, key)
		}
		groups[i] = group - 1
	}
	a.last = [2]*localCell{cell, other}
	return true
}

// worthIt reports whether places may be used for the cells that there are.
func (a *LocalAggregate) worthIt() bool {
	return a.places <= placesFree+placesPerGroup*len(a.starts) && len(a.cells) <= a.most
}

func (a *LocalAggregate) newGroup(c *localCell, key uint32) uint32 {
	a.starts, a.keys = append(a.starts, c.start), append(a.keys, int32(key))
	c.groups[key] = uint32(len(a.starts))
	return c.groups[key]
}

// cell is the cell that starts at start, with places for all keys.
func (a *LocalAggregate) cell(start int64) *localCell {
	c := a.cells[start]
	if c == nil {
		c = a.newCell(start)
	}
	return a.widen(c)
}

// widen makes places for keys that are new.
func (a *LocalAggregate) widen(c *localCell) *localCell {
	if c == nil {
		return nil
	}
	if more := a.index.Len() - len(c.groups); more > 0 {
		c.groups = append(c.groups, make([]uint32, more)...)
		a.places += more
	}
	return c
}

func (a *LocalAggregate) newCell(start int64) *localCell {
	c := &localCell{}
	if n := len(a.spare) - 1; n >= 0 {
		c, a.spare = a.spare[n], a.spare[:n]
	}
	c.start = start
	a.cells[start] = c
	return c
}

// toHash moves all groups to the hash table.
func (a *LocalAggregate) toHash() error {
	groups := a.Partial()
	a.hashing = true
	if groups.Rows == 0 {
		return nil
	}
	return a.hashed().Merge(groups)
}

// Partial returns all groups half-aggregated, in the order of first sight. The batch is valid until the next call of any method.
func (a *LocalAggregate) Partial() *columnar.Batch {
	if a.hashing {
		return a.hashed().Partial()
	}
	cols, err := a.index.Retake(a.cols, a.keys)
	if err != nil { // see keyBytes
		panic("windows: " + err.Error())
	}
	a.cols = cols
	a.window.N, a.window.I64 = len(a.starts), a.starts
	a.out.Rows = len(a.starts)
	a.out.Cols = append(append(a.out.Cols[:0], &a.window), cols...)
	a.out.Cols = a.accs.States(a.out.Cols)
	return &a.out
}

// Drain hands over all groups half-aggregated, in the order of first sight, and forgets them as Reset does. A batch is valid until the
// next one is asked for; how many there are means nothing.
func (a *LocalAggregate) Drain() iter.Seq[*columnar.Batch] {
	return func(yield func(*columnar.Batch) bool) {
		defer a.Reset()
		if !a.hashing {
			if len(a.starts) > 0 {
				yield(a.Partial())
			}
			return
		}
		for b := range a.hashed().Drain() {
			if !yield(b) {
				return
			}
		}
	}
}

// Reset forgets all groups and keeps the memory, and the numbers of keys unless most of them had no groups.
func (a *LocalAggregate) Reset() {
	switch {
	case a.hashing && a.rest == 0:
		a.rest = localRest
	case a.rest > 0:
		a.rest--
	}
	a.hashing = a.maxKeys == 0 || a.rest > 0
	if a.hash != nil {
		a.hash.Reset()
	}
	for _, c := range a.cells {
		if a.places -= len(c.groups); len(a.spare) < cellsFree {
			clear(c.groups)
			c.groups = c.groups[:0]
			a.spare = append(a.spare, c)
		}
	}
	clear(a.cells)
	if a.index.Len() > max(2*len(a.starts), keysFree) {
		a.index.Reset()
	}
	a.last, a.starts, a.keys = [2]*localCell{}, a.starts[:0], a.keys[:0]
	a.accs.Reset()
}

// SizeBytes is the memory held for groups and buffers.
func (a *LocalAggregate) SizeBytes() int64 {
	size := a.index.SizeBytes() + a.accs.SizeBytes() + a.out.SizeBytes()
	if a.hash != nil {
		size += a.hash.SizeBytes()
	}
	size += int64(cap(a.starts))*8 + int64(cap(a.keys)+cap(a.groups))*4
	for _, c := range a.cells {
		size += int64(cap(c.groups)) * 4
	}
	for _, c := range a.spare {
		size += int64(cap(c.groups)) * 4
	}
	return size
}
