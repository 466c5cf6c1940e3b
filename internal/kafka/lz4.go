package kafka

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/pierrec/lz4/v4"
)

// The LZ4 frame format 1.6.x. UNCHANGEABLE.
const (
	lz4Magic           = 0x184D2204
	lz4Stored          = 1 << 31 // in a block's length: the block is not compressed
	lz4FlagContentSize = 1 << 3
	lz4FlagBlockSum    = 1 << 4
	lz4FlagContentSum  = 1 << 2
	lz4FlagDict        = 1
	lz4Window          = 64 << 10 // how far back a block may refer
)

var errLZ4 = errors.New("malformed frame")

// unlz4 appends the content of LZ4 frames to dst, at most limit bytes. It decodes block by block straight into dst: a
// stream reader copies everything twice more. Sums inside the frame are passed over, the batch's checksum covers
// them, and early Kafka clients wrote a wrong one.
func unlz4(dst, p []byte, limit int) ([]byte, error) {
	for len(p) > 0 {
		f, rest, err := lz4Header(p)
		if err != nil {
			return dst, err
		}
		if f.contentBytes <= uint64(limit-len(dst)) { // a hint only: the blocks are bounded one by one
			dst = room(dst, int(min(f.contentBytes, uint64(255*len(rest))))+Slack)
		}
		if dst, p, err = f.blocks(dst, rest, limit); err != nil {
			return dst, err
		}
	}
	return dst, nil
}

// lz4Frame is what a frame's header says.
type lz4Frame struct {
	flags        byte
	blockBytes   int // the most one block decompresses to
	contentBytes uint64
}

func lz4Header(p []byte) (f lz4Frame, rest []byte, err error) {
	if len(p) < 7 || binary.LittleEndian.Uint32(p) != lz4Magic {
		return f, nil, errLZ4
	}
	f.flags = p[4]
	size := p[5] >> 4 & 7
	if f.flags>>6 != 1 || f.flags&lz4FlagDict != 0 || size < 4 {
		return f, nil, fmt.Errorf("%w: flags %02x, descriptor %02x", errLZ4, f.flags, p[5])
	}
	f.blockBytes = 1 << (8 + 2*size) // 4 is 64 KiB, 7 is 4 MiB
	p = p[6:]
	if f.flags&lz4FlagContentSize != 0 {
		if len(p) < 9 {
			return f, nil, errLZ4
		}
		f.contentBytes = binary.LittleEndian.Uint64(p)
		p = p[8:]
	}
	return f, p[1:], nil // behind the header's sum
}

// blocks appends the frame's blocks to dst and returns what follows the frame.
func (f lz4Frame) blocks(dst, p []byte, limit int) (out, rest []byte, err error) {
	begin := len(dst)
	for {
		if len(p) < 4 {
			return dst, nil, errLZ4
		}
		head := binary.LittleEndian.Uint32(p)
		p = p[4:]
		if head == 0 {
			break
		}
		size := int(head &^ lz4Stored)
		if size > len(p) {
			return dst, nil, errLZ4
		}
		if dst, err = f.block(dst, begin, p[:size], head&lz4Stored != 0, limit); err != nil {
			return dst, nil, err
		}
		if p = p[size:]; f.flags&lz4FlagBlockSum != 0 {
			if len(p) < 4 {
				return dst, nil, errLZ4
			}
			p = p[4:]
		}
	}
	if f.flags&lz4FlagContentSum == 0 {
		return dst, p, nil
	}
	if len(p) < 4 {
		return dst, nil, errLZ4
	}
	return dst, p[4:], nil
}

// block appends one block, which may refer to what its frame holds before it in dst[begin:].
func (f lz4Frame) block(dst []byte, begin int, p []byte, stored bool, limit int) ([]byte, error) {
	if stored {
		if len(dst)+len(p) > limit {
			return dst, fmt.Errorf("%w of %d bytes", ErrTooLarge, limit)
		}
		return append(dst, p...), nil
	}
	most := min(f.blockBytes, 255*len(p)+16) // a byte of LZ4 gives at most 255
	dst = room(dst, most+Slack)
	window := dst[max(begin, len(dst)-lz4Window):]
	n, err := lz4.UncompressBlockWithDict(p, dst[len(dst):len(dst)+most], window)
	if err != nil {
		return dst, err
	}
	if len(dst)+n > limit {
		return dst, fmt.Errorf("%w of %d bytes", ErrTooLarge, limit)
	}
	return dst[:len(dst)+n], nil
}
