package output

import (
	"crypto/sha256"
	"encoding/binary"
	"hash"
)

// RecordSum stands for the records that a batch has in a topic, whatever partitions they are in, and in any order: how many there
// are, and the sum of the hashes of their keys and values.
type RecordSum struct {
	Records int64
	sum     [2]uint64
}

// recordHasher adds records to sums.
type recordHasher struct {
	hash hash.Hash
	buf  []byte
}

func newRecordHasher() *recordHasher { return &recordHasher{hash: sha256.New()} }

// add adds a record. A key or value that is nil is NULL, which is not the empty one.
func (h *recordHasher) add(s *RecordSum, key, value []byte) {
	h.hash.Reset()
	for _, part := range [][]byte{key, value} {
		n := int64(len(part))
		if part == nil {
			n = -1
		}
		h.buf = binary.LittleEndian.AppendUint64(h.buf[:0], uint64(n))
		h.hash.Write(h.buf)
		h.hash.Write(part)
	}
	h.buf = h.hash.Sum(h.buf[:0])
	s.Records++
	for i := range s.sum {
		s.sum[i] += binary.LittleEndian.Uint64(h.buf[8*i:])
	}
}
