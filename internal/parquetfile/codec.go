package parquetfile

import (
	"fmt"
	"sync"

	"github.com/klauspost/compress/s2"
	"github.com/klauspost/compress/zstd"
	"github.com/parquet-go/parquet-go/format"
)

// Codec is a compression of pages.
type Codec struct {
	id       format.CompressionCodec
	compress func(dst, src []byte) ([]byte, error) // appends; nil: none
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

// zstds are encoders to be used again: each has tables of a megabyte.
var zstds sync.Pool

func appendZstd(dst, src []byte) ([]byte, error) {
	e, _ := zstds.Get().(*zstd.Encoder)
	if e == nil {
		var err error
		e, err = zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithEncoderLevel(zstd.SpeedDefault), zstd.WithZeroFrames(true), zstd.WithEncoderCRC(false))
		if err != nil {
			return nil, fmt.Errorf("make a zstd encoder: %w", err)
		}
	}
	defer zstds.Put(e)
	return e.EncodeAll(src, dst), nil
}

func appendSnappy(dst, src []byte) ([]byte, error) {
	return append(dst, s2.EncodeSnappy(nil, src)...), nil
}
