package sql

import (
	"fmt"
	"strings"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/dstream"
)

// unitNames are the units in full, for hints; the plural and the short forms are all taken.
var unitNames = []string{"microsecond", "millisecond", "second", "minute", "hour", "day", "week", "month", "quarter", "year", "decade", "century"}

// isUnit reports whether a word is a unit of time.
func isUnit(word string) bool {
	if word == "" || len(word) > 20 {
		return false
	}
	_, ok := columnar.ParseInterval([]byte("1 " + word))
	return ok && isNameStart(rune(word[0]))
}

func hasUnit(s string) bool { return strings.ContainsFunc(s, isNameStart) }

// maxIntervalText is far longer than any interval, in bytes.
const maxIntervalText = 200

// parseInterval reads the text of an interval; the forms are those of a cast.
func parseInterval(text string) (span, *dstream.Error) {
	if len(text) > maxIntervalText {
		return span{}, notInterval(text)
	}
	v, ok := columnar.ParseInterval([]byte(text))
	if !ok {
		return span{}, intervalFault(text)
	}
	var s span
	s.months, s.days, s.micros = v.Interval()
	return s, nil
}

// intervalFault says what is wrong with a text: a word behind a number that is no unit, a number too large, or all of it.
func intervalFault(text string) *dstream.Error {
	for i := 0; i < len(text); {
		amount := digits(text, i)
		if amount == i {
			i++
			continue
		}
		rest := strings.TrimLeft(text[amount:], " ")
		word := rest[:nameLen(rest)]
		switch {
		case len(strings.TrimLeft(text[i:amount], "0")) > 9:
			return &dstream.Error{Msg: fmt.Sprintf("the interval %q is too long", shortened(text))}
		case len(word) > 1 && !isUnit(word) && !hasDigit(word):
			return &dstream.Error{Msg: fmt.Sprintf("unknown unit %q of an interval", shortened(word)), Hint: didYouMean(dstream.Nearest(word, unitNames))}
		}
		i = amount
	}
	return notInterval(text)
}

func hasDigit(s string) bool { return strings.ContainsAny(s, "0123456789") }

func notInterval(text string) *dstream.Error {
	return &dstream.Error{Msg: fmt.Sprintf("%q is not an interval", shortened(text)), Hint: intervalExample}
}
