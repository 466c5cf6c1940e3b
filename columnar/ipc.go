package columnar

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/apache/arrow/go/v17/arrow/ipc"
	"github.com/apache/arrow/go/v17/arrow/memory"
)

// EncodeIPC writes the selected rows of b as an uncompressed Arrow IPC stream of one record batch. Equal schemas and rows
// give equal bytes: the columns are made canonical first (see [Take]). Origin and offsets are not written. The types are
// those of [ArrowSchema], but for intervals, which are 16 bytes as in memory: Arrow's own are shorter.
func EncodeIPC(b *Batch) ([]byte, error) {
	return AppendIPC(nil, Take(b, selectedRows(b)), 0, b.Len())
}

// AppendIPC appends what [EncodeIPC] writes of the rows from..to−1 of b, at least one if it has any. b is canonical and has no
// selection.
func AppendIPC(dst []byte, b *Batch, from, to int) ([]byte, error) {
	rec, err := toArrow(b, from, to-from, memory.DefaultAllocator, ipcTypes)
	if err != nil {
		return nil, err
	}
	defer rec.Release()
	if room := ipcRoom(b, from, to); cap(dst)-len(dst) < room {
		dst = append(emptyRoom(len(dst)+room), dst...)
	}
	w := appendWriter{dst}
	stream := ipc.NewWriter(&w, ipc.WithSchema(rec.Schema()))
	if err := errors.Join(stream.Write(rec), stream.Close()); err != nil {
		return nil, fmt.Errorf("encode Arrow IPC stream: %w", err)
	}
	return w.buf, nil
}

// ipcRoom is about the size of what AppendIPC appends, and seldom less.
func ipcRoom(b *Batch, from, to int) int {
	size := 1024 * (len(b.Cols) + 1)
	for _, v := range b.Cols {
		size += v.spanBytes(from, to)
	}
	return size
}

// spanBytes is the size of the values of some rows; of a nested type it is that of all.
func (v *Vector) spanBytes(from, to int) int {
	n := to - from
	switch v.Type.Kind.Storage() {
	case StoredBits:
		return n / 4
	case StoredI32:
		return 4*n + n/8
	case StoredI64, StoredF64:
		return 8*n + n/8
	case StoredWide:
		return 16*n + n/8
	case StoredBytes:
		return 4*n + n/8 + int(v.Off[to]-v.Off[from])
	}
	return int(v.sizeBytes())
}

// appendWriter appends to a slice.
type appendWriter struct{ buf []byte }

func (w *appendWriter) Write(p []byte) (int, error) {
	w.buf = append(w.buf, p...)
	return len(p), nil
}

// DecodeIPC reads an uncompressed Arrow IPC stream with the types of [EncodeIPC]; several record batches become one.
// The batch owns its memory. Whatever data holds, it gives a batch or an error, and never takes more memory than a small
// multiple of data.
func DecodeIPC(data []byte) (b *Batch, err error) {
	defer func() {
		if p := recover(); p != nil {
			b, err = nil, fmt.Errorf("decode Arrow IPC stream: %v", p)
		}
	}()
	if err := checkStream(data); err != nil {
		return nil, fmt.Errorf("decode Arrow IPC stream: %w", err)
	}
	b, err = decodeRecords(data)
	if err != nil {
		return nil, fmt.Errorf("decode Arrow IPC stream: %w", err)
	}
	return b, nil
}

func decodeRecords(data []byte) (*Batch, error) {
	r, err := ipc.NewReader(bytes.NewReader(data), ipc.WithAllocator(&boundedAllocator{left: 4*len(data) + 4096}))
	if err != nil {
		return nil, err
	}
	defer r.Release()
	schema, err := ipcTypes.fromSchema(r.Schema())
	if err != nil {
		return nil, err
	}
	parts := []*Batch{Take(EmptyBatch(schema), nil)}
	for r.Next() {
		part, err := fromArrow(r.Record(), ipcTypes)
		if err != nil {
			return nil, err
		}
		parts = append(parts, part)
	}
	if err := r.Err(); err != nil {
		return nil, err
	}
	if len(parts) == 2 {
		return parts[1], nil
	}
	return Concat(parts), nil
}

// EmptyBatch has no rows.
func EmptyBatch(s *Schema) *Batch {
	b := &Batch{Schema: s}
	for _, f := range s.Fields {
		v := newVector(f.Type, 0)
		v.finish()
		b.Cols = append(b.Cols, v)
	}
	return b
}

// boundedAllocator panics, for DecodeIPC to recover, where damaged lengths ask for more than the data can need.
type boundedAllocator struct {
	memory.GoAllocator
	left int
}

func (a *boundedAllocator) Allocate(size int) []byte {
	if size < 0 || size > a.left {
		panic("a buffer is longer than the stream")
	}
	a.left -= size
	return a.GoAllocator.Allocate(size)
}

func (a *boundedAllocator) Reallocate(size int, b []byte) []byte {
	if size > cap(b) {
		if size > a.left {
			panic("a buffer is longer than the stream")
		}
		a.left -= size
	}
	return a.GoAllocator.Reallocate(size, b)
}
