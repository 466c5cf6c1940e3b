package columnar

import (
	"github.com/millrace/millrace/offsets"
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
	for i := range rows {
		r := &rows[i]
		if r.Value.Len < 0 {
			d.tombstone(r)
			continue
		}
		start := int(r.Value.Start)
		if !d.fast(buf, start, start+int(r.Value.Len)) || len(d.meta) > 0 && d.appendMetadata(buf, r) != "" {
			return i
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

// fast writes the record buf[pos:end] to the keyed columns. When it returns false, the columns hold parts of the record
// and the careful tier has to decide.
func (d *JSONDecoder) fast(buf []byte, pos, end int) bool {
	d.sequence++
	filled := 0
	for step := &d.shape.root; ; {
		next := step.next
		if pos+next.length > end || !next.here(buf, pos) {
			if next = d.follow(step, buf, pos, end); next == nil {
				return false
			}
		}
		step = next
		pos += step.length
		switch step.form {
		case formText:
			if n := step.width.n; step.width.holds(buf, pos, end) && step.column.begins(d.sequence) {
				step.column.putText(buf, pos, pos+n, d.rows)
				pos += n
			} else {
				pos = d.oddText(step, buf, pos, end)
			}
		case formSkipString:
			if step.width.holds(buf, pos, end) {
				pos += step.width.n
			} else {
				pos = d.oddString(step, buf, pos, end)
			}
		case formDigits:
			n := step.width.n
			if v, ok := step.number(buf, pos, end); ok && step.column.begins(d.sequence) {
				*step.column.word(d.rows) = v * step.column.times
				pos += n
			} else {
				pos = d.oddNumber(step, buf, pos, end)
			}
		case formCloses:
			return d.finish(buf, pos, end, filled)
		case formInside:
			pos = d.fastInner(step, buf, pos, end)
		default:
			pos = d.other(step, buf, pos, end)
		}
		if pos < 0 {
			return false
		}
		filled += step.columns
	}
}

// here reports whether the step's literal stands at pos; there are as many bytes.
func (s *jsonStep) here(buf []byte, pos int) bool {
	differ := ((wordAt(buf, pos) ^ s.head) | (wordAt(buf, pos+s.tailAt) ^ s.tail)) & s.mask
	if s.length > 16 {
		differ |= wordAt(buf, pos+8) ^ s.middle
	}
	return differ == 0 && (!s.checks || s.ends(buf, pos))
}

// ends reports what here leaves open: whether the rest of a long literal stands at pos, and whether the literal ends where
// the value begins, which may have white space or a quote in front of it this time.
func (s *jsonStep) ends(buf []byte, pos int) bool {
	if s.length > 24 && string(buf[pos+16:pos+s.length-8]) != s.text[16:s.length-8] {
		return false
	}
	first := byteAt(buf, pos+s.length)
	return s.quoted || s.form == formCloses || first > ' ' && first != '"'
}

// holds reports whether the string at pos is as long as predicted and plain, see [special].
func (w *jsonWidth) holds(buf []byte, pos, end int) bool {
	if w.n < 0 || pos+w.n >= end || byteAt(buf, pos+w.n) != '"' {
		return false
	}
	odd := special(wordAt(buf, pos+w.lastAt)) & w.edge
	for at := pos; at < pos+w.lastAt; at += 8 {
		odd |= special(wordAt(buf, at))
	}
	return odd&wordHighs == 0
}

// begins notes that the record has a value for the column, and reports whether it is the first one.
func (c *decodeColumn) begins(record uint64) bool {
	if c.record == record {
		return false
	}
	c.record = record
	return true
}

// number reads the number at pos if it is as long as predicted.
func (s *jsonStep) number(buf []byte, pos, end int) (v int64, ok bool) {
	n := s.width.n
	if n < 8 || n > s.column.digits || pos+n >= end || byteAt(buf, pos+n) != byte(s.next.head) || !s.quoted && byteAt(buf, pos) == '0' {
		return 0, false
	}
	return wordDigits(buf, pos, n)
}

// oddString takes a string that no column wants, and returns where it ends; −1 when the careful tier has to decide.
func (d *JSONDecoder) oddString(step *jsonStep, buf []byte, pos, end int) int {
	n := plainLength(buf, pos, end)
	if pos+n < end && byteAt(buf, pos+n) == '"' {
		step.width.found(n)
		return pos + n
	}
	stop, _ := d.stringEnd(buf, pos, end)
	return stop
}

// oddText is oddString for a string that a column wants.
func (d *JSONDecoder) oddText(step *jsonStep, buf []byte, pos, end int) int {
	c := step.column
	n := plainLength(buf, pos, end)
	if stop := pos + n; stop < end && byteAt(buf, stop) == '"' {
		step.width.found(n)
		if !c.begins(d.sequence) {
			return -1
		}
		c.putText(buf, pos, stop, d.rows)
		return stop
	}
	return d.other(step, buf, pos, end)
}

// oddNumber is oddString for a number that a column wants.
func (d *JSONDecoder) oddNumber(step *jsonStep, buf []byte, pos, end int) int {
	stop := d.other(step, buf, pos, end)
	if stop >= 0 {
		step.width.found(stop - pos)
	}
	return stop
}

// stringEnd returns where the string that begins at pos ends, at its closing quote, or −1.
func (d *JSONDecoder) stringEnd(buf []byte, pos, end int) (stop int, escaped bool) {
	d.scan.reset(buf, pos-1, end)
	escaped, ok := d.scan.text()
	if !ok {
		return -1, false
	}
	return d.scan.pos - 1, escaped
}

// fastInner appends the columns at and below a value to be looked into, and returns where it ends; −1 when the careful
// tier has to decide.
func (d *JSONDecoder) fastInner(step *jsonStep, buf []byte, pos, end int) int {
	n, quote := step.inner, 0
	if step.quoted {
		quote = 1
	}
	d.scan.reset(buf, pos-quote, end)
	n.clear()
	if !d.locate(n, 1) {
		return -1
	}
	for _, c := range n.all {
		if c.Len() != d.rows || d.convert(c) != textOK {
			return -1
		}
	}
	return d.scan.pos - quote
}

// other takes one value for any columns, also none, and returns where it ends; −1 when the careful tier has to decide.
func (d *JSONDecoder) other(step *jsonStep, buf []byte, pos, end int) int {
	text, from, to, stop := buf, pos, 0, 0
	if step.quoted {
		var escaped bool
		if stop, escaped = d.stringEnd(buf, pos, end); stop < 0 {
			return -1
		}
		if to = stop; escaped && step.column != nil {
			text, from, to = d.unescaped(buf[pos:stop])
		}
	} else {
		if stop = d.bareEnd(buf, pos, end); stop < 0 {
			return -1
		}
		to = stop
	}
	null := !step.quoted && buf[pos] == 'n'
	for c := step.column; c != nil; c = c.twin {
		if !d.appendFast(c, text, from, to, null) {
			return -1
		}
	}
	return stop
}

// unescaped is the text that a string with escapes stands for, valid until the next call.
func (d *JSONDecoder) unescaped(text []byte) (buf []byte, from, to int) {
	d.text = unescape(d.text[:0], text)
	n := len(d.text)
	d.text = append(d.text, make([]byte, Slack)...)
	return d.text, 0, n
}

// bareEnd checks the value at pos, which is no string, and returns where it ends; −1 when it is broken.
func (d *JSONDecoder) bareEnd(buf []byte, pos, end int) int {
	if buf[pos] == '-' || isDigit(buf[pos]) {
		if stop, ok := numberEnd(buf[:end], pos); ok {
			return stop
		}
		return -1
	}
	d.scan.reset(buf, pos, end)
	if !d.scan.value(1) {
		return -1
	}
	return d.scan.pos
}

// appendFast appends the value buf[from:to]. It fails when the row has a value already, or this one does not fit.
func (d *JSONDecoder) appendFast(c *decodeColumn, buf []byte, from, to int, null bool) bool {
	switch {
	case null && c.field.Required:
		return false
	case !c.on && c.Len() != d.rows || c.on && !c.begins(d.sequence):
		return false
	case null:
		d.appendMissing(c)
		return true
	case !c.on:
		return c.appendText(buf, from, to, &c.rules) == textOK
	case c.field.Type.Kind == String:
		c.putText(buf, from, to, d.rows)
		return true
	}
	v, fault := c.parseWord(buf[from:to])
	*c.word(d.rows) = v
	return fault == textOK
}

// appendMissing appends NULL.
func (d *JSONDecoder) appendMissing(c *decodeColumn) {
	if c.on {
		c.putNull(d.rows)
	} else {
		c.AppendNull()
	}
}

// finish ends a record behind its closing brace: only white space may follow, and columns without a value get NULL.
func (d *JSONDecoder) finish(buf []byte, pos, end, filled int) bool {
	if pos < end {
		d.scan.reset(buf, pos, end)
		if d.scan.space(); d.scan.pos < end {
			return false
		}
	}
	if filled == len(d.keyed) {
		return true
	}
	for _, c := range d.keyed {
		if c.on && c.record == d.sequence || !c.on && c.Len() > d.rows {
			continue
		}
		if c.field.Required {
			return false
		}
		d.appendMissing(c)
	}
	return true
}
