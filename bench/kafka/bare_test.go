package kafka

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"
	kafkago "github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol"

	"github.com/millrace/millrace/offsets"
)

// The bare loop: what reading costs when nothing can go wrong. It fetches ahead by one answer, checks sums, decompresses
// with the libraries' own readers and walks the records. It knows no transactions, ranges, leaders or errors.

// bareFetch is a Fetch 11 of one partition, sent over kafka-go's Transport.
type bareFetch struct {
	topic     string
	partition int32
	offset    int64
	buf       []byte
}

type bareAnswer struct{ buf, records []byte }

func (*bareFetch) ApiKey() protocol.ApiKey                 { return protocol.Fetch }
func (*bareAnswer) ApiKey() protocol.ApiKey                { return protocol.Fetch }
func (*bareFetch) Required(map[protocol.ApiKey]int16) bool { return true }
func (f *bareFetch) Broker(c protocol.Cluster) (protocol.Broker, error) {
	for _, broker := range c.Brokers {
		return broker, nil // the only one
	}
	return protocol.Broker{}, errors.New("no broker")
}

func (f *bareFetch) RawExchange(rw io.ReadWriter) (protocol.Message, error) {
	be16, be32, be64 := binary.BigEndian.AppendUint16, binary.BigEndian.AppendUint32, binary.BigEndian.AppendUint64
	text := func(q []byte, s string) []byte { return append(be16(q, uint16(len(s))), s...) }
	q := be16(be16(be32(nil, 0), 1), 11)
	q = text(be32(q, 7), "bare")
	q = be32(be32(be32(be32(q, 1<<32-1), 1000), 1), fetchBytes)
	q = be32(be32(append(q, 0), 0), 1<<32-1)
	q = be32(text(be32(q, 1), f.topic), 1)
	q = be64(be64(be32(be32(q, uint32(f.partition)), 1<<32-1), uint64(f.offset)), 1<<64-1)
	q = text(be32(be32(q, fetchBytes), 0), "")
	binary.BigEndian.PutUint32(q, uint32(len(q)-4))
	if _, err := rw.Write(q); err != nil {
		return nil, err
	}
	var size [4]byte
	if _, err := io.ReadFull(rw, size[:]); err != nil {
		return nil, err
	}
	n := int(binary.BigEndian.Uint32(size[:]))
	if cap(f.buf) < n {
		f.buf = make([]byte, n+n/8)
	}
	p := f.buf[:n]
	if _, err := io.ReadFull(rw, p); err != nil {
		return nil, err
	}
	// correlation, throttle, error, session, topics, name, partitions, index: then error, three offsets, aborted, replica
	at := 4 + 4 + 2 + 4 + 4 + 2 + len(f.topic) + 4 + 4
	if code := binary.BigEndian.Uint16(p[at:]); code != 0 {
		return nil, fmt.Errorf("kafka error %d", code)
	}
	at += 2 + 8 + 8 + 8 + 4 + 4
	return &bareAnswer{f.buf, p[at+4 : at+4+int(binary.BigEndian.Uint32(p[at:]))]}, nil
}

// wholeBatches cuts off the batch at the end that is not whole, and returns the offset behind the last.
func wholeBatches(p []byte) (whole []byte, next int64) {
	at := 0
	for len(p)-at >= 61 {
		size := 12 + int(binary.BigEndian.Uint32(p[at+8:]))
		if size > len(p)-at {
			break
		}
		next = int64(binary.BigEndian.Uint64(p[at:])) + int64(binary.BigEndian.Uint32(p[at+23:])) + 1
		at += size
	}
	return p[:at], next
}

type bareLoop struct {
	lz4  *lz4.Reader
	zstd *zstd.Decoder
	in   bytes.Reader
	out  bytes.Buffer
	sums *crc32.Table
}

func readBare(b *testing.B, addr string, s offsets.PartitionState) int {
	z, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1))
	if err != nil {
		b.Error(err)
		return 0
	}
	defer z.Close()
	l := &bareLoop{lz4: lz4.NewReader(nil), zstd: z, sums: crc32.MakeTable(crc32.Castagnoli)}
	transport := &kafkago.Transport{MetadataTopics: []string{s.Topic}}
	defer transport.CloseIdleConnections()
	n, err := l.read(b.Context(), transport, addr, s)
	if err != nil {
		b.Error(err)
	}
	return n
}

func (l *bareLoop) read(ctx context.Context, transport *kafkago.Transport, addr string, s offsets.PartitionState) (n int, err error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Minute)
	defer cancel()
	type result struct {
		a   *bareAnswer
		err error
	}
	fetch := func(at int64, buf []byte) chan result {
		got := make(chan result, 1)
		go func() {
			m, err := transport.RoundTrip(ctx, kafkago.TCP(addr), &bareFetch{s.Topic, s.Partition, at, buf})
			a, _ := m.(*bareAnswer)
			got <- result{a, err}
		}()
		return got
	}
	var spare []byte
	next := fetch(0, nil)
	for at := int64(0); at < s.End; {
		r := <-next
		if r.err != nil {
			return n, r.err
		}
		var whole []byte
		whole, at = wholeBatches(r.a.records)
		if at < s.End {
			next = fetch(at, spare)
		}
		spare = r.a.buf
		got, err := l.batches(whole)
		if n += got; err != nil {
			return n, err
		}
	}
	return n, nil
}

func (l *bareLoop) batches(p []byte) (n int, err error) {
	for len(p) > 0 {
		size := 12 + int(binary.BigEndian.Uint32(p[8:]))
		batch := p[:size]
		p = p[size:]
		if crc32.Checksum(batch[21:], l.sums) != binary.BigEndian.Uint32(batch[17:]) {
			return n, errors.New("checksum")
		}
		records, err := l.decompress(batch[22]&7, batch[61:])
		if err != nil {
			return n, err
		}
		count := int(binary.BigEndian.Uint32(batch[57:]))
		if err := walk(records, count); err != nil {
			return n, err
		}
		n += count
	}
	return n, nil
}

func (l *bareLoop) decompress(codec byte, p []byte) ([]byte, error) {
	l.out.Reset()
	switch codec {
	case 3:
		l.in.Reset(p)
		l.lz4.Reset(&l.in)
		_, err := l.out.ReadFrom(l.lz4)
		return l.out.Bytes(), err
	case 4:
		out, err := l.zstd.DecodeAll(p, l.out.AvailableBuffer())
		l.out = *bytes.NewBuffer(out)
		return out, err
	}
	return p, nil
}

func walk(p []byte, count int) error {
	for range count {
		size, n := binary.Varint(p)
		if n <= 0 || size < 0 || int(size) > len(p)-n {
			return errors.New("record")
		}
		r := p[n+1 : n+int(size)]
		p = p[n+int(size):]
		for i := range 4 { // time, offset, key, value
			v, n := binary.Varint(r)
			if n <= 0 {
				return errors.New("record")
			}
			if r = r[n:]; i < 2 || v < 0 {
				continue
			}
			if int(v) > len(r) {
				return errors.New("record")
			}
			r = r[v:]
		}
	}
	return nil
}
