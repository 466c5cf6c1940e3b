package rawk

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/s2"
	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Batch is the header of a record batch, and its records as they were sent.
type Batch struct {
	BaseOffset int64
	Epoch      int32
	CRC        uint32
	Attr       int16
	LastDelta  int32
	FirstTs    int64
	MaxTs      int64
	PID        int64
	PEpoch     int16
	BaseSeq    int32
	N          int32
	Payload    []byte
	crcRegion  []byte
}

// Control reports whether the batch holds markers of transactions.
func (b *Batch) Control() bool { return b.Attr&32 != 0 }

// Next is the offset behind the batch.
func (b *Batch) Next() int64 { return b.BaseOffset + int64(b.LastDelta) + 1 }

// CheckCRC compares the checksum.
func (b *Batch) CheckCRC() bool { return crc32.Checksum(b.crcRegion, castagnoli) == b.CRC }

// ErrPartial is a batch that the answer has cut off.
var ErrPartial = errors.New("partial batch")

// NextBatch cuts one batch of version 2 off p, without allocation.
func NextBatch(p []byte, b *Batch) (rest []byte, err error) {
	if len(p) < 61 {
		return nil, ErrPartial
	}
	l := int(binary.BigEndian.Uint32(p[8:]))
	if len(p) < 12+l || l < 49 {
		return nil, ErrPartial
	}
	if p[16] != 2 {
		return nil, fmt.Errorf("magic %d", p[16])
	}
	u32, u64 := binary.BigEndian.Uint32, binary.BigEndian.Uint64
	b.BaseOffset = int64(u64(p))
	b.Epoch = int32(u32(p[12:]))
	b.CRC = u32(p[17:])
	b.Attr = int16(binary.BigEndian.Uint16(p[21:]))
	b.LastDelta = int32(u32(p[23:]))
	b.FirstTs = int64(u64(p[27:]))
	b.MaxTs = int64(u64(p[35:]))
	b.PID = int64(u64(p[43:]))
	b.PEpoch = int16(binary.BigEndian.Uint16(p[51:]))
	b.BaseSeq = int32(u32(p[53:]))
	b.N = int32(u32(p[57:]))
	b.Payload = p[61 : 12+l]
	b.crcRegion = p[21 : 12+l]
	return p[12+l:], nil
}

// LastOffsetAfter walks batch headers: the offset to fetch next.
func LastOffsetAfter(p []byte, from int64) int64 {
	var b Batch
	for len(p) > 0 {
		rest, err := NextBatch(p, &b)
		if err != nil {
			break
		}
		from = b.Next()
		p = rest
	}
	return from
}

// Decompressor keeps the memory of the codecs.
type Decompressor struct {
	zd  *zstd.Decoder
	lr  *lz4.Reader
	gr  *gzip.Reader
	br  bytes.Reader
	buf []byte
}

// Do returns the records of a batch, valid until the next call.
func (d *Decompressor) Do(b *Batch) ([]byte, error) {
	switch b.Attr & 7 {
	case 0:
		return b.Payload, nil
	case 4:
		if d.zd == nil {
			d.zd, _ = zstd.NewReader(nil, zstd.WithDecoderConcurrency(1))
		}
		var err error
		d.buf, err = d.zd.DecodeAll(b.Payload, d.buf[:0])
		return d.buf, err
	case 2:
		return d.snappy(b.Payload)
	case 3:
		if d.lr == nil {
			d.lr = lz4.NewReader(nil)
		}
		d.br.Reset(b.Payload)
		d.lr.Reset(&d.br)
		return d.drain(d.lr)
	case 1:
		d.br.Reset(b.Payload)
		if d.gr == nil {
			g, err := gzip.NewReader(&d.br)
			if err != nil {
				return nil, err
			}
			d.gr = g
		} else if err := d.gr.Reset(&d.br); err != nil {
			return nil, err
		}
		return d.drain(d.gr)
	}
	return nil, fmt.Errorf("codec %d", b.Attr&7)
}

func (d *Decompressor) drain(r io.Reader) ([]byte, error) {
	d.buf = d.buf[:0]
	for {
		if len(d.buf) == cap(d.buf) {
			nb := make([]byte, len(d.buf), max(64<<10, 2*cap(d.buf)))
			copy(nb, d.buf)
			d.buf = nb
		}
		n, err := r.Read(d.buf[len(d.buf):cap(d.buf)])
		d.buf = d.buf[:len(d.buf)+n]
		if err == io.EOF {
			return d.buf, nil
		}
		if err != nil {
			return nil, err
		}
	}
}

var xerial = []byte{130, 83, 78, 65, 80, 80, 89, 0}

func (d *Decompressor) snappy(p []byte) ([]byte, error) {
	if !bytes.HasPrefix(p, xerial) {
		n, err := s2.DecodedLen(p)
		if err != nil {
			return nil, err
		}
		if cap(d.buf) < n {
			d.buf = make([]byte, n+n/4)
		}
		d.buf, err = s2.Decode(d.buf[:cap(d.buf)], p)
		return d.buf, err
	}
	p = p[16:]
	total := 0
	for q := p; len(q) >= 4; {
		l := int(binary.BigEndian.Uint32(q))
		n, err := s2.DecodedLen(q[4 : 4+l])
		if err != nil {
			return nil, err
		}
		total += n
		q = q[4+l:]
	}
	if cap(d.buf) < total {
		d.buf = make([]byte, total+total/4)
	}
	out := d.buf[:0]
	for len(p) >= 4 {
		l := int(binary.BigEndian.Uint32(p))
		x, err := s2.Decode(out[len(out):cap(out)], p[4:4+l])
		if err != nil {
			return nil, err
		}
		out = out[:len(out)+len(x)]
		p = p[4+l:]
	}
	d.buf = out
	return out, nil
}

// Record points into the records of a batch.
type Record struct {
	Offset  int64
	Ts      int64
	Key     []byte // nil if null
	Value   []byte
	NHdr    int
	Headers []byte // undecoded
}

func varint(p []byte) (int64, int) {
	if len(p) > 0 && p[0] < 0x80 {
		u := uint64(p[0])
		return int64(u>>1) ^ -int64(u&1), 1
	}
	if len(p) > 1 && p[1] < 0x80 {
		u := uint64(p[0]&0x7f) | uint64(p[1])<<7
		return int64(u>>1) ^ -int64(u&1), 2
	}
	u, n := binary.Uvarint(p)
	return int64(u>>1) ^ -int64(u&1), n
}

var errRec = errors.New("corrupt record")

// NextRecord cuts one record off p.
func NextRecord(b *Batch, p []byte, r *Record) (rest []byte, err error) {
	l, n := varint(p)
	if n <= 0 || l < 0 || int(l) > len(p)-n {
		return nil, errRec
	}
	q := p[n : n+int(l)]
	rest = p[n+int(l):]
	q = q[1:]
	td, n := varint(q)
	q = q[n:]
	od, n := varint(q)
	q = q[n:]
	kl, n := varint(q)
	q = q[n:]
	r.Key = nil
	if kl >= 0 {
		if int(kl) > len(q) {
			return nil, errRec
		}
		r.Key = q[:kl:kl]
		q = q[kl:]
	}
	vl, n := varint(q)
	if n <= 0 {
		return nil, errRec
	}
	q = q[n:]
	r.Value = nil
	if vl >= 0 {
		if int(vl) > len(q) {
			return nil, errRec
		}
		r.Value = q[:vl:vl]
		q = q[vl:]
	}
	h, n := varint(q)
	r.NHdr = int(h)
	r.Headers = q[n:]
	r.Offset = b.BaseOffset + od
	r.Ts = b.FirstTs + td
	if b.Attr&8 != 0 { // LogAppendTime
		r.Ts = b.MaxTs
	}
	return rest, nil
}
