package kafka

import (
	"encoding/binary"
	"errors"
)

// errShortAnswer says that an answer ended before its last field, or that a length in it is impossible.
var errShortAnswer = errors.New("malformed answer")

// request builds the frame of one request. Flexible requests (KIP-482) write lengths as varints and end every
// structure with tagged fields.
type request struct {
	b        []byte
	flexible bool
}

func (r *request) int8(v int8)   { r.b = append(r.b, byte(v)) }
func (r *request) int16(v int16) { r.b = binary.BigEndian.AppendUint16(r.b, uint16(v)) }
func (r *request) int32(v int32) { r.b = binary.BigEndian.AppendUint32(r.b, uint32(v)) }
func (r *request) int64(v int64) { r.b = binary.BigEndian.AppendUint64(r.b, uint64(v)) }
func (r *request) uuid(v [16]byte) {
	r.b = append(r.b, v[:]...)
}

func (r *request) string(s string) {
	if r.flexible {
		r.b = binary.AppendUvarint(r.b, uint64(len(s))+1)
	} else {
		r.int16(int16(len(s)))
	}
	r.b = append(r.b, s...)
}

// null writes a NULL string.
func (r *request) null() {
	if r.flexible {
		r.b = append(r.b, 0)
	} else {
		r.int16(-1)
	}
}

func (r *request) bool(v bool) {
	if v {
		r.int8(1)
	} else {
		r.int8(0)
	}
}

func (r *request) array(n int) {
	if r.flexible {
		r.b = binary.AppendUvarint(r.b, uint64(n)+1)
	} else {
		r.int32(int32(n))
	}
}

// nullArray is an array that is not there.
func (r *request) nullArray() {
	if r.flexible {
		r.b = append(r.b, 0)
	} else {
		r.int32(-1)
	}
}

// tags ends a structure: no tagged fields.
func (r *request) tags() {
	if r.flexible {
		r.b = append(r.b, 0)
	}
}

// answer reads the fields of one answer. After the first malformed field every read gives zero and err is set.
type answer struct {
	b        []byte
	flexible bool
	err      error
}

func (a *answer) fail() {
	a.b, a.err = nil, errShortAnswer
}

// take cuts n bytes off; on a malformed answer it returns nil. What follows stays in the capacity: see Slack.
func (a *answer) take(n int) []byte {
	if n < 0 || n > len(a.b) {
		a.fail()
		return nil
	}
	x := a.b[:n]
	a.b = a.b[n:]
	return x
}

func (a *answer) int8() int8 {
	if x := a.take(1); x != nil {
		return int8(x[0])
	}
	return 0
}

func (a *answer) int16() int16 {
	if x := a.take(2); x != nil {
		return int16(binary.BigEndian.Uint16(x))
	}
	return 0
}

func (a *answer) int32() int32 {
	if x := a.take(4); x != nil {
		return int32(binary.BigEndian.Uint32(x))
	}
	return 0
}

func (a *answer) int64() int64 {
	if x := a.take(8); x != nil {
		return int64(binary.BigEndian.Uint64(x))
	}
	return 0
}

func (a *answer) uuid() (id [16]byte) {
	copy(id[:], a.take(16))
	return id
}

func (a *answer) uvarint() int {
	v, n := binary.Uvarint(a.b)
	if n <= 0 || v > 1<<31 {
		a.fail()
		return 0
	}
	a.b = a.b[n:]
	return int(v)
}

// length reads the length of an array or, flexible only, of a string or bytes; NULL is −1.
func (a *answer) length() int {
	if a.flexible {
		return a.uvarint() - 1
	}
	return int(a.int32())
}

// array reads the length of an array whose elements take at least one byte each, so that a malformed length cannot
// make the caller allocate more than the answer holds. NULL is 0.
func (a *answer) array() int {
	n := a.length()
	if n > len(a.b) {
		a.fail()
		return 0
	}
	return max(n, 0)
}

// each calls f for every element of an array, until the answer turns out malformed.
func (a *answer) each(f func()) {
	for range a.array() {
		if a.err != nil {
			return
		}
		f()
	}
}

func (a *answer) string() string {
	n := 0
	if a.flexible {
		n = a.uvarint() - 1
	} else {
		n = int(a.int16())
	}
	return string(a.take(max(n, 0)))
}

func (a *answer) bytes() []byte { return a.take(max(a.length(), 0)) }

func (a *answer) skipInt32s() { a.take(4 * a.array()) }

// tags skips tagged fields: all of them are optional by definition.
func (a *answer) tags() {
	if !a.flexible {
		return
	}
	for n := a.uvarint(); n > 0 && a.err == nil; n-- {
		a.uvarint()
		a.take(a.uvarint())
	}
}
