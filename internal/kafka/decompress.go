package kafka

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// DecompressedMax is the default bound on the records of one batch, decompressed.
const DecompressedMax = 256 << 20

// ErrTooLarge says that a batch's records would exceed the bound, decompressed: a corrupt or hostile batch, or one
// that a larger bound is needed for.
var ErrTooLarge = errors.New("decompressed records exceed the bound")

// Decompressor decompresses the records of batches, one after the other. The zero value works. It is used by one
// goroutine.
type Decompressor struct {
	// Max bounds the decompressed size of one batch in bytes; DecompressedMax by default.
	Max int

	buf  []byte
	in   bytes.Reader
	gzip *gzip.Reader
	zstd *zstd.Decoder
	most int // of zstd
}

// Held is how many bytes of buffers the Decompressor keeps for its next call.
func (d *Decompressor) Held() int { return cap(d.buf) }

// Do returns the records of a batch, decompressed, with [Slack] behind them. They belong to the Decompressor until
// its next call, or lie in b.Payload if that is not compressed: then what follows it in memory is the slack.
func (d *Decompressor) Do(b *RecordBatch) ([]byte, error) {
	if d.Max <= 0 {
		d.Max = DecompressedMax
	}
	if b.Count == 0 {
		return b.Payload[:0], nil // left empty by compaction, whatever codec it says
	}
	out, err := d.decompress(b)
	if err != nil {
		return nil, fmt.Errorf("decompress %s: %w", b.Codec(), err)
	}
	return out, nil
}

func (d *Decompressor) decompress(b *RecordBatch) ([]byte, error) {
	var err error
	switch b.Codec() {
	case None:
		return withSlack(b.Payload), nil
	case Gzip:
		d.buf, err = d.gunzip(b.Payload)
	case Snappy:
		d.buf, err = unsnappy(d.buf[:0], b.Payload, d.Max)
	case LZ4:
		d.buf, err = unlz4(d.buf[:0], b.Payload, d.Max)
	case Zstd:
		d.buf, err = d.unzstd(b.Payload)
	default:
		err = errors.New("codec is not known")
	}
	d.buf = withSlack(d.buf)
	return d.buf, err
}

// String returns the codec's name as Kafka spells it.
func (c Codec) String() string {
	if names := [...]string{"none", "gzip", "snappy", "lz4", "zstd"}; c >= 0 && int(c) < len(names) {
		return names[c]
	}
	return fmt.Sprintf("codec %d", int8(c))
}

func (d *Decompressor) unzstd(p []byte) ([]byte, error) {
	if d.zstd == nil || d.most != d.Max {
		// Concurrency 1 keeps DecodeAll free of goroutines.
		z, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(uint64(d.Max)))
		if err != nil {
			return d.buf, err
		}
		d.zstd, d.most = z, d.Max
	}
	out, err := d.zstd.DecodeAll(p, d.buf[:0])
	if errors.Is(err, zstd.ErrDecoderSizeExceeded) || errors.Is(err, zstd.ErrWindowSizeExceeded) || len(out) > d.Max {
		return out, fmt.Errorf("%w of %d bytes", ErrTooLarge, d.Max)
	}
	return out, err
}

func (d *Decompressor) gunzip(p []byte) ([]byte, error) {
	d.in.Reset(p)
	var err error
	if d.gzip == nil {
		d.gzip, err = gzip.NewReader(&d.in)
	} else {
		err = d.gzip.Reset(&d.in)
	}
	if err != nil {
		return d.buf, err
	}
	return readAll(d.buf[:0], d.gzip, d.Max)
}

// readAll appends all of r to dst, at most limit bytes.
func readAll(dst []byte, r io.Reader, limit int) ([]byte, error) {
	for {
		dst = room(dst, 512)
		n, err := r.Read(dst[len(dst):cap(dst)])
		dst = dst[:len(dst)+n]
		switch {
		case len(dst) > limit:
			return dst, fmt.Errorf("%w of %d bytes", ErrTooLarge, limit)
		case err == io.EOF:
			return dst, nil
		case err != nil:
			return dst, err
		}
	}
}

// room returns dst with a capacity of n bytes behind its length, growing twofold.
func room(dst []byte, n int) []byte {
	if cap(dst)-len(dst) >= n {
		return dst
	}
	grown := make([]byte, len(dst), max(2*cap(dst), len(dst)+n, 64<<10))
	copy(grown, dst)
	return grown
}

// withSlack returns p with Slack bytes of capacity behind its length.
func withSlack(p []byte) []byte {
	if cap(p)-len(p) >= Slack {
		return p
	}
	moved := make([]byte, len(p), len(p)+len(p)/4+Slack)
	copy(moved, p)
	return moved
}
