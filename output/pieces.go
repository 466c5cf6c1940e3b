package output

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"

	"github.com/millrace/millrace/internal/store"
)

// pieces are the bytes of a file, one behind the other: a large one is nowhere in one piece.
type pieces [][]byte

func (p pieces) size() (n int64) {
	for _, data := range p {
		n += int64(len(data))
	}
	return n
}

// digest is the SHA-256 of the file's bytes, as manifests have it. passed is told of them, see BatchInfo.
func (p pieces) digest(passed func(bytes int64)) string {
	h := sha256.New()
	for _, data := range p {
		h.Write(data)
		passed(int64(len(data)))
	}
	return hex.EncodeToString(h.Sum(nil))
}

// equal reports whether these are the bytes of the file.
func (p pieces) equal(have []byte) bool {
	if int64(len(have)) != p.size() {
		return false
	}
	for _, data := range p {
		if !bytes.Equal(have[:len(data)], data) {
			return false
		}
		have = have[len(data):]
	}
	return true
}

// put creates the file. passed is told of its bytes.
func (p pieces) put(ctx context.Context, s store.Store, name string, passed func(bytes int64)) error {
	return s.PutIfAbsent(ctx, name, func(w io.Writer) error {
		for _, data := range p {
			if _, err := w.Write(data); err != nil {
				return err
			}
			passed(int64(len(data)))
		}
		return nil
	})
}

// rowGroup is how many of the rows the next row group has. It depends on the rows alone: it ends with the block that brings it to
// rowGroupBytes, or within it where rows are long.
func (rs runs) rowGroup(columns []int) int {
	rows, size := 0, int64(0)
	for c := (cursor{runs: rs}); c.more() && rows < rowGroupRows && size < rowGroupBytes; {
		before := c
		n, bytes := c.skipBlock(columns, partBlock)
		if bytes > longBlock && n > 1 {
			c = before
			n, bytes = c.skipBlock(columns, int(max(1, int64(n)*longBlock/bytes)))
		}
		rows, size = rows+n, size+bytes
	}
	return rows
}

// longBlock is how many bytes of a row group are looked at together.
const longBlock = 4 << 20
