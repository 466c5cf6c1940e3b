package columnar

import (
	"errors"
	"fmt"
)

// cFields are the fields of strftime of C and DuckDB, behind a %. Fields that depend on a language are not among them.
var cFields = map[byte]timePattern{
	'a': {{field: fieldDayShort}}, 'A': {{field: fieldDayName}}, 'b': {{field: fieldMonthShort}}, 'h': {{field: fieldMonthShort}}, 'B': {{field: fieldMonthName}},
	'w': {number(fieldSundayZero, 1)}, 'u': {number(fieldMondayOne, 1)}, 'd': {number(fieldDay, 2)}, 'e': {{field: fieldDay, width: 2, pad: ' '}},
	'm': {number(fieldMonth, 2)}, 'y': {number(fieldYearPart, 2)}, 'Y': {number(fieldYear, 4)},
	'H': {number(fieldHour, 2)}, 'I': {number(fieldHour12, 2)}, 'p': {{field: fieldHalf, words: upperWord}}, 'M': {number(fieldMinute, 2)}, 'S': {number(fieldSecond, 2)},
	'f': {{field: fieldFraction, width: 6}}, 'g': {{field: fieldFraction, width: 3}}, 'j': {number(fieldDayOfYear, 3)},
	'U': {number(fieldSundayWeek, 2)}, 'W': {number(fieldMondayWeek, 2)}, 'V': {number(fieldISOWeek, 2)}, 'G': {number(fieldISOYear, 4)},
	'z': {{field: fieldOffset}}, 'Z': {{field: fieldZoneName}}, '%': {literalPiece("%")}, 't': {literalPiece("\t")},
	'F': {number(fieldYear, 4), literalPiece("-"), number(fieldMonth, 2), literalPiece("-"), number(fieldDay, 2)},
	'T': {number(fieldHour, 2), literalPiece(":"), number(fieldMinute, 2), literalPiece(":"), number(fieldSecond, 2)},
	'R': {number(fieldHour, 2), literalPiece(":"), number(fieldMinute, 2)},
	'D': {number(fieldMonth, 2), literalPiece("/"), number(fieldDay, 2), literalPiece("/"), number(fieldYearPart, 2)},
}

var cRefused = map[byte]string{
	'C': "%C is not supported", 's': "%s is not supported; seconds are %S, and epoch(time) counts them since 1970", 'i': "the minute is %M", 'k': "the hour is %-H", 'l': "the hour of twelve is %-I",
	'c': "%c depends on a language", 'x': "%x depends on a language; write %F", 'X': "%X depends on a language; write %T", 'n': "%n is not supported; times have microseconds, %f", 'r': "write %I:%M:%S %p",
}

// compileCPattern reads fields behind a %; %- in front of a number leaves out its zeros. All else stands for itself.
func compileCPattern(pattern string) (p timePattern, err error) {
	text := 0
	for i := 0; i < len(pattern); i++ {
		if pattern[i] != '%' {
			continue
		}
		if i > text {
			p = append(p, literalPiece(pattern[text:i]))
		}
		short := i+1 < len(pattern) && pattern[i+1] == '-'
		if short {
			i++
		}
		if i++; i >= len(pattern) {
			return nil, errors.New("there is no field behind the last %")
		}
		fields, ok := cFields[pattern[i]]
		switch {
		case cRefused[pattern[i]] != "":
			return nil, errors.New(cRefused[pattern[i]])
		case !ok || short && (len(fields) > 1 || !fields[0].isNumber()):
			return nil, fmt.Errorf("%q is no field", "%"+suffix(short, "-")+pattern[i:i+1])
		case short:
			piece := fields[0]
			piece.width, piece.pad = unfilled(piece), 0
			p = append(p, piece)
		default:
			p = append(p, fields...)
		}
		text = i + 1
	}
	if text < len(pattern) {
		p = append(p, literalPiece(pattern[text:]))
	}
	return p, nil
}
