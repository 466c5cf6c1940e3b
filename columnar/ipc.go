package columnar

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/apache/arrow/go/v17/arrow/ipc"
	"github.com/apache/arrow/go/v17/arrow/memory"
)

// EncodeIPC writes the selected rows of b as an uncompressed Arrow IPC stream of one record batch. Equal schemas and rows
// give equal bytes: the columns are made canonical first (see [Take]). Origin and offsets are not written.
func EncodeIPC(b *Batch) ([]byte, error) {
	canonical := Take(b, selectedRows(b))
	rec, err := ToArrow(canonical, memory.DefaultAllocator)
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

// DecodeIPC reads an uncompressed Arrow IPC stream with the types of [ArrowSchema]; several record batches become one.
// The batch owns its memory. Whatever data holds, it gives a batch or an error, and never takes more memory than a small
// multiple of data.
func DecodeIPC(data []byte) (b *Batch, err error) {
	defer func() {
		if p := recover(); p != nil {
			b, err = nil, fmt.Errorf("decode Arrow IPC stream: %v", p)
		}
	}()
	if err := checkFraming(data); err != nil {
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
	schema, err := fromArrowSchema(r.Schema())
	if err != nil {
		return nil, err
	}
	parts := []*Batch{Take(emptyBatch(schema), nil)}
	for r.Next() {
		part, err := FromArrow(r.Record())
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

// emptyBatch has no rows.
func emptyBatch(s *Schema) *Batch {
	b := &Batch{Schema: s}
	for _, f := range s.Fields {
		b.Cols = append(b.Cols, newVector(f.Type, 0))
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

const ipcContinuation = 0xffffffff

// checkFraming walks the messages and refuses lengths beyond the end of data, for which Arrow's reader would allocate
// first. A message is the continuation mark, the length of the metadata, the metadata, and the body; its length stands
// in the metadata. The stream ends with a length of zero.
func checkFraming(data []byte) error {
	for len(data) > 0 {
		if len(data) < 8 || binary.LittleEndian.Uint32(data) != ipcContinuation {
			return errors.New("no message where one should begin")
		}
		meta := int64(int32(binary.LittleEndian.Uint32(data[4:])))
		data = data[8:]
		if meta == 0 {
			return nil
		}
		if meta < 0 || meta > int64(len(data)) {
			return fmt.Errorf("metadata of %d bytes in a stream with %d left", meta, len(data))
		}
		body, ok := ipcBodyLength(data[:meta])
		if data = data[meta:]; !ok || body < 0 || body > int64(len(data)) {
			return fmt.Errorf("a body of %d bytes in a stream with %d left", body, len(data))
		}
		data = data[body:]
	}
	return errors.New("no end mark")
}

// ipcBodyLength reads bodyLength, field 3 of the flatbuffer table Message.
func ipcBodyLength(meta []byte) (n int64, ok bool) {
	const slot = 4 + 2*3 // vtable: its size, the table's size, then one offset for each field
	if len(meta) < 4 {
		return 0, false
	}
	table := int64(binary.LittleEndian.Uint32(meta))
	if table+4 > int64(len(meta)) {
		return 0, false
	}
	vtable := table - int64(int32(binary.LittleEndian.Uint32(meta[table:])))
	if vtable < 0 || vtable+2 > int64(len(meta)) {
		return 0, false
	}
	if size := int64(binary.LittleEndian.Uint16(meta[vtable:])); size < slot+2 {
		return 0, true
	}
	if vtable+slot+2 > int64(len(meta)) {
		return 0, false
	}
	field := int64(binary.LittleEndian.Uint16(meta[vtable+slot:]))
	if field == 0 {
		return 0, true
	}
	if table+field+8 > int64(len(meta)) {
		return 0, false
	}
	return int64(binary.LittleEndian.Uint64(meta[table+field:])), true
}
