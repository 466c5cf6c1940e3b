package columnar

import (
	"errors"
	"fmt"
	"strings"
)

// compileJavaPattern reads a pattern of Java's DateTimeFormatter, as Spark and Flink take them: runs of letters are
// fields, 'texts' stand in single quotes and ” is a quote.
func compileJavaPattern(pattern string) (p timePattern, err error) {
	for s := pattern; len(s) > 0; {
		n := 1
		switch c := s[0]; {
		case c == '\'':
			text, length, err := javaQuoted(s)
			if err != nil {
				return nil, err
			}
			p, n = append(p, literalPiece(text)), length
		case c == '[' || c == ']' || c == '{' || c == '}' || c == '#':
			return nil, fmt.Errorf("%q is not supported", string(c))
		case c == '%':
			return nil, errors.New("fields with % are those of strftime and strptime; here the year is yyyy, the month MM, the day dd, the hour HH, the minute mm, the second ss")
		case isLetter(c):
			for n < len(s) && s[n] == c {
				n++
			}
			piece, err := javaField(c, n)
			if err != nil {
				return nil, err
			}
			p = append(p, piece...)
		default:
			p = append(p, literalPiece(s[:1]))
		}
		s = s[n:]
	}
	return p, nil
}

// javaQuoted is the text of 'text', or the quote of ”.
func javaQuoted(s string) (text string, length int, err error) {
	if strings.HasPrefix(s, "''") {
		return "'", 2, nil
	}
	for at := 1; at < len(s); at++ {
		if s[at] != '\'' {
			text += s[at : at+1]
			continue
		}
		if at+1 == len(s) || s[at+1] != '\'' {
			return text, at + 1, nil
		}
		text += "'"
		at++
	}
	return "", 0, errors.New("a single quote has no partner")
}

// javaNumbers are the fields that are numbers, with the most letters that they may have.
var javaNumbers = map[byte]struct {
	field timeField
	most  int
}{
	'd': {fieldDay, 2}, 'D': {fieldDayOfYear, 3}, 'H': {fieldHour, 2}, 'h': {fieldHour12, 2}, 'k': {fieldHourTo24, 2}, 'K': {fieldHourZero12, 2},
	'm': {fieldMinute, 2}, 's': {fieldSecond, 2}, 'q': {fieldQuarter, 2}, 'Q': {fieldQuarter, 2},
}

var javaRefused = map[byte]string{
	'Y': "the year of weeks is not supported, the year is yyyy", 'w': "weeks are not supported; write week(time)", 'W': "weeks are not supported; write week(time)",
	'u': "u is the year or the weekday, by version; write yyyy or EEE", 'e': "write dayofweek(time)", 'c': "write dayofweek(time)", 'F': "F is not supported",
	'G': "eras are not supported", 'z': "short names of time zones are not supported; write XXX or VV", 'O': "write XXX", 'n': "write SSSSSS", 'N': "write SSSSSS", 'A': "write SSSSSS",
	'i': "fields are those of Java; in them the minute is mm",
}

func javaField(c byte, n int) (timePattern, error) {
	one := func(p timePiece) (timePattern, error) { return timePattern{p}, nil }
	tooMany := fmt.Errorf("%s has too many letters", strings.Repeat(string(c), n))
	if f, ok := javaNumbers[c]; ok {
		if n > f.most {
			return nil, tooMany
		}
		return one(number(f.field, n))
	}
	switch {
	case c == 'y' && n == 2:
		return one(number(fieldYearPart, 2))
	case c == 'y' && n <= 6:
		return one(number(fieldYear, n))
	case (c == 'M' || c == 'L') && n <= 4:
		return one([...]timePiece{number(fieldMonth, 1), number(fieldMonth, 2), {field: fieldMonthShort}, {field: fieldMonthName}}[n-1])
	case c == 'E' && n <= 3:
		return one(timePiece{field: fieldDayShort})
	case c == 'E' && n == 4:
		return one(timePiece{field: fieldDayName})
	case c == 'a' && n == 1:
		return one(timePiece{field: fieldHalf, words: upperWord})
	case c == 'S' && n <= 9:
		return one(timePiece{field: fieldFraction, width: n})
	case c == 'X' && n <= 3:
		return one(timePiece{field: [...]timeField{fieldOffsetBareZ, fieldOffsetZ, fieldOffsetColonZ}[n-1]})
	case c == 'x' && n <= 3:
		return one(timePiece{field: [...]timeField{fieldOffsetBare, fieldOffset, fieldOffsetColon}[n-1]})
	case c == 'Z' && n <= 3:
		return one(timePiece{field: fieldOffset})
	case c == 'Z' && n == 5:
		return one(timePiece{field: fieldOffsetColonZ})
	case c == 'V' && n == 2:
		return one(timePiece{field: fieldZoneName})
	}
	if why := javaRefused[c]; why != "" {
		return nil, errors.New(why)
	}
	if strings.IndexByte("yMLEaSXxZV", c) >= 0 {
		return nil, tooMany
	}
	return nil, fmt.Errorf("%q is no field; a text stands in single quotes", string(c))
}
