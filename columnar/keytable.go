package columnar

import (
	"fmt"
	"math"
	"slices"
)

// keyTable numbers distinct keys in the order in which they are first seen. It is an open-addressing table without
// pointers: a slot holds the upper half of the hash and the number + 1; the keys stand in columns. NULL equals NULL.
type keyTable struct {
	cols   []keyColumn
	slots  []uint64 // hash &^ 0xffffffff | number + 1; 0 = empty; a power of two
	n      int
	fresh  []int32   // rows whose keys have numbers and are not in the columns yet
	vecs   []*Vector // scratch
	hashes []uint64
	flat   Flattener
	memo   *keyMemo // nil until a batch has keys for it
	// records hold the keys instead of the columns, where their owner wants that: see [keyTable.pack].
	records *groupRecords
	weak    uint64 // for tests: when not 0, the only bits of a hash that count
}

type keyColumn struct {
	own   *Builder // the distinct keys
	in    *Vector  // the column being looked up
	width keyWidth
}

const minSlots = 64

func newKeyTable(types []Type) *keyTable {
	t := &keyTable{slots: make([]uint64, minSlots), vecs: make([]*Vector, len(types))}
	for _, typ := range types {
		t.cols = append(t.cols, keyColumn{own: NewBuilder(typ)})
	}
	return t
}

// bind prepares the lookup of rows of the key columns of b: it hashes them.
func (t *keyTable) bind(b *Batch, keys []int, rows []int32) {
	for i, k := range keys {
		t.vecs[i] = t.flat.column(i, b.Cols[k], rows)
		t.cols[i].in = t.vecs[i]
	}
	t.hashes = t.hashKeys(t.hashes, t.vecs, rows)
}

// number finds the bound rows' numbers and gives new numbers to new keys.
//
// It first goes by the hash tags alone and then compares whole columns, which is twice as fast as comparing row by row.
// Where two keys share a tag, once in billions, it takes the batch back and does it row by row.
func (t *keyTable) number(dst []uint32, rows []int32) []uint32 {
	dst = resized(dst, len(rows))
	t.numberRun(dst, rows, t.hashes)
	return dst
}

// numberRun is number for rows of which these are the hashes.
func (t *keyTable) numberRun(dst []uint32, rows []int32, hashes []uint64) {
	known := t.n
	t.numberByTag(dst, rows, hashes)
	if !t.verify(dst, rows) {
		t.truncate(known)
		t.numberByKey(dst, rows, hashes)
	}
}

func (t *keyTable) numberByTag(dst []uint32, rows []int32, hashes []uint64) {
	slots, mask := t.slots, uint64(len(t.slots)-1)
	for i, h := range hashes[:len(rows)] {
		if i%touchRows == 0 {
			t.touchSlots(hashes[i:min(i+touchRows, len(rows))])
		}
		pos := h & mask
		for slots[pos] != 0 && (slots[pos]^h)>>32 != 0 {
			pos = (pos + 1) & mask
		}
		if slots[pos] == 0 {
			dst[i] = uint32(t.n)
			t.introduce(h, rows[i])
			slots, mask = t.slots, uint64(len(t.slots)-1)
		} else {
			dst[i] = uint32(slots[pos]) - 1
		}
	}
	t.appendFresh()
}

// introduce gives the key of row r, which is new, a number; appendFresh brings the key itself.
func (t *keyTable) introduce(h uint64, r int32) {
	if 4*(t.n+1) > 3*len(t.slots) {
		t.appendFresh()
		t.grow()
	}
	t.fresh = append(t.fresh, r)
	t.n++
	t.place(h, t.n)
}

// appendFresh appends the keys of the rows that were introduced, a column at a time.
func (t *keyTable) appendFresh() {
	if t.records != nil {
		t.appendRecords()
	} else {
		for i := range t.cols {
			t.cols[i].append(t.fresh)
		}
	}
	t.fresh = t.fresh[:0]
}

func (t *keyTable) numberByKey(dst []uint32, rows []int32, hashes []uint64) {
	for i, r := range rows {
		g := t.find(hashes[i], r)
		if g < 0 {
			g = t.insert(hashes[i], r)
		}
		dst[i] = uint32(g)
	}
}

// lookup finds the bound rows whose key is there: their numbers and the rows themselves, in order.
func (t *keyTable) lookup(numbers []uint32, found, rows []int32) ([]uint32, []int32) {
	numbers, found = t.lookupByTag(numbers[:0], found[:0], rows)
	if t.verify(numbers, found) {
		return numbers, found
	}
	numbers, found = numbers[:0], found[:0]
	for i, r := range rows {
		if g := t.find(t.hashes[i], r); g >= 0 {
			numbers, found = append(numbers, uint32(g)), append(found, r)
		}
	}
	return numbers, found
}

func (t *keyTable) lookupByTag(numbers []uint32, found, rows []int32) ([]uint32, []int32) {
	slots, mask := t.slots, uint64(len(t.slots)-1)
	for i, h := range t.hashes[:len(rows)] {
		if i%touchRows == 0 {
			t.touchSlots(t.hashes[i:min(i+touchRows, len(rows))])
		}
		pos := h & mask
		for slots[pos] != 0 && (slots[pos]^h)>>32 != 0 {
			pos = (pos + 1) & mask
		}
		if slots[pos] != 0 {
			numbers, found = append(numbers, uint32(slots[pos])-1), append(found, rows[i])
		}
	}
	return numbers, found
}

// find is the number of the key of row r, −1 when it is new.
func (t *keyTable) find(h uint64, r int32) int {
	mask := uint64(len(t.slots) - 1)
	for pos := h & mask; ; pos = (pos + 1) & mask {
		s := t.slots[pos]
		if s == 0 {
			return -1
		}
		if (s^h)>>32 == 0 {
			if g := int(uint32(s)) - 1; t.equal(g, int(r)) {
				return g
			}
		}
	}
}

// equal reports whether key g is the key of row r.
func (t *keyTable) equal(g, r int) bool {
	groups, rows := [1]uint32{uint32(g)}, [1]int32{int32(r)}
	return t.verify(groups[:], rows[:])
}

// verify reports whether every row has the key of its number.
func (t *keyTable) verify(numbers []uint32, rows []int32) bool {
	if t.records != nil {
		return t.verifyRecords(numbers, rows)
	}
	for i := range t.cols {
		own, in := t.cols[i].own, t.cols[i].in
		if in.Type.IsNested() {
			if !sameNestedKeys(own.Vector(), numbers, in, rows) {
				return false
			}
		} else if own.nulls > 0 || in.Valid != nil {
			if !sameNullableKeys(own, numbers, in, rows) {
				return false
			}
		} else if width, ok := t.cols[i].width.words(); ok {
			if !sameFixed(own.vec.Data, numbers, in, rows, width) {
				return false
			}
		} else if !sameKeys(&own.vec, numbers, in, rows) {
			return false
		}
	}
	return true
}

// sameKeys compares values that are not NULL; a's doubles are canonical.
func sameKeys(a *Vector, numbers []uint32, b *Vector, rows []int32) bool {
	switch a.Type.Kind.Storage() {
	case StoredI64:
		return sameInts(a.I64, numbers, b.I64, rows)
	case StoredI32:
		return sameInts(a.I32, numbers, b.I32, rows)
	case StoredBytes:
		return sameStrings(a, numbers, b, rows)
	case StoredWide:
		return sameWide(a, numbers, b, rows)
	}
	for i, r := range rows {
		if !sameWord(a, int(numbers[i]), b, int(r)) {
			return false
		}
	}
	return true
}

// sameWide compares decimals and intervals; a's intervals are canonical.
func sameWide(a *Vector, numbers []uint32, b *Vector, rows []int32) bool {
	for i, r := range rows {
		if a.Wide[numbers[i]] != canonicalWide(b.Type.Kind, b.Wide[r]) {
			return false
		}
	}
	return true
}

// sameNestedKeys compares values that may be NULL.
func sameNestedKeys(a *Vector, numbers []uint32, b *Vector, rows []int32) bool {
	compare := nullsLast(a, b)
	for i, r := range rows {
		if compare(int32(numbers[i]), r) != 0 {
			return false
		}
	}
	return true
}

func sameInts[T ordered](a []T, numbers []uint32, b []T, rows []int32) bool {
	var diff T
	for i, r := range rows {
		diff |= a[numbers[i]] ^ b[r]
	}
	return diff == 0
}

func sameStrings(a *Vector, numbers []uint32, b *Vector, rows []int32) bool {
	for i, r := range rows {
		if i%touchRows == 0 {
			touchStrings(a, numbers[i:min(i+touchRows, len(rows))])
		}
		g := numbers[i]
		if string(a.Data[a.Off[g]:a.Off[g+1]]) != string(b.Data[b.Off[r]:b.Off[r+1]]) {
			return false
		}
	}
	return true
}

// sameWord compares booleans and doubles.
func sameWord(a *Vector, i int, b *Vector, j int) bool {
	if a.Type.Kind == Bool {
		return a.Bool(i) == b.Bool(j)
	}
	return math.Float64bits(a.F64[i]) == canonicalBits(b.F64[j])
}

func sameNullableKeys(own *Builder, numbers []uint32, in *Vector, rows []int32) bool {
	for i, r := range rows {
		null := own.nulls > 0 && own.vec.IsNull(int(numbers[i]))
		if null != in.IsNull(int(r)) {
			return false
		}
		if !null && !sameKeys(&own.vec, numbers[i:i+1], in, rows[i:i+1]) {
			return false
		}
	}
	return true
}

func (t *keyTable) insert(h uint64, r int32) int {
	t.introduce(h, r)
	t.appendFresh()
	return t.n - 1
}

// place writes the number + 1 into the first free slot of its chain.
func (t *keyTable) place(h uint64, numberPlus1 int) {
	mask := uint64(len(t.slots) - 1)
	pos := h & mask
	for t.slots[pos] != 0 {
		pos = (pos + 1) & mask
	}
	t.slots[pos] = h&^0xffffffff | uint64(uint32(numberPlus1))
}

// grow doubles the slots. Hashes are computed anew: keeping them would cost more memory than the slots.
func (t *keyTable) grow() {
	t.slots = makeLarge[uint64](2*len(t.slots), 2*len(t.slots))
	t.fill()
}

// reserve makes room for n keys in a table that has none.
func (t *keyTable) reserve(n int) {
	slots := len(t.slots)
	for 4*n > 3*slots {
		slots *= 2
	}
	if slots > len(t.slots) {
		t.slots = makeLarge[uint64](slots, slots)
	}
	for i := range t.cols {
		t.cols[i].own.reserveRows(n)
	}
}

// fill writes all keys into empty slots, in the order of their numbers.
func (t *keyTable) fill() {
	t.eachHash(0, func(first int, hashes []uint64) {
		t.touchSlots(hashes)
		for i, h := range hashes {
			t.place(h, first+i+1)
		}
	})
}

// eachHash calls do with the hashes of the keys from number n on, a few at a time, and the number of the first of them.
func (t *keyTable) eachHash(n int, do func(first int, hashes []uint64)) {
	if t.records != nil {
		t.eachRecordHash(n, do)
		return
	}
	cols := make([]*Vector, len(t.cols))
	for i := range t.cols {
		cols[i] = t.cols[i].own.glance()
	}
	var hashes []uint64
	var rows []int32
	for ; n < t.n; n += len(rows) {
		rows = rows[:0]
		for g := n; g < t.n && len(rows) < hashedKeys; g++ {
			rows = append(rows, int32(g))
		}
		hashes = t.hashKeys(hashes, cols, rows)
		do(n, hashes)
	}
}

// hashedKeys is how many keys are hashed at a time when the slots grow.
const hashedKeys = touchRows

// truncate forgets the keys from number n on. Slots were taken in the order of the numbers, so giving them back from the
// last one on leaves the slots as they were.
func (t *keyTable) truncate(n int) {
	gone := make([]uint64, 0, t.n-n)
	t.eachHash(n, func(_ int, hashes []uint64) { gone = append(gone, hashes...) })
	mask := uint64(len(t.slots) - 1)
	for i := len(gone) - 1; i >= 0; i-- {
		pos := gone[i] & mask
		for uint32(t.slots[pos]) != uint32(n+i+1) {
			pos = (pos + 1) & mask
		}
		t.slots[pos] = 0
	}
	t.n = n
	if t.records != nil {
		t.records.n = n
		return
	}
	for i := range t.cols {
		t.cols[i].own.Truncate(n)
		t.cols[i].width.cut(n)
	}
}

// hashKeys is hashRows; a test sets weak to let hashes collide.
func (t *keyTable) hashKeys(dst []uint64, cols []*Vector, rows []int32) []uint64 {
	dst = hashRows(dst, cols, rows)
	if t.weak != 0 {
		for i := range dst {
			dst[i] &= t.weak
		}
	}
	return dst
}

// appendKey appends row r of v in the form that stands for all values that are equal to it: doubles with one zero and one
// NaN, intervals by their length, also inside of arrays and structs.
func appendKey(b *Builder, v *Vector, r int) {
	if v.IsNull(r) {
		b.AppendNull()
		return
	}
	switch v.Type.Kind.Storage() {
	case StoredF64:
		b.AppendFloat64(math.Float64frombits(canonicalBits(v.F64[r])))
	case StoredWide:
		b.AppendWide(canonicalWide(v.Type.Kind, v.Wide[r]))
	case StoredList, StoredStruct:
		b.appendNested(v, r, appendKey)
	default:
		b.AppendFrom(v, r) // equal values have one form
	}
}

func canonicalWide(k Kind, x Int128) Int128 {
	if k == Interval {
		return canonicalInterval(x)
	}
	return x
}

// CheckKey says why values of the type are no keys of groups, joins and exchanges: nil when they are.
func (t Type) CheckKey() error {
	if t.hasMap() {
		return fmt.Errorf("%s cannot be a key, since maps have no order; take a value out of it", t.Article())
	}
	return nil
}

func (t Type) hasMap() bool {
	if t.Kind == Map {
		return true
	}
	if t.nested == nil {
		return false
	}
	return slices.ContainsFunc(t.nested.fields, func(f Field) bool { return f.Type.hasMap() })
}

// reset forgets all keys and keeps the memory.
func (t *keyTable) reset() {
	clear(t.slots)
	t.n, t.records = 0, nil
	if t.memo != nil {
		t.memo.forget()
	}
	for i := range t.cols {
		t.cols[i].own.Reset()
		t.cols[i].width.cut(0)
	}
}

// sizeBytes is the memory held.
func (t *keyTable) sizeBytes() int64 {
	size := int64(cap(t.slots)+cap(t.hashes))*8 + int64(cap(t.fresh))*4 + t.flat.sizeBytes()
	if t.memo != nil {
		size += t.memo.sizeBytes()
	}
	if t.records != nil {
		size += t.records.sizeBytes()
	}
	for i := range t.cols {
		size += t.cols[i].own.sizeBytes()
	}
	return size
}

// columnTypes are the types of the columns at these positions.
func columnTypes(s *Schema, cols []int) []Type {
	types := make([]Type, len(cols))
	for i, c := range cols {
		types[i] = s.Fields[c].Type
	}
	return types
}
