package kafka

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"math/bits"
)

// batchBytesMax bounds the records of one batch, uncompressed: lengths on the wire are int32.
const batchBytesMax = 1 << 30

// BatchWriter encodes records into a batch of format 2. The zero value works. Records are appended in order; [Finish]
// gives the batch away and begins the next one. It is used by one goroutine, and allocates nothing per record.
type BatchWriter struct {
	records  []byte
	count    int
	first    int64 // timestamp of the first record
	max      int64 // the greatest timestamp
	overflow bool
}

// Headers are the headers of a record, encoded. nil is none. They mostly are the same for many records.
type Headers []byte

// Header is one header of a record. A nil value is NULL.
type Header struct {
	Key   string
	Value []byte
}

// EncodeHeaders encodes headers in their order.
func EncodeHeaders(headers ...Header) Headers {
	if len(headers) == 0 {
		return nil
	}
	b := binary.AppendVarint(nil, int64(len(headers)))
	for _, h := range headers {
		b = binary.AppendVarint(b, int64(len(h.Key)))
		b = append(b, h.Key...)
		b = appendBytes(b, h.Value)
	}
	return b
}

// EncodedBatch is a batch that is ready to be sent. It does not change: producer, epoch, sequence and checksum are set
// when it is sent.
type EncodedBatch struct {
	Records  int // how many
	RawBytes int // of all records, uncompressed

	codec      Codec
	first, max int64
	payload    []byte
}

// Size is the number of bytes that a topic's max.message.bytes is compared with.
func (b EncodedBatch) Size() int { return batchHeaderBytes + len(b.payload) }

// Bytes returns the batch as it would go over the wire, of no producer in particular: [NextBatch] reads it.
func (b EncodedBatch) Bytes() []byte {
	return append(b.appendHeader(nil, sender{id: -1, epoch: -1}, -1), b.payload...)
}

// Count is the number of records appended since the last batch was finished.
func (w *BatchWriter) Count() int { return w.count }

// Size is the size of the batch as it stands, uncompressed, with its header.
func (w *BatchWriter) Size() int { return batchHeaderBytes + len(w.records) }

// SizeWith is the size of the batch, uncompressed, if one more record is appended.
func (w *BatchWriter) SizeWith(timestampMs int64, key, value []byte, headers Headers) int {
	body := w.bodyBytes(timestampMs, key, value, headers)
	return w.Size() + varintBytes(int64(body)) + body
}

// Append appends a record. A nil key or value is NULL. The timestamp is in milliseconds since the epoch; brokers
// refuse one that is more than an hour ahead of their clock, unless the topic says otherwise.
func (w *BatchWriter) Append(timestampMs int64, key, value []byte, headers Headers) {
	if w.count == 0 {
		w.first, w.max = timestampMs, timestampMs
	}
	body := w.bodyBytes(timestampMs, key, value, headers)
	if len(w.records)+body > batchBytesMax {
		w.overflow = true
		return
	}
	b := room(w.records, body+binary.MaxVarintLen32)
	b = binary.AppendVarint(b, int64(body))
	b = append(b, 0) // attributes, which are unused
	b = binary.AppendVarint(b, timestampMs-w.first)
	b = binary.AppendVarint(b, int64(w.count))
	b = appendBytes(b, key)
	b = appendBytes(b, value)
	if len(headers) == 0 {
		b = append(b, 0)
	} else {
		b = append(b, headers...)
	}
	w.records = b
	w.max = max(w.max, timestampMs)
	w.count++
}

// bodyBytes is what the next record takes, without its length.
func (w *BatchWriter) bodyBytes(timestampMs int64, key, value []byte, headers Headers) int {
	first := w.first
	if w.count == 0 {
		first = timestampMs
	}
	return 1 + varintBytes(timestampMs-first) + varintBytes(int64(w.count)) + bytesBytes(key) + bytesBytes(value) + max(len(headers), 1)
}

// varintBytes is how many bytes a zigzag varint takes.
func varintBytes(v int64) int {
	return (bits.Len64(uint64(v<<1)^uint64(v>>63)|1) + 6) / 7
}

func bytesBytes(v []byte) int { return varintBytes(int64(len(v))) + len(v) } // NULL's −1 takes one byte, as 0 does

func appendBytes(b, v []byte) []byte {
	if v == nil {
		return append(b, 1) // −1
	}
	return append(binary.AppendVarint(b, int64(len(v))), v...)
}

// Finish compresses what was appended and begins the next batch. At least one record must have been appended.
func (w *BatchWriter) Finish(c *Compressor) (EncodedBatch, error) {
	switch {
	case w.overflow:
		return EncodedBatch{}, fmt.Errorf("encode record batch: more than %d bytes", batchBytesMax)
	case w.count == 0:
		return EncodedBatch{}, fmt.Errorf("encode record batch: no records")
	}
	b := EncodedBatch{Records: w.count, RawBytes: len(w.records), first: w.first, max: w.max}
	if c == nil || c.codec == None {
		b.payload, w.records = w.records, c.take(cap(w.records))
	} else {
		var err error
		if b.payload, b.codec, err = c.compress(w.records); err != nil {
			return EncodedBatch{}, fmt.Errorf("encode record batch: %w", err)
		}
	}
	w.Reset()
	return b, nil
}

// Clone is a copy that shares nothing with w.
func (w *BatchWriter) Clone() BatchWriter {
	out := *w
	out.records = bytes.Clone(w.records)
	return out
}

// Reset drops what was appended since the last batch was finished.
func (w *BatchWriter) Reset() {
	w.records, w.count, w.overflow = w.records[:0], 0, false
}

// sender is what a batch says about who sent it.
type sender struct {
	id            int64 // −1 without idempotence
	epoch         int16
	transactional bool
}

// appendHeader appends the batch's header as it goes over the wire; the payload follows it.
func (b *EncodedBatch) appendHeader(dst []byte, s sender, sequence int32) []byte {
	attributes := int16(b.codec)
	if s.transactional {
		attributes |= attrTransactional
	}
	u16, u32, u64 := binary.BigEndian.AppendUint16, binary.BigEndian.AppendUint32, binary.BigEndian.AppendUint64
	at := len(dst)
	dst = u64(dst, 0) // base offset: the leader sets it, and the epoch
	dst = u32(dst, uint32(b.Size()-batchCountedFrom))
	dst = u32(dst, 1<<32-1)
	dst = append(dst, 2)
	dst = u32(dst, 0) // checksum: below
	dst = u16(dst, uint16(attributes))
	dst = u32(dst, uint32(b.Records-1))
	dst = u64(dst, uint64(b.first))
	dst = u64(dst, uint64(b.max))
	dst = u64(dst, uint64(s.id))
	dst = u16(dst, uint16(s.epoch))
	dst = u32(dst, uint32(sequence))
	dst = u32(dst, uint32(b.Records))
	sum := crc32.Update(crc32.Checksum(dst[at+batchCoveredFrom:], castagnoli), castagnoli, b.payload)
	binary.BigEndian.PutUint32(dst[at+batchCRCAt:], sum)
	return dst
}

// nextSequence is the sequence number behind n more records; it begins anew at 0 behind the greatest int32.
func nextSequence(sequence int32, n int) int32 {
	return int32((int64(sequence) + int64(n)) & (1<<31 - 1))
}
