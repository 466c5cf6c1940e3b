package columnar

import (
	"encoding/binary"
	"slices"

	"github.com/cespare/xxhash/v2"
)

// KeyGroupCount is the number of key groups. It is part of the checkpoint format.
const KeyGroupCount = 256

// KeyGroups returns the key group of each selected row of b, in the order of the selection: dst[i] belongs to the i-th
// selected row. It reuses dst's memory.
//
// The hash is pinned in the checkpoint format. Each key column is written as one byte, 0 for NULL and then nothing else,
// or 1 followed by
//   - boolean, integers of every width, date, timestamp, timestamp_ntz: the value as a 64-bit two's complement
//     little-endian number,
//   - float, double: its IEEE 754 bits as a double, little-endian, with −0 as 0 and every NaN as 0x7ff8000000000000,
//   - string, binary: the length as a 32-bit little-endian number, then the bytes,
//   - decimal: the number without its point as a 128-bit two's complement little-endian number,
//   - interval: its length in microseconds in the same form, with months of 30 days and days of 24 hours,
//   - array: the number of elements as a 32-bit little-endian number, then each element encoded as a column is,
//   - struct: each field encoded as a column is.
//
// The key group is the top byte of XXH64 with seed 0 over the columns' encodings one behind the other.
func KeyGroups(b *Batch, keys []int, dst []uint8) []uint8 {
	dst = resized(dst, b.Len())
	if slices.ContainsFunc(keys, func(k int) bool { return b.Cols[k].Type.IsNested() }) {
		nestedKeyGroups(b, keys, dst)
		return dst
	}
	var buf [256]byte
	key := buf[:0]
	for i := range dst {
		r := int32(i)
		if b.Sel != nil {
			r = b.Sel[i]
		}
		key = key[:0]
		for _, k := range keys {
			key = appendCanonical(key, b.Cols[k], r)
		}
		dst[i] = uint8(xxhash.Sum64(key) >> 56)
	}
	return dst
}

// nestedKeyGroups is apart because recursion would move the buffer of KeyGroups to the heap.
func nestedKeyGroups(b *Batch, keys []int, dst []uint8) {
	var key []byte
	for i, r := range selectedRows(b) {
		key = key[:0]
		for _, k := range keys {
			key = appendCanonicalNested(key, b.Cols[k], r)
		}
		dst[i] = uint8(xxhash.Sum64(key) >> 56)
	}
}

// appendCanonicalNested is appendCanonical for every type.
func appendCanonicalNested(key []byte, v *Vector, r int32) []byte {
	if !v.Type.IsNested() || isNullAt(v.Valid, r) {
		return appendCanonical(key, v, r)
	}
	key = append(key, 1)
	from, to := r, r+1
	if v.Type.Kind.Storage() == StoredList {
		from, to = v.Off[r], v.Off[r+1]
		key = binary.LittleEndian.AppendUint32(key, uint32(to-from))
	}
	for i := from; i < to; i++ {
		for _, kid := range v.Kids {
			key = appendCanonicalNested(key, kid, i)
		}
	}
	return key
}

// appendCanonical appends the pinned encoding of row r, of a type that is not nested unless it is NULL.
func appendCanonical(key []byte, v *Vector, r int32) []byte {
	if isNullAt(v.Valid, r) {
		return append(key, 0)
	}
	key = append(key, 1)
	switch v.Type.Kind.Storage() {
	case StoredBits:
		return binary.LittleEndian.AppendUint64(key, uint64(bit(v.Bool(int(r)))))
	case StoredI32:
		return binary.LittleEndian.AppendUint64(key, uint64(int64(v.I32[r])))
	case StoredF64:
		return binary.LittleEndian.AppendUint64(key, canonicalBits(v.F64[r]))
	case StoredBytes:
		s := v.Str(int(r))
		return append(binary.LittleEndian.AppendUint32(key, uint32(len(s))), s...)
	case StoredWide:
		x := v.Wide[r]
		if v.Type.Kind == Interval {
			x = intervalLength(x)
		}
		return binary.LittleEndian.AppendUint64(binary.LittleEndian.AppendUint64(key, x.Lo), uint64(x.Hi))
	}
	return binary.LittleEndian.AppendUint64(key, uint64(v.I64[r]))
}

// Shard is the shard that a key group belongs to: each of the shards, 1 to 256, is a run of key groups.
func Shard(group uint8, shards int) int { return int(group) * shards / KeyGroupCount }
