package columnar

import "encoding/binary"

// A record usually has the keys of the record before it, in the same order and with the same white space, so everything
// between two values – quote, comma, key, colon, quote – is one literal that was checked when it was first seen, and now
// needs a comparison of two or three words. The literals are the nodes of a graph: behind each one stands which came
// next, the last one first. Nothing of it shows in what comes out.

// jsonStep is a literal between two values, and how to take the value behind it. It reaches from behind the last byte of
// the value before (of a string: from its closing quote on) to the first byte of the next value (of a string: behind its
// opening quote), or behind the brace that closes the object.
type jsonStep struct {
	next               *jsonStep // the step that came behind this one last time
	head, middle, tail uint64    // the first, the second and the last word of the literal
	length             int
	width              int           // how long a string behind the literal is predicted to be; −1 when that keeps changing
	column             *decodeColumn // of formText and formDigits: the column; of formOther: the first one, the others hang on its twin
	size               jsonSize
	form               jsonForm
	quoted             bool // the literal ends with the quote of a string

	third  uint64       // the third word of the literal
	misses int          // of the width since it was last trusted
	inner  *jsonNode    // of formInside: the place of the value
	text   string       // the literal
	others [4]*jsonStep // more that came behind this one
}

// jsonSize is how a literal is recognized.
type jsonSize uint8

const (
	sizeTwoWords   jsonSize = iota // 8 to 16 bytes: head and tail
	sizeThreeWords                 // 17 to 24 bytes: middle too
	sizeFourWords                  // 25 to 32 bytes: third too
	sizeShort                      // fewer: a part of head
	sizeOther                      // longer, or a value follows that is no string: see matches
)

// jsonForm is how the value behind a literal is taken.
type jsonForm uint8

const (
	formCloses     jsonForm = iota // there is none: the object is closed
	formSkipString                 // a string that no column wants
	formSkipBare                   // no string, and no column wants it
	formText                       // a string for one column of strings
	formDigits                     // a number, or its digits in a string, for one column that counts in int64
	formOther                      // one text for any columns
	formInside                     // columns stand below the value, or take more than a text
)

// maxWidthMisses is how often a predicted length may be wrong until no length is predicted any more.
const maxWidthMisses = 8

// found takes the length of a value for which the prediction did not hold. A length that holds is checked faster than it
// is found.
func (s *jsonStep) found(n int) {
	switch {
	case s.width < 0 || s.width == n:
	case s.misses > maxWidthMisses:
		s.width = -1
	default:
		s.misses++
		s.width = n
	}
}

// jsonShape is what the fast tier has learnt.
type jsonShape struct {
	root  jsonStep // stands before the first step
	never jsonStep // matches nothing: the prediction where there is none
	steps map[string]*jsonStep
	loose looseSteps // for keys that no column wants
	end   jsonStep   // stands for literals that close the object

	age     int  // records until what was learnt is looked through
	strange int  // literals read in full since then
	known   int  // of these, the ones that were known
	blind   bool // nothing is learnt any more until then, because literals do not come again
}

// looseSteps stand for literals that are not kept: in front of a value that is no string, and of a string. Their length
// is that of the literal met last.
type looseSteps [2]jsonStep

// The bounds of the literals kept, against records whose keys are data.
const (
	maxJSONSteps   = 1024
	maxJSONLiteral = 1024 // bytes
)

// shapeAge is after how many records what was learnt is looked through.
const shapeAge = 1 << 16

// blindStrange is how many literals are read in full until a decoder may go blind.
const blindStrange = 4 * maxJSONSteps

func (p *jsonShape) reset(root *jsonNode) {
	p.steps = map[string]*jsonStep{}
	p.never.length = 1 << 40
	p.root.next, p.root.form = &p.never, formSkipBare
	p.end.next, p.end.size = &p.never, sizeOther
	p.loose.aim(nil, &p.never)
	for _, n := range root.keys {
		n.loose.aim(n, &p.never)
	}
}

func (l *looseSteps) aim(n *jsonNode, never *jsonStep) {
	for i := range l {
		l[i] = jsonStep{next: never, size: sizeOther, width: -1, quoted: i == 1}
		l[i].aim(n)
	}
}

// aged counts records, and from time to time gives another chance to lengths that kept changing, and to literals where
// there was no room for more.
func (p *jsonShape) aged(records int) {
	if p.age -= records; p.age > 0 {
		return
	}
	if len(p.steps) >= maxJSONSteps {
		clear(p.steps)
		p.root.next, p.root.others = &p.never, [4]*jsonStep{}
	}
	p.age, p.strange, p.known, p.blind = shapeAge, 0, 0, false
	for _, s := range p.steps {
		s.width, s.misses = max(s.width, 0), s.misses/2
	}
}

// follow finds the step behind prev whose literal stands at pos, where the prediction is wrong, and makes it the
// prediction. It returns nil when no literal stands there.
func (d *JSONDecoder) follow(prev *jsonStep, pos, end int) *jsonStep {
	if !d.shape.blind {
		for i, s := range prev.others {
			if s == nil {
				break
			}
			if pos+s.length <= end && s.matches(d.buf, pos) {
				prev.others[i], prev.next = prev.next, s
				return s
			}
		}
	}
	s := d.learn(prev, pos, end)
	if s != nil && s.text != "" && s != prev.next && (prev.text != "" || prev == &d.shape.root) {
		prev.follows(s)
	}
	return s
}

// follows makes next the prediction behind s, and remembers the one before.
func (s *jsonStep) follows(next *jsonStep) {
	if s.next.text != "" {
		copy(s.others[1:], s.others[:])
		s.others[0] = s.next
	}
	s.next = next
}

// learn reads the literal at pos in full. It returns nil when none stands there.
func (d *JSONDecoder) learn(prev *jsonStep, pos, end int) *jsonStep {
	s := &d.scan
	s.reset(d.buf, pos, end)
	first := prev == &d.shape.root
	if first {
		if s.space(); !s.take('{') {
			return nil
		}
	}
	if prev.quoted && !s.take('"') {
		return nil
	}
	key, found := s.member(first)
	if found == jsonBroken {
		return nil
	}
	quoted := found == jsonMember && s.take('"')
	literal := d.buf[pos:s.pos]
	step := d.shape.find(literal)
	switch {
	case step != nil:
		return step
	case found == jsonClosed:
		step = &d.shape.end
	default:
		step = d.loose(key, quoted)
	}
	step.length = len(literal)
	return d.shape.keep(step, literal)
}

// loose is the step that stands for any literal with the key.
func (d *JSONDecoder) loose(key jsonKey, quoted bool) *jsonStep {
	steps, n := &d.shape.loose, (*jsonNode)(nil)
	if key.escaped {
		n = d.root.keys[string(d.keyText(key))]
	} else {
		n = d.keys.find(d.buf, key.from, key.to)
	}
	if n != nil {
		steps = &n.loose
	}
	if quoted {
		return &steps[1]
	}
	return &steps[0]
}

// find is the step of a literal read in full, nil for none.
func (p *jsonShape) find(literal []byte) *jsonStep {
	if p.blind {
		return nil
	}
	p.strange++
	step := p.steps[string(literal)]
	if step != nil {
		p.known++
	}
	p.blind = p.strange >= blindStrange && p.known < p.strange/2
	return step
}

// keep makes a step of its own for a literal, while there is room.
func (p *jsonShape) keep(loose *jsonStep, literal []byte) *jsonStep {
	if p.blind || len(p.steps) >= maxJSONSteps || len(literal) > maxJSONLiteral {
		return loose
	}
	step := newJSONStep(string(literal))
	step.next, step.form, step.column, step.inner, step.quoted = &p.never, loose.form, loose.column, loose.inner, loose.quoted
	if !step.quoted && step.form != formCloses {
		step.size = sizeOther
	}
	p.steps[step.text] = step
	return step
}

// matches reports whether the literal of the step, of any size, stands at pos, where there are as many bytes, and ends where the
// value begins, which may have white space or a quote in front of it this time.
func (s *jsonStep) matches(buf []byte, pos int) bool {
	first := byteAt(buf, pos+s.length)
	return string(buf[pos:pos+s.length]) == s.text && (s.quoted || s.form == formCloses || first > ' ' && first != '"')
}

// aim sets what the value behind the literal is for; nil for nothing.
func (s *jsonStep) aim(n *jsonNode) {
	switch {
	case n == nil && s.quoted:
		s.form = formSkipString
	case n == nil:
		s.form = formSkipBare
	case !n.plain:
		s.form, s.inner = formInside, n
	default:
		s.form, s.column = n.column.form(s.quoted), n.column
	}
}

// form is how the column, the first of its place, takes a value.
func (c *decodeColumn) form(quoted bool) jsonForm {
	switch {
	case c.twin != nil || c.bit == 0:
	case c.field.Type.Kind == String && quoted:
		return formText
	case c.digits > 0:
		return formDigits
	}
	return formOther
}

func newJSONStep(text string) *jsonStep {
	s := &jsonStep{length: len(text), text: text, head: wordOf(text, 0), middle: wordOf(text, 8), third: wordOf(text, 16), tail: wordOf(text, max(len(text)-8, 0))}
	switch {
	case s.length < 8:
		s.size = sizeShort
	case s.length > 32:
		s.size = sizeOther
	case s.length > 24:
		s.size = sizeFourWords
	case s.length > 16:
		s.size = sizeThreeWords
	}
	return s
}

// wordOf is the word of text at i, filled up with zeros.
func wordOf(text string, i int) uint64 {
	var b [8]byte
	copy(b[:], text[min(i, len(text)):])
	return binary.LittleEndian.Uint64(b[:])
}
