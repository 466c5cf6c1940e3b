package columnar

import (
	"errors"
	"fmt"
	"strings"
)

// postgresFields are the fields of PostgreSQL's to_char, longest first among those with one beginning. HH is the hour of
// twelve, and MM and mm are the month: the minute is MI.
var postgresFields = []struct {
	name  string
	piece timePiece
}{
	{"HH24", number(fieldHour, 2)}, {"HH12", number(fieldHour12, 2)}, {"HH", number(fieldHour12, 2)},
	{"MI", number(fieldMinute, 2)}, {"SSSSS", number(fieldSecondOfDay, 1)}, {"SSSS", number(fieldSecondOfDay, 1)}, {"SS", number(fieldSecond, 2)},
	{"MS", timePiece{field: fieldFraction, width: 3}}, {"US", timePiece{field: fieldFraction, width: 6}},
	{"FF1", timePiece{field: fieldFraction, width: 1}}, {"FF2", timePiece{field: fieldFraction, width: 2}}, {"FF3", timePiece{field: fieldFraction, width: 3}},
	{"FF4", timePiece{field: fieldFraction, width: 4}}, {"FF5", timePiece{field: fieldFraction, width: 5}}, {"FF6", timePiece{field: fieldFraction, width: 6}},
	{"A.M.", timePiece{field: fieldHalfDots}}, {"P.M.", timePiece{field: fieldHalfDots}}, {"AM", timePiece{field: fieldHalf}}, {"PM", timePiece{field: fieldHalf}},
	{"YYYY", number(fieldYear, 4)}, {"YYY", number(fieldYearPart, 3)}, {"YY", number(fieldYearPart, 2)}, {"Y", number(fieldYearPart, 1)},
	{"IYYY", number(fieldISOYear, 4)}, {"IYY", number(fieldISOYearPart, 3)}, {"IY", number(fieldISOYearPart, 2)},
	{"MONTH", timePiece{field: fieldMonthName, width: 9}}, {"MON", timePiece{field: fieldMonthShort}}, {"MM", number(fieldMonth, 2)},
	{"DAY", timePiece{field: fieldDayName, width: 9}}, {"DY", timePiece{field: fieldDayShort}},
	{"DDD", number(fieldDayOfYear, 3)}, {"DD", number(fieldDay, 2)}, {"D", number(fieldSundayOne, 1)},
	{"IW", number(fieldISOWeek, 2)}, {"ID", number(fieldMondayOne, 1)}, {"I", number(fieldISOYearPart, 1)},
	{"WW", number(fieldWeekOfYear, 2)}, {"W", number(fieldWeekOfMonth, 1)},
	{"CC", number(fieldCentury, 2)}, {"Q", number(fieldQuarter, 1)}, {"J", number(fieldJulian, 1)},
	{"TZH", timePiece{field: fieldOffsetHour}}, {"TZM", timePiece{field: fieldOffsetMinute}}, {"OF", timePiece{field: fieldOffsetShort}},
}

// postgresRefused are fields of PostgreSQL that do not exist here.
var postgresRefused = []struct{ name, what string }{
	{"IDDD", "days of weekly years"}, {"BC", "eras"}, {"AD", "eras"}, {"B.C.", "eras"}, {"A.D.", "eras"}, {"RM", "Roman numbers"},
	{"TZ", "short names of time zones; write TZH:TZM"}, {"Y,YYY", "years with a comma"}, {"FX", "exact reading"}, {"TM", "translated names"}, {"SP", "numbers in words"},
}

// compilePostgresPattern reads fields in any case, "texts" in double quotes, the prefix FM (no padding) and the suffix TH.
func compilePostgresPattern(pattern string) (p timePattern, err error) {
	month := "" // as it was written
	for s := pattern; len(s) > 0; {
		var piece timePiece
		var name string
		n := 0
		switch {
		case s[0] == '"':
			end := strings.IndexByte(s[1:], '"')
			if end < 0 {
				return nil, errors.New("a double quote has no partner")
			}
			piece, n = literalPiece(s[1:1+end]), end+2
		case s[0] == '\\' && len(s) > 1:
			piece, n = literalPiece(s[1:2]), 2
		case !isLetter(s[0]) && !isDigit(s[0]):
			n = 1
			for n < len(s) && s[n] != '"' && s[n] != '\\' && !isLetter(s[n]) && !isDigit(s[n]) {
				n++
			}
			piece = literalPiece(s[:n])
		default:
			if piece, name, n, err = postgresField(s); err != nil {
				return nil, err
			}
		}
		if piece.field == fieldMonth {
			if month != "" && month != name {
				return nil, errors.New("MM and mm are both the month; the minute is MI, the hour of the day HH24")
			}
			month = name
		}
		p, s = append(p, piece), s[n:]
	}
	return p, nil
}

func isLetter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }

func hasPrefixFold(s, prefix string) bool {
	return len(s) >= len(prefix) && strings.EqualFold(s[:len(prefix)], prefix)
}

// postgresField is the field at the front of s, its name as written, and its length with prefix and suffix.
func postgresField(s string) (piece timePiece, name string, n int, err error) {
	fill := true
	if hasPrefixFold(s, "FM") {
		fill, n = false, 2
	}
	if err := refusePostgresField(s[n:]); err != nil {
		return piece, "", 0, err
	}
	for _, f := range postgresFields {
		if !hasPrefixFold(s[n:], f.name) {
			continue
		}
		piece, name = f.piece, s[n:n+len(f.name)]
		piece.words = wordStyleOf(name)
		if n += len(name); !fill {
			piece.width, piece.pad = unfilled(piece), 0
		}
		if hasPrefixFold(s[n:], "TH") && piece.isNumber() {
			piece.ordinal = s[n : n+2]
			n += 2
		}
		return piece, name, n, nil
	}
	return piece, "", 0, fmt.Errorf("%q is no field; a text stands in double quotes", s[n:][:min(1, len(s)-n)])
}

func refusePostgresField(s string) error {
	if hasPrefixFold(s, "TZH") || hasPrefixFold(s, "TZM") {
		return nil
	}
	for _, r := range postgresRefused {
		if hasPrefixFold(s, r.name) {
			return fmt.Errorf("%s (%s) is not supported", r.name, r.what)
		}
	}
	return nil
}

// unfilled is the width of a piece without padding. That of a fraction, and of the last digits of a year, stays.
func unfilled(p timePiece) int {
	switch p.field {
	case fieldFraction, fieldYearPart, fieldISOYearPart:
		return p.width
	}
	return 0
}

func (p timePiece) isNumber() bool {
	switch p.field {
	case fieldText, fieldMonthName, fieldMonthShort, fieldDayName, fieldDayShort, fieldHalf, fieldHalfDots, fieldFraction:
		return false
	}
	return p.field < fieldOffset
}

// wordStyleOf goes by the first two letters: MONTH, Month or month.
func wordStyleOf(name string) wordStyle {
	switch {
	case name[0] >= 'a':
		return lowerWord
	case len(name) > 1 && name[1] >= 'a':
		return titleWord
	}
	return upperWord
}
