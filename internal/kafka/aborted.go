package kafka

import (
	"cmp"
	"encoding/binary"
	"slices"
)

// AbortedFilter says which batches of one fetch answer belong to aborted transactions. Its list is that of the same
// answer.
type AbortedFilter struct {
	pending []AbortedTxn // sorted by first offset
	open    []int64      // producers inside an aborted transaction at the batch last seen
}

// Reset starts on an answer. The broker lists transactions in the order in which they were aborted, so the list is
// sorted here.
func (f *AbortedFilter) Reset(aborted []AbortedTxn) {
	f.pending = append(f.pending[:0], aborted...)
	slices.SortFunc(f.pending, func(a, b AbortedTxn) int { return cmp.Compare(a.FirstOffset, b.FirstOffset) })
	f.open = f.open[:0]
}

// Skip reports whether a reader must pass over the batch: a control batch, or one of an aborted transaction. Every
// batch of the answer must come by, in order.
func (f *AbortedFilter) Skip(b *RecordBatch) bool {
	for len(f.pending) > 0 && f.pending[0].FirstOffset < b.Next() {
		if !slices.Contains(f.open, f.pending[0].ProducerID) {
			f.open = append(f.open, f.pending[0].ProducerID)
		}
		f.pending = f.pending[1:]
	}
	if b.Control() {
		if isAbortMarker(b) {
			f.open = slices.DeleteFunc(f.open, func(id int64) bool { return id == b.ProducerID })
		}
		return true
	}
	return b.Transactional() && slices.Contains(f.open, b.ProducerID)
}

// isAbortMarker looks at the key of a control record: version and type, both int16; type 0 is abort, 1 commit.
// Compaction may have left the marker's batch empty.
func isAbortMarker(b *RecordBatch) bool {
	var r [1]Record
	if b.Count != 1 || b.decode(b.Payload, 0, &r[0]) < 0 {
		return false
	}
	key := r[0].Key.Of(b.Payload)
	return len(key) >= 4 && binary.BigEndian.Uint16(key[2:]) == 0
}
