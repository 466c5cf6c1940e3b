package columnar

// ParseDate reads YYYY-MM-DD as days since 1970-01-01 in the proleptic Gregorian calendar, years 0000 to 9999.
func ParseDate(b []byte) (days int32, ok bool) {
	if len(b) != 10 || b[4] != '-' || b[7] != '-' {
		return 0, false
	}
	century, year, month, day := twoDigits(b[0], b[1]), twoDigits(b[2], b[3]), twoDigits(b[5], b[6]), twoDigits(b[8], b[9])
	if century < 0 || year < 0 || month < 1 || month > 12 || day < 1 {
		return 0, false
	}
	year += 100 * century
	if day > daysInMonth(year, month) {
		return 0, false
	}
	return int32(daysOfCivil(year, month, day)), true
}

// ParseTimestamp reads RFC 3339 as microseconds since the epoch. A blank may stand for the T; without a zone the time
// is UTC; an offset may also be written +hhmm or +hh. Digits behind the microseconds are cut, which rounds down.
// Second 60 is refused: the epoch does not count leap seconds.
func ParseTimestamp(b []byte) (micros int64, ok bool) {
	wall, offset, _, ok := parseWallTime(b)
	return wall - offset, ok
}

// parseWallTime reads what [ParseTimestamp] takes as the time that clocks show, and how far they are ahead of UTC, both
// in microseconds. zoned is false when the text does not say.
func parseWallTime(b []byte) (wall, offset int64, zoned, ok bool) {
	if len(b) < 19 || b[10] != 'T' && b[10] != ' ' && b[10] != 't' {
		return 0, 0, false, false
	}
	days, ok := ParseDate(b[:10])
	if !ok {
		return 0, 0, false, false
	}
	seconds, ok := clockSeconds(b[11:19])
	if !ok {
		return 0, 0, false, false
	}
	fraction, zone, ok := fractionMicros(b[19:])
	if !ok {
		return 0, 0, false, false
	}
	east, ok := zoneSeconds(zone)
	wall = (int64(days)*86_400+int64(seconds))*1_000_000 + int64(fraction)
	return wall, int64(east) * 1_000_000, len(zone) > 0, ok
}

// twoDigits is the number written by two digits, −1 when one is none.
func twoDigits(tens, ones byte) int {
	if !isDigit(tens) || !isDigit(ones) {
		return -1
	}
	return int(tens-'0')*10 + int(ones-'0')
}

// clockSeconds reads hh:mm:ss as seconds of the day.
func clockSeconds(b []byte) (seconds int, ok bool) {
	h, m, s := twoDigits(b[0], b[1]), twoDigits(b[3], b[4]), twoDigits(b[6], b[7])
	if b[2] != ':' || b[5] != ':' || h < 0 || h > 23 || m < 0 || m > 59 || s < 0 || s > 59 {
		return 0, false
	}
	return h*3600 + m*60 + s, true
}

// fractionMicros reads a fraction of a second from the front of b, if there is one, and returns what follows.
func fractionMicros(b []byte) (micros int, rest []byte, ok bool) {
	if len(b) == 0 || b[0] != '.' {
		return 0, b, true
	}
	b = b[1:]
	n := digitsLen(b)
	for k := range 6 {
		micros *= 10
		if k < n {
			micros += int(b[k] - '0')
		}
	}
	return micros, b[n:], n > 0
}

// zoneSeconds reads nothing (UTC), Z, or an offset from UTC.
func zoneSeconds(b []byte) (seconds int, ok bool) {
	if len(b) == 0 || len(b) == 1 && b[0]|0x20 == 'z' {
		return 0, true
	}
	if b[0] != '+' && b[0] != '-' {
		return 0, false
	}
	h, m := -1, 0
	switch {
	case len(b) == 3:
		h = twoDigits(b[1], b[2])
	case len(b) == 5:
		h, m = twoDigits(b[1], b[2]), twoDigits(b[3], b[4])
	case len(b) == 6 && b[3] == ':':
		h, m = twoDigits(b[1], b[2]), twoDigits(b[4], b[5])
	}
	if h < 0 || h > 23 || m < 0 || m > 59 {
		return 0, false
	}
	if b[0] == '-' {
		return -h*3600 - m*60, true
	}
	return h*3600 + m*60, true
}

// daysOfCivil counts the days from 1970-01-01 to a date (Howard Hinnant, "chrono-compatible low-level date
// algorithms": years begin in March, so that the leap day is the last).
func daysOfCivil(year, month, day int) int {
	if month <= 2 {
		year--
	}
	era := (year+400)/400 - 1 // rounds down for the one negative year, −1
	yearOfEra := year - era*400
	dayOfYear := (153*((month+9)%12)+2)/5 + day - 1
	dayOfEra := yearOfEra*365 + yearOfEra/4 - yearOfEra/100 + dayOfYear
	return era*146_097 + dayOfEra - 719_468
}

func daysInMonth(year, month int) int {
	switch month {
	case 2:
		if year%4 == 0 && (year%100 != 0 || year%400 == 0) {
			return 29
		}
		return 28
	case 4, 6, 9, 11:
		return 30
	}
	return 31
}

// timeUnit says how counts of a unit become microseconds.
type timeUnit struct {
	shift  int   // micros = count × 10^shift, rounded down
	times  int64 // the same power of ten where it is whole
	digits int   // counts of so many digits cannot overflow
}

var timeUnits = [...]timeUnit{
	UnitNone:   {},
	UnitSecond: {shift: 6, times: 1_000_000, digits: 12},
	UnitMilli:  {shift: 3, times: 1_000, digits: 15},
	UnitMicro:  {shift: 0, times: 1, digits: 18},
	UnitNano:   {shift: -3, digits: 18},
}

// parseTime reads the text of a timestamp column: RFC 3339, or with a unit an epoch number, floored to the microsecond.
func parseTime(b []byte, rules *textRules) (micros int64, fault textFault) {
	u := &timeUnits[rules.unit]
	if len(b) <= u.digits {
		if v, ok := plainDigits(b); ok {
			if rules.unit == UnitNano {
				return v / 1000, textOK
			}
			return v * u.times, textOK
		}
	}
	if wall, offset, zoned, ok := parseWallTime(b); ok {
		if zoned {
			return wall - offset, textOK
		}
		return rules.zone.instant(wall), textOK
	}
	d, ok := cutDecimal(b)
	switch {
	case !ok:
		return 0, textMismatch
	case rules.unit == UnitNone:
		return 0, textNoUnit
	}
	v, _, ok := d.scaled(u.shift)
	if !ok {
		return 0, textRange
	}
	return v, textOK
}

// parseLocalTime reads the text of a timestamp_ntz column: as RFC 3339, but without a zone.
func parseLocalTime(b []byte) (wall int64, fault textFault) {
	wall, _, zoned, ok := parseWallTime(b)
	switch {
	case !ok:
		return 0, textMismatch
	case zoned:
		return 0, textZoned
	}
	return wall, textOK
}
