package columnar

import (
	"encoding/binary"
	"math"
	"math/bits"
)

// The hash of rows in memory: a fold of 64 × 64 → 128-bit multiplications, as in wyhash. It never leaves the process;
// the hash that decides on key groups is another one, pinned in [KeyGroups].

const (
	hashSeed  = 0x9e3779b97f4a7c15
	hashMul   = 0xd6e8feb86659fd93
	hashTail  = 0xa0761d6478bd642f
	hashOfNil = 0x589965cc75374cc3 // stands for NULL
)

func fold(h, x uint64) uint64 {
	hi, lo := bits.Mul64(h^x, hashMul)
	return hi ^ lo
}

func foldBytes(h uint64, p []byte) uint64 {
	n := len(p)
	h ^= uint64(n) * hashTail
	for len(p) > 16 {
		h = fold2(h, binary.LittleEndian.Uint64(p), binary.LittleEndian.Uint64(p[8:]))
		p = p[16:]
	}
	switch n = len(p); {
	case n >= 8:
		return fold2(h, binary.LittleEndian.Uint64(p), binary.LittleEndian.Uint64(p[n-8:]))
	case n >= 4:
		return fold2(h, uint64(binary.LittleEndian.Uint32(p)), uint64(binary.LittleEndian.Uint32(p[n-4:])))
	case n > 0:
		return fold2(h, uint64(p[0])<<16|uint64(p[n>>1])<<8|uint64(p[n-1]), 0)
	}
	return fold2(h, 0, 0)
}

func fold2(h, a, b uint64) uint64 {
	hi, lo := bits.Mul64(a^hashTail, b^h)
	return hi ^ lo
}

// hashRows writes one hash for each of the rows, over all columns.
func hashRows(dst []uint64, cols []*Vector, rows []int32) []uint64 {
	dst = resized(dst, len(rows))
	for i := range dst {
		dst[i] = hashSeed
	}
	for _, v := range cols {
		hashColumn(dst, v, rows)
	}
	return dst
}

func hashColumn(dst []uint64, v *Vector, rows []int32) {
	if v.Valid != nil {
		for i, r := range rows {
			if isNullAt(v.Valid, r) {
				dst[i] = fold(dst[i], hashOfNil)
			}
		}
	}
	switch v.Type.Kind.Storage() {
	case StoredI64:
		foldInts(dst, v.Valid, rows, v.I64)
	case StoredI32:
		foldInts(dst, v.Valid, rows, v.I32)
	case StoredF64:
		foldWords(dst, v.Valid, rows, func(r int32) uint64 { return canonicalBits(v.F64[r]) })
	case StoredBits:
		foldWords(dst, v.Valid, rows, func(r int32) uint64 { return uint64(v.Bits[r>>3] >> (r & 7) & 1) })
	case StoredBytes:
		for i, r := range rows {
			if !isNullAt(v.Valid, r) {
				dst[i] = foldBytes(dst[i], v.Str(int(r)))
			}
		}
	case StoredWide:
		foldWide(dst, v, rows)
	case StoredList:
		foldLists(dst, v, rows)
	case StoredStruct:
		for _, kid := range v.Kids {
			hashColumn(dst, kid.masked(v.Valid), rows)
		}
	}
}

func foldWide(dst []uint64, v *Vector, rows []int32) {
	for i, r := range rows {
		if !isNullAt(v.Valid, r) {
			x := v.Wide[r]
			if v.Type.Kind == Interval {
				x = intervalLength(x)
			}
			dst[i] = fold2(dst[i], x.Lo, uint64(x.Hi))
		}
	}
}

// foldLists hashes the elements by themselves first, then each list's length and its elements' hashes.
func foldLists(dst []uint64, v *Vector, rows []int32) {
	hashes := hashRows(nil, v.Kids, v.elements(nil, rows))
	for i, r := range rows {
		if isNullAt(v.Valid, r) {
			continue
		}
		n := int(v.Off[r+1] - v.Off[r])
		dst[i] = fold(dst[i], uint64(n))
		for _, h := range hashes[:n] {
			dst[i] = fold(dst[i], h)
		}
		hashes = hashes[n:]
	}
}

func foldInts[T ordered](dst []uint64, valid []byte, rows []int32, vals []T) {
	for i, r := range rows {
		if !isNullAt(valid, r) {
			dst[i] = fold(dst[i], uint64(vals[r]))
		}
	}
}

func foldWords(dst []uint64, valid []byte, rows []int32, word func(r int32) uint64) {
	for i, r := range rows {
		if !isNullAt(valid, r) {
			dst[i] = fold(dst[i], word(r))
		}
	}
}

// canonicalBits are the bits of a double with one zero and one NaN.
func canonicalBits(f float64) uint64 {
	if f != f {
		return 0x7ff8000000000000
	}
	return math.Float64bits(f + 0) // −0 + 0 is 0
}
