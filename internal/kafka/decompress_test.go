package kafka

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"testing"

	"github.com/pierrec/lz4/v4"
)

func events(n int) []byte {
	rng := rand.New(rand.NewPCG(1, 2))
	var out []byte
	for i := range n {
		out = fmt.Appendf(out, `{"user_id":"%08x","ad_id":"%08x","event_type":"view","event_time":"%d"}`, rng.Uint32(), rng.Uint32N(1000), 1700000000000+i)
	}
	return out
}

func TestCodecs(t *testing.T) {
	small, large := events(1), events(20_000)
	lz4Linked := []byte{0x04, 0x22, 0x4d, 0x18, 0x40, 0x40, 0, // blocks that refer to each other
		9, 0, 0, 0, 0x80, 'a', 'b', 'c', 'd', 'e', 'f', 'g', 'h',
		9, 0, 0, 0, 0x04, 8, 0, 0x50, 'i', 'j', 'k', 'l', 'm',
		5, 0, 0, 0x80, 'n', 'o', 'p', 'q', 'r', // stored
		0, 0, 0, 0}
	for _, test := range []struct {
		name  string
		codec Codec
		p     []byte
		want  []byte
	}{
		{"none", None, small, small},
		{"gzip", Gzip, compressed(t, Gzip, large), large},
		{"gzip in two members", Gzip, append(compressed(t, Gzip, large), compressed(t, Gzip, small)...), append(bytes.Clone(large), small...)},
		{"snappy", Snappy, compressed(t, Snappy, large), large},
		{"snappy of snappy-java", Snappy, xerial(large, 32<<10), large},
		{"lz4", LZ4, compressed(t, LZ4, large), large},
		{"lz4 in two frames", LZ4, append(compressed(t, LZ4, small), compressed(t, LZ4, large)...), append(bytes.Clone(small), large...)},
		{"lz4 linked blocks", LZ4, lz4Linked, []byte("abcdefghabcdefghijklmnopqr")},
		{"zstd", Zstd, compressed(t, Zstd, large), large},
	} {
		d := Decompressor{}
		for round := range 2 { // the second time into buffers that are there already
			got, err := d.Do(&RecordBatch{Attributes: int16(test.codec), Payload: test.p, Count: 1})
			if err != nil || !bytes.Equal(got, test.want) {
				t.Errorf("%s, round %d: %d bytes, error %v; want %d", test.name, round, len(got), err, len(test.want))
			}
			if cap(got)-len(got) < Slack {
				t.Errorf("%s: %d bytes of slack", test.name, cap(got)-len(got))
			}
		}
	}
}

func TestCodecBound(t *testing.T) {
	p := make([]byte, 1<<20)
	for _, c := range []Codec{Gzip, Snappy, LZ4, Zstd} {
		b := &RecordBatch{Attributes: int16(c), Payload: compressed(t, c, p), Count: 1}
		d := Decompressor{Max: len(p)}
		if _, err := d.Do(b); err != nil {
			t.Errorf("%s at its bound: %v", c, err)
		}
		d = Decompressor{Max: len(p) - 1}
		if _, err := d.Do(b); !errors.Is(err, ErrTooLarge) {
			t.Errorf("%s over its bound: error %v", c, err)
		}
	}
	d := Decompressor{Max: len(p) - 1}
	if _, err := d.Do(&RecordBatch{Attributes: int16(Snappy), Payload: xerial(p, 1000), Count: 1}); !errors.Is(err, ErrTooLarge) {
		t.Errorf("framed snappy over its bound: error %v", err)
	}
}

func TestCodecsCut(t *testing.T) {
	p := events(2000)
	for c := Gzip; c <= Zstd; c++ {
		whole := compressed(t, c, p)
		d := Decompressor{}
		for n := 0; n < len(whole); n += 1 + n/7 {
			got, err := d.Do(&RecordBatch{Attributes: int16(c), Payload: whole[:n], Count: 1})
			if err == nil && len(got) > 0 {
				t.Errorf("%s cut at %d of %d reads %d bytes without an error", c, n, len(whole), len(got))
			}
		}
	}
}

func FuzzDecompress(f *testing.F) {
	for c := None; c <= Zstd; c++ {
		f.Add(int8(c), compressed(f, c, events(3)))
	}
	f.Add(int8(Snappy), xerial(events(3), 50))
	const limit = 1 << 20
	d := Decompressor{Max: limit}
	f.Fuzz(func(t *testing.T, codec int8, p []byte) {
		b := &RecordBatch{Attributes: int16(codec) & attrCodec, Payload: p, Count: 1}
		got, err := d.Do(b)
		if err == nil && b.Codec() != None && len(got) > limit {
			t.Fatalf("%d bytes, bound %d", len(got), limit)
		}
		if err == nil && b.Codec() == LZ4 {
			sameAsStream(t, p, got)
		}
	})
}

// sameAsStream compares with the library's stream reader, as far as that accepts the frames: it checks sums.
func sameAsStream(t *testing.T, p, got []byte) {
	want, err := io.ReadAll(io.LimitReader(lz4.NewReader(bytes.NewReader(p)), int64(len(got))+1))
	if err == nil && len(want) > 0 && !bytes.HasPrefix(got, want) {
		t.Fatalf("%d bytes, the stream reader has %d others", len(got), len(want))
	}
}

func BenchmarkLZ4(b *testing.B) {
	p := compressed(b, LZ4, events(2000))
	size := int64(len(events(2000)))
	b.Run("blocks", func(b *testing.B) {
		d := Decompressor{}
		b.SetBytes(size)
		for b.Loop() {
			if _, err := d.Do(&RecordBatch{Attributes: int16(LZ4), Payload: p, Count: 1}); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("stream", func(b *testing.B) {
		r, in, buf := lz4.NewReader(nil), bytes.NewReader(nil), []byte(nil)
		b.SetBytes(size)
		for b.Loop() {
			in.Reset(p)
			r.Reset(in)
			var err error
			if buf, err = readAll(buf[:0], r, DecompressedMax); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkRecords(b *testing.B) {
	var recs []rec
	for i := range 2000 {
		recs = append(recs, rec{delta: int64(i), time: int64(i), value: events(1)})
	}
	p := encodeRecords(recs)
	batch := RecordBatch{Count: 2000, LastOffsetDelta: 1999}
	rows := []Record(nil)
	for b.Loop() {
		var err error
		if rows, err = batch.AppendRecords(rows[:0], p); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/2000, "ns/record")
}
