package columnar

import (
	"errors"
	"fmt"
)

// checkReading says why a pattern cannot read times.
func (p timePattern) checkReading() error {
	var has [fieldZoneName + 1]bool
	for _, piece := range p {
		switch piece.field {
		case fieldText, fieldDayName, fieldDayShort:
		case fieldYear, fieldYearPart, fieldMonth, fieldMonthName, fieldMonthShort, fieldDay, fieldDayOfYear,
			fieldHour, fieldHour12, fieldHourTo24, fieldHourZero12, fieldHalf, fieldHalfDots, fieldMinute, fieldSecond, fieldFraction,
			fieldOffset, fieldOffsetColon, fieldOffsetShort, fieldOffsetBare, fieldOffsetZ, fieldOffsetColonZ, fieldOffsetBareZ, fieldOffsetHour, fieldOffsetMinute:
			if has[piece.field] {
				return errors.New("it has a field twice")
			}
		default:
			return errors.New("it has a field that can be written only, not read")
		}
		has[piece.field] = true
	}
	year, month := has[fieldYear] || has[fieldYearPart], has[fieldMonth] || has[fieldMonthName] || has[fieldMonthShort]
	hour := has[fieldHour] || has[fieldHour12] || has[fieldHourTo24] || has[fieldHourZero12]
	switch {
	case !year && (month || has[fieldDay] || has[fieldDayOfYear]):
		return errors.New("it has a month or a day and no year")
	case has[fieldDay] && !month:
		return errors.New("it has a day and no month")
	case !hour && (has[fieldMinute] || has[fieldHalf] || has[fieldHalfDots]):
		return errors.New("it has minutes and no hours")
	case !has[fieldMinute] && has[fieldSecond], !has[fieldSecond] && has[fieldFraction]:
		return errors.New("it has seconds without minutes, or a fraction without seconds")
	}
	return nil
}

// readTime is what the fields of a text say; what no field says is that of 1970-01-01 00:00.
type readTime struct {
	year, month, day, dayOfYear  int64
	hour, minute, second, micros int64
	offset                       int64 // seconds
	hasOffset, negative          bool
	twelve, afternoon            bool // the hour is one of twelve; PM
}

// read reads the whole of text. local is the time as clocks show it; offset is what the text says of UTC.
func (p timePattern) read(text []byte) (local, offset int64, hasOffset, ok bool) {
	t := readTime{year: 1970, month: 1, day: 1}
	for i := range p {
		if text, ok = p[i].read(text, &t, i+1 < len(p) && p[i+1].readsDigits()); !ok {
			return 0, 0, false, false
		}
	}
	if len(text) > 0 {
		return 0, 0, false, false
	}
	local, ok = t.local()
	return local, t.offset * microsPerSecond, t.hasOffset, ok
}

func (p *timePiece) readsDigits() bool { return p.isNumber() || p.field == fieldFraction }

// read takes the piece off the front of s. Where digits follow, a number has its full width.
func (p *timePiece) read(s []byte, t *readTime, digitsFollow bool) (rest []byte, ok bool) {
	switch p.field {
	case fieldText:
		return readText(s, p.text)
	case fieldMonthName, fieldMonthShort:
		return readName(s, monthNames[:], &t.month)
	case fieldDayName, fieldDayShort:
		var any int64
		return readName(s, dayNames[:], &any)
	case fieldHalf, fieldHalfDots:
		return readHalf(s, t)
	case fieldFraction:
		return readFraction(s, p.width, digitsFollow, t)
	}
	if p.field >= fieldOffset {
		return p.readOffset(s, t)
	}
	return p.readNumber(s, t, digitsFollow)
}

// readText compares; a blank stands for one or more.
func readText(s []byte, want string) (rest []byte, ok bool) {
	for i := 0; i < len(want); i++ {
		if len(s) == 0 || s[0] != want[i] {
			return s, false
		}
		s = s[1:]
		for want[i] == ' ' && len(s) > 0 && s[0] == ' ' {
			s = s[1:]
		}
	}
	return s, true
}

// readName finds a name, or its first three letters, in any case; v is its number from 1.
func readName(s []byte, names []string, v *int64) (rest []byte, ok bool) {
	for i, name := range names {
		for _, n := range []int{len(name), 3} {
			if len(s) >= n && equalFold(s[:n], name[:n]) {
				*v = int64(i) + 1
				return s[n:], true
			}
		}
	}
	return s, false
}

// equalFold compares ASCII letters in any case.
func equalFold(s []byte, word string) bool {
	for i := range s {
		if s[i]|0x20 != word[i]|0x20 {
			return false
		}
	}
	return true
}

func readHalf(s []byte, t *readTime) (rest []byte, ok bool) {
	for i, n := range []int{2, 2, 4, 4} {
		if word := [...]string{"am", "pm", "a.m.", "p.m."}[i]; len(s) >= n && equalFold(s[:n], word) {
			t.afternoon = i%2 == 1
			return s[n:], true
		}
	}
	return s, false
}

func readFraction(s []byte, width int, digitsFollow bool, t *readTime) (rest []byte, ok bool) {
	n, most := 0, 9
	if digitsFollow {
		most = width
	}
	for ; n < len(s) && n < most && isDigit(s[n]); n++ {
		if n < 6 {
			t.micros = t.micros*10 + int64(s[n]-'0')
		}
	}
	for k := n; k < 6; k++ {
		t.micros *= 10
	}
	return s[n:], n > 0 && (!digitsFollow || n == most)
}

// readNumber takes as many digits as the largest value has.
func (p *timePiece) readNumber(s []byte, t *readTime, digitsFollow bool) (rest []byte, ok bool) {
	most, negative := 2, false
	switch p.field {
	case fieldYear:
		most = max(p.width, 4)
		if negative = len(s) > 0 && s[0] == '-'; negative {
			s = s[1:]
		}
	case fieldYearPart:
		most = p.width
	case fieldDayOfYear:
		most = 3
	}
	if digitsFollow {
		most = max(p.width, 1)
	}
	n, v := 0, int64(0)
	for ; n < len(s) && n < most && isDigit(s[n]); n++ {
		v = v*10 + int64(s[n]-'0')
	}
	if n == 0 || digitsFollow && n < most {
		return s, false
	}
	if negative {
		v = -v
	}
	return s[n:], t.set(p, v)
}

// set checks the range of a field.
func (t *readTime) set(p *timePiece, v int64) bool {
	within := func(dst *int64, least, most int64) bool {
		*dst = v
		return v >= least && v <= most
	}
	switch p.field {
	case fieldYear:
		return within(&t.year, -9999, 99_999)
	case fieldYearPart:
		t.year = nearYear(v, p.width)
		return true
	case fieldMonth:
		return within(&t.month, 1, 12)
	case fieldDay:
		return within(&t.day, 1, 31)
	case fieldDayOfYear:
		return within(&t.dayOfYear, 1, 366)
	case fieldHour:
		return within(&t.hour, 0, 23)
	case fieldHourTo24:
		t.hour = v % 24
		return v >= 1 && v <= 24
	case fieldHour12:
		t.twelve, t.hour = true, v%12
		return v >= 1 && v <= 12
	case fieldHourZero12:
		t.twelve = true
		return within(&t.hour, 0, 11)
	case fieldMinute:
		return within(&t.minute, 0, 59)
	}
	return within(&t.second, 0, 59)
}

// nearYear completes a year of few digits: from 1970 to 2069 for two.
func nearYear(v int64, digits int) int64 {
	span := powerOfTen(digits)
	year := 2070 - span + (v-(2070-span))%span
	if year < 2070-span {
		year += span
	}
	return year
}

// readOffset reads Z, ±hh, ±hhmm or ±hh:mm; TZH and TZM read a part each.
func (p *timePiece) readOffset(s []byte, t *readTime) (rest []byte, ok bool) {
	t.hasOffset = true
	if p.field == fieldOffsetMinute {
		if len(s) < 2 {
			return s, false
		}
		m := twoDigits(s[0], s[1])
		if t.offset += int64(m) * 60; t.negative {
			t.offset -= int64(m) * 120
		}
		return s[2:], m >= 0 && m < 60
	}
	if len(s) > 0 && s[0]|0x20 == 'z' {
		return s[1:], true
	}
	n := 3
	if p.field != fieldOffsetHour {
		switch {
		case len(s) >= 6 && s[3] == ':':
			n = 6
		case len(s) >= 5 && isDigit(s[3]):
			n = 5
		}
	}
	if len(s) < n {
		return s, false
	}
	seconds, ok := zoneSeconds(s[:n])
	t.offset, t.negative = int64(seconds), s[0] == '-'
	return s[n:], ok
}

// local puts the fields together.
func (t *readTime) local() (int64, bool) {
	if t.twelve && t.afternoon {
		t.hour += 12
	}
	day := daysOfYearMonth(t.year, t.month) + t.day - 1
	leap := int64(daysInMonth(int(t.year-floorDiv(t.year, 400)*400), 2))
	switch {
	case t.dayOfYear > 337+leap:
		return 0, false
	case t.dayOfYear > 0:
		day = daysOfYearMonth(t.year, 1) + t.dayOfYear - 1
	case t.day > int64(daysInMonth(int(t.year-floorDiv(t.year, 400)*400), int(t.month))):
		return 0, false
	}
	return day*microsPerDay + t.hour*microsPerHour + t.minute*microsPerMinute + t.second*microsPerSecond + t.micros, true
}

// readingPattern compiles a pattern to read times with.
func readingPattern(dialect, pattern string) (timePattern, error) {
	p, err := compileTimePattern(dialect, pattern)
	if err != nil {
		return nil, err
	}
	if err := p.checkReading(); err != nil {
		return nil, fmt.Errorf("pattern %q: %w", pattern, err)
	}
	return p, nil
}

// merged puts texts that follow each other together.
func (p timePattern) merged() (out timePattern) {
	for _, piece := range p {
		if last := len(out) - 1; piece.field == fieldText && last >= 0 && out[last].field == fieldText {
			out[last].text += piece.text
			continue
		}
		out = append(out, piece)
	}
	return out
}

// readsAlike reports whether two pieces take the same texts for the same values.
func readsAlike(a, b timePiece) bool {
	return a.field == b.field && a.text == b.text && (a.width == b.width || !a.readsDigits())
}
