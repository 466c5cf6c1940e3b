package output

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"

	"github.com/millrace/millrace/internal/store"
)

// checkBytes is how much of a file is read at a time.
const checkBytes = 1 << 20

// lookedInto is what there is to say of a file.
type lookedInto struct {
	bytes      int64
	digest     string // SHA-256 of its bytes
	rows       int64  // by its footer, and their rows_sha256
	sum        string
	unreadable error // why the footer says nothing
}

// look looks into a file, of which no more than buf and its footer are in memory where the store can do that.
func (k *parquetCheck) look(ctx context.Context, name string, buf []byte) (out lookedInto, err error) {
	opener, ok := k.Store.(store.Opener)
	if !ok {
		data, err := k.Store.Get(ctx, name)
		if err != nil {
			return out, err
		}
		out.bytes, out.digest = int64(len(data)), digestOf(data)
		out.rows, out.sum, out.unreadable = readFooter(data)
		return out, nil
	}
	f, size, err := opener.Open(ctx, name)
	if err != nil {
		return out, err
	}
	defer f.Close()
	h := sha256.New()
	file := io.NewSectionReader(f, 0, size)
	for n := 0; err == nil; out.bytes += int64(n) {
		n, err = file.Read(buf)
		h.Write(buf[:n])
	}
	if err != io.EOF {
		return out, err
	}
	out.digest = hex.EncodeToString(h.Sum(nil))
	ends, err := endsOf(f, size)
	if err == nil {
		out.rows, out.sum, out.unreadable = readFooter(ends)
	}
	return out, err
}

// endsOf is a file of so many bytes without what stands between its first bytes and its footer.
func endsOf(f io.ReaderAt, size int64) ([]byte, error) {
	read := func(data []byte, at, n int64) ([]byte, error) {
		part := make([]byte, n)
		if _, err := f.ReadAt(part, at); err != nil && err != io.EOF {
			return nil, err
		}
		return append(data, part...), nil
	}
	if size < footerLeast {
		return read(nil, 0, size)
	}
	out, err := read(nil, 0, 4)
	if err != nil {
		return nil, err
	}
	tail, err := read(nil, size-8, 8)
	if err != nil {
		return nil, err
	}
	n := footerSize(tail)
	if n > size-footerLeast {
		return append(out, tail...), nil // which is no file, whatever it says
	}
	return read(out, size-8-n, n+8)
}
