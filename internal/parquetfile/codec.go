package parquetfile

import (
	"fmt"
	"slices"
	"sync"

	"github.com/klauspost/compress/s2"
	"github.com/klauspost/compress/zstd"
	"github.com/parquet-go/parquet-go/format"
)

// Codec is a compression of pages.
type Codec struct {
	id format.CompressionCodec
	// compress appends; nil: none. codes says that src is the codes of a dictionary.
	compress func(dst, src []byte, codes bool) ([]byte, error)
}

// CodecOf knows "zstd", "snappy" and "none".
func CodecOf(name string) (Codec, error) {
	switch name {
	case "zstd":
		return Codec{format.Zstd, appendZstd}, nil
	case "snappy":
		return Codec{format.Snappy, appendSnappy}, nil
	case "none":
		return Codec{id: format.Uncompressed}, nil
	}
	return Codec{}, fmt.Errorf("unknown compression %q: zstd, snappy or none", name)
}

// zstdWindow is how far back an encoder looks, of which it holds twice as much. Pages are larger only where one value is.
const zstdWindow = 1 << 20

// zstds are encoders to be used again, since each has tables of a megabyte, by level: the default one, and the fastest.
var zstds [2]sync.Pool

// appendZstd compresses. Codes are bits in which there is little to be found but runs, which the fastest level sees too, in half
// of the time; values and texts would be a tenth larger with it.
func appendZstd(dst, src []byte, codes bool) ([]byte, error) {
	level, pool := zstd.SpeedDefault, &zstds[0]
	if codes {
		level, pool = zstd.SpeedFastest, &zstds[1]
	}
	e, _ := pool.Get().(*zstd.Encoder)
	if e == nil {
		var err error
		e, err = zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithEncoderLevel(level), zstd.WithZeroFrames(true), zstd.WithEncoderCRC(false),
			zstd.WithWindowSize(zstdWindow))
		if err != nil {
			return nil, fmt.Errorf("make a zstd encoder: %w", err)
		}
	}
	defer pool.Put(e)
	return e.EncodeAll(src, dst), nil
}

func appendSnappy(dst, src []byte, _ bool) ([]byte, error) {
	at := len(dst)
	dst = slices.Grow(dst, s2.MaxEncodedLen(len(src)))
	return dst[:at+len(s2.EncodeSnappy(dst[at:cap(dst)], src))], nil
}
