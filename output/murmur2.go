package output

import "encoding/binary"

// Constants of murmur2 as Kafka's Java clients use it. UNCHANGEABLE: they decide where the records of a key lie.
const (
	murmurSeed  = 0x9747b28c
	murmurM     = 0x5bd1e995
	murmurShift = 24
)

// murmur2 is the hash of a key that Kafka's Java clients choose its partition by.
func murmur2(key []byte) uint32 {
	h := uint32(murmurSeed) ^ uint32(len(key))
	for ; len(key) >= 4; key = key[4:] {
		k := binary.LittleEndian.Uint32(key) * murmurM
		k ^= k >> murmurShift
		h = h*murmurM ^ k*murmurM
	}
	if len(key) > 2 {
		h ^= uint32(key[2]) << 16
	}
	if len(key) > 1 {
		h ^= uint32(key[1]) << 8
	}
	if len(key) > 0 {
		h = (h ^ uint32(key[0])) * murmurM
	}
	h ^= h >> 13
	h *= murmurM
	return h ^ h>>15
}

// keyPartition is the partition of a key among n, as Java's default partitioner has it.
func keyPartition(key []byte, n int) int { return int(murmur2(key)&0x7fffffff) % n }
