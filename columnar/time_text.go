package columnar

import "bytes"

// timeText is a date, perhaps with a time of day, perhaps with an offset from UTC, as it was written.
type timeText struct {
	days   int64 // since 1970-01-01
	clock  int64 // µs of the day
	offset int64 // µs east of UTC
	zoned  bool  // there is an offset
}

// parseTimeText reads [+-]YYYY-MM-DD, with four to seven digits in the year, then perhaps T or a blank and
// hh:mm[:ss[.fraction]], then perhaps Z, UTC, or an offset +hh[[:]mm]. Digits behind the microseconds are cut.
func parseTimeText(b []byte) (t timeText, ok bool) {
	if t.days, b, ok = cutDate(b); !ok || len(b) == 0 {
		return t, ok
	}
	if b[0] != ' ' && b[0]|0x20 != 't' {
		return t, false
	}
	if t.clock, b, ok = cutClock(b[1:]); !ok {
		return t, false
	}
	b = bytes.TrimLeft(b, " ")
	if len(b) == 0 {
		return t, true
	}
	t.zoned = true
	if bytes.EqualFold(b, []byte("UTC")) {
		return t, true
	}
	seconds, ok := zoneSeconds(b)
	t.offset = int64(seconds) * microsPerSecond
	return t, ok
}

// cutDate takes a date from the front.
func cutDate(b []byte) (days int64, rest []byte, ok bool) {
	negative := len(b) > 0 && b[0] == '-'
	if len(b) > 0 && (b[0] == '-' || b[0] == '+') {
		b = b[1:]
	}
	n := digitsLen(b)
	if n < 4 || n > 7 || len(b) < n+6 || b[n] != '-' || b[n+3] != '-' {
		return 0, nil, false
	}
	year := int64(0)
	for _, c := range b[:n] {
		year = year*10 + int64(c-'0')
	}
	if negative {
		year = -year
	}
	month, day := twoDigits(b[n+1], b[n+2]), twoDigits(b[n+4], b[n+5])
	if month < 1 || month > 12 || day < 1 || day > daysInMonth(int(year), month) {
		return 0, nil, false
	}
	return daysOfYearMonth(year, int64(month)) + int64(day) - 1, b[n+6:], true
}

// cutClock takes a time of day from the front.
func cutClock(b []byte) (micros int64, rest []byte, ok bool) {
	if len(b) < 5 || b[2] != ':' {
		return 0, nil, false
	}
	var full [8]byte
	copy(full[:], "00:00:00")
	copy(full[:5], b)
	fraction, rest := 0, b[5:]
	if len(rest) >= 3 && rest[0] == ':' {
		copy(full[5:], rest[:3])
		if fraction, rest, ok = fractionMicros(rest[3:]); !ok {
			return 0, nil, false
		}
	}
	seconds, ok := clockSeconds(full[:])
	return int64(seconds)*microsPerSecond + int64(fraction), rest, ok
}

// wall is what the text says, whatever its offset.
func (t timeText) wall() (int64, bool) {
	return microsOf(t.days, t.clock)
}

// microsOf is the time of day on a day, if that is a timestamp.
func microsOf(days, clock int64) (int64, bool) {
	sum, _ := mul64(days, microsPerDay).Add(Int128Of(clock))
	return int64(sum.Lo), sum == Int128Of(int64(sum.Lo))
}

// parseLocal reads a wall time. An offset is not looked at, as in PostgreSQL.
func parseLocal(text []byte) (int64, textFault) {
	t, ok := parseTimeText(text)
	if !ok {
		return 0, textMismatch
	}
	return faultOf(t.wall())
}

// parseInstant reads an instant; a text without an offset is wall time in the zone, nil for UTC.
func parseInstant(text []byte, z *Zone) (int64, textFault) {
	if z == nil {
		if at, ok := ParseTimestamp(text); ok {
			return at, textOK
		}
	}
	t, ok := parseTimeText(text)
	if !ok {
		return 0, textMismatch
	}
	at, ok := t.wall()
	if !t.zoned {
		return faultOf(z.instant(at), ok)
	}
	return faultOf(at-t.offset, ok)
}

// parseDay reads a date. A time of day and an offset behind it are checked but do not count, as in PostgreSQL and DuckDB.
func parseDay(text []byte) (int32, textFault) {
	if d, ok := ParseDate(text); ok {
		return d, textOK
	}
	t, ok := parseTimeText(text)
	switch {
	case !ok:
		return 0, textMismatch
	case t.days != int64(int32(t.days)):
		return 0, textRange
	}
	return int32(t.days), textOK
}

func faultOf(v int64, ok bool) (int64, textFault) {
	if ok {
		return v, textOK
	}
	return 0, textRange
}
