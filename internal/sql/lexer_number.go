package sql

import (
	"fmt"
	"math/big"
	"strings"
	"unicode/utf8"
)

// number reads a number. Spellings of other languages are refused with the number to write.
func (l *lexer) number() {
	rest := l.text[l.at:]
	size, kind := numberLen(rest)
	if c, _ := utf8.DecodeRuneInString(rest[size:]); !isNameStart(c) {
		l.add(kind, size, "", rest[:size])
		return
	}
	written := rest[:size+nameLen(rest[size:])]
	l.faultHint(fmt.Sprintf("%q is not a number", shortened(written)), numberToWrite(rest))
}

// numberToWrite is the hint for digits with underscores and for hexadecimal, octal and binary numbers; else "".
func numberToWrite(s string) string {
	end := strings.IndexFunc(s, func(c rune) bool { return c != '.' && !isNameStart(c) && (c < '0' || c > '9') })
	if end < 0 {
		end = len(s)
	}
	written, long := s[:end], end > 60
	plain := strings.ReplaceAll(written, "_", "")
	if size, _ := numberLen(plain); plain != written && size == len(plain) {
		if long {
			return "numbers have no underscores"
		}
		return "numbers have no underscores; write " + plain
	}
	if long || len(plain) < 3 {
		return ""
	}
	if n, ok := new(big.Int).SetString(plain, 0); ok {
		return "numbers are decimal; write " + n.String()
	}
	return ""
}

// numberLen measures the number at the front of s: 12, 1.5, .5, 1., 1e3, 1.5e-3.
func numberLen(s string) (size int, kind tokenKind) {
	i, kind := digits(s, 0), integerToken
	if i < len(s) && s[i] == '.' {
		i, kind = digits(s, i+1), decimalToken
	}
	if i < len(s) && s[i]|0x20 == 'e' {
		j := i + 1
		if j < len(s) && (s[j] == '+' || s[j] == '-') {
			j++
		}
		if k := digits(s, j); k > j {
			i, kind = k, decimalToken
		}
	}
	return i, kind
}

// digits is the end of the digits that begin at i.
func digits(s string, i int) int {
	for i < len(s) && isDigit(s[i]) {
		i++
	}
	return i
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }
