package columnar

import (
	"encoding/binary"

	"github.com/cespare/xxhash/v2"
)

// KeyGroupCount is the number of key groups. It is part of the checkpoint format.
const KeyGroupCount = 256

// KeyGroups returns the key group of each selected row of b, in the order of the selection: dst[i] belongs to the i-th
// selected row. It reuses dst's memory.
//
// The hash is pinned in the checkpoint format. Each key column is written as one byte, 0 for NULL and then nothing else,
// or 1 followed by
//   - boolean, int, bigint, date, timestamp: the value as a 64-bit two's complement little-endian number,
//   - double: its IEEE 754 bits, little-endian, with −0 as 0 and every NaN as 0x7ff8000000000000,
//   - string, binary: the length as a 32-bit little-endian number, then the bytes.
//
// The key group is the top byte of XXH64 with seed 0 over the columns' encodings one behind the other.
func KeyGroups(b *Batch, keys []int, dst []uint8) []uint8 {
	dst = resized(dst, b.Len())
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

// appendCanonical appends the pinned encoding of row r.
func appendCanonical(key []byte, v *Vector, r int32) []byte {
	if isNullAt(v.Valid, r) {
		return append(key, 0)
	}
	key = append(key, 1)
	switch v.Type.Kind {
	case Bool:
		return binary.LittleEndian.AppendUint64(key, uint64(bit(v.Bool(int(r)))))
	case Int32, Date:
		return binary.LittleEndian.AppendUint64(key, uint64(int64(v.I32[r])))
	case Float64:
		return binary.LittleEndian.AppendUint64(key, canonicalBits(v.F64[r]))
	case String, Binary:
		s := v.Str(int(r))
		return append(binary.LittleEndian.AppendUint32(key, uint32(len(s))), s...)
	}
	return binary.LittleEndian.AppendUint64(key, uint64(v.I64[r]))
}

// Shard is the shard that a key group belongs to: each of the shards, 1 to 256, is a run of key groups.
func Shard(group uint8, shards int) int { return int(group) * shards / KeyGroupCount }
