package output

import (
	"encoding/hex"

	"github.com/zeebo/xxh3"
)

// recordSum stands for the records that a batch has in a topic, whatever partitions they are in, and in any order: the sum, modulo
// 2¹²⁸, of hashes of their keys and values, docs/formats/output.md §7. The hash is XXH3, 128 bits wide: it tells what has gone wrong,
// and is no proof against whoever means to deceive.
type recordSum xxh3.Uint128

// nullSeed is what NULL is to the hash: another thing than any bytes.
const nullSeed = 0x9e3779b97f4a7c15

// add adds a record. A key or value that is nil is NULL, which is not the empty one.
func (s *recordSum) add(key, value []byte) {
	h := hashPart(value, hashPart(key, 0).Lo)
	lo := s.Lo + h.Lo
	s.Hi += h.Hi
	if lo < h.Lo {
		s.Hi++
	}
	s.Lo = lo
}

// hashPart hashes a part of a record behind another one, whose hash is the seed.
func hashPart(part []byte, seed uint64) xxh3.Uint128 {
	if part == nil {
		return xxh3.Hash128Seed(nil, seed^nullSeed)
	}
	return xxh3.Hash128Seed(part, seed)
}

// String is the sum as 32 hexadecimal digits, high ones first.
func (s recordSum) String() string {
	b := xxh3.Uint128(s).Bytes()
	return hex.EncodeToString(b[:])
}
