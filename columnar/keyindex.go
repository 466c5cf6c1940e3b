package columnar

import "errors"

// KeyIndex numbers keys, each some columns of a row, from 0 on in the order in which they are first seen. What the keys of
// a group-by take for equal is equal here: NULL and NULL, both zeros, intervals of one length. It is used by one goroutine.
type KeyIndex struct {
	table   *keyTable
	frame   frame
	numbers []uint32
	found   []int32
}

// NewKeyIndex returns an index without keys. types are those of the key columns; of none there is one key, that of every
// row.
func NewKeyIndex(types []Type) *KeyIndex { return &KeyIndex{table: newKeyTable(types)} }

// Number returns the number of the key of each selected row, in the order of the selection; new keys get new numbers. cols
// are the positions of the key columns in b. The slice is valid until the next call. An error says that the keys are more
// than one index holds.
func (x *KeyIndex) Number(b *Batch, cols []int) (numbers []uint32, err error) {
	x.numbers, err = x.AppendNumbers(x.numbers[:0], b, cols)
	return x.numbers, err
}

// AppendNumbers is [KeyIndex.Number] into an empty slice of the caller's.
func (x *KeyIndex) AppendNumbers(dst []uint32, b *Batch, cols []int) ([]uint32, error) {
	rows := x.rows(b)
	if err := x.table.roomForKeys(b, cols, rows); err != nil {
		return dst, err
	}
	return x.table.numberRows(dst, b, cols, rows), nil
}

// Reserve makes room for n keys in an index that has none: growing with them would copy each several times. Text has its room
// made as it comes.
func (x *KeyIndex) Reserve(n int) { x.table.reserve(n) }

// Lookup returns the selected rows, physical positions, whose keys the index has, and the numbers of these. The slices are
// valid until the next call.
func (x *KeyIndex) Lookup(b *Batch, cols []int) (rows []int32, numbers []uint32) {
	all := x.rows(b)
	x.table.bind(b, cols, all)
	x.numbers, x.found = x.table.lookup(x.numbers, x.found, all)
	return x.found, x.numbers
}

func (x *KeyIndex) rows(b *Batch) []int32 {
	if b.Sel != nil {
		return b.Sel
	}
	return x.frame.identity(b.Rows)
}

// Len is the number of keys.
func (x *KeyIndex) Len() int { return x.table.n }

// Column is the i-th key column of all keys, by number. It is valid until the next call of any method.
func (x *KeyIndex) Column(i int) *Vector { return x.table.cols[i].own.Vector() }

// Take returns a copy of the key columns with the keys of these numbers, in any order and any number of times. An error says
// that they are more than a column holds.
func (x *KeyIndex) Take(numbers []int32) ([]*Vector, error) {
	out := make([]*Vector, len(x.table.cols))
	for i := range out {
		v := x.Column(i)
		if !NewBuilder(v.Type).hasRoomForRows(v, numbers) {
			return nil, errors.New("the keys of a GROUP BY: " + tooMuchText)
		}
		out[i] = takeVector(v, numbers)
	}
	return out, nil
}

// Spread makes room for a small index to find its keys where it looks first, which costs less than a look that takes a branch nobody
// could guess.
func (x *KeyIndex) Spread() {
	for t := x.table; len(t.slots) < spreadSlots*t.n && len(t.slots) < spreadMax; {
		t.grow()
	}
}

// A spread index has spreadSlots for each key, but not more than a cache holds.
const (
	spreadSlots = 8
	spreadMax   = 1 << 14
)

// Reset forgets all keys and keeps the memory.
func (x *KeyIndex) Reset() { x.table.reset() }

// SizeBytes is the memory held.
func (x *KeyIndex) SizeBytes() int64 {
	return x.table.sizeBytes() + int64(cap(x.numbers)+cap(x.found)+cap(x.frame.iota))*4
}
