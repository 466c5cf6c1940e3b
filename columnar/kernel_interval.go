package columnar

import "math"

// A time and an interval are added as PostgreSQL does: the months on the calendar, of which a day that the month does not
// have becomes its last, then the days on the calendar, then the microseconds. The calendar of an instant is that of a
// time zone.

// timePlusInterval chooses for + and −; the interval may be the first argument of +.
func timePlusInterval(e *Expr) kernel {
	at, by := 0, 1
	if e.Args[0].Type.Kind == Interval {
		at, by = 1, 0
	}
	sign := int64(1)
	if e.Op == "-" {
		sign = -1
	}
	if by := e.Args[by]; by.Op == "const" && by.Value.Hi == 0 && by.Value.I != math.MinInt64 {
		return strict(func(n *node, rows rowSet) error { return n.shift(rows, n.in[at].I64, sign*by.Value.I) })
	}
	return zoned(2, func(n *node, rows rowSet, z *Zone) error {
		dst, times, intervals := n.outI64(), n.in[at].I64, n.in[by].Wide
		for _, r := range rows.list {
			if isNullAt(n.out.Valid, r) {
				continue
			}
			t, ok := addInterval(times[r], intervals[r], sign, z)
			if !ok {
				return n.rowError(r, tsOutOfRange)
			}
			dst[r] = t
		}
		return nil
	})
}

// shift adds a constant to times.
func (n *node) shift(rows rowSet, times []int64, by int64) error {
	dst := n.outI64()
	if !shiftChecked(dst, times[:n.out.N], by) {
		return nil
	}
	return n.firstBad(rows, func(r int32) string { return n.rangeReason((times[r]^dst[r])&(by^dst[r]) < 0) })
}

//go:noinline
func shiftChecked(dst, times []int64, by int64) (overflow bool) {
	dst = dst[:len(times)]
	var over int64
	for i, t := range times {
		s := t + by
		dst[i] = s
		over |= (t ^ s) & (by ^ s)
	}
	return over < 0
}

// addInterval adds ±1 times the interval. z is nil for UTC and for wall time.
func addInterval(t int64, interval Int128, sign int64, z *Zone) (int64, bool) {
	months, days, micros := interval.Interval()
	if months != 0 || days != 0 {
		local, ok := addCalendar(z.local(t), sign*int64(months), sign*int64(days))
		if !ok {
			return 0, false
		}
		t = z.instant(local)
	}
	if sign < 0 {
		s := t - micros
		return s, (t^micros)&(t^s) >= 0
	}
	s := t + micros
	return s, (t^s)&(micros^s) >= 0
}

// addCalendar adds months, then days to a wall time.
func addCalendar(local, months, days int64) (int64, bool) {
	day := floorDiv(local, microsPerDay)
	clock := local - day*microsPerDay
	if months != 0 {
		day = addMonths(day, months)
	}
	day += days
	return day*microsPerDay + clock, day >= -maxTimestampDay && day < maxTimestampDay
}

// addMonths keeps the day of the month, or takes the last that the month has.
func addMonths(day, months int64) int64 {
	c := civilOf(day)
	month := c.year*12 + c.month - 1 + months
	year := floorDiv(month, 12)
	first := daysOfYearMonth(year, month-year*12+1)
	last := daysInMonth(int(year), int(month-year*12)+1)
	return first + min(c.day, int64(last)) - 1
}
