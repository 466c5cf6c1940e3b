package yaml

import (
	"strings"
	"unicode/utf8"
)

// scalar reads a plain or quoted text.
func (p *parser) scalar(owner int, inFlow bool) (*Node, error) {
	if c := p.peek(); c == '"' || c == '\'' {
		return p.quoted(c)
	}
	if err := p.checkPlain(inFlow); err != nil {
		return nil, err
	}
	return p.plain(owner, inFlow)
}

// checkPlain refuses what a plain text must not begin with.
func (p *parser) checkPlain(inFlow bool) error {
	c, next := p.peek(), p.at(p.pos+1)
	switch {
	case strings.IndexByte("-?:", c) >= 0 && (isGap(next) || inFlow && (isBracket(next) || c == ':')):
		return p.fail("quote a text that begins so", "unexpected %q", string(c))
	case c == '!':
		return p.refuse("quote a text that begins with !", "YAML tags are not supported")
	case c == '&' || c == '*':
		return p.fail("write it as text", "an anchor or alias cannot be a key")
	case c == '[' || c == '{':
		return p.fail("", "a key must be text")
	case strings.IndexByte(",]}#|>%@`", c) >= 0:
		return p.fail("quote a text that begins so", "unexpected %q", string(c))
	}
	return nil
}

// plainEnd is the position behind the plain text of one line that begins at i, without the blanks that follow it.
func (p *parser) plainEnd(i int, inFlow bool) int {
	end := i
	for ; ; i++ {
		c := p.at(i)
		switch {
		case c == '\n' || c == 0:
			return end
		case isBlank(c):
			continue
		case c == '#' && i > p.lineStart && isBlank(p.text[i-1]):
			return end
		case c == ':' && (isGap(p.at(i+1)) || inFlow && isBracket(p.at(i+1))):
			return end
		case inFlow && isBracket(c):
			return end
		}
		end = i + 1
	}
}

// plain reads a plain text, which may go on in lines that are indented more than owner.
func (p *parser) plain(owner int, inFlow bool) (*Node, error) {
	n, err := p.newNode(Scalar, p.place())
	if err != nil {
		return nil, err
	}
	end := p.plainEnd(p.pos, inFlow)
	text := []byte(p.text[p.pos:end])
	p.pos = end
	for {
		start, end, breaks := p.continuation(owner, inFlow)
		if end == start {
			break
		}
		text = append(fold(text, breaks), p.text[start:end]...)
		p.moveTo(start, end, breaks)
		if err := p.checkContinuation(start, inFlow); err != nil {
			return nil, err
		}
	}
	n.Text = string(text)
	if isNull(n.Text) {
		n.Kind = Null
	}
	return n, nil
}

func isNull(s string) bool { return s == "~" || s == "null" || s == "Null" || s == "NULL" }

// fold appends what stands for so many line breaks.
func fold(b []byte, breaks int) []byte {
	if breaks == 1 {
		return append(b, ' ')
	}
	for ; breaks > 1; breaks-- {
		b = append(b, '\n')
	}
	return b
}

// continuation finds the part of a plain text in the next line that is not empty: none when that line does not belong
// to it.
func (p *parser) continuation(owner int, inFlow bool) (start, end, breaks int) {
	i := p.pos
	lineStart := 0
	for {
		for isBlank(p.at(i)) {
			i++
		}
		if p.at(i) != '\n' {
			break
		}
		i++
		lineStart = i
		breaks++
	}
	indent := lineStart
	for p.at(indent) == ' ' {
		indent++
	}
	c := p.at(i)
	switch {
	case breaks == 0 || c == 0 || c == '#' || indent-lineStart <= owner && !inFlow || i == lineStart && isMarkerAt(p.text[i:]):
		return 0, 0, 0
	case inFlow && (isBracket(c) || c == ':' && (isGap(p.at(i+1)) || isBracket(p.at(i+1)))):
		return 0, 0, 0
	case inFlow && indent-lineStart <= owner:
		return 0, 0, 0
	case p.at(indent) == '\t' && !inFlow && indent-lineStart <= owner:
		return 0, 0, 0
	}
	return i, p.plainEndFrom(i, lineStart, inFlow), breaks
}

func isMarkerAt(rest string) bool {
	p := parser{text: rest}
	return p.isMarker()
}

// plainEndFrom is plainEnd for another line.
func (p *parser) plainEndFrom(i, lineStart int, inFlow bool) int {
	q := parser{text: p.text, lineStart: lineStart}
	return q.plainEnd(i, inFlow)
}

// moveTo goes to a position some lines further on.
func (p *parser) moveTo(start, end, breaks int) {
	p.line += breaks
	p.lineStart = strings.LastIndexByte(p.text[:start], '\n') + 1
	p.first = start
	p.pos = end
}

// checkContinuation refuses a key that was meant to stand beside the text above it.
func (p *parser) checkContinuation(start int, inFlow bool) error {
	i := p.pos
	for isBlank(p.at(i)) {
		i++
	}
	if inFlow || p.at(i) != ':' {
		return nil
	}
	p.pos = start
	return p.fail("indent it as the other keys, or quote the text", "a key cannot stand here: it is indented into the value of the lines above")
}

// quoted reads a text in quotes, over as many lines as it takes.
func (p *parser) quoted(quote byte) (*Node, error) {
	n, err := p.newNode(Scalar, p.place())
	if err != nil {
		return nil, err
	}
	n.Style = SingleQuoted
	if quote == '"' {
		n.Style = DoubleQuoted
	}
	p.opened = n.Line
	q := quotedText{parser: p, quote: quote, open: n.Place}
	n.Text, err = q.read()
	return n, err
}

// quotedText is a text in quotes that is being read.
type quotedText struct {
	*parser
	quote byte
	open  Place
	out   []byte
	kept  int // so many bytes of out are not blanks that a line break swallows
}

func (q *quotedText) read() (string, error) {
	q.pos++
	for {
		run := q.pos
		for c := q.peek(); c != q.quote && c != '\n' && c != 0 && (c != '\\' || q.quote == '\''); c = q.peek() {
			q.pos++
		}
		q.out = append(q.out, q.text[run:q.pos]...)
		switch c := q.peek(); {
		case c == 0:
			return "", q.notClosed()
		case c == '\n':
			if err := q.lineBreaks(); err != nil {
				return "", err
			}
		case c == '\\':
			if err := q.escape(); err != nil {
				return "", err
			}
		case c == '\'' && q.at(q.pos+1) == '\'':
			q.out = append(q.out, '\'')
			q.pos += 2
		default:
			q.pos++
			return string(q.out), nil
		}
	}
}

// lineBreaks folds line breaks and the blanks around them.
func (q *quotedText) lineBreaks() error {
	for len(q.out) > q.kept && isBlank(q.out[len(q.out)-1]) {
		q.out = q.out[:len(q.out)-1]
	}
	breaks, err := q.skipBreaks()
	q.out = fold(q.out, breaks)
	q.kept = len(q.out)
	return err
}

func (q *quotedText) notClosed() error {
	return &Error{Place: q.open, Msg: "a text in quotes is not closed", Hint: "want " + string(q.quote)}
}

// skipBreaks moves over line breaks and blanks and counts the former.
func (q *quotedText) skipBreaks() (breaks int, err error) {
	for ; isBlank(q.peek()) || q.peek() == '\n'; q.pos++ {
		if q.peek() == '\n' {
			breaks++
			q.line++
			q.lineStart = q.pos + 1
		}
	}
	if q.pos == q.lineStart && q.isMarker() {
		err = q.notClosed()
	}
	return breaks, err
}

// escapes are the characters that a letter behind a backslash stands for.
var escapes = map[byte]string{
	'0': "\x00", 'a': "\a", 'b': "\b", 't': "\t", '\t': "\t", 'n': "\n", 'v': "\v", 'f': "\f", 'r': "\r", 'e': "\x1b", ' ': " ",
	'"': `"`, '/': "/", '\\': `\`, 'N': "\u0085", '_': "\u00a0", 'L': "\u2028", 'P': "\u2029",
}

// hexDigits is how many of them follow a letter.
var hexDigits = map[byte]int{'x': 2, 'u': 4, 'U': 8}

// escape reads what begins with a backslash.
func (q *quotedText) escape() error {
	c := q.at(q.pos + 1)
	if c == '\n' {
		q.pos++
		breaks, err := q.skipBreaks()
		if breaks > 1 {
			q.out = fold(q.out, breaks)
		}
		q.kept = len(q.out)
		return err
	}
	if s, ok := escapes[c]; ok {
		q.out = append(q.out, s...)
		q.pos += 2
	} else if err := q.codePoint(hexDigits[c]); err != nil {
		return err
	}
	q.kept = len(q.out)
	return nil
}

// codePoint reads \x41, \u0041 or \U00000041.
func (q *quotedText) codePoint(digits int) error {
	var r rune
	ok := digits > 0
	for i := 0; i < digits && ok; i++ {
		d := strings.IndexByte("0123456789abcdef", q.at(q.pos+2+i)|0x20)
		ok = d >= 0 && q.at(q.pos+2+i) > ' '
		r = r<<4 | rune(d)
	}
	if !ok || !utf8.ValidRune(r) {
		return q.fail(`write \\ for a backslash, or use single quotes`, "a backslash in double quotes with nothing that it could stand for")
	}
	q.out = utf8.AppendRune(q.out, r)
	q.pos += 2 + digits
	return nil
}
