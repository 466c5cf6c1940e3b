package columnar

import (
	"bytes"
	"math"
	"strconv"
)

// AppendInterval writes an interval as PostgreSQL does: 1 year 2 mons 3 days 04:05:06.789.
func AppendInterval(dst []byte, v Int128) []byte {
	months, days, micros := v.Interval()
	w := intervalWriter{dst: dst}
	w.part(int64(months)/12, "year")
	w.part(int64(months)%12, "mon")
	w.part(int64(days), "day")
	if micros != 0 || !w.begun {
		w.clock(micros)
	}
	return w.dst
}

type intervalWriter struct {
	dst      []byte
	begun    bool
	negative bool // the last part was negative, so that the next one shows its plus
}

func (w *intervalWriter) next() {
	if w.begun {
		w.dst = append(w.dst, ' ')
	}
	w.begun = true
}

func (w *intervalWriter) part(n int64, unit string) {
	if n == 0 {
		return
	}
	w.next()
	if w.negative && n > 0 {
		w.dst = append(w.dst, '+')
	}
	w.negative = n < 0
	w.dst = append(append(strconv.AppendInt(w.dst, n, 10), ' '), unit...)
	if n != 1 {
		w.dst = append(w.dst, 's')
	}
}

func (w *intervalWriter) clock(micros int64) {
	w.next()
	size := uint64(micros)
	if micros < 0 {
		w.dst, size = append(w.dst, '-'), -size
	} else if w.negative {
		w.dst = append(w.dst, '+')
	}
	w.dst = appendPadded(w.dst, int64(size/microsPerHour), 2)
	w.dst = appendClock(append(w.dst, ':'), int64(size%microsPerHour))
}

// appendClock writes mm:ss and as much of the fraction as is not zero.
func appendClock(dst []byte, micros int64) []byte {
	dst = append(appendPadded(dst, micros/microsPerMinute%60, 2), ':')
	dst = appendPadded(dst, micros/microsPerSecond%60, 2)
	fraction, digits := micros%microsPerSecond, 6
	if fraction == 0 {
		return dst
	}
	for ; fraction%10 == 0; digits-- {
		fraction /= 10
	}
	return appendPadded(append(dst, '.'), fraction, digits)
}

// ParseInterval reads an interval: parts with a unit such as '1 year 2 mons -3 days' or '90 min', then perhaps a time of
// day 04:05:06.7, then perhaps 'ago'; years and months as '1-2'; days and a time as '3 04:05:06'; or ISO 8601 such as
// P1Y2M3DT4H5M6.7S. A fraction of a month counts in days of 30 to the month, one of a day in hours of 24. Digits behind
// the microseconds are cut.
func ParseInterval(text []byte) (Int128, bool) {
	text = bytes.TrimSpace(text)
	var s intervalParts
	if len(text) > 1 && (text[0]|0x20 == 'p' || text[0] == '-' && text[1]|0x20 == 'p') {
		return s.iso(text)
	}
	if len(text) > 0 && text[0] == '@' {
		text = text[1:]
	}
	return s.parts(text)
}

// intervalParts adds up the parts of a text.
type intervalParts struct{ months, days, micros int64 }

// amount is a number cut into its whole and the millionths behind it, both with its sign.
type amount struct{ whole, millionths int64 }

func parseAmount(b []byte) (a amount, ok bool) {
	d, ok := cutDecimal(b)
	if !ok || d.exp != 0 {
		return a, false
	}
	fraction := decimal{whole: []byte{'0'}, frac: d.frac}
	a.millionths, _, _ = fraction.scaled(6)
	d.frac = nil
	a.whole, _, ok = d.scaled(0)
	if d.neg {
		a.millionths = -a.millionths
	}
	return a, ok
}

// intervalUnit is a unit of so many months, days or microseconds; two of the three are 0.
type intervalUnit struct{ months, days, micros int64 }

var intervalUnits = map[string]intervalUnit{
	"microsecond": {micros: 1}, "usec": {micros: 1}, "us": {micros: 1},
	"millisecond": {micros: 1000}, "msec": {micros: 1000}, "ms": {micros: 1000},
	"second": {micros: microsPerSecond}, "sec": {micros: microsPerSecond}, "s": {micros: microsPerSecond},
	"minute": {micros: microsPerMinute}, "min": {micros: microsPerMinute}, "m": {micros: microsPerMinute},
	"hour": {micros: microsPerHour}, "hr": {micros: microsPerHour}, "h": {micros: microsPerHour},
	"day": {days: 1}, "d": {days: 1}, "week": {days: 7}, "w": {days: 7},
	"month": {months: 1}, "mon": {months: 1}, "quarter": {months: 3},
	"year": {months: 12}, "yr": {months: 12}, "y": {months: 12}, "decade": {months: 120}, "dec": {months: 120},
	"century": {months: 1200}, "centurie": {months: 1200}, "cent": {months: 1200}, "c": {months: 1200},
	"millennium": {months: 12_000}, "millennia": {months: 12_000}, "mil": {months: 12_000},
}

// unitNamed looks a unit up, in any case and with or without its s.
func unitNamed(name []byte) (intervalUnit, bool) {
	var buf [lowerMax]byte
	name = lower(&buf, name)
	if u, ok := intervalUnits[string(name)]; ok {
		return u, true
	}
	u, ok := intervalUnits[string(bytes.TrimSuffix(name, []byte{'s'}))]
	return u, ok && len(name) > 2
}

// add adds an amount of a unit. What is left of a month becomes days, what is left of a day microseconds.
func (s *intervalParts) add(a amount, u intervalUnit) bool {
	if u.micros > 0 {
		return addProduct(&s.micros, a.whole, u.micros) && addProduct(&s.micros, a.millionths*u.micros/microsPerSecond, 1)
	}
	rest := a.millionths * u.days
	if u.months > 0 {
		months := a.millionths * u.months
		if !addProduct(&s.months, a.whole, u.months) || !addProduct(&s.months, months/microsPerSecond, 1) {
			return false
		}
		rest = months % microsPerSecond * daysPerMonth
	}
	return addProduct(&s.days, a.whole, u.days) && addProduct(&s.days, rest/microsPerSecond, 1) &&
		addProduct(&s.micros, rest%microsPerSecond, microsPerDay/microsPerSecond)
}

// addProduct adds a × b and reports whether that fits.
func addProduct(sum *int64, a, b int64) bool {
	hi, lo := mul128(a, b)
	before := *sum
	*sum += lo
	return hi == lo>>63 && (before^*sum)&(lo^*sum) >= 0
}

// result is the interval, if its parts fit.
func (s *intervalParts) result() (Int128, bool) {
	ok := s.months >= math.MinInt32 && s.months <= math.MaxInt32 && s.days >= math.MinInt32 && s.days <= math.MaxInt32
	return MakeInterval(int32(s.months), int32(s.days), s.micros), ok
}

// parts reads PostgreSQL's form.
func (s *intervalParts) parts(text []byte) (Int128, bool) {
	n := 0
	for ; ; n++ {
		text = bytes.TrimLeft(text, " \t")
		if len(text) == 0 {
			break
		}
		if n > 0 && bytes.EqualFold(text, []byte("ago")) {
			return s.ago()
		}
		rest, ok := s.part(text)
		if !ok {
			return Int128{}, false
		}
		text = rest
	}
	v, ok := s.result()
	return v, ok && n > 0
}

func (s *intervalParts) ago() (Int128, bool) {
	if s.micros == math.MinInt64 {
		return Int128{}, false
	}
	s.months, s.days, s.micros = -s.months, -s.days, -s.micros
	return s.result()
}

// part takes one part from the front.
func (s *intervalParts) part(text []byte) (rest []byte, ok bool) {
	number := numberLen(text)
	rest = text[number:]
	switch {
	case number == 0:
		return nil, false
	case len(rest) > 0 && rest[0] == ':':
		return s.timeOfDay(text)
	case len(rest) > 0 && rest[0] == '-':
		return s.yearMonth(text[:number], rest[1:])
	}
	a, ok := parseAmount(text[:number])
	if !ok {
		return nil, false
	}
	rest = bytes.TrimLeft(rest, " \t")
	name := 0
	for name < len(rest) && (rest[name]|0x20 >= 'a' && rest[name]|0x20 <= 'z') {
		name++
	}
	if name == 0 { // as in 3 04:05:06
		return rest, isTimeOfDay(rest) && s.add(a, intervalUnit{days: 1})
	}
	u, ok := unitNamed(rest[:name])
	return rest[name:], ok && s.add(a, u)
}

// numberLen is the length of [+-]digits[.digits] at the front.
func numberLen(b []byte) int {
	n := 0
	if n < len(b) && (b[n] == '+' || b[n] == '-') {
		n++
	}
	digits := digitsLen(b[n:])
	if digits == 0 {
		return 0
	}
	n += digits
	if n < len(b) && b[n] == '.' {
		n += 1 + digitsLen(b[n+1:])
	}
	return n
}

func isTimeOfDay(b []byte) bool {
	n := numberLen(b)
	return n > 0 && n < len(b) && b[n] == ':'
}

// yearMonth reads the months of years-months, which have the sign of the years.
func (s *intervalParts) yearMonth(years, months []byte) (rest []byte, ok bool) {
	y, ok1 := parseAmount(years)
	n := digitsLen(months)
	m, ok2 := parseAmount(months[:n])
	if !ok1 || !ok2 || y.millionths != 0 || m.whole > 11 || n < len(months) && months[n] != ' ' {
		return nil, false
	}
	if years[0] == '-' {
		m.whole = -m.whole
	}
	return months[n:], s.add(y, intervalUnit{months: 12}) && s.add(m, intervalUnit{months: 1})
}

// timeOfDay reads [+-]hours:mm[:ss[.fraction]].
func (s *intervalParts) timeOfDay(text []byte) (rest []byte, ok bool) {
	sign := int64(1)
	if text[0] == '-' || text[0] == '+' {
		sign -= 2 * int64(bit(text[0] == '-'))
		text = text[1:]
	}
	n := digitsLen(text)
	hours, ok := parseAmount(text[:n])
	if !ok || len(text) < n+3 {
		return nil, false
	}
	minutes := twoDigits(text[n+1], text[n+2])
	rest = text[n+3:]
	seconds, fraction := 0, 0
	if len(rest) >= 3 && rest[0] == ':' {
		seconds = twoDigits(rest[1], rest[2])
		if fraction, rest, ok = fractionMicros(rest[3:]); !ok {
			return nil, false
		}
	}
	if minutes < 0 || minutes > 59 || seconds < 0 || seconds > 59 || len(rest) > 0 && rest[0] != ' ' {
		return nil, false
	}
	small := int64(minutes)*microsPerMinute + int64(seconds)*microsPerSecond + int64(fraction)
	return rest, addProduct(&s.micros, sign*hours.whole, microsPerHour) && addProduct(&s.micros, sign, small)
}

var (
	isoDateUnits  = map[byte]intervalUnit{'y': {months: 12}, 'm': {months: 1}, 'w': {days: 7}, 'd': {days: 1}}
	isoClockUnits = map[byte]intervalUnit{'h': {micros: microsPerHour}, 'm': {micros: microsPerMinute}, 's': {micros: microsPerSecond}}
)

// iso reads ISO 8601: [-]PnYnMnWnDTnHnMnS, each amount with a sign or a fraction if it has one.
func (s *intervalParts) iso(text []byte) (Int128, bool) {
	negative := text[0] == '-'
	if negative {
		text = text[1:]
	}
	text = text[1:]
	units, n := isoDateUnits, 0
	for ; len(text) > 0; n++ {
		if text[0]|0x20 == 't' {
			units, text = isoClockUnits, text[1:]
		}
		number := numberLen(text)
		if number == 0 || number == len(text) {
			return Int128{}, false
		}
		a, ok1 := parseAmount(text[:number])
		u, ok2 := units[text[number]|0x20]
		if !ok1 || !ok2 || !s.add(a, u) {
			return Int128{}, false
		}
		text = text[number+1:]
	}
	if n == 0 {
		return Int128{}, false
	}
	if negative {
		return s.ago()
	}
	return s.result()
}
