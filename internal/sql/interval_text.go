package sql

import (
	"fmt"
	"math"
	"math/big"
	"strings"

	"github.com/millrace/millrace/dstream"
)

// unitNames are the units in full, for hints; the singular, the plural and the short forms are all taken.
var unitNames = []string{"microsecond", "millisecond", "second", "minute", "hour", "day", "week", "month", "quarter", "year"}

// unit is a multiple of months, of days, or of microseconds.
type unit struct {
	kind  int // 0 months, 1 days, 2 microseconds
	count int64
}

const (
	microsPerSecond = 1_000_000
	microsPerDay    = 86_400 * microsPerSecond
)

var units = unitTable(map[string]unit{
	"microsecond us usec": {2, 1},
	"millisecond ms msec": {2, 1000},
	"second sec s":        {2, microsPerSecond},
	"minute min m":        {2, 60 * microsPerSecond},
	"hour hr hrs h":       {2, 3600 * microsPerSecond},
	"day d":               {1, 1},
	"week w":              {1, 7},
	"month mon":           {0, 1},
	"quarter":             {0, 3},
	"year yr yrs y":       {0, 12},
	"decade":              {0, 120},
	"century":             {0, 1200},
})

func unitTable(list map[string]unit) map[string]unit {
	table := map[string]unit{}
	for names, u := range list {
		for _, n := range strings.Fields(names) {
			table[n] = u
			if len(n) > 2 { // not ms for minutes
				table[n+"s"] = u
			}
		}
	}
	table["centuries"] = table["century"]
	return table
}

func isUnit(key string) bool { _, ok := units[strings.ToLower(key)]; return ok && key != "" }

func hasUnit(s string) bool { return strings.ContainsFunc(s, isNameStart) }

const maxParts = 20 // of the text of an interval

// parseInterval reads pairs of an amount and a unit, with a time of day as the last part if there is one, or ISO 8601.
func parseInterval(text string) (span, *dstream.Error) {
	trimmed := strings.TrimSpace(text)
	if len(trimmed) > 500 {
		return span{}, notInterval(text)
	}
	if strings.HasPrefix(strings.TrimLeft(trimmed, "-+"), "P") {
		return isoInterval(trimmed)
	}
	words := strings.Fields(spacedUnits(trimmed))
	if len(words) == 0 || len(words) > 2*maxParts {
		return span{}, notInterval(text)
	}
	var sum amounts
	for i := 0; i < len(words); i += 2 {
		last := i == len(words)-1
		if last && !strings.Contains(words[i], ":") {
			return span{}, notInterval(text)
		}
		var err *dstream.Error
		if last {
			err = sum.clock(words[i])
		} else {
			err = sum.add(words[i], words[i+1], 1)
		}
		if err != nil {
			return span{}, err
		}
	}
	return sum.checked(text)
}

func notInterval(text string) *dstream.Error {
	return &dstream.Error{Msg: fmt.Sprintf("%q is not an interval", shortened(text)), Hint: intervalExample}
}

// spacedUnits puts a blank between an amount and a unit written together, as in 1h30m.
func spacedUnits(s string) string {
	var b strings.Builder
	var before rune
	for _, c := range s {
		if numeric(before) && isNameStart(c) || isNameStart(before) && numeric(c) {
			b.WriteByte(' ')
		}
		before = c
		b.WriteRune(c)
	}
	return b.String()
}

func numeric(c rune) bool { return '0' <= c && c <= '9' || c == '.' }

// amounts adds up the parts of an interval exactly. Fractions of days and weeks become microseconds, as in PostgreSQL.
type amounts [3]big.Rat

// add adds an amount of a unit, with a sign.
func (a *amounts) add(amount, name string, sign int) *dstream.Error {
	u, ok := units[strings.ToLower(name)]
	if !ok {
		return &dstream.Error{Msg: fmt.Sprintf("unknown unit %q of an interval", shortened(name)), Hint: didYouMean(dstream.Nearest(shortened(name), unitNames))}
	}
	n, ok := number(amount)
	if !ok {
		return &dstream.Error{Msg: fmt.Sprintf("%q is not a number of %s", shortened(amount), name), Hint: intervalExample}
	}
	n.Mul(n, new(big.Rat).SetInt64(u.count*int64(sign)))
	if u.kind == 1 && !n.IsInt() {
		whole := new(big.Rat).SetInt(new(big.Int).Quo(n.Num(), n.Denom()))
		rest := new(big.Rat).Sub(n, whole)
		a[2].Add(&a[2], rest.Mul(rest, new(big.Rat).SetInt64(microsPerDay)))
		n = whole
	}
	a[u.kind].Add(&a[u.kind], n)
	return nil
}

// number reads a number such as -1.5.
func number(s string) (*big.Rat, bool) {
	unsigned := strings.TrimLeft(s, "+-")
	if len(s) > 20 || len(s)-len(unsigned) > 1 || strings.Trim(unsigned, ".0123456789") != "" {
		return nil, false
	}
	return new(big.Rat).SetString(s)
}

// clock adds a time of day: [-]04:05:06.7 or [-]04:05.
func (a *amounts) clock(s string) *dstream.Error {
	sign, unsigned := 1, s
	if strings.HasPrefix(s, "-") {
		sign, unsigned = -1, s[1:]
	}
	parts := strings.Split(strings.TrimPrefix(unsigned, "+"), ":")
	if len(parts) > 3 {
		return notInterval(s)
	}
	for i, part := range parts {
		if !plainNumber(part, i == 2) {
			return notInterval(s)
		}
		if err := a.add(part, strings.ToLower(intervalFields[3+i]), sign); err != nil {
			return err
		}
	}
	return nil
}

// span is the sum, if it fits.
func (a *amounts) span() (s span, ok bool) {
	for i := range a {
		if !a[i].IsInt() || !a[i].Num().IsInt64() {
			return s, false
		}
	}
	months, days, micros := a[0].Num().Int64(), a[1].Num().Int64(), a[2].Num().Int64()
	s = span{months: int32(months), days: int32(days), micros: micros}
	return s, int64(s.months) == months && int64(s.days) == days && micros != math.MinInt64
}

func (a *amounts) checked(text string) (span, *dstream.Error) {
	s, ok := a.span()
	switch {
	case ok:
		return s, nil
	case !a[0].IsInt():
		return s, &dstream.Error{Msg: fmt.Sprintf("the interval %q has a part of a month, which has no fixed length", shortened(text)), Hint: "write it in days"}
	}
	return s, &dstream.Error{Msg: fmt.Sprintf("the interval %q is too long, or no whole number of microseconds", shortened(text))}
}

// isoUnits are the letters of ISO 8601, in front of the T and behind it.
var isoUnits = [2]map[byte]string{{'Y': "year", 'M': "month", 'W': "week", 'D': "day"}, {'H': "hour", 'M': "minute", 'S': "second"}}

// isoInterval reads P1Y2M3DT4H5M6.7S.
func isoInterval(text string) (span, *dstream.Error) {
	sign, rest := 1, text
	if strings.HasPrefix(text, "-") {
		sign, rest = -1, text[1:]
	}
	rest = strings.TrimPrefix(strings.TrimPrefix(rest, "+"), "P")
	var sum amounts
	part, parts := 0, 0
	for rest != "" {
		if rest[0] == 'T' && part == 0 {
			part, rest = 1, rest[1:]
			continue
		}
		i := strings.IndexFunc(rest, func(c rune) bool { return c > '9' })
		if i < 1 || parts == maxParts {
			return span{}, notInterval(text)
		}
		unit, ok := isoUnits[part][rest[i]]
		if !ok || sum.add(rest[:i], unit, sign) != nil {
			return span{}, notInterval(text)
		}
		rest = rest[i+1:]
		parts++
	}
	if parts == 0 {
		return span{}, notInterval(text)
	}
	return sum.checked(text)
}
