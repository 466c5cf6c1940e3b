package columnar

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// Arrow's reader trusts the lengths in a stream and allocates before it looks whether that much is there. So the
// lengths are checked first. A stream is a row of messages: the continuation mark, the length of the metadata, the
// metadata (a flatbuffer table Message), and the body, whose length stands in the metadata. It ends with a length of
// zero.

const ipcContinuation = 0xffffffff

// Fields of the flatbuffer tables of Arrow's format/Message.fbs and Schema.fbs, version 1.
const (
	fbMessageHeaderType = 1
	fbMessageHeader     = 2
	fbMessageBodyLength = 3
	fbHeaderSchema      = 1 // value of the header type
	fbSchemaFields      = 1
	fbSchemaMetadata    = 2
	fbFieldDictionary   = 4
	fbFieldChildren     = 5
	fbFieldMetadata     = 6
)

var errMetadata = errors.New("the metadata is damaged")

// checkStream refuses streams with a length beyond the end of data.
func checkStream(data []byte) error {
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
		body, err := checkMessage(data[:meta])
		if err != nil {
			return err
		}
		if data = data[meta:]; body < 0 || body > int64(len(data)) {
			return fmt.Errorf("a body of %d bytes in a stream with %d left", body, len(data))
		}
		data = data[body:]
	}
	return errors.New("no end mark")
}

// checkMessage returns the length of the message's body.
func checkMessage(meta []byte) (body int64, err error) {
	root, ok := fbRoot(meta)
	if !ok {
		return 0, errMetadata
	}
	kind, ok1 := root.scalar(fbMessageHeaderType, 1)
	body, ok2 := root.scalar(fbMessageBodyLength, 8)
	if !ok1 || !ok2 {
		return 0, errMetadata
	}
	if kind == fbHeaderSchema {
		return body, checkSchemaMessage(root)
	}
	return body, nil
}

// checkSchemaMessage refuses dictionaries and metadata, which no type of ours has, so that all vectors that the reader
// goes through are checked here.
func checkSchemaMessage(message fbTable) error {
	schema, ok := message.table(fbMessageHeader)
	if !ok {
		return errMetadata
	}
	_, metadata, ok1 := schema.vector(fbSchemaMetadata)
	first, n, ok2 := schema.vector(fbSchemaFields)
	if !ok1 || !ok2 {
		return errMetadata
	}
	if metadata > 0 {
		return errors.New("the schema has metadata")
	}
	left := len(message.buf) / fbTableBytes
	return checkFields(schema, first, n, maxTypeDepth, &left)
}

// fbTableBytes is the least that a table takes: its offset in a vector, the offset of its vtable, the head of that.
const fbTableBytes = 12

// checkFields checks n fields and those inside of them. Tables may overlap in damaged metadata, so that a short text
// stands for very many: left is how many there can be.
func checkFields(table fbTable, first, n int64, depth int, left *int) error {
	if n > 0 && depth == 0 {
		return fmt.Errorf("columns are nested deeper than %d", maxTypeDepth)
	}
	if *left -= int(n); *left < 0 {
		return errMetadata
	}
	for i := range n {
		field, ok := table.at(first + 4*i)
		if !ok {
			return errMetadata
		}
		if err := checkField(field, depth, left); err != nil {
			return err
		}
	}
	return nil
}

func checkField(field fbTable, depth int, left *int) error {
	first, children, ok1 := field.vector(fbFieldChildren)
	_, metadata, ok2 := field.vector(fbFieldMetadata)
	dictionary, ok3 := field.slot(fbFieldDictionary)
	if !ok1 || !ok2 || !ok3 {
		return errMetadata
	}
	if metadata > 0 || dictionary > 0 {
		return errors.New("a column has a dictionary or metadata")
	}
	return checkFields(field, first, children, depth-1, left)
}

// fbTable is a flatbuffer table whose reads are checked: ok is false where one leaves the buffer.
type fbTable struct {
	buf                 []byte
	pos, vtable, vtSize int64
}

func fbRoot(buf []byte) (fbTable, bool) { return fbTable{buf: buf}.at(0) }

// at follows the offset at position pos to a table.
func (t fbTable) at(pos int64) (fbTable, bool) {
	off, ok := t.read(pos, 4)
	if !ok {
		return t, false
	}
	t.pos = pos + off
	back, ok := t.read(t.pos, 4)
	if !ok {
		return t, false
	}
	t.vtable = t.pos - int64(int32(back))
	t.vtSize, ok = t.read(t.vtable, 2)
	return t, ok
}

// read is the little-endian number of size bytes at pos.
func (t fbTable) read(pos, size int64) (int64, bool) {
	if pos < 0 || pos > int64(len(t.buf))-size {
		return 0, false
	}
	var word [8]byte
	copy(word[:], t.buf[pos:pos+size])
	return int64(binary.LittleEndian.Uint64(word[:])), true
}

// slot is the position of field i, 0 when it is absent.
func (t fbTable) slot(i int64) (pos int64, ok bool) {
	if 4+2*i >= t.vtSize {
		return 0, true
	}
	off, ok := t.read(t.vtable+4+2*i, 2)
	if off == 0 {
		return 0, ok
	}
	return t.pos + off, ok
}

// scalar is field i, 0 when it is absent.
func (t fbTable) scalar(i, size int64) (int64, bool) {
	pos, ok := t.slot(i)
	if pos == 0 {
		return 0, ok
	}
	return t.read(pos, size)
}

// table is the table at field i, which must be there.
func (t fbTable) table(i int64) (fbTable, bool) {
	pos, ok := t.slot(i)
	if !ok || pos == 0 {
		return t, false
	}
	return t.at(pos)
}

// vector is the position of the first of n offsets at field i; n is 0 when the field is absent.
func (t fbTable) vector(i int64) (first, n int64, ok bool) {
	pos, ok := t.slot(i)
	if pos == 0 {
		return 0, 0, ok
	}
	off, ok := t.read(pos, 4)
	if !ok {
		return 0, 0, false
	}
	n, ok = t.read(pos+off, 4)
	first = pos + off + 4
	return first, n, ok && n <= (int64(len(t.buf))-first)/4
}
