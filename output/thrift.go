package output

import "encoding/binary"

// Types of Thrift's compact protocol.
const (
	thriftStop   = 0
	thriftTrue   = 1
	thriftFalse  = 2
	thriftByte   = 3
	thriftI16    = 4
	thriftI32    = 5
	thriftI64    = 6
	thriftDouble = 7
	thriftBinary = 8
	thriftList   = 9
	thriftSet    = 10
	thriftMap    = 11
	thriftStruct = 12
)

// thriftDepth bounds nesting; Parquet's metadata has less than 10 levels.
const thriftDepth = 32

// thriftReader reads the compact protocol. The first thing that does not fit sets bad and ends the input, so loops
// over it end too. It allocates nothing.
type thriftReader struct {
	b   []byte
	bad bool
}

func (r *thriftReader) fail() {
	r.b, r.bad = nil, true
}

func (r *thriftReader) byte() byte {
	if len(r.b) == 0 {
		r.fail()
		return 0
	}
	c := r.b[0]
	r.b = r.b[1:]
	return c
}

func (r *thriftReader) uvarint() uint64 {
	x, n := binary.Uvarint(r.b)
	if n <= 0 {
		r.fail()
		return 0
	}
	r.b = r.b[n:]
	return x
}

func (r *thriftReader) zigzag() int64 {
	x := r.uvarint()
	return int64(x>>1) ^ -int64(x&1)
}

// take returns the next n bytes.
func (r *thriftReader) take(n uint64) []byte {
	if n > uint64(len(r.b)) {
		r.fail()
		return nil
	}
	out := r.b[:n]
	r.b = r.b[n:]
	return out
}

func (r *thriftReader) bytes() []byte { return r.take(r.uvarint()) }

// list reads the head of a list or set. Every element takes at least a byte, which bounds the number.
func (r *thriftReader) list() (n uint64, typ byte) {
	head := r.byte()
	if n = uint64(head >> 4); n == 15 {
		n = r.uvarint()
	}
	if n > uint64(len(r.b)) {
		r.fail()
		return 0, 0
	}
	return n, head & 15
}

// fields calls field for each field of a struct; field reads or skips the value.
func (r *thriftReader) fields(field func(id int64, typ byte)) {
	id := int64(0)
	for !r.bad {
		head := r.byte()
		if head&15 == thriftStop {
			return
		}
		if delta := head >> 4; delta > 0 {
			id += int64(delta)
		} else {
			id = r.zigzag()
		}
		field(id, head&15)
	}
}

// skip passes over the value of a field.
func (r *thriftReader) skip(typ byte, depth int) {
	switch typ {
	case thriftTrue, thriftFalse: // the type is the value
	case thriftByte:
		r.byte()
	case thriftI16, thriftI32, thriftI64:
		r.uvarint()
	case thriftDouble:
		r.take(8)
	case thriftBinary:
		r.bytes()
	case thriftList, thriftSet, thriftMap, thriftStruct:
		r.skipNested(typ, depth+1)
	default:
		r.fail()
	}
}

func (r *thriftReader) skipNested(typ byte, depth int) {
	switch {
	case depth > thriftDepth:
		r.fail()
	case typ == thriftStruct:
		r.fields(func(_ int64, typ byte) { r.skip(typ, depth) })
	case typ == thriftMap:
		r.skipMap(depth)
	default:
		n, elem := r.list()
		for ; n > 0 && !r.bad; n-- {
			r.skipElement(elem, depth)
		}
	}
}

func (r *thriftReader) skipMap(depth int) {
	n := r.uvarint()
	if n == 0 {
		return
	}
	types := r.byte()
	for ; n > 0 && !r.bad; n-- {
		r.skipElement(types>>4, depth)
		r.skipElement(types&15, depth)
	}
}

// skipElement differs from skip in booleans, which take a byte of their own in collections. So every element takes a
// byte at least, and counts of any size come to an end.
func (r *thriftReader) skipElement(typ byte, depth int) {
	if typ == thriftTrue || typ == thriftFalse {
		r.byte()
		return
	}
	r.skip(typ, depth)
}
