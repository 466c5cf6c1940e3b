package columnar

import (
	"bytes"
	"fmt"
	"math/bits"
	"unicode/utf8"
)

// maxJSONDepth is how deep objects and arrays may be nested, the record's own object included.
const maxJSONDepth = 1000

// jsonScanner checks JSON text by RFC 8259, byte by byte and without allocation. It is stricter than the RFC where
// that leaves room: text is valid UTF-8, a \u escape is no lone half of a surrogate pair (no UTF-8 stands for it, and
// replacing it would change data silently), and nesting is bounded.
//
// Its methods take the text from pos on, move pos behind it and return true; or they note the fault and return false.
type jsonScanner struct {
	buf      []byte // has Slack bytes behind end
	pos, end int
	fault    string // what is wrong, or begins with "want": what stands not at faultAt
	faultAt  int
}

func (s *jsonScanner) reset(buf []byte, pos, end int) {
	s.buf, s.pos, s.end = buf, pos, end
}

func (s *jsonScanner) fail(at int, fault string) bool {
	s.fault, s.faultAt = fault, at
	return false
}

// reason describes the fault; start is where the record begins.
func (s *jsonScanner) reason(start int) string {
	text := fmt.Sprintf("not valid JSON at byte %d: %s", s.faultAt-start, s.fault)
	switch {
	case len(s.fault) < 4 || s.fault[:4] != "want":
		return text
	case s.faultAt >= s.end:
		return text + ", found the end"
	}
	r, _ := utf8.DecodeRune(s.buf[s.faultAt:s.end])
	return fmt.Sprintf("%s, found %q", text, r)
}

// at reports whether c is the next byte.
func (s *jsonScanner) at(c byte) bool { return s.pos < s.end && s.buf[s.pos] == c }

// take is at, and moves behind c.
func (s *jsonScanner) take(c byte) bool {
	if s.at(c) {
		s.pos++
		return true
	}
	return false
}

// space skips white space.
func (s *jsonScanner) space() {
	if s.pos < s.end && s.buf[s.pos] <= ' ' {
		s.skipSpace()
	}
}

// skipSpace skips white space by words, because how much stands there cannot be guessed.
func (s *jsonScanner) skipSpace() {
	for s.pos < s.end {
		n := whiteLength(wordAt(s.buf, s.pos))
		if s.pos = min(s.pos+n, s.end); n < 8 {
			return
		}
	}
}

// jsonKey is the text of a key between its quotes.
type jsonKey struct {
	from, to int
	escaped  bool
}

// What [jsonScanner.member] finds.
type jsonNext uint8

const (
	jsonMember jsonNext = iota
	jsonClosed
	jsonBroken
)

// member moves from behind the brace that opens an object (first), or from behind a member's value, to the value of
// the next member, or behind the brace that closes the object.
func (s *jsonScanner) member(first bool) (jsonKey, jsonNext) {
	s.space()
	if s.take('}') {
		return jsonKey{}, jsonClosed
	}
	if !first {
		if !s.take(',') {
			s.fail(s.pos, "want ',' or '}'")
			return jsonKey{}, jsonBroken
		}
		s.space()
	}
	if !s.at('"') {
		s.fail(s.pos, "want a key in quotes")
		return jsonKey{}, jsonBroken
	}
	key := jsonKey{from: s.pos + 1}
	if key.to = key.from + plainLength(s.buf, key.from, s.end); key.to < s.end && s.buf[key.to] == '"' {
		s.pos = key.to + 1
	} else {
		var ok bool
		if key.escaped, ok = s.text(); !ok {
			return jsonKey{}, jsonBroken
		}
		key.to = s.pos - 1
	}
	s.space()
	if !s.take(':') {
		s.fail(s.pos, "want ':' behind the key")
		return jsonKey{}, jsonBroken
	}
	s.space()
	return key, jsonMember
}

// value takes any value; depth is the number of objects and arrays around it.
func (s *jsonScanner) value(depth int) bool {
	if s.pos >= s.end {
		return s.fail(s.pos, "want a value")
	}
	switch c := s.buf[s.pos]; {
	case c == '"':
		_, ok := s.text()
		return ok
	case c == '-' || isDigit(c):
		return s.number()
	case c == '{' || c == '[':
		return s.nested(depth)
	}
	return s.word()
}

// nested takes an object or an array.
func (s *jsonScanner) nested(depth int) bool {
	if depth >= maxJSONDepth {
		return s.fail(s.pos, fmt.Sprintf("more than %d levels of nesting", maxJSONDepth))
	}
	s.pos++
	array := s.buf[s.pos-1] == '['
	for first := true; ; first = false {
		next := jsonClosed
		if array {
			next = s.element(first)
		} else {
			_, next = s.member(first)
		}
		if next != jsonMember {
			return next == jsonClosed
		}
		if !s.value(depth + 1) {
			return false
		}
	}
}

// element moves from behind the bracket that opens an array (first), or from behind an element, to the next element, or
// behind the bracket that closes the array.
func (s *jsonScanner) element(first bool) jsonNext {
	s.space()
	switch {
	case first && s.take(']'):
		return jsonClosed
	case first:
		return jsonMember
	case s.take(','):
		s.space()
		return jsonMember
	case s.take(']'):
		return jsonClosed
	}
	s.fail(s.pos, "want ',' or ']'")
	return jsonBroken
}

// word takes true, false or null.
func (s *jsonScanner) word() bool {
	for _, w := range [...]string{"true", "false", "null"} {
		if s.pos+len(w) <= s.end && string(s.buf[s.pos:s.pos+len(w)]) == w {
			s.pos += len(w)
			return true
		}
	}
	return s.fail(s.pos, "want a value")
}

// number takes a number.
func (s *jsonScanner) number() bool {
	stop, ok := numberEnd(s.buf[:s.end], s.pos)
	if !ok {
		return s.fail(stop, "want a digit")
	}
	s.pos = stop
	return true
}

// numberEnd returns where the number at pos ends, or where a digit is missing. What follows is not looked at.
func numberEnd(b []byte, pos int) (stop int, ok bool) {
	if pos < len(b) && b[pos] == '-' {
		pos++
	}
	n := digitsLen(b[pos:])
	if n > 1 && b[pos] == '0' {
		n = 1 // a digit behind a leading zero is not part of the number
	}
	if pos += n; n == 0 {
		return pos, false
	}
	if pos < len(b) && b[pos] == '.' {
		n = digitsLen(b[pos+1:])
		if pos += 1 + n; n == 0 {
			return pos, false
		}
	}
	if pos < len(b) && b[pos]|0x20 == 'e' {
		pos++
		if pos < len(b) && (b[pos] == '-' || b[pos] == '+') {
			pos++
		}
		n = digitsLen(b[pos:])
		if pos += n; n == 0 {
			return pos, false
		}
	}
	return pos, true
}

// text takes a string and tells whether there are escapes in it.
func (s *jsonScanner) text() (escaped, ok bool) {
	from, ascii := s.pos+1, true
	s.pos = from
	for {
		stop, plain := plainEnd(s.buf, s.pos, s.end)
		s.pos, ascii = stop, ascii && plain
		switch {
		case stop >= s.end:
			return escaped, s.fail(s.end, "the value ends inside a string")
		case s.buf[stop] == '"':
			if !ascii && !s.utf8(from, stop) {
				return escaped, false
			}
			s.pos++
			return escaped, true
		case s.buf[stop] != '\\':
			return escaped, s.fail(stop, fmt.Sprintf("control character 0x%02x in a string", s.buf[stop]))
		}
		escaped = true
		if !s.escape() {
			return escaped, false
		}
	}
}

// utf8 checks the bytes of a string and points at the first wrong one.
func (s *jsonScanner) utf8(from, to int) bool {
	if utf8.Valid(s.buf[from:to]) {
		return true
	}
	for from < to {
		r, n := utf8.DecodeRune(s.buf[from:to])
		if r == utf8.RuneError && n == 1 {
			return s.fail(from, "invalid UTF-8")
		}
		from += n
	}
	return true
}

// escape takes an escape sequence; both halves of a surrogate pair are one.
func (s *jsonScanner) escape() bool {
	at := s.pos
	if at+1 >= s.end {
		return s.fail(s.end, "the value ends inside a string")
	}
	switch s.buf[at+1] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		s.pos += 2
		return true
	case 'u':
	default:
		return s.fail(at, "unknown escape in a string")
	}
	unit := hexUnit(s.buf[:s.end], at)
	s.pos += 6
	switch {
	case unit < 0:
		return s.fail(at, `\u without four hexadecimal digits`)
	case unit < 0xd800 || unit > 0xdfff:
		return true
	}
	low := hexUnit(s.buf[:s.end], at+6)
	s.pos += 6
	if unit > 0xdbff || low < 0xdc00 || low > 0xdfff {
		return s.fail(at, "lone surrogate escape in a string")
	}
	return true
}

// hexUnit is the UTF-16 unit that \uhhhh at pos stands for, −1 when nothing like that is there.
func hexUnit(b []byte, pos int) rune {
	if pos+6 > len(b) || b[pos] != '\\' || b[pos+1] != 'u' {
		return -1
	}
	unit := rune(0)
	for _, c := range b[pos+2 : pos+6] {
		switch {
		case isDigit(c):
			c -= '0'
		case c|0x20 >= 'a' && c|0x20 <= 'f':
			c = c | 0x20 - 'a' + 10
		default:
			return -1
		}
		unit = unit<<4 | rune(c)
	}
	return unit
}

// plainEnd returns where the run of plain string bytes at pos ends: at a quote, a backslash or a control character, or
// somewhere at or behind end. When ascii is true all bytes of the run are ASCII; a byte close behind the run may make
// it false for nothing. b has 8 bytes behind end.
//
// It looks at 8 bytes at once. Taking 1 from every byte carries out of those that are 0, and from their upper
// neighbours, so that only the lowest byte found is exact; that is the one looked for. (Mycroft 1987.)
func plainEnd(b []byte, pos, end int) (stop int, ascii bool) {
	const ones, highs = 0x0101010101010101, 0x8080808080808080
	var seen uint64
	for ; pos < end; pos += 8 {
		w := wordAt(b, pos)
		seen |= w
		quote, slash := w^ones*'"', w^ones*'\\'
		hit := ((quote - ones) | (slash - ones) | (w - ones*0x20)) &^ w & highs
		if hit != 0 {
			pos += bits.TrailingZeros64(hit) >> 3
			break
		}
	}
	return pos, seen&highs == 0
}

// unescape appends the text that a checked string with escapes stands for.
func unescape(dst, text []byte) []byte {
	for {
		pos := bytes.IndexByte(text, '\\')
		if pos < 0 {
			return append(dst, text...)
		}
		dst = append(dst, text[:pos]...)
		c := text[pos+1]
		switch c {
		case 'b':
			c = '\b'
		case 'f':
			c = '\f'
		case 'n':
			c = '\n'
		case 'r':
			c = '\r'
		case 't':
			c = '\t'
		case 'u':
			r, n := escapedRune(text, pos)
			dst, text = utf8.AppendRune(dst, r), text[pos+n:]
			continue
		}
		dst, text = append(dst, c), text[pos+2:]
	}
}

// escapedRune decodes the \u escape at pos, a surrogate pair included, and returns its length.
func escapedRune(text []byte, pos int) (r rune, length int) {
	high := hexUnit(text, pos)
	if high < 0xd800 || high > 0xdfff {
		return high, 6
	}
	low := hexUnit(text, pos+6)
	return 0x10000 + (high-0xd800)<<10 + (low - 0xdc00), 12
}
