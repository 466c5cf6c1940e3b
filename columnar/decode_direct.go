package columnar

import (
	"math"
	"slices"
	"unsafe"
)

// direct is where the fast tier writes the values of a column, without going through its Builder: between
// [decodeColumn.open] and [decodeColumn.close] the builder's vector is out of date, and nobody else may look at it. A row
// whose value is written again takes the later one; a row that is not finished is forgotten by close.
type direct struct {
	bit   uint64         // the column's own in the set of those that have a value; 0 = it is not written so
	data  unsafe.Pointer // the bytes of strings
	room  int            // how many of them there may be; Slack more can be written
	ends  unsafe.Pointer // an int32 for each row: where its string begins; the next one tells where it ends
	words unsafe.Pointer // an int64 for each row
	valid int            // the rows whose bit of the validity bitmap is written, once a row is NULL

	digits int   // a number of so many digits, at most 16, is read by words; it cannot overflow
	times  int64 // what such a number is multiplied with
}

// aimDirect decides whether the fast tier writes the column c, which is not read from inside a value, directly.
func (c *decodeColumn) aimDirect(bit uint64) {
	c.bit = bit
	switch u := &timeUnits[c.field.Unit]; c.field.Type.Kind {
	case String, LocalTimestamp:
	case Int64:
		c.digits, c.times = 16, 1
	case Timestamp:
		if u.times > 0 {
			c.digits, c.times = u.digits, u.times
		}
	default:
		c.bit = 0
	}
}

// open makes room for n more rows.
func (c *decodeColumn) open(n int) {
	v := &c.vec
	if c.field.Type.Kind == String {
		v.Off = slices.Grow(v.Off, n)
		c.ends = unsafe.Pointer(unsafe.SliceData(v.Off))
		c.data, c.room = unsafe.Pointer(unsafe.SliceData(v.Data)), cap(v.Data)-Slack
	} else {
		v.I64 = slices.Grow(v.I64, n)
		c.words = unsafe.Pointer(unsafe.SliceData(v.I64))
	}
	if c.valid = v.N; c.nulls == 0 {
		v.Valid, c.valid = v.Valid[:0], 0
	}
}

// close brings the builder up to date: it has rows rows.
func (c *decodeColumn) close(rows int) {
	v := &c.vec
	v.N = rows
	if c.field.Type.Kind == String {
		v.Off = v.Off[:rows+1]
		v.Data = v.Data[:v.Off[rows]]
	} else {
		v.I64 = v.I64[:rows]
	}
	switch {
	case c.nulls == 0:
	case c.valid > rows: // the row under way
		c.nulls--
		v.Valid = cutBits(v.Valid, rows)
	default:
		v.Valid = setBits(v.Valid, c.valid, rows)
	}
}

// end is the place of the end of row −1, 0, 1 and so on, which is where the next row begins.
func (c *decodeColumn) end(row int) *int32 { return (*int32)(unsafe.Add(c.ends, 4*row+4)) }

func (c *decodeColumn) word(row int) *int64 { return (*int64)(unsafe.Add(c.words, 8*row)) }

// putText writes a string, or notes it for later. buf has Slack bytes behind to.
func (c *decodeColumn) putText(buf []byte, from, to, row int) {
	if c.later == nil || !c.later.takes(c, buf, from, to, row) {
		c.copyText(buf, from, to, row)
	}
}

// copyText writes a string.
func (c *decodeColumn) copyText(buf []byte, from, to, row int) {
	at, n := int(*c.end(row - 1)), to-from
	if at+n > c.room {
		c.grow(at, n)
	}
	if dst := unsafe.Add(c.data, at); n > Slack {
		copy(unsafe.Slice((*byte)(dst), n), buf[from:to])
	} else {
		copySlack(dst, buf, from)
	}
	*c.end(row) = int32(at + n)
}

// putNull writes NULL.
func (c *decodeColumn) putNull(row int) {
	if c.field.Type.Kind == String {
		*c.end(row) = *c.end(row - 1)
	} else {
		*c.word(row) = 0
	}
	c.vec.Valid = setBit(setBits(c.vec.Valid, c.valid, row), row, false)
	c.valid = row + 1
	c.nulls++
}

// parseWord reads the text of a value stored as an int64.
func (c *decodeColumn) parseWord(text []byte) (int64, textFault) {
	switch c.field.Type.Kind {
	case Int64:
		return parseInt64(text)
	case Timestamp:
		return parseTime(text, &c.rules)
	}
	return parseLocalTime(text)
}

// grow makes room for n more bytes behind the first at.
func (c *decodeColumn) grow(at, n int) {
	if at+n > math.MaxInt32 {
		panic("columnar: the strings of one column in one batch exceed 2 GiB")
	}
	c.vec.Data = slices.Grow(c.vec.Data[:at], n+Slack)
	c.data, c.room = unsafe.Pointer(unsafe.SliceData(c.vec.Data)), cap(c.vec.Data)-Slack
}

// setBits sets the bits from to to of a bitmap of from bits; the bits behind the last one are 0.
func setBits(bits []byte, from, to int) []byte {
	for ; from < to && from&7 != 0; from++ {
		bits[from>>3] |= 1 << (from & 7)
	}
	for ; from+8 <= to; from += 8 {
		bits = append(bits, 0xff)
	}
	for ; from < to; from++ {
		bits = setBit(bits, from, true)
	}
	return bits
}
