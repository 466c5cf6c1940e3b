package kafka

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
)

// Slack is the number of readable bytes behind the length of every buffer that records lie in, so that decoders may
// load whole words at the end of a value.
const Slack = 64

// Record locates one record inside a buffer.
type Record struct {
	Offset    int64
	Timestamp int64 // as the broker keeps it: milliseconds since the epoch, −1 for none
	Key       Span
	Value     Span
	Headers   Span // undecoded: varint count, then key and value of each as in record format v2
}

// Span is a piece of a buffer. Len −1 is NULL.
type Span struct{ Start, Len int32 }

// Of returns the bytes of the span, nil for NULL.
func (s Span) Of(buf []byte) []byte {
	if s.Len < 0 {
		return nil
	}
	return buf[s.Start : s.Start+s.Len : s.Start+s.Len]
}

// recordBytesMin is a record of nothing: seven varints and attributes of one byte each.
const recordBytesMin = 7

var errRecord = errors.New("malformed record")

// AppendRecords decodes the batch's records out of p, its decompressed payload, and appends them to dst. Spans count
// from the start of p.
func (b *RecordBatch) AppendRecords(dst []Record, p []byte) ([]Record, error) {
	if int64(b.Count)*recordBytesMin > int64(len(p)) || len(p) > 1<<31-1 {
		return dst, fmt.Errorf("%d records cannot lie in %d bytes", b.Count, len(p))
	}
	dst = slices.Grow(dst, int(b.Count))
	at, last := 0, int64(-1)
	for i := range int(b.Count) {
		dst = dst[:len(dst)+1]
		r := &dst[len(dst)-1]
		at = b.decode(p, at, r)
		delta := r.Offset - b.BaseOffset
		if at < 0 || delta <= last || delta > int64(b.LastOffsetDelta) {
			return dst[:len(dst)-1], fmt.Errorf("record %d of %d: %w", i+1, b.Count, errRecord)
		}
		last = delta
	}
	if at != len(p) {
		return dst, fmt.Errorf("%d bytes behind the last of %d records", len(p)-at, b.Count)
	}
	return dst, nil
}

// decode reads the record at p[at:] and returns where the next one begins, −1 if it is malformed.
func (b *RecordBatch) decode(p []byte, at int, r *Record) int {
	size, at := varint(p, at)
	if at < 0 || size < 0 || size > int64(len(p)-at) {
		return -1
	}
	end := at + int(size)
	p = p[:end]
	timeDelta, at := varint(p, at+1) // behind the attributes, which are unused
	offsetDelta, at := varint(p, at)
	r.Key, at = span(p, at)
	r.Value, at = span(p, at)
	count, body := varint(p, at)
	if body < 0 || count < 0 || (count == 0) != (body == end) {
		return -1
	}
	r.Headers = Span{int32(at), int32(end - at)}
	r.Offset = b.BaseOffset + offsetDelta
	r.Timestamp = b.FirstTimestamp + timeDelta
	if b.Attributes&attrLogAppendTime != 0 {
		r.Timestamp = b.MaxTimestamp
	}
	return end
}

// span reads a length and steps over that many bytes.
func span(p []byte, at int) (Span, int) {
	n, at := varint(p, at)
	switch {
	case at < 0 || n < -1 || n > int64(len(p)-at):
		return Span{}, -1
	case n == -1:
		return Span{int32(at), -1}, at
	}
	return Span{int32(at), int32(n)}, at + int(n)
}

// varint reads a zigzag varint at p[at:] and returns what follows, −1 if there is none; −1 as at stays −1. Lengths and
// deltas mostly take one or two bytes, which are read without a loop.
func varint(p []byte, at int) (int64, int) {
	if uint(at) >= uint(len(p)) {
		return 0, -1
	}
	p = p[at:]
	if p[0] < 0x80 {
		return unzigzag(uint64(p[0])), at + 1
	}
	if len(p) > 1 && p[1] < 0x80 {
		return unzigzag(uint64(p[0]&0x7f) | uint64(p[1])<<7), at + 2
	}
	u, n := binary.Uvarint(p)
	if n <= 0 {
		return 0, -1
	}
	return unzigzag(u), at + n
}

func unzigzag(u uint64) int64 { return int64(u>>1) ^ -int64(u&1) }
