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
	canonical := Take(b, selectedRows(b))
	rec, err := toArrow(canonical, memory.DefaultAllocator, ipcTypes)
	if err != nil {
		return nil, err
	}
	defer rec.Release()
	var buf bytes.Buffer
	buf.Grow(int(canonical.SizeBytes()) + 1024*(len(b.Cols)+1))
	w := ipc.NewWriter(&buf, ipc.WithSchema(rec.Schema()))
	if err := errors.Join(w.Write(rec), w.Close()); err != nil {
		return nil, fmt.Errorf("encode Arrow IPC stream: %w", err)
	}
	return buf.Bytes(), nil
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
