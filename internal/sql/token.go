package sql

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// tokenKind says what a token is.
type tokenKind uint8

const (
	endToken     tokenKind = iota
	faultToken             // text that is no token; value is the message
	wordToken              // unquoted name or keyword
	quotedToken            // "name" or `name`
	stringToken            // 'text', E'text' or $$text$$
	bytesToken             // X'1F'; value holds the bytes
	integerToken           // digits
	decimalToken           // digits with a point or an exponent
	signToken              // operator or punctuation
)

// token is one word or sign of the text.
type token struct {
	kind       tokenKind
	start, end int    // bytes of the text
	line, col  int    // of start, from 1, in characters
	key        string // words in upper case, signs as they are; of a faultToken the hint; empty for everything else
	value      string // names and strings without their quotes, numbers as written
}

// name reports whether the token can name a column, a table or a function.
func (t token) name() bool {
	return t.kind == quotedToken || t.kind == wordToken && !reserved[t.key]
}

// number reports whether the token is a number.
func (t token) number() bool { return t.kind == integerToken || t.kind == decimalToken }

// describe is the token in messages.
func (t token) describe() string {
	switch t.kind {
	case endToken:
		return "the end of the text"
	case stringToken:
		return "'" + shortened(t.value) + "'"
	case bytesToken:
		return "a string of bytes"
	case wordToken, quotedToken, integerToken, decimalToken:
		return fmt.Sprintf("%q", shortened(t.value))
	}
	return fmt.Sprintf("%q", t.key)
}

// shortened keeps messages readable when a name or a string is long.
func shortened(s string) string {
	const most = 60
	if utf8.RuneCountInString(s) <= most {
		return s
	}
	return string([]rune(s)[:most]) + "…"
}

// reserved are the words that are never names unless quoted: those after which the grammar goes another way.
var reserved = wordSet(`ALL AND AS BETWEEN BY CASE CROSS DISTINCT ELSE END EXCEPT EXISTS FALSE FETCH FROM FULL GROUP
	HAVING ILIKE IN INNER INTERSECT INTO IS JOIN LATERAL LEFT LIKE LIMIT NATURAL NOT NULL OFFSET ON OR ORDER OUTER OVER
	QUALIFY RIGHT SELECT THEN TRUE UNION USING WHEN WHERE WITH`)

func wordSet(words string) map[string]bool {
	set := map[string]bool{}
	for _, w := range strings.Fields(words) {
		set[w] = true
	}
	return set
}
