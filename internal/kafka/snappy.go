package kafka

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/klauspost/compress/s2"
)

// xerialMagic begins the framing of the snappy-java library, which Java clients write: 8 bytes of magic, two
// versions, then blocks of plain snappy, each behind its length.
var xerialMagic = []byte{0x82, 'S', 'N', 'A', 'P', 'P', 'Y', 0}

const xerialHeaderBytes = 16

var errXerial = errors.New("malformed snappy-java framing")

// unsnappy appends the content of plain or framed snappy to dst, at most limit bytes.
func unsnappy(dst, p []byte, limit int) ([]byte, error) {
	if !bytes.HasPrefix(p, xerialMagic) {
		return snappyBlock(dst, p, limit)
	}
	if len(p) < xerialHeaderBytes {
		return dst, errXerial
	}
	for p = p[xerialHeaderBytes:]; len(p) > 0; {
		if len(p) < 4 {
			return dst, errXerial
		}
		size := uint64(binary.BigEndian.Uint32(p))
		if p = p[4:]; size > uint64(len(p)) {
			return dst, errXerial
		}
		var err error
		if dst, err = snappyBlock(dst, p[:size], limit); err != nil {
			return dst, err
		}
		p = p[size:]
	}
	return dst, nil
}

func snappyBlock(dst, p []byte, limit int) ([]byte, error) {
	n, err := s2.DecodedLen(p)
	if err != nil {
		return dst, err
	}
	if n > limit-len(dst) {
		return dst, fmt.Errorf("%w of %d bytes", ErrTooLarge, limit)
	}
	dst = room(dst, n+Slack)
	if _, err := s2.Decode(dst[len(dst):len(dst)+n], p); err != nil {
		return dst, err
	}
	return dst[:len(dst)+n], nil
}
