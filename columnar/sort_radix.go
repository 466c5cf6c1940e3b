package columnar

import (
	"bytes"
	"encoding/binary"
	"math/bits"
	"slices"
)

// Many rows are sorted by their digits: a comparison costs two reads at random for each of the logarithm of n, a pass over the
// digits one.
const (
	radixRows  = 1 << 10 // from so many rows on
	radixSplit = 1 << 16 // more than that are split into buckets first, so that what a pass writes stays in the cache
)

// rowSorter sorts rows, in place and stable. Columns whose values have no order in 64 bits are compared.
type rowSorter struct {
	b     *Batch
	cols  []int
	items []radixItem // scratch, for as many rows as are sorted at a time
	spare []radixItem
	moved []int32 // scratch of split
}

type radixItem struct {
	key uint64
	row int32
}

// sort orders rows by the columns from a depth on.
func (s *rowSorter) sort(rows []int32, depth int) {
	if depth == len(s.cols) {
		return
	}
	if len(rows) < radixRows {
		s.compare(rows, depth)
		return
	}
	v := s.b.Cols[s.cols[depth]]
	if v.Valid != nil {
		nulls := s.nullsFirst(rows, v)
		s.sort(rows[:nulls], depth+1)
		rows = rows[nulls:]
	}
	if len(rows) < radixRows {
		s.compare(rows, depth)
		return
	}
	if key := radixKey(v); key != nil {
		s.byKey(rows, key, func(run []int32) { s.sort(run, depth+1) })
	} else if v.Type.Kind.Storage() == StoredBytes {
		s.texts(rows, depth, 0)
	} else {
		s.compare(rows, depth)
	}
}

// texts orders rows by a column of texts, of which the first bytes are known to be the same, and the columns behind it.
func (s *rowSorter) texts(rows []int32, depth, same int) {
	v := s.b.Cols[s.cols[depth]]
	common := 0
	if len(rows) >= radixRows {
		common = commonPrefix(v, rows)
	}
	if len(rows) < radixRows || common < same {
		s.compare(rows, depth)
		return
	}
	s.byKey(rows, textKey(v, common), func(run []int32) { s.texts(run, depth, common+8) })
}

// compare orders rows by comparing them.
func (s *rowSorter) compare(rows []int32, depth int) {
	slices.SortStableFunc(rows, CompareRows(s.b, s.cols[depth:]))
}

// nullsFirst moves rows of which a column is NULL to the front and returns their number.
func (s *rowSorter) nullsFirst(rows []int32, v *Vector) int {
	s.moved = s.moved[:0]
	nulls := 0
	for _, r := range rows {
		if isNullAt(v.Valid, r) {
			rows[nulls] = r
			nulls++
		} else {
			s.moved = append(s.moved, r)
		}
	}
	copy(rows[nulls:], s.moved)
	return nulls
}

// radixKey returns a number for each row, none of them NULL, in the order of their values, and the same only for equal ones; nil: the
// values of the column have none.
func radixKey(v *Vector) func(row int32) uint64 {
	const sign = 1 << 63
	if v.Type.IsNested() || v.Type.Kind == Interval {
		return nil
	}
	switch v.Type.Kind.Storage() {
	case StoredI32:
		return func(r int32) uint64 { return uint64(int64(v.I32[r])) ^ sign }
	case StoredI64:
		return func(r int32) uint64 { return uint64(v.I64[r]) ^ sign }
	case StoredF64:
		return func(r int32) uint64 { return uint64(orderKey(v.F64[r])) ^ sign }
	}
	return nil
}

// commonPrefix is the number of bytes that all texts begin with.
func commonPrefix(v *Vector, rows []int32) int {
	first := v.Str(int(rows[0]))
	n := len(first)
	for _, r := range rows {
		text := v.Str(int(r))
		if n = min(n, len(text)); !bytes.Equal(text[:n], first[:n]) {
			for i := range n {
				if text[i] != first[i] {
					n = i
					break
				}
			}
		}
	}
	return n
}

// textKey returns the eight bytes behind those that all texts begin with, and zeros behind the end of a text.
func textKey(v *Vector, common int) func(row int32) uint64 {
	return func(r int32) uint64 {
		text := v.Str(int(r))[common:]
		if len(text) >= 8 {
			return binary.BigEndian.Uint64(text)
		}
		var padded [8]byte
		copy(padded[:], text)
		return binary.BigEndian.Uint64(padded[:])
	}
}

// byKey sorts rows by a key and has each run of equal ones sorted on.
func (s *rowSorter) byKey(rows []int32, key func(row int32) uint64, equal func(run []int32)) {
	least, most := key(rows[0]), key(rows[0])
	for _, r := range rows {
		k := key(r)
		least, most = min(least, k), max(most, k)
	}
	if least == most {
		equal(rows)
		return
	}
	if len(rows) <= radixSplit {
		s.byDigits(rows, key, equal)
		return
	}
	from := 0
	for _, n := range s.split(rows, key, max(bits.Len64(least^most)-8, 0)) {
		if bucket := rows[from : from+n]; n > 1 {
			s.byKey(bucket, key, equal)
		}
		from += n
	}
}

// split puts rows into 256 buckets by eight bits of their keys, above which all have the same, and returns the sizes of these.
func (s *rowSorter) split(rows []int32, key func(row int32) uint64, shift int) (sizes [256]int) {
	for _, r := range rows {
		sizes[byte(key(r)>>shift)]++
	}
	next := starts(&sizes)
	s.moved = append(s.moved[:0], rows...)
	for _, r := range s.moved {
		at := &next[byte(key(r)>>shift)]
		rows[*at] = r
		*at++
	}
	return sizes
}

// starts is where the buckets of these sizes begin.
func starts(sizes *[256]int) (at [256]int) {
	n := 0
	for i, size := range sizes {
		at[i] = n
		n += size
	}
	return at
}

// byDigits sorts rows by a key, the last digit first. Digits that all keys have in common are left out.
func (s *rowSorter) byDigits(rows []int32, key func(row int32) uint64, equal func(run []int32)) {
	var sizes [8][256]int
	s.items = slices.Grow(s.items[:0], len(rows))
	for _, r := range rows {
		k := key(r)
		s.items = append(s.items, radixItem{k, r})
		for digit := range sizes {
			sizes[digit][byte(k>>(8*digit))]++
		}
	}
	from, to := s.items, slices.Grow(s.spare[:0], len(rows))[:len(rows)]
	for digit := range sizes {
		shift := 8 * digit
		if sizes[digit][byte(from[0].key>>shift)] == len(rows) {
			continue
		}
		next := starts(&sizes[digit])
		for _, item := range from {
			at := &next[byte(item.key>>shift)]
			to[*at] = item
			*at++
		}
		from, to = to, from
	}
	var runs [][2]int // the scratch is used again
	begin := 0
	for i, item := range from {
		rows[i] = item.row
		if item.key != from[begin].key {
			begin = i
		}
		if i+1-begin > 1 && (i+1 == len(from) || from[i+1].key != item.key) {
			runs = append(runs, [2]int{begin, i + 1})
		}
	}
	s.items, s.spare = from, to
	for _, run := range runs {
		equal(rows[run[0]:run[1]])
	}
}
