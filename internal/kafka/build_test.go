package kafka

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"hash/crc32"
	"testing"

	"github.com/klauspost/compress/s2"
	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"
)

// rec is a record to be written by a test; nil is NULL.
type rec struct {
	delta, time int64
	key, value  []byte
	headers     [][2]string
}

func appendSpan(b, v []byte) []byte {
	if v == nil {
		return binary.AppendVarint(b, -1)
	}
	return append(binary.AppendVarint(b, int64(len(v))), v...)
}

func encodeRecords(recs []rec) (out []byte) {
	for _, r := range recs {
		body := []byte{0}
		body = binary.AppendVarint(body, r.time)
		body = binary.AppendVarint(body, r.delta)
		body = appendSpan(body, r.key)
		body = appendSpan(body, r.value)
		body = binary.AppendVarint(body, int64(len(r.headers)))
		for _, h := range r.headers {
			body = appendSpan(appendSpan(body, []byte(h[0])), []byte(h[1]))
		}
		out = append(binary.AppendVarint(out, int64(len(body))), body...)
	}
	return out
}

// header is what a test says about a batch beside its records.
type header struct {
	base      int64
	lastDelta int32
	attrs     int16
	producer  int64
	first     int64
	max       int64
	count     int32
}

func encodeBatch(h header, payload []byte) []byte {
	b := binary.BigEndian.AppendUint64(nil, uint64(h.base))
	b = binary.BigEndian.AppendUint32(b, uint32(49+len(payload)))
	b = binary.BigEndian.AppendUint32(b, 7) // leader epoch
	b = append(b, 2, 0, 0, 0, 0)            // format, checksum
	b = binary.BigEndian.AppendUint16(b, uint16(h.attrs))
	b = binary.BigEndian.AppendUint32(b, uint32(h.lastDelta))
	b = binary.BigEndian.AppendUint64(b, uint64(h.first))
	b = binary.BigEndian.AppendUint64(b, uint64(h.max))
	b = binary.BigEndian.AppendUint64(b, uint64(h.producer))
	b = append(b, 0, 0, 0, 0, 0, 0) // producer epoch, sequence
	b = binary.BigEndian.AppendUint32(b, uint32(h.count))
	b = append(b, payload...)
	binary.BigEndian.PutUint32(b[17:], crc32.Checksum(b[21:], castagnoli))
	return b
}

// batchOf is a batch of records at consecutive offsets.
func batchOf(base int64, attrs int16, producer int64, values ...string) []byte {
	var recs []rec
	for i, v := range values {
		recs = append(recs, rec{delta: int64(i), value: []byte(v)})
	}
	n := int32(len(values))
	return encodeBatch(header{base: base, lastDelta: n - 1, attrs: attrs, producer: producer, count: n}, encodeRecords(recs))
}

// marker is a control batch: kind 0 aborts, 1 commits.
func marker(base, producer int64, kind byte) []byte {
	r := rec{key: []byte{0, 0, 0, kind}, value: []byte{0, 0, 0, 0, 0, 0}}
	return encodeBatch(header{base: base, attrs: attrControl | attrTransactional, producer: producer, count: 1}, encodeRecords([]rec{r}))
}

func compressed(t testing.TB, c Codec, p []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	var err error
	switch c {
	case None:
		return p
	case Gzip:
		w := gzip.NewWriter(&out)
		_, err = w.Write(p)
		w.Close()
	case Snappy:
		return s2.EncodeSnappy(nil, p)
	case LZ4:
		w := lz4.NewWriter(&out)
		err = w.Apply(lz4.BlockSizeOption(lz4.Block64Kb), lz4.BlockChecksumOption(true))
		w.Write(p)
		w.Close()
	case Zstd:
		w, _ := zstd.NewWriter(nil)
		return w.EncodeAll(p, nil)
	}
	if err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func xerial(p []byte, block int) []byte {
	out := append(bytes.Clone(xerialMagic), 0, 0, 0, 1, 0, 0, 0, 1)
	for len(p) > 0 {
		n := min(block, len(p))
		c := s2.EncodeSnappy(nil, p[:n])
		out = append(binary.BigEndian.AppendUint32(out, uint32(len(c))), c...)
		p = p[n:]
	}
	return out
}
