package columnar

import (
	"fmt"
	"strings"
)

// A timePattern is what the patterns of PostgreSQL, Java and C for writing and reading times are compiled to, once for
// each expression.
type timePattern []timePiece

// timePiece is one field of a time, or a text.
type timePiece struct {
	field   timeField
	width   int       // numbers: digits at least; fractions: digits; names: blanks are added up to it
	pad     byte      // numbers: what fills up, '0' or ' '; 0 fills nothing
	words   wordStyle // names
	ordinal string    // behind a number: "" none, "th" or "TH"
	text    string    // of fieldText
}

type wordStyle uint8

const (
	titleWord wordStyle = iota // March
	upperWord
	lowerWord
)

type timeField uint8

const (
	fieldText timeField = iota
	fieldYear
	fieldYearPart // its last width digits
	fieldISOYear
	fieldISOYearPart
	fieldCentury
	fieldQuarter
	fieldMonth
	fieldMonthName
	fieldMonthShort
	fieldISOWeek
	fieldWeekOfYear  // 1 begins on January 1
	fieldWeekOfMonth // 1 begins on the 1st
	fieldSundayWeek  // 0 ends before the first Sunday of the year
	fieldMondayWeek
	fieldDayOfYear
	fieldDay
	fieldDayName
	fieldDayShort
	fieldSundayZero // day of the week, 0 to 6
	fieldSundayOne  // 1 to 7
	fieldMondayOne
	fieldJulian
	fieldHour
	fieldHour12     // 12, 1 … 11
	fieldHourTo24   // 24, 1 … 23
	fieldHourZero12 // 0 … 11
	fieldHalf       // AM, PM
	fieldHalfDots   // A.M., P.M.
	fieldMinute
	fieldSecond
	fieldSecondOfDay
	fieldFraction
	fieldOffset       // +hhmm
	fieldOffsetColon  // +hh:mm
	fieldOffsetShort  // +hh, and :mm where that is not 0
	fieldOffsetBare   // +hh, and mm where that is not 0
	fieldOffsetZ      // as the one of the same width, but Z for UTC
	fieldOffsetColonZ //
	fieldOffsetBareZ  //
	fieldOffsetHour   // +hh
	fieldOffsetMinute // mm
	fieldZoneName
)

// literalPiece is a text that stands for itself.
func literalPiece(s string) timePiece { return timePiece{field: fieldText, text: s} }

// number is a field with zeros in front up to a width.
func number(f timeField, width int) timePiece {
	if width == 1 {
		return timePiece{field: f, width: 1}
	}
	return timePiece{field: f, width: width, pad: '0'}
}

// patternDialects compile patterns. The error is a clause about the pattern.
var patternDialects = map[string]func(pattern string) (timePattern, error){
	"postgresql": compilePostgresPattern, "java": compileJavaPattern, "c": compileCPattern,
}

// maxTimePattern bounds the text of a pattern.
const maxTimePattern = 1024

// compileTimePattern compiles a pattern of one of [patternDialects].
func compileTimePattern(dialect, pattern string) (timePattern, error) {
	if pattern == "" || len(pattern) > maxTimePattern {
		return nil, fmt.Errorf("the pattern is empty or longer than 1,024 bytes")
	}
	p, err := patternDialects[dialect](pattern)
	if err != nil {
		return nil, fmt.Errorf("pattern %q: %w", pattern, err)
	}
	return p, nil
}

// needsZone reports whether the pattern has a field that a time without a zone does not have.
func (p timePattern) needsZone() bool {
	for _, piece := range p {
		if piece.field >= fieldOffset {
			return true
		}
	}
	return false
}

var (
	monthNames = [...]string{"January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"}
	dayNames   = [...]string{"Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"}
)

// wallTime is a time taken apart. The calendar is computed again only for another day.
type wallTime struct {
	ready  bool
	day    int64 // since 1970-01-01
	date   civil
	micros int64 // of the day
	offset int64 // seconds that clocks are ahead of UTC
	zone   string
}

func (w *wallTime) set(local int64) {
	day := floorDiv(local, microsPerDay)
	if day != w.day || !w.ready {
		w.day, w.date, w.ready = day, civilOf(day), true
	}
	w.micros = local - day*microsPerDay
}

// append writes the time.
func (p timePattern) append(dst []byte, w *wallTime) []byte {
	for i := range p {
		piece := &p[i]
		switch {
		case piece.field == fieldText:
			dst = append(dst, piece.text...)
		case piece.field >= fieldOffset:
			dst = piece.appendOffset(dst, w)
		default:
			dst = piece.appendField(dst, w)
		}
	}
	return dst
}

func (p *timePiece) appendField(dst []byte, w *wallTime) []byte {
	switch p.field {
	case fieldMonthName:
		return p.appendWord(dst, monthNames[w.date.month-1])
	case fieldMonthShort:
		return p.appendWord(dst, monthNames[w.date.month-1][:3])
	case fieldDayName:
		return p.appendWord(dst, dayNames[weekday(w.day)-1])
	case fieldDayShort:
		return p.appendWord(dst, dayNames[weekday(w.day)-1][:3])
	case fieldHalf, fieldHalfDots:
		return p.appendWord(dst, halves[p.field == fieldHalfDots][w.micros/microsPerHour/12])
	case fieldFraction:
		return appendFraction(dst, w.micros%microsPerSecond, p.width)
	}
	v := p.number(w)
	if v < 0 {
		dst, v = append(dst, '-'), -v
	}
	begin := len(dst)
	for limit, k := int64(10), p.width; k > 1 && p.pad != 0; k-- {
		if v < limit {
			dst = append(dst, p.pad)
		}
		limit *= 10
	}
	dst = appendInt(dst, v)
	if p.ordinal != "" {
		dst = appendOrdinal(dst, dst[begin:], p.ordinal == "TH")
	}
	return dst
}

var halves = map[bool][2]string{false: {"AM", "PM"}, true: {"A.M.", "P.M."}}

// number is the value of a numeric field.
func (p *timePiece) number(w *wallTime) int64 {
	if p.field >= fieldHour {
		return p.clockNumber(w.micros)
	}
	if p.field >= fieldISOWeek {
		return p.dayNumber(w)
	}
	switch p.field {
	case fieldYear:
		return w.date.year
	case fieldYearPart:
		return w.date.year % powerOfTen(p.width)
	case fieldISOYear:
		return civilOf(thursday(w.day)).year
	case fieldISOYearPart:
		return civilOf(thursday(w.day)).year % powerOfTen(p.width)
	case fieldCentury:
		return floorDiv(w.date.year-1, 100) + 1
	case fieldQuarter:
		return (w.date.month + 2) / 3
	}
	return w.date.month
}

func (p *timePiece) dayNumber(w *wallTime) int64 {
	switch p.field {
	case fieldISOWeek:
		return (dayOfYear(thursday(w.day)) + 6) / 7
	case fieldWeekOfYear:
		return (dayOfYear(w.day) + 6) / 7
	case fieldWeekOfMonth:
		return (w.date.day + 6) / 7
	case fieldSundayWeek:
		return (dayOfYear(w.day) + 6 - weekday(w.day)%7) / 7
	case fieldMondayWeek:
		return (dayOfYear(w.day) + 7 - weekday(w.day)) / 7
	case fieldDayOfYear:
		return dayOfYear(w.day)
	case fieldSundayZero:
		return weekday(w.day) % 7
	case fieldSundayOne:
		return weekday(w.day)%7 + 1
	case fieldMondayOne:
		return weekday(w.day)
	case fieldJulian:
		return w.day + 2_440_588
	}
	return w.date.day
}

func (p *timePiece) clockNumber(micros int64) int64 {
	hour := micros / microsPerHour
	switch p.field {
	case fieldHour12:
		return (hour+11)%12 + 1
	case fieldHourTo24:
		return (hour+23)%24 + 1
	case fieldHourZero12:
		return hour % 12
	case fieldMinute:
		return micros / microsPerMinute % 60
	case fieldSecond:
		return micros / microsPerSecond % 60
	case fieldSecondOfDay:
		return micros / microsPerSecond
	}
	return hour
}

func powerOfTen(n int) int64 {
	p := int64(1)
	for range n {
		p *= 10
	}
	return p
}

// appendWord writes a name, with blanks behind it up to the width.
func (p *timePiece) appendWord(dst []byte, name string) []byte {
	switch p.words {
	case upperWord:
		name = strings.ToUpper(name)
	case lowerWord:
		name = strings.ToLower(name)
	}
	dst = append(dst, name...)
	for n := len(name); n < p.width; n++ {
		dst = append(dst, ' ')
	}
	return dst
}

// appendFraction writes the first digits of a fraction of a second, zeros behind the sixth.
func appendFraction(dst []byte, micros int64, digits int) []byte {
	for unit := int64(100_000); digits > 0; digits-- {
		if unit == 0 {
			dst = append(dst, '0')
			continue
		}
		dst = append(dst, byte('0'+micros/unit%10))
		unit /= 10
	}
	return dst
}

// appendOrdinal writes st, nd, rd or th behind a number.
func appendOrdinal(dst, digits []byte, upper bool) []byte {
	last, teen := digits[len(digits)-1], len(digits) > 1 && digits[len(digits)-2] == '1'
	end := "th"
	if k := strings.IndexByte("123", last); k >= 0 && !teen {
		end = [...]string{"st", "nd", "rd"}[k]
	}
	if upper {
		end = strings.ToUpper(end)
	}
	return append(dst, end...)
}

func (p *timePiece) appendOffset(dst []byte, w *wallTime) []byte {
	minutes, sign := w.offset/60, byte('+')
	if minutes < 0 {
		minutes, sign = -minutes, '-'
	}
	switch p.field {
	case fieldZoneName:
		return append(dst, w.zone...)
	case fieldOffsetMinute:
		return appendPadded(dst, minutes%60, 2)
	case fieldOffsetZ, fieldOffsetColonZ, fieldOffsetBareZ:
		if w.offset == 0 {
			return append(dst, 'Z')
		}
	}
	dst = appendPadded(append(dst, sign), minutes/60, 2)
	switch p.field {
	case fieldOffset, fieldOffsetZ:
		return appendPadded(dst, minutes%60, 2)
	case fieldOffsetColon, fieldOffsetColonZ:
		return appendPadded(append(dst, ':'), minutes%60, 2)
	case fieldOffsetShort:
		if minutes%60 != 0 {
			return appendPadded(append(dst, ':'), minutes%60, 2)
		}
	case fieldOffsetBare, fieldOffsetBareZ:
		if minutes%60 != 0 {
			return appendPadded(dst, minutes%60, 2)
		}
	}
	return dst
}
