package wal

import (
	"encoding/binary"
	"fmt"
	"strings"
)

// link is what one segment must continue from: the state of a chain behind a record, or at its start.
type link struct {
	epoch    uint64
	segment  uint32 // the segment that comes next
	chain    uint32 // checksum of the last block
	sequence uint64 // of the next record
}

// content is what a segment's bytes were judged to hold.
type content struct {
	records []record
	begin   link  // what it goes on from
	end     link  // what the next segment must continue from
	torn    *Torn // what was left out
}

// damage is a CorruptionError without its file.
type damage struct {
	offset int
	reason string
}

// judge reads a segment's bytes, whose magic and version are known to be ours. It is the table of docs/formats/log.md
// and pure. last says that no other segment follows.
func judge(data []byte, from link, last bool) (content, *damage) {
	h, sum, bad := judgeHeader(data, from)
	if bad != nil {
		return content{}, bad
	}
	c := content{begin: from, end: link{from.epoch, from.segment + 1, sum, from.sequence}}
	tag := segmentTag(from.epoch, from.segment)
	at, why := headerBytes, ""
	for at < len(data) {
		var r record
		if r, why = decodeRecord(data[at:]); why != "" {
			break
		}
		if reason := c.end.misplaced(r, tag); reason != "" {
			return content{}, &damage{at, reason}
		}
		c.records = append(c.records, r)
		c.end.chain, c.end.sequence = r.sum, r.sequence+1
		at += recordBytes(len(r.payload))
	}
	c.torn, bad = judgeTail(data, at, int(h.capacity), why, tag, c.end, last)
	return c, bad
}

func judgeHeader(data []byte, from link) (header, uint32, *damage) {
	if len(data) < headerBytes {
		return header{}, 0, &damage{len(data), "the file ends inside the segment's header"}
	}
	h, sum, intact := decodeHeader(data)
	want := header{version, from.epoch, from.segment, from.chain, from.sequence, h.capacity}
	switch {
	case !intact:
		return h, sum, &damage{0, "the segment header's checksum does not match"}
	case h.epoch != want.epoch || h.segment != want.segment:
		return h, sum, &damage{8, fmt.Sprintf("the header is that of epoch %d, segment %d", h.epoch, h.segment)}
	case h != want:
		return h, sum, &damage{20, fmt.Sprintf("the segment goes on at record %d with chain %08x, but the one before ended at record %d with %08x",
			h.sequence, h.chain, want.sequence, want.chain)}
	case len(data) > int(h.capacity):
		return h, sum, &damage{int(h.capacity), fmt.Sprintf("the file has %d bytes, its header says %d", len(data), h.capacity)}
	}
	return h, sum, nil
}

// misplaced says why an intact record is not the next one of the chain; empty: it is.
func (l link) misplaced(r record, tag uint32) string {
	switch {
	case r.tag != tag:
		return fmt.Sprintf("record %d belongs to another segment", r.sequence)
	case r.sequence != l.sequence:
		return fmt.Sprintf("record %d stands where record %d should", r.sequence, l.sequence)
	case r.chain != l.chain:
		return fmt.Sprintf("record %d does not continue the record before it", r.sequence)
	}
	return ""
}

// judgeTail looks at what is left from offset at, where no valid record begins, for the reason why.
func judgeTail(data []byte, at, capacity int, why string, tag uint32, end link, last bool) (*Torn, *damage) {
	stray := strayBytes(data[at:])
	if stray == 0 {
		why = ""
	}
	if len(data) < capacity {
		why = strings.TrimPrefix(why+fmt.Sprintf("; the file has %d bytes of %d", len(data), capacity), "; ")
	}
	if why == "" {
		return nil, nil
	}
	if !last {
		return nil, &damage{at, why + ", and a later segment follows"}
	}
	if offset, sequence, found := survivor(data, at, tag, end.sequence); found {
		return nil, &damage{at, fmt.Sprintf("%s, and record %d stands whole behind it at offset %d", why, sequence, offset)}
	}
	return &Torn{Segment: end.segment - 1, Offset: int64(at), Bytes: int64(stray), Sequence: end.sequence, Reason: why}, nil
}

// strayBytes returns how many bytes there are up to the last that is not zero.
func strayBytes(tail []byte) int {
	n := len(tail)
	for n >= 8 && binary.LittleEndian.Uint64(tail[n-8:]) == 0 { // most of a segment has not been written yet
		n -= 8
	}
	for ; n > 0; n-- {
		if tail[n-1] != 0 {
			return n
		}
	}
	return 0
}

// survivor looks behind offset at for an intact record of this segment that is not older than the one missing there.
// One proves that the missing one was durable, because an append begins only after the sync of the one before.
// A record's image inside a payload cannot be mistaken: it has another tag, or an older sequence.
func survivor(data []byte, at int, tag uint32, sequence uint64) (int, uint64, bool) {
	for at += recordAlignment; at+recordHeaderBytes <= len(data); at += recordAlignment {
		if tagAt(data[at:]) != tag || sequenceAt(data[at:]) < sequence {
			continue
		}
		if r, bad := decodeRecord(data[at:]); bad == "" {
			return at, r.sequence, true
		}
	}
	return 0, 0, false
}
