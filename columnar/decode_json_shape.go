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
	sizeOther                      // longer, or a value follows that is no string: see here
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
	once  jsonStep // the step under way when it cannot be kept; it has no text
	left  int      // records until the widths are trusted anew
}

// The bounds of the literals kept, against records whose keys are data.
const (
	maxJSONSteps   = 1024
	maxJSONLiteral = 1024 // bytes
)

// widthRecords is after how many records lengths that kept changing are given another chance.
const widthRecords = 1 << 16

func (p *jsonShape) reset() {
	p.steps = map[string]*jsonStep{}
	p.never.length = 1 << 40
	p.root.next, p.root.form = &p.never, formSkipBare
}

// aged counts records, and gives lengths another chance from time to time.
func (p *jsonShape) aged(records int) {
	if p.left -= records; p.left > 0 {
		return
	}
	p.left = widthRecords
	for _, s := range p.steps {
		s.width, s.misses = max(s.width, 0), s.misses/2
	}
}

// follow finds the step behind prev whose literal stands at pos, where the prediction is wrong, and makes it the
// prediction. It returns nil when no literal stands there.
func (d *JSONDecoder) follow(prev *jsonStep, pos, end int) *jsonStep {
	for i, s := range prev.others {
		if s == nil {
			break
		}
		if pos+s.length <= end && s.here(d.buf, pos) {
			prev.others[i], prev.next = prev.next, s
			return s
		}
	}
	s := d.learn(prev, pos, end)
	if s != nil && s != &d.shape.once && s != prev.next {
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
	step := d.shape.steps[string(literal)]
	if step != nil {
		return step
	}
	step = d.shape.add(literal)
	if step.quoted = quoted; found == jsonMember {
		step.aim(d.root.keys[string(d.keyText(key))])
	}
	if !quoted && found == jsonMember {
		step.size = sizeOther
	}
	return step
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

// add makes a step of a literal, to be kept while there is room.
func (p *jsonShape) add(literal []byte) *jsonStep {
	if len(p.steps) >= maxJSONSteps || len(literal) > maxJSONLiteral {
		p.once = jsonStep{length: len(literal), next: &p.never, size: sizeOther}
		return &p.once
	}
	step := newJSONStep(string(literal))
	step.next = &p.never
	p.steps[step.text] = step
	return step
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
