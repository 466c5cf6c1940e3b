package sql

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Limits of a text. They bound the work, the memory and the depth of the stack before any of them is spent.
const (
	maxText   = 1 << 20 // bytes
	maxTokens = 50_000
	maxName   = 255 // characters of a name
)

// lexer cuts a text into tokens. It stops at the first fault, which becomes the last token but one: what stands before
// it is still judged first, so that mistakes are reported in the order of the text.
type lexer struct {
	text      string
	at        int // byte
	line, col int // of at
	tokens    []token
}

// lex returns the tokens of text. The last one is an endToken, placed right behind the one before it.
func lex(text string) []token {
	l := &lexer{text: text, line: 1, col: 1, tokens: make([]token, 0, min(len(text)/4, maxTokens)+2)}
	if len(text) > maxText {
		l.fault(fmt.Sprintf("the text has %d bytes; the limit is %d", len(text), maxText))
	}
	for l.more() && l.next() {
	}
	return append(l.tokens, l.endOfText())
}

func (l *lexer) more() bool {
	return len(l.tokens) == 0 || l.tokens[len(l.tokens)-1].kind != faultToken
}

// endOfText is the token behind the last one: an error about what is missing points there, not behind blank lines.
func (l *lexer) endOfText() token {
	if len(l.tokens) == 0 {
		return token{line: 1, col: 1}
	}
	last := l.tokens[len(l.tokens)-1]
	if last.kind == faultToken {
		return token{start: last.start, end: last.end, line: last.line, col: last.col}
	}
	end := lexer{text: l.text, at: last.start, line: last.line, col: last.col}
	end.move(last.end)
	return token{start: last.end, end: last.end, line: end.line, col: end.col}
}

// next appends the next token; false at the end of the text.
func (l *lexer) next() bool {
	if !l.skipBlank() {
		return true
	}
	if l.at == len(l.text) {
		return false
	}
	if len(l.tokens) == maxTokens {
		l.fault(fmt.Sprintf("the text has more than %d words and signs", maxTokens))
		return true
	}
	l.token()
	return true
}

// token appends the token that begins at the present place.
func (l *lexer) token() {
	rest := l.text[l.at:]
	c, _ := utf8.DecodeRuneInString(rest)
	switch {
	case c == '\'':
		l.quoted(stringToken, '\'')
	case l.prefixed('e'):
		l.escaped()
	case l.prefixed('x'):
		l.bytes()
	case c == '$' && dollarTag(rest) != "":
		l.dollarQuoted(dollarTag(rest))
	case c == '"' || c == '`':
		l.quoted(quotedToken, byte(c))
	case isDigit(rest[0]) || c == '.' && len(rest) > 1 && isDigit(rest[1]):
		l.number()
	case isNameStart(c):
		l.word()
	default:
		l.sign()
	}
}

// skipBlank moves over white space and comments; false when a comment never ends.
func (l *lexer) skipBlank() bool {
	for l.at < len(l.text) {
		rest := l.text[l.at:]
		c, size := utf8.DecodeRuneInString(rest)
		switch {
		case unicode.IsSpace(c) || c == '\ufeff':
			l.move(l.at + size)
		case strings.HasPrefix(rest, "--"):
			l.move(l.at + lineLen(rest))
		case strings.HasPrefix(rest, "/*"):
			end := strings.Index(rest[2:], "*/")
			if end < 0 {
				l.fault("this comment has no end; write */")
				return false
			}
			l.move(l.at + 2 + end + 2)
		default:
			return true
		}
	}
	return true
}

func lineLen(s string) int {
	if i := strings.IndexByte(s, '\n'); i >= 0 {
		return i
	}
	return len(s)
}

func (l *lexer) word() {
	rest := l.text[l.at:]
	size := nameLen(rest)
	if utf8.RuneCountInString(rest[:size]) > maxName {
		l.longName()
		return
	}
	l.add(wordToken, size, strings.ToUpper(rest[:size]), rest[:size])
}

func (l *lexer) longName() {
	l.fault(fmt.Sprintf("this name is longer than %d characters", maxName))
}

func nameLen(s string) int {
	for i, c := range s {
		if !isNameStart(c) && !unicode.IsDigit(c) && c != '$' {
			return i
		}
	}
	return len(s)
}

func isNameStart(c rune) bool { return c == '_' || unicode.IsLetter(c) && c != utf8.RuneError }

// longSigns are the signs of more than one character, also those that only an error message needs, long ones first.
var longSigns = []string{"!~~*", "!~~", "!~*", "~~*", "->>", "#>>", "<=>", "::", ":=", "||", "<=", ">=", "<>", "!=", "=>", "==", "->", "&&", "**",
	"<<", ">>", "!~", "~~", "~*", "#>", "@>", "<@", "//"}

// secondSigns are the second characters of longSigns.
const secondSigns = "~>:|<=&*@/"

const signs = "()[]{},;.*+-/%<>=:?$^~&|!@#"

func (l *lexer) sign() {
	rest := l.text[l.at:]
	if len(rest) > 1 && strings.IndexByte(secondSigns, rest[1]) >= 0 {
		for _, s := range longSigns {
			if strings.HasPrefix(rest, s) {
				l.add(signToken, len(s), s, s)
				return
			}
		}
	}
	if strings.IndexByte(signs, rest[0]) >= 0 {
		l.add(signToken, 1, rest[:1], rest[:1])
		return
	}
	c, size := utf8.DecodeRuneInString(rest)
	if c == utf8.RuneError && size == 1 {
		l.fault(fmt.Sprintf("byte 0x%02x is not UTF-8", rest[0]))
		return
	}
	l.fault(fmt.Sprintf("unexpected character %q", c))
}

func (l *lexer) add(kind tokenKind, size int, key, value string) {
	if i := invalidUTF8(l.text[l.at : l.at+size]); i >= 0 {
		l.move(l.at + i)
		l.fault(fmt.Sprintf("byte 0x%02x is not UTF-8", l.text[l.at]))
		return
	}
	l.tokens = append(l.tokens, token{
		kind: kind, start: l.at, end: l.at + size, line: l.line, col: l.col, key: key, value: value,
	})
	l.move(l.at + size)
}

// invalidUTF8 is the place of the first byte that is not UTF-8, −1 when there is none.
func invalidUTF8(s string) int {
	if utf8.ValidString(s) {
		return -1
	}
	for i, c := range s {
		if c == utf8.RuneError && !strings.HasPrefix(s[i:], "\ufffd") {
			return i
		}
	}
	return -1
}

func (l *lexer) fault(msg string) { l.faultHint(msg, "") }

func (l *lexer) faultHint(msg, hint string) {
	l.tokens = append(l.tokens, token{
		kind: faultToken, start: l.at, end: l.at, line: l.line, col: l.col, key: hint, value: msg,
	})
}

// move goes forward to a byte and counts lines and characters on the way.
func (l *lexer) move(to int) {
	for _, c := range l.text[l.at:to] {
		switch c {
		case '\n':
			l.line++
			l.col = 1
		case '\ufeff': // a byte order mark takes no column
		default:
			l.col++
		}
	}
	l.at = to
}
