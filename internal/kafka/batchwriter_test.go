package kafka

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// written is a record as a test wrote it.
type written struct {
	time       int64
	key, value []byte
	headers    []Header
}

// text shows a record so that NULL and empty differ.
func (r written) text() string {
	out := fmt.Sprintf("%d %s=%s", r.time, nullable(r.key), nullable(r.value))
	for _, h := range r.headers {
		out += fmt.Sprintf(" %s:%s", h.Key, nullable(h.Value))
	}
	return out
}

func nullable(p []byte) string {
	if p == nil {
		return "NULL"
	}
	return fmt.Sprintf("%q", p)
}

func randomBytes(rng *rand.Rand, most int) []byte {
	switch rng.IntN(5) {
	case 0:
		return nil
	case 1:
		return []byte{}
	}
	p := make([]byte, rng.IntN(most))
	for i := range p {
		p[i] = "aaaaaaaab\x00\xff"[rng.IntN(11)]
	}
	return p
}

func randomRecord(rng *rand.Rand) written {
	r := written{time: 1_700_000_000_000 + rng.Int64N(10_000) - 5000, key: randomBytes(rng, 20), value: randomBytes(rng, 1+rng.IntN(500))}
	if rng.IntN(50) == 0 {
		r.time = []int64{0, -1, 9e12, -9e12}[rng.IntN(4)] // franz-go counts nanoseconds
	}
	if rng.IntN(200) == 0 {
		r.value = make([]byte, 100_000)
		for i := range r.value {
			r.value[i] = byte(rng.Uint32()) // does not compress
		}
	}
	for range rng.IntN(4) {
		r.headers = append(r.headers, Header{Key: fmt.Sprint("h", rng.IntN(100)), Value: randomBytes(rng, 30)})
	}
	return r
}

// appendAll appends records and checks that their sizes were foretold.
func appendAll(t *testing.T, w *BatchWriter, records []written) {
	t.Helper()
	for _, r := range records {
		headers := EncodeHeaders(r.headers...)
		want := w.SizeWith(r.time, r.key, r.value, headers)
		w.Append(r.time, r.key, r.value, headers)
		if w.Size() != want {
			t.Fatalf("%s makes the batch %d bytes long, foretold were %d", r.text(), w.Size(), want)
		}
	}
	if w.Count() != len(records) {
		t.Fatalf("%d records, want %d", w.Count(), len(records))
	}
}

// onWire is the batch as it is sent.
func onWire(b EncodedBatch, s sender, sequence int32) []byte {
	return append(b.appendHeader(nil, s, sequence), b.payload...)
}

// TestBatchesReadBack writes random batches with every codec and level and reads them with franz-go and with our own
// walk.
func TestBatchesReadBack(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	levels := map[Codec][]int{None: {0}, Gzip: {0, 1, 9}, Snappy: {0}, LZ4: {0, 1, 9}, Zstd: {0, 1, 9, 22}}
	var w BatchWriter
	batches := 5
	if testing.Short() {
		batches = 1
	}
	for codec, levels := range levels {
		for _, level := range levels {
			c, err := NewCompressor(codec, level)
			if err != nil {
				t.Fatal(err)
			}
			for range batches {
				records := make([]written, 1+rng.IntN(1+rng.IntN(600)))
				for i := range records {
					records[i] = randomRecord(rng)
				}
				appendAll(t, &w, records)
				raw := w.Size() - batchHeaderBytes
				b, err := w.Finish(c)
				if err != nil {
					t.Fatal(err)
				}
				if b.Records != len(records) || b.RawBytes != raw || len(b.payload) > raw {
					t.Fatalf("%s: %d records, %d raw bytes, %d on the wire", codec, b.Records, b.RawBytes, len(b.payload))
				}
				p := onWire(b, sender{id: 77, epoch: 5, transactional: true}, 123)
				sameTexts(t, records, ownRead(t, p))
				sameTexts(t, records, franzRead(t, p))
				c.Recycle(b)
			}
		}
	}
}

func sameTexts(t *testing.T, want, got []written) {
	t.Helper()
	if len(want) != len(got) {
		t.Fatalf("read %d records, want %d", len(got), len(want))
	}
	for i := range want {
		if want[i].text() != got[i].text() {
			t.Fatalf("record %d is\n%.200s, want\n%.200s", i, got[i].text(), want[i].text())
		}
	}
}

func ownRead(t *testing.T, p []byte) (out []written) {
	t.Helper()
	var b RecordBatch
	if rest, err := NextBatch(p, &b); err != nil || len(rest) != 0 {
		t.Fatalf("%d bytes left, %v", len(rest), err)
	}
	if err := b.Check(); err != nil || !b.Transactional() || b.ProducerID != 77 {
		t.Fatalf("batch %+v: %v", b, err)
	}
	var d Decompressor
	buf, err := d.Do(&b)
	if err != nil {
		t.Fatal(err)
	}
	records, err := b.AppendRecords(nil, buf)
	if err != nil {
		t.Fatal(err)
	}
	greatest := int64(math.MinInt64)
	for i := range records {
		r := &records[i]
		o := written{time: r.Timestamp, key: r.Key.Of(buf), value: r.Value.Of(buf)}
		for h := ReadHeaders(buf, r); ; {
			key, value, ok := h.Next()
			if !ok {
				break
			}
			o.headers = append(o.headers, Header{string(key.Of(buf)), value.Of(buf)})
		}
		out = append(out, o)
		greatest = max(greatest, r.Timestamp)
	}
	if greatest != b.MaxTimestamp {
		t.Fatalf("the greatest timestamp is %d, the batch says %d", greatest, b.MaxTimestamp)
	}
	return out
}

func franzRead(t *testing.T, p []byte) (out []written) {
	t.Helper()
	var batch kmsg.RecordBatch
	if err := batch.ReadFrom(p); err != nil {
		t.Fatal(err)
	}
	if sum := crc32.Checksum(p[21:], crc32.MakeTable(crc32.Castagnoli)); batch.CRC != int32(sum) {
		t.Fatalf("checksum %x, want %x", batch.CRC, sum)
	}
	if batch.ProducerID != 77 || batch.ProducerEpoch != 5 || batch.FirstSequence != 123 || batch.LastOffsetDelta != batch.NumRecords-1 {
		t.Fatalf("header %+v", batch)
	}
	part := kmsg.NewFetchResponseTopicPartition()
	part.RecordBatches, part.HighWatermark = p, int64(batch.NumRecords)
	got, _ := kgo.ProcessFetchPartition(kgo.ProcessFetchPartitionOpts{}, &part, kgo.DefaultDecompressor(), nil)
	if got.Err != nil {
		t.Fatal(got.Err)
	}
	for _, r := range got.Records {
		o := written{time: r.Timestamp.UnixMilli(), key: r.Key, value: r.Value}
		for _, h := range r.Headers {
			o.headers = append(o.headers, Header{h.Key, h.Value})
		}
		out = append(out, o)
	}
	return out
}

// TestRecycle: memory that was given back is used again, and a batch that was not given back stays as it is.
func TestRecycle(t *testing.T) {
	for _, codec := range []Codec{None, LZ4} {
		c, err := NewCompressor(codec, 0)
		if err != nil {
			t.Fatal(err)
		}
		var w BatchWriter
		finish := func(v string) EncodedBatch {
			for range 100 {
				w.Append(1, nil, bytes.Repeat([]byte(v), 100), nil)
			}
			b, err := w.Finish(c)
			if err != nil {
				t.Fatal(err)
			}
			return b
		}
		kept := finish("k")
		before := bytes.Clone(kept.payload)
		given := finish("g")
		at := &given.payload[0]
		c.Recycle(given)
		for i := range 3 {
			next := finish("n")
			if i == 1 && codec == None && &next.payload[0] != at || i == 0 && codec == LZ4 && &next.payload[0] != at {
				t.Errorf("%s: memory is not used again", codec)
			}
		}
		if !bytes.Equal(before, kept.payload) {
			t.Errorf("%s: a batch has changed", codec)
		}
	}
}

func TestIncompressible(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	value := make([]byte, 300_000)
	for i := range value {
		value[i] = byte(rng.Uint32())
	}
	for codec := None; codec <= Zstd; codec++ {
		c, err := NewCompressor(codec, 0)
		if err != nil {
			t.Fatal(err)
		}
		var w BatchWriter
		w.Append(1, nil, value, nil)
		raw := w.Size()
		b, err := w.Finish(c)
		if err != nil || b.Size() > raw {
			t.Errorf("%s: %d bytes, %v; uncompressed %d", codec, b.Size(), err, raw)
		}
		sameTexts(t, []written{{time: 1, value: value}}, franzRead(t, onWire(b, sender{77, 5, true}, 123)))
	}
}

func TestLevels(t *testing.T) {
	for _, test := range []struct {
		codec Codec
		level int
		want  string
	}{
		{Gzip, 10, "level 10 of codec gzip: want 1 to 9, or 0 for its default"},
		{LZ4, -1, "level -1 of codec lz4: want 1 to 9, or 0 for its default"},
		{Zstd, 23, "level 23 of codec zstd: want 1 to 22, or 0 for its default"},
		{Snappy, 1, "codec snappy has no levels"},
		{None, 1, "codec none has no levels"},
		{5, 0, "codec 5: want one of none, gzip, snappy, lz4, zstd"},
	} {
		if _, err := NewCompressor(test.codec, test.level); err == nil || err.Error() != test.want {
			t.Errorf("codec %d level %d: %v, want %s", test.codec, test.level, err, test.want)
		}
	}
}

func TestEmptyBatch(t *testing.T) {
	var w BatchWriter
	if _, err := w.Finish(nil); err == nil {
		t.Error("a batch without records")
	}
}

func TestSequenceWraps(t *testing.T) {
	for _, test := range []struct{ from, n, want int64 }{{0, 5, 5}, {math.MaxInt32, 1, 0}, {math.MaxInt32 - 1, 1, math.MaxInt32}, {math.MaxInt32 - 1, 4, 2}} {
		if got := nextSequence(int32(test.from), int(test.n)); int64(got) != test.want {
			t.Errorf("%d and %d more is %d, want %d", test.from, test.n, got, test.want)
		}
	}
}

// TestNoAllocationPerRecord: in steady state a batch of a thousand records allocates a handful of times at most.
func TestNoAllocationPerRecord(t *testing.T) {
	value := bytes.Repeat([]byte(`{"a":1,"b":"text"},`), 10)
	headers := EncodeHeaders(Header{"job", []byte("ads")}, Header{"batch", []byte("17")})
	for codec := None; codec <= Zstd; codec++ {
		c, err := NewCompressor(codec, 0)
		if err != nil {
			t.Fatal(err)
		}
		var w BatchWriter
		var key [8]byte
		batch := func() {
			for i := range 1000 {
				binary.BigEndian.PutUint64(key[:], uint64(i))
				w.Append(int64(i), key[:], value, headers)
			}
			b, err := w.Finish(c)
			if err != nil {
				t.Fatal(err)
			}
			c.Recycle(b)
		}
		batch()
		batch()
		if n := testing.AllocsPerRun(20, batch); n > 4 {
			t.Errorf("%s: %v allocations for a batch of 1000 records", codec, n)
		}
	}
}

func BenchmarkEncode(b *testing.B) {
	value := bytes.Repeat([]byte("x"), 207)
	for _, codec := range []Codec{None, LZ4} {
		b.Run(codec.String(), func(b *testing.B) {
			c, err := NewCompressor(codec, 0)
			if err != nil {
				b.Fatal(err)
			}
			var w BatchWriter
			b.SetBytes(207)
			b.ReportAllocs()
			for i := range b.N {
				w.Append(int64(i), nil, value, nil)
				if w.Count() == 600 {
					batch, err := w.Finish(c)
					if err != nil {
						b.Fatal(err)
					}
					c.Recycle(batch)
				}
			}
		})
	}
}
