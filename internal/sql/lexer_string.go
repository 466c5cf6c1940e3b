package sql

import (
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// quoted reads a string or a quoted name; a doubled quote stands for itself.
func (l *lexer) quoted(kind tokenKind, quote byte) {
	value, size, ok := unquote(l.text[l.at:], quote)
	switch {
	case !ok:
		l.fault(fmt.Sprintf("this %c has no closing %c", quote, quote))
	case kind == quotedToken && value == "":
		l.fault("a name cannot be empty")
	case kind == quotedToken && utf8.RuneCountInString(value) > maxName:
		l.longName()
	default:
		l.add(kind, size, "", value)
	}
}

// unquote reads a quoted piece from the front of s and returns its value and its size in s.
func unquote(s string, quote byte) (value string, size int, ok bool) {
	doubled := false
	for i := 1; i < len(s); i++ {
		if s[i] != quote {
			continue
		}
		if i+1 < len(s) && s[i+1] == quote {
			doubled = true
			i++
			continue
		}
		value = s[1:i]
		if doubled {
			q := string(quote)
			value = strings.ReplaceAll(value, q+q, q)
		}
		return value, i + 1, true
	}
	return "", 0, false
}

// prefixed reports whether a string with that letter in front begins here, as in E'…'.
func (l *lexer) prefixed(letter byte) bool {
	rest := l.text[l.at:]
	return len(rest) > 1 && rest[0]|0x20 == letter && rest[1] == '\''
}

// bytes reads X'1F'.
func (l *lexer) bytes() {
	value, size, ok := unquote(l.text[l.at+1:], '\'')
	if !ok {
		l.fault("this ' has no closing '")
		return
	}
	raw, err := hex.DecodeString(value)
	if err != nil {
		l.faultHint(fmt.Sprintf("X'%s' is not a string of bytes", shortened(value)), "write two hexadecimal digits for each byte, as in X'1F00'")
		return
	}
	l.add(bytesToken, size+1, "", string(raw))
}

// escaped reads E'…', where a backslash begins an escape as in PostgreSQL.
func (l *lexer) escaped() {
	rest := l.text[l.at:]
	var value []byte
	for i := 2; i < len(rest); i++ {
		switch c := rest[i]; {
		case c == '\'' && i+1 < len(rest) && rest[i+1] == '\'':
			value = append(value, '\'')
			i++
		case c == '\'':
			l.escapedEnd(i+1, value)
			return
		case c == '\\' && i+1 < len(rest):
			var size int
			if value, size = appendEscape(value, rest[i+1:]); size == 0 {
				l.move(l.at + i)
				l.faultHint("this escape is not complete", `write \\ for a backslash, \u20AC or \x41 for a character`)
				return
			}
			i += size
		default:
			value = append(value, c)
		}
	}
	l.fault("this ' has no closing '")
}

func (l *lexer) escapedEnd(size int, value []byte) {
	if !utf8.Valid(value) || strings.IndexByte(string(value), 0) >= 0 {
		l.fault("the escapes of this string do not make UTF-8 text")
		return
	}
	l.add(stringToken, size, "", string(value))
}

// escapes are the letters behind a backslash that stand for one byte.
var escapes = map[byte]byte{'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t'}

// appendEscape adds what the escape at the front of s, without its backslash, stands for. size is that of the escape,
// 0 when it is not complete.
func appendEscape(value []byte, s string) (out []byte, size int) {
	switch c := s[0]; {
	case c == 'u':
		return appendCode(value, s, 4)
	case c == 'U':
		return appendCode(value, s, 8)
	case c == 'x':
		return appendByte(value, s[1:], 1, 2, 16)
	case '0' <= c && c <= '7':
		return appendByte(value, s, 0, 3, 8)
	case escapes[c] != 0:
		return append(value, escapes[c]), 1
	default:
		return append(value, c), 1
	}
}

// appendCode reads the code point of \u or \U, of exactly so many digits.
func appendCode(value []byte, s string, count int) (out []byte, size int) {
	if len(s) <= count {
		return value, 0
	}
	code, err := strconv.ParseUint(s[1:1+count], 16, 32)
	if err != nil || code > utf8.MaxRune || !utf8.ValidRune(rune(code)) {
		return value, 0
	}
	return utf8.AppendRune(value, rune(code)), 1 + count
}

// appendByte reads a byte of at most so many digits, behind a letter or not.
func appendByte(value []byte, s string, letter, most, base int) (out []byte, size int) {
	for n := min(most, len(s)); n > 0; n-- {
		if b, err := strconv.ParseUint(s[:n], base, 8); err == nil {
			return append(value, byte(b)), letter + n
		}
	}
	return value, 0
}

// dollarTag is the opening $$ or $tag$ at the front of s, or "".
func dollarTag(s string) string {
	end := strings.IndexByte(s[1:min(len(s), maxName)], '$')
	if end < 0 {
		return ""
	}
	tag := s[1 : 1+end]
	for i, c := range tag {
		if !isNameStart(c) && (i == 0 || c < '0' || c > '9') {
			return ""
		}
	}
	return s[:end+2]
}

// dollarQuoted reads $tag$ text $tag$, in which nothing has a special meaning.
func (l *lexer) dollarQuoted(tag string) {
	rest := l.text[l.at+len(tag):]
	end := strings.Index(rest, tag)
	if end < 0 {
		l.fault(fmt.Sprintf("this %s has no closing %s", shortened(tag), shortened(tag)))
		return
	}
	l.add(stringToken, 2*len(tag)+end, "", rest[:end])
}
