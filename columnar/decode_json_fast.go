package columnar

import (
	"encoding/binary"
	"unicode/utf8"
)

// The fast tier: predict. A record usually has the keys of the record before it, in the same order and with the same
// white space, so everything between two values – comma, key, colon – is one literal that was checked when it was first
// seen and now needs a comparison of two words. After each value comes the literal that came last time; where it does
// not, the literal is read in full and the prediction changed. Where anything else is out of the ordinary (an escape, a
// key that stands twice, a fault) the tier gives up and the careful one decides. What was learnt changes only how
// fast a record is read, never what comes out.

// jsonStep is a literal between two values: from behind the value before (or the record's beginning) to the first byte
// of the next value, or behind the closing brace.
type jsonStep struct {
	length int
	text   string        // the literal
	head   uint64        // the first 8 bytes of text; fewer are masked
	tail   uint64        // the last 8 bytes; equal to head for shorter texts
	mask   uint64        // the bytes of head and tail that belong to text
	tailAt int           // where tail begins
	column *decodeColumn // the first column of the key when all its columns take the value as one text
	inner  *jsonNode     // the place of the value when columns stand below it
	closes bool          // the literal ends the object
	next   *jsonStep     // the step that came behind this one last time
}

// jsonShape is what the fast tier has learnt.
type jsonShape struct {
	root  jsonStep // stands before the first step
	steps map[string]*jsonStep
	once  jsonStep // the step under way when it cannot be kept; it has no text
}

// The bounds of the literals kept, against records whose keys are data.
const (
	maxJSONSteps   = 1024
	maxJSONLiteral = 1024 // bytes
)

func (p *jsonShape) reset() { p.steps = map[string]*jsonStep{} }

// fast appends the record buf[start:end] to the keyed columns. When it returns false, the columns hold parts of the
// record and the careful tier has to decide.
func (d *JSONDecoder) fast(buf []byte, start, end int) bool {
	pos, filled := start, 0
	for step := &d.shape.root; ; {
		next := step.next
		if next == nil || !next.matches(buf, pos, end) {
			if next = d.learn(step, buf, pos, end); next == nil {
				return false
			}
		}
		step = next
		pos += step.length
		if step.closes {
			return d.finish(buf, pos, end, filled)
		}
		from, to := pos, 0
		if step.inner != nil {
			if pos = d.fastInner(step.inner, buf, pos, end); pos < 0 {
				return false
			}
			filled += len(step.inner.all)
			continue
		}
		if buf[pos] == '"' {
			stop, ascii := plainEnd(buf, pos+1, end)
			if stop >= end || buf[stop] != '"' || !ascii && !utf8.Valid(buf[pos+1:stop]) {
				return false
			}
			from, to, pos = pos+1, stop, stop+1
		} else {
			if to = d.bareEnd(buf, pos, end); to < 0 {
				return false
			}
			pos = to
		}
		for c := step.column; c != nil; c = c.twin {
			if !c.appendFast(buf, from, to, d.rows) {
				return false
			}
			filled++
		}
	}
}

// fastInner appends the columns at and below a value to be looked into, and returns where it ends; −1 when the careful
// tier has to decide.
func (d *JSONDecoder) fastInner(n *jsonNode, buf []byte, pos, end int) int {
	d.scan.reset(buf, pos, end)
	n.clear()
	if !d.locate(n, 1) {
		return -1
	}
	for _, c := range n.all {
		if c.Len() != d.rows || d.convert(c) != textOK {
			return -1
		}
	}
	return d.scan.pos
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

// appendFast appends the value buf[from:to] as row row. It fails when the row has a value already.
func (c *decodeColumn) appendFast(buf []byte, from, to, row int) bool {
	if c.Len() != row {
		return false
	}
	if buf[from] == 'n' && buf[from-1] != '"' { // the bare word null
		if !c.field.Required {
			c.AppendNull()
		}
		return !c.field.Required
	}
	if c.field.Type.Kind == String {
		c.appendWords(buf, from, to)
		return true
	}
	return c.appendText(buf, from, to, &c.rules) == textOK
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
		if c.Len() == d.rows {
			if c.field.Required {
				return false
			}
			c.AppendNull()
		}
	}
	return true
}

// matches reports whether the step's literal stands at pos.
func (s *jsonStep) matches(buf []byte, pos, end int) bool {
	n := s.length
	if pos+n > end || wordAt(buf, pos)&s.mask != s.head || wordAt(buf, pos+s.tailAt)&s.mask != s.tail {
		return false
	}
	return n <= 16 || string(buf[pos+8:pos+n-8]) == s.text[8:n-8]
}

// learn reads the literal at pos in full and makes it the prediction behind prev. It returns nil when none stands there.
func (d *JSONDecoder) learn(prev *jsonStep, buf []byte, pos, end int) *jsonStep {
	s := &d.scan
	s.reset(buf, pos, end)
	first := prev == &d.shape.root
	if first {
		if s.space(); !s.take('{') {
			return nil
		}
	}
	key, found := s.member(first)
	if found == jsonBroken {
		return nil
	}
	literal := buf[pos:s.pos]
	step := d.shape.steps[string(literal)]
	if step == nil {
		step = d.shape.add(literal)
		if step.closes = found == jsonClosed; !step.closes {
			step.aim(d.root.keys[string(d.keyText(key))])
		}
	}
	if step != &d.shape.once {
		prev.next = step
	}
	return step
}

// aim sets what the value behind the literal is for; nil for nothing.
func (s *jsonStep) aim(n *jsonNode) {
	switch {
	case n == nil:
	case n.plain:
		s.column = n.column
	default:
		s.inner = n
	}
}

// add makes a step of a literal, to be kept while there is room.
func (p *jsonShape) add(literal []byte) *jsonStep {
	if len(p.steps) >= maxJSONSteps || len(literal) > maxJSONLiteral {
		p.once = jsonStep{length: len(literal)}
		return &p.once
	}
	step := newJSONStep(string(literal))
	p.steps[step.text] = step
	return step
}

func newJSONStep(text string) *jsonStep {
	s := &jsonStep{length: len(text), text: text, mask: ^uint64(0)}
	var padded [8]byte
	if n := copy(padded[:], text); n < 8 {
		s.mask = 1<<(8*n) - 1
	}
	s.head = binary.LittleEndian.Uint64(padded[:])
	s.tailAt = max(len(text)-8, 0)
	copy(padded[:], text[s.tailAt:])
	s.tail = binary.LittleEndian.Uint64(padded[:])
	return s
}
