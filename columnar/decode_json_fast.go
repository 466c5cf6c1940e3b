package columnar

import (
	"github.com/millrace/millrace/offsets"
	"math/bits"
	"unsafe"
)

// The fast tier: predict. It follows the literals between the values (decode_json_shape.go) and writes values to where
// columns keep them (decode_direct.go). Where anything is out of the ordinary (a fault, a value that does not fit, a key
// that stands twice) it gives up and the careful tier decides. What was learnt changes only how fast a record is read,
// never what comes out.

// predict decodes records by the fast tier, and returns how many it has got through: the next one needs the careful tier.
func (d *JSONDecoder) predict(buf []byte, rows []offsets.Record) (done int) {
	d.openColumns(len(rows))
	defer d.closeColumns()
	d.shape.aged(len(rows))
	d.buf = buf
	d.filter.begin(buf)
	base := unsafe.Pointer(unsafe.SliceData(buf))
	for i := range rows {
		r := &rows[i]
		if r.Value.Len < 0 {
			d.tombstone(r)
			continue
		}
		start := int(r.Value.Start)
		if !d.fast(base, start, start+int(r.Value.Len)) {
			return i
		}
		if d.looks {
			if d.appendMetadata(buf, r) != "" {
				return i
			}
			if d.filter.on {
				d.admit(r)
				continue
			}
		}
		d.counts.In++
		d.keep(r)
	}
	return len(rows)
}

// openColumns lets the fast tier write n rows.
func (d *JSONDecoder) openColumns(n int) {
	for _, c := range d.straight {
		c.open(n)
	}
}

// closeColumns ends what openColumns began.
func (d *JSONDecoder) closeColumns() {
	for _, c := range d.straight {
		c.close(d.rows)
	}
}

// fast writes the record at pos to the keyed columns; the bytes begin at base, and the record ends at end. When it returns
// false, the columns hold parts of the record and the careful tier has to decide.
//
// Everything that most records need stands here in one piece: a call would cost as much as what it does.
func (d *JSONDecoder) fast(base unsafe.Pointer, pos, end int) bool {
	row, filled := d.rows, uint64(0)
	d.appended = 0
	for step := &d.shape.root; ; {
		next := step.next
		at := pos + next.length
		switch {
		case at > end:
			next = nil
		case next.size == sizeTwoWords:
			if (load(base, pos)^next.head)|(load(base, at-8)^next.tail) != 0 {
				next = nil
			}
		case next.size == sizeThreeWords:
			if (load(base, pos)^next.head)|(load(base, pos+8)^next.middle)|(load(base, at-8)^next.tail) != 0 {
				next = nil
			}
		case next.size == sizeFourWords:
			if (load(base, pos)^next.head)|(load(base, pos+8)^next.middle)|(load(base, pos+16)^next.third)|(load(base, at-8)^next.tail) != 0 {
				next = nil
			}
		case next.size == sizeShort:
			if (load(base, pos)^next.head)<<(uint(-8*next.length)&63) != 0 {
				next = nil
			}
		case !next.matches(d.buf, pos):
			next = nil
		}
		if next == nil {
			if next = d.follow(step, pos, end); next == nil {
				return false
			}
			at = pos + next.length
		}
		step, pos = next, at
		switch step.form {
		case formText, formSkipString:
			stop, odd := pos+step.width, uint64(wordHighs)
			if step.width >= 8 && stop < end && loadByte(base, stop) == '"' {
				odd = special(load(base, stop-8))
				for p := pos; p < stop-8; p += 8 {
					odd |= special(load(base, p))
				}
			}
			if odd&wordHighs != 0 {
				// Two words at once: how long a word is cannot be guessed, and a wrong guess costs more.
				odd = special(load(base, pos)) & wordHighs
				second := special(load(base, pos+8)) & wordHighs
				stop = pos
				if odd == 0 {
					odd, stop = second, pos+8
				}
				for odd == 0 && stop < end {
					stop += 8
					odd = special(load(base, stop)) & wordHighs
				}
				stop += bits.TrailingZeros64(odd) >> 3
				if stop >= end || loadByte(base, stop) != '"' {
					d.filled = filled
					if pos = d.oddString(step, pos, end); pos < 0 {
						return false
					}
					filled = d.filled
					continue
				}
				step.found(stop - pos)
			}
			if c := step.column; c != nil {
				if filled&c.bit != 0 {
					return false
				}
				filled |= c.bit
				from, n := int(*c.end(row - 1)), stop-pos
				if n > Slack || from+n > c.room {
					c.putText(d.buf, pos, stop, row)
				} else {
					*(*[Slack]byte)(unsafe.Add(c.data, from)) = *(*[Slack]byte)(unsafe.Add(base, pos))
					*c.end(row) = int32(from + n)
				}
			}
			pos = stop
		case formDigits:
			c := step.column
			if v, ok := step.number(base, pos, end); ok && filled&c.bit == 0 {
				*c.word(row) = v * c.times
				filled |= c.bit
				pos += step.width
				continue
			}
			d.filled = filled
			if pos = d.oddNumber(step, pos, end); pos < 0 {
				return false
			}
			filled = d.filled
		case formCloses:
			return pos == end && filled == d.full && d.appended == d.builds || d.finish(pos, end, filled)
		default:
			d.filled = filled
			if pos = d.other(step, pos, end); pos < 0 {
				return false
			}
			filled = d.filled
		}
	}
}

// number reads the number at pos if it is as long as predicted, 9 to 16 digits.
func (s *jsonStep) number(base unsafe.Pointer, pos, end int) (v int64, ok bool) {
	n := s.width
	if n < 9 || n > s.column.digits || pos+n >= end || loadByte(base, pos+n) != byte(s.next.head) || !s.quoted && loadByte(base, pos) == '0' {
		return 0, false
	}
	high, low := load(base, pos)-wordOnes*'0', load(base, pos+n-8)-wordOnes*'0'
	if (high|low|(high+wordOnes*0x76)|(low+wordOnes*0x76))&wordHighs != 0 {
		return 0, false
	}
	shift := uint(-8*n) & 63 // what both words have is zeroed in the second
	return int64(joinDigits(high))*digitPowers[(n-8)&15] + int64(joinDigits(low>>shift<<shift)), true
}

// oddString takes a string with escapes, with more than ASCII, or with a fault in it, and returns where it ends; −1 when
// the careful tier has to decide.
func (d *JSONDecoder) oddString(step *jsonStep, pos, end int) int {
	if step.column != nil {
		return d.other(step, pos, end)
	}
	stop, _ := d.stringEnd(pos, end)
	return stop
}

// oddNumber takes the value for a column that counts.
func (d *JSONDecoder) oddNumber(step *jsonStep, pos, end int) int {
	stop := d.other(step, pos, end)
	if stop >= 0 {
		step.found(stop - pos)
	}
	return stop
}

// other takes one value for any columns, also for none, and returns where it ends; −1 when the careful tier has to decide.
func (d *JSONDecoder) other(step *jsonStep, pos, end int) int {
	if step.form == formInside {
		return d.fastInner(step, pos, end)
	}
	text, from, to, stop := d.buf, pos, 0, 0
	if step.quoted {
		var escaped bool
		if stop, escaped = d.stringEnd(pos, end); stop < 0 {
			return -1
		}
		if to = stop; escaped && step.column != nil {
			text, from, to = d.unescaped(d.buf[pos:stop])
		}
	} else {
		if stop = d.bareEnd(pos, end); stop < 0 {
			return -1
		}
		to = stop
	}
	null := !step.quoted && d.buf[pos] == 'n'
	for c := step.column; c != nil; c = c.twin {
		if !d.appendFast(c, text, from, to, null) {
			return -1
		}
	}
	return stop
}

// stringEnd returns where the string that begins at pos ends, at its closing quote, or −1.
func (d *JSONDecoder) stringEnd(pos, end int) (stop int, escaped bool) {
	d.scan.reset(d.buf, pos-1, end)
	escaped, ok := d.scan.text()
	if !ok {
		return -1, false
	}
	return d.scan.pos - 1, escaped
}

// unescaped is the text that a string with escapes stands for, valid until the next call.
func (d *JSONDecoder) unescaped(text []byte) (buf []byte, from, to int) {
	d.text = unescape(d.text[:0], text)
	n := len(d.text)
	d.text = append(d.text, make([]byte, Slack)...)
	return d.text, 0, n
}

// bareEnd checks the value at pos, which is no string, and returns where it ends; −1 when it is broken.
func (d *JSONDecoder) bareEnd(pos, end int) int {
	if c := d.buf[pos]; c == '-' || isDigit(c) {
		if stop, ok := numberEnd(d.buf[:end], pos); ok {
			return stop
		}
		return -1
	}
	d.scan.reset(d.buf, pos, end)
	if !d.scan.value(1) {
		return -1
	}
	return d.scan.pos
}

// fastInner appends the columns at and below a value to be looked into, and returns where it ends; −1 when the careful
// tier has to decide.
func (d *JSONDecoder) fastInner(step *jsonStep, pos, end int) int {
	n, quote := step.inner, 0
	if step.quoted {
		quote = 1
	}
	d.scan.reset(d.buf, pos-quote, end)
	n.clear()
	if !d.locate(n, 1) {
		return -1
	}
	for _, c := range n.all {
		if c.Len() != d.rows || d.convert(c) != textOK {
			return -1
		}
	}
	d.appended += len(n.all)
	return d.scan.pos - quote
}

// appendFast appends the value buf[from:to]. It fails when the row has a value already, or this one does not fit.
func (d *JSONDecoder) appendFast(c *decodeColumn, buf []byte, from, to int, null bool) bool {
	if d.has(c) || null && c.field.Required {
		return false
	}
	if null {
		d.appendMissing(c)
		return true
	}
	if c.bit == 0 {
		d.appended++
		return c.appendText(buf, from, to, &c.rules) == textOK
	}
	d.filled |= c.bit
	if c.field.Type.Kind == String {
		c.putText(buf, from, to, d.rows)
		return true
	}
	v, fault := c.parseWord(buf[from:to])
	*c.word(d.rows) = v
	return fault == textOK
}

// has reports whether the record under way has a value for the column.
func (d *JSONDecoder) has(c *decodeColumn) bool {
	return d.filled&c.bit != 0 || c.bit == 0 && c.Len() > d.rows
}

// appendMissing appends NULL.
func (d *JSONDecoder) appendMissing(c *decodeColumn) {
	if c.bit == 0 {
		d.appended++
		c.AppendNull()
		return
	}
	d.filled |= c.bit
	d.filter.nulls = true
	c.putNull(d.rows)
}

// finish ends a record behind its closing brace: only white space may follow, and columns without a value get NULL.
func (d *JSONDecoder) finish(pos, end int, filled uint64) bool {
	if pos < end {
		d.scan.reset(d.buf, pos, end)
		if d.scan.space(); d.scan.pos < end {
			return false
		}
	}
	d.filled = filled
	for _, c := range d.keyed {
		switch {
		case d.has(c):
		case c.field.Required:
			return false
		default:
			d.appendMissing(c)
		}
	}
	return true
}
