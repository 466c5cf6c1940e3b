package kafka

import (
	"fmt"
	"slices"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/s2"
	"github.com/klauspost/compress/zstd"
)

// Compressor compresses the records of batches, one after the other, and keeps memory for reuse. One serves any number
// of [BatchWriter]; it is used by one goroutine.
type Compressor struct {
	codec   Codec
	scratch []byte
	spare   [][]byte

	gzip *gzip.Writer
	zstd *zstd.Encoder
	lz4  lz4Writer
}

// NewCompressor returns a compressor. Level 0 is the codec's default; else gzip takes 1 to 9, zstd 1 to 22, of which
// there are four speeds, lz4 1 to 9, the slow and thorough ones; none and snappy have no levels.
func NewCompressor(codec Codec, level int) (*Compressor, error) {
	levels := map[Codec]int{None: 0, Gzip: 9, Snappy: 0, LZ4: 9, Zstd: 22}
	most, ok := levels[codec]
	switch {
	case !ok:
		return nil, fmt.Errorf("%s: want one of none, gzip, snappy, lz4, zstd", codec)
	case level != 0 && most == 0:
		return nil, fmt.Errorf("codec %s has no levels", codec)
	case level < 0 || level > most:
		return nil, fmt.Errorf("level %d of codec %s: want 1 to %d, or 0 for its default", level, codec, most)
	}
	c := &Compressor{codec: codec}
	return c, c.open(level)
}

// zstdWindow is how far back zstd looks for repetitions. Batches mostly are not larger; readers must allocate it.
const zstdWindow = 1 << 20

func (c *Compressor) open(level int) (err error) {
	switch c.codec {
	case Gzip:
		if level == 0 {
			level = gzip.DefaultCompression
		}
		c.gzip, err = gzip.NewWriterLevel(nil, level)
	case LZ4:
		c.lz4.open(level)
	case Zstd:
		speed := zstd.SpeedDefault
		if level != 0 {
			speed = zstd.EncoderLevelFromZstd(level)
		}
		// Concurrency 1 keeps EncodeAll free of goroutines; the batch has a checksum of its own.
		c.zstd, err = zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithEncoderLevel(speed),
			zstd.WithWindowSize(zstdWindow), zstd.WithEncoderCRC(false))
	}
	return err
}

// compress returns p compressed, in memory that the caller keeps. What compression does not shrink stays as it is: a
// batch that fits into a topic must not be refused for its compression.
func (c *Compressor) compress(p []byte) ([]byte, Codec, error) {
	out, err := c.encode(p)
	if err != nil {
		return nil, c.codec, fmt.Errorf("compress %s: %w", c.codec, err)
	}
	c.scratch = out[:0]
	codec := c.codec
	if len(out) >= len(p) {
		out, codec = p, None
	}
	return append(c.take(len(out)), out...), codec, nil
}

func (c *Compressor) encode(p []byte) ([]byte, error) {
	switch c.codec {
	case Gzip:
		return c.encodeGzip(p)
	case Snappy:
		c.scratch = slices.Grow(c.scratch[:0], s2.MaxEncodedLen(len(p)))
		return s2.EncodeSnappy(c.scratch[:cap(c.scratch)], p), nil
	case LZ4:
		return c.lz4.encode(c.scratch[:0], p)
	default:
		return c.zstd.EncodeAll(p, c.scratch[:0]), nil
	}
}

// sliceWriter appends what is written to it.
type sliceWriter struct{ b []byte }

func (w *sliceWriter) Write(p []byte) (int, error) {
	w.b = append(w.b, p...)
	return len(p), nil
}

func (c *Compressor) encodeGzip(p []byte) ([]byte, error) {
	out := sliceWriter{c.scratch[:0]}
	c.gzip.Reset(&out)
	if _, err := c.gzip.Write(p); err != nil {
		return nil, err
	}
	err := c.gzip.Close()
	return out.b, err
}

// spareMax is how many batches' memory is kept.
const spareMax = 16

// Recycle takes back the memory of a batch that nobody sends or reads any more.
func (c *Compressor) Recycle(b EncodedBatch) {
	if len(c.spare) < spareMax && cap(b.payload) > 0 {
		c.spare = append(c.spare, b.payload[:0])
	}
}

// take returns empty memory with a capacity of at least n bytes.
func (c *Compressor) take(n int) []byte {
	if c == nil || n == 0 {
		return nil
	}
	for i := len(c.spare) - 1; i >= 0; i-- {
		if p := c.spare[i]; cap(p) >= n {
			c.spare = slices.Delete(c.spare, i, i+1)
			return p
		}
	}
	return make([]byte, 0, n)
}
