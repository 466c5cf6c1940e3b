package kafka

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
)

// RecordBatch is one batch of record format 2: its header, and its records as they lie on the wire.
type RecordBatch struct {
	BaseOffset      int64  // offset of the first record as the batch was written
	LeaderEpoch     int32  // in which the leader took it
	CRC             uint32 // CRC32C, see Check
	Attributes      int16  // codec and flags: see Codec, Control and Transactional
	LastOffsetDelta int32  // of the batch as it was written; compaction leaves it as it is
	FirstTimestamp  int64  // milliseconds since the epoch; records add their deltas
	MaxTimestamp    int64  // milliseconds since the epoch; the broker's time of all records if it sets that
	ProducerID      int64  // −1 without idempotence
	Count           int32  // records that are left; 0 is possible after compaction
	Payload         []byte // a sub-slice of what the batch was cut from, still compressed
	WireBytes       int    // header and payload

	covered []byte // what the checksum covers
}

// Record format 2. UNCHANGEABLE: Kafka's wire format.
const (
	batchLengthAt     = 8  // int32, counted from batchCountedFrom
	batchCountedFrom  = 12 //
	batchMagicAt      = 16
	batchCRCAt        = 17
	batchCoveredFrom  = 21
	batchHeaderBytes  = 61
	attrCodec         = 7
	attrLogAppendTime = 8
	attrTransactional = 16
	attrControl       = 32
)

// Codec is how a batch's records are compressed.
type Codec int8

// The codecs, as numbered on the wire.
const (
	None   Codec = 0
	Gzip   Codec = 1
	Snappy Codec = 2
	LZ4    Codec = 3
	Zstd   Codec = 4
)

// Next is the first offset behind the batch.
func (b *RecordBatch) Next() int64 { return b.BaseOffset + int64(b.LastOffsetDelta) + 1 }

// Control reports whether the batch holds a transaction marker instead of records.
func (b *RecordBatch) Control() bool { return b.Attributes&attrControl != 0 }

// Transactional reports whether the batch was written inside a transaction.
func (b *RecordBatch) Transactional() bool { return b.Attributes&attrTransactional != 0 }

// Codec is how Payload is compressed.
func (b *RecordBatch) Codec() Codec { return Codec(b.Attributes & attrCodec) }

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Check compares the checksum. It covers all but offsets and leader epoch, which the broker sets.
func (b *RecordBatch) Check() error {
	if sum := crc32.Checksum(b.covered, castagnoli); sum != b.CRC {
		return fmt.Errorf("checksum %08x does not match the stored %08x", sum, b.CRC)
	}
	return nil
}

// ErrPartial says that the bytes end inside a batch: brokers cut the last batch of an answer at the size asked for.
var ErrPartial = errors.New("record batch is cut")

// NextBatch cuts the first batch off p and returns what follows it. It allocates nothing and looks at the header
// only. [ErrPartial] means that p ends inside the batch.
func NextBatch(p []byte, b *RecordBatch) (rest []byte, err error) {
	if len(p) <= batchMagicAt {
		return nil, ErrPartial
	}
	if magic := p[batchMagicAt]; magic != 2 {
		return nil, fmt.Errorf("record format %d, want 2: set log.message.format.version to 0.11 or later and write the topic again", magic)
	}
	size := int64(int32(binary.BigEndian.Uint32(p[batchLengthAt:]))) + batchCountedFrom
	if size < batchHeaderBytes {
		return nil, fmt.Errorf("record batch of %d bytes is shorter than its header", size)
	}
	if size > int64(len(p)) {
		return nil, ErrPartial
	}
	b.parse(p[:size])
	return p[size:], b.plausible()
}

func (b *RecordBatch) parse(p []byte) {
	u16, u32, u64 := binary.BigEndian.Uint16, binary.BigEndian.Uint32, binary.BigEndian.Uint64
	b.BaseOffset = int64(u64(p))
	b.LeaderEpoch = int32(u32(p[12:]))
	b.CRC = u32(p[batchCRCAt:])
	b.Attributes = int16(u16(p[21:]))
	b.LastOffsetDelta = int32(u32(p[23:]))
	b.FirstTimestamp = int64(u64(p[27:]))
	b.MaxTimestamp = int64(u64(p[35:]))
	b.ProducerID = int64(u64(p[43:]))
	b.Count = int32(u32(p[57:]))
	b.Payload = p[batchHeaderBytes:]
	b.WireBytes = len(p)
	b.covered = p[batchCoveredFrom:]
}

func (b *RecordBatch) plausible() error {
	switch {
	case b.BaseOffset < 0 || b.LastOffsetDelta < 0 || b.Next() < 0:
		return fmt.Errorf("record batch from offset %d with last offset delta %d", b.BaseOffset, b.LastOffsetDelta)
	case b.Count < 0 || int64(b.Count) > int64(b.LastOffsetDelta)+1:
		return fmt.Errorf("record batch at %d says it has %d records in %d offsets", b.BaseOffset, b.Count, int64(b.LastOffsetDelta)+1)
	}
	return nil
}

// sizeHint is the size of a cut batch, 0 if even that is cut off.
func sizeHint(p []byte) int64 {
	if len(p) < batchCountedFrom {
		return 0
	}
	return int64(int32(binary.BigEndian.Uint32(p[batchLengthAt:]))) + batchCountedFrom
}

// Walk steps over the headers of the whole batches in p, an answer to a fetch at offset from, and returns the offset
// to fetch next: from itself if p holds no whole batch. want is the size of the first batch if it alone is cut.
func Walk(p []byte, from int64) (next, want int64, err error) {
	next = from
	var b RecordBatch
	for first := true; len(p) > 0; first = false {
		rest, err := NextBatch(p, &b)
		if errors.Is(err, ErrPartial) {
			if first {
				want = sizeHint(p)
			}
			return next, want, nil
		}
		if err == nil && !first && b.BaseOffset < next {
			err = fmt.Errorf("record batch from offset %d follows one that ends at %d", b.BaseOffset, next)
		}
		if err != nil {
			return next, 0, err
		}
		next = max(next, b.Next())
		p = rest
	}
	return next, 0, nil
}

// BatchError says that the record batch of a partition at Offset cannot be read.
type BatchError struct {
	Topic     string
	Partition int32
	Offset    int64 // the batch's first offset, or the one asked for if its header is unreadable
	Err       error
}

func (e *BatchError) Error() string {
	return fmt.Sprintf("read record batch of %s/%d at offset %d: %v", e.Topic, e.Partition, e.Offset, e.Err)
}

// Unwrap returns what is wrong with the batch.
func (e *BatchError) Unwrap() error { return e.Err }
