package kafka

import (
	"encoding/binary"
	"slices"

	"github.com/pierrec/lz4/v4"
)

// lz4Writer writes LZ4 frames of blocks that do not refer to each other, as Java clients do. It compresses straight
// into its output: a stream writer copies everything once more.
type lz4Writer struct {
	level    int
	fast     *lz4.Compressor // 136 KB: only where it is used
	thorough *lz4.CompressorHC
}

func (w *lz4Writer) open(level int) {
	if w.level = level; level > 0 {
		w.thorough = &lz4.CompressorHC{Level: lz4.CompressionLevel(1 << (8 + level))}
		return
	}
	w.fast = new(lz4.Compressor)
}

// lz4Sizes are the block sizes a frame may have, with their descriptor and the checksum over flags and descriptor, for
// flags 0x60: format 1, blocks on their own, no sums, no content size. UNCHANGEABLE.
var lz4Sizes = [...]struct {
	bytes           int
	descriptor, sum byte
}{{64 << 10, 0x40, 0x82}, {256 << 10, 0x50, 0xfb}, {1 << 20, 0x60, 0x51}}

const lz4Flags = 0x60

// encode appends p as one frame to dst. The block size is the least that holds all of p, up to 1 MiB: readers allocate
// a block at a time.
func (w *lz4Writer) encode(dst, p []byte) ([]byte, error) {
	size := lz4Sizes[0]
	for _, s := range lz4Sizes[1:] {
		if len(p) > size.bytes {
			size = s
		}
	}
	dst = binary.LittleEndian.AppendUint32(dst, lz4Magic)
	dst = append(dst, lz4Flags, size.descriptor, size.sum)
	for len(p) > 0 {
		n := min(len(p), size.bytes)
		var err error
		if dst, err = w.block(dst, p[:n]); err != nil {
			return nil, err
		}
		p = p[n:]
	}
	return binary.LittleEndian.AppendUint32(dst, 0), nil
}

func (w *lz4Writer) block(dst, p []byte) ([]byte, error) {
	bound := lz4.CompressBlockBound(len(p))
	at := len(dst) + 4
	dst = slices.Grow(dst, 4+bound)
	n, err := w.compress(p, dst[at:at+bound])
	if err != nil {
		return nil, err
	}
	if n == 0 || n >= len(p) {
		dst = binary.LittleEndian.AppendUint32(dst, uint32(len(p))|lz4Stored)
		return append(dst, p...), nil
	}
	dst = binary.LittleEndian.AppendUint32(dst, uint32(n))
	return dst[:at+n], nil
}

func (w *lz4Writer) compress(p, out []byte) (int, error) {
	if w.thorough != nil {
		return w.thorough.CompressBlock(p, out)
	}
	return w.fast.CompressBlock(p, out)
}
