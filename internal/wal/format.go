package wal

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"strconv"
)

// These constants and the layouts below are the wire format of docs/formats/log.md and must not change.
const (
	magic   = "MRLOG\x00"
	version = 1

	headerBytes       = 40
	recordHeaderBytes = 24
	recordAlignment   = 8

	// MaxRecordBytes is the greatest length of a payload.
	MaxRecordBytes = 64 << 20
	// maxSegmentBytes is a segment of one such record.
	maxSegmentBytes = headerBytes + recordHeaderBytes + MaxRecordBytes
)

// Lengths that new segments are given; a header tells its segment's own, so these may change at any time. The first
// of an epoch is short, because a job on a schedule starts an epoch with every run and logs little in it; each later
// one is four times as long, up to the last length.
const (
	firstSegmentBytes = 16 << 10
	nextSegmentBytes  = 4 << 20
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func checksum(b []byte) uint32 { return crc32.Checksum(b, castagnoli) }

// header is the first block of a segment.
type header struct {
	version  uint16
	epoch    uint64
	segment  uint32
	chain    uint32 // checksum of the last block of the segment before
	sequence uint64 // of the first record
	capacity uint32 // length of the file in bytes
}

// encode returns the header as it stands in the file.
func (h header) encode() []byte {
	b := make([]byte, 0, headerBytes)
	b = append(b, magic...)
	b = binary.LittleEndian.AppendUint16(b, h.version)
	b = binary.LittleEndian.AppendUint64(b, h.epoch)
	b = binary.LittleEndian.AppendUint32(b, h.segment)
	b = binary.LittleEndian.AppendUint32(b, h.chain)
	b = binary.LittleEndian.AppendUint64(b, h.sequence)
	b = binary.LittleEndian.AppendUint32(b, h.capacity)
	return binary.LittleEndian.AppendUint32(b, checksum(b))
}

// decodeHeader reads the first headerBytes of b, whose magic is known to be ours.
func decodeHeader(b []byte) (h header, sum uint32, intact bool) {
	h = header{
		version:  binary.LittleEndian.Uint16(b[6:]),
		epoch:    binary.LittleEndian.Uint64(b[8:]),
		segment:  binary.LittleEndian.Uint32(b[16:]),
		chain:    binary.LittleEndian.Uint32(b[20:]),
		sequence: binary.LittleEndian.Uint64(b[24:]),
		capacity: binary.LittleEndian.Uint32(b[32:]),
	}
	sum = binary.LittleEndian.Uint32(b[36:])
	return h, sum, sum == checksum(b[:36])
}

// segmentTag is what ties a record to its segment.
func segmentTag(epoch uint64, segment uint32) uint32 {
	return checksum(header{version: version, epoch: epoch, segment: segment}.encode()[:20])
}

// record is one record and where it stands in its segment's bytes.
type record struct {
	sum      uint32
	sequence uint64
	chain    uint32 // checksum of the block before
	tag      uint32 // of the segment
	payload  []byte // aliases the segment's bytes
}

// recordBytes is the length of a record in the file.
func recordBytes(payload int) int {
	padded := (payload + recordAlignment - 1) / recordAlignment * recordAlignment
	return recordHeaderBytes + padded
}

// encodeRecord appends a record to dst and returns its checksum as well. r.sum is not looked at.
func encodeRecord(dst []byte, r record) ([]byte, uint32) {
	start := len(dst)
	dst = binary.LittleEndian.AppendUint32(dst, 0)
	dst = binary.LittleEndian.AppendUint32(dst, uint32(len(r.payload)))
	dst = binary.LittleEndian.AppendUint64(dst, r.sequence)
	dst = binary.LittleEndian.AppendUint32(dst, r.chain)
	dst = binary.LittleEndian.AppendUint32(dst, r.tag)
	dst = append(dst, r.payload...)
	dst = append(dst, make([]byte, start+recordBytes(len(r.payload))-len(dst))...)
	sum := checksum(dst[start+4:])
	binary.LittleEndian.PutUint32(dst[start:], sum)
	return dst, sum
}

// decodeRecord reads the record at the start of b. What is wrong with it, if anything, is said in bad.
func decodeRecord(b []byte) (r record, bad string) {
	if len(b) < recordHeaderBytes {
		return record{}, "the file ends inside a record's header"
	}
	if strayBytes(b[:recordHeaderBytes]) == 0 {
		return record{}, "zeros stand where a record should"
	}
	length := binary.LittleEndian.Uint32(b[4:])
	if length > MaxRecordBytes {
		return record{}, fmt.Sprintf("a record's length says %d bytes, more than any may have", length)
	}
	size := recordBytes(int(length))
	if size > len(b) {
		return record{}, fmt.Sprintf("a record of %d bytes reaches beyond the end of the file", size)
	}
	sum := binary.LittleEndian.Uint32(b)
	if sum != checksum(b[4:size]) {
		return record{}, "a record's checksum does not match"
	}
	return record{
		sum:      sum,
		sequence: sequenceAt(b),
		chain:    binary.LittleEndian.Uint32(b[16:]),
		tag:      tagAt(b),
		payload:  b[recordHeaderBytes : recordHeaderBytes+int(length)],
	}, ""
}

// sequenceAt and tagAt look at single fields of the record at the start of b, intact or not.
func sequenceAt(b []byte) uint64 { return binary.LittleEndian.Uint64(b[8:]) }
func tagAt(b []byte) uint32      { return binary.LittleEndian.Uint32(b[20:]) }

const (
	epochDigits   = 10
	segmentDigits = 6
	maxEpoch      = 9_999_999_999
	maxSegment    = 999_999
)

// chainName is what the file names of an epoch's segments begin with.
func chainName(epoch uint64) string { return fmt.Sprintf("%0*d-", epochDigits, epoch) }

// segmentName returns the file name of a segment.
func segmentName(epoch uint64, segment uint32) string {
	return fmt.Sprintf("%s%0*d.log", chainName(epoch), segmentDigits, segment)
}

// parseSegmentName reads a file name; ok is false for any that segmentName does not make.
func parseSegmentName(name string) (epoch uint64, segment uint32, ok bool) {
	if len(name) != len(segmentName(1, 1)) {
		return 0, 0, false
	}
	epoch, err1 := strconv.ParseUint(name[:epochDigits], 10, 64)
	number, err2 := strconv.ParseUint(name[epochDigits+1:epochDigits+1+segmentDigits], 10, 32)
	if err1 != nil || err2 != nil || segmentName(epoch, uint32(number)) != name {
		return 0, 0, false
	}
	return epoch, uint32(number), epoch > 0 && number > 0
}
