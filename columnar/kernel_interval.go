package columnar

import "math"

// A time and an interval are added as PostgreSQL does: the months on the calendar, of which a day that the month does not
// have becomes its last, then the days on the calendar, then the microseconds. The calendar of an instant is that of a
// time zone.

// timePlusInterval chooses for + and −; the interval may be the first argument of +.
func timePlusInterval(e *Expr) kernel {
	if !zoneIsConst(e, 2) {
		return nil
	}
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
				return n.rowError(r, n.rangeReason(true))
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
	return addMicros(t, micros, sign)
}

// addMicros is a ± b.
func addMicros(a, b, sign int64) (int64, bool) {
	if sign < 0 {
		s := a - b
		return s, (a^b)&(a^s) >= 0
	}
	s := a + b
	return s, (a^s)&(b^s) >= 0
}

// addCalendar adds months, then days to a wall time.
func addCalendar(local, months, days int64) (int64, bool) {
	day := floorDiv(local, microsPerDay)
	clock := local - day*microsPerDay
	if months != 0 {
		day = addMonths(day, months)
	}
	return microsOf(day+days, clock)
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

// timeKernel is arithmetic whose result is a date or an interval.
func timeKernel(e *Expr) kernel {
	a, b := e.Args[0].Type.Kind, e.Args[1].Type.Kind
	switch {
	case e.Type.Kind == Date && a == Date:
		return addDays(0, 1, e.Op == "-")
	case e.Type.Kind == Date:
		return addDays(1, 0, false)
	case a != Interval && b != Interval:
		return intervalRows(func(in []*Vector, r int32) (Int128, bool) {
			x, y := in[0].I64[r], in[1].I64[r]
			return MakeInterval(0, 0, x-y), (x^y)&(x^(x-y)) >= 0
		})
	case a == Interval && b == Interval:
		sign := int64(1)
		if e.Op == "-" {
			sign = -1
		}
		return intervalRows(func(in []*Vector, r int32) (Int128, bool) { return addIntervals(in[0].Wide[r], in[1].Wide[r], sign) })
	}
	return scaleKernel(e)
}

// scaleKernel multiplies an interval, at either place, by a number, or divides by one.
func scaleKernel(e *Expr) kernel {
	at, by := 0, 1
	if e.Args[0].Type.Kind != Interval {
		at, by = 1, 0
	}
	switch {
	case e.Args[by].Type.Kind == Int64:
		return intervalRows(func(in []*Vector, r int32) (Int128, bool) { return timesInt(in[at].Wide[r], in[by].I64[r]) })
	case e.Op == "*":
		return intervalRows(func(in []*Vector, r int32) (Int128, bool) { return timesFloat(in[at].Wide[r], in[by].F64[r]) })
	}
	return strict(func(n *node, rows rowSet) error {
		if err := n.firstBad(rows, func(r int32) string { return zeroReason(n.in[1].F64[r] == 0) }); err != nil {
			return err
		}
		return n.intervals(rows, func(in []*Vector, r int32) (Int128, bool) { return overFloat(in[0].Wide[r], in[1].F64[r]) })
	})
}

// intervalRows computes an interval for each row; ok is false where a part of it has no room.
func intervalRows(f func(in []*Vector, r int32) (v Int128, ok bool)) kernel {
	return strict(func(n *node, rows rowSet) error { return n.intervals(rows, f) })
}

func (n *node) intervals(rows rowSet, f func(in []*Vector, r int32) (v Int128, ok bool)) error {
	dst := n.outWide()
	for _, r := range rows.list {
		if isNullAt(n.out.Valid, r) {
			continue
		}
		v, ok := f(n.in, r)
		if !ok {
			return n.rowError(r, n.rangeReason(true))
		}
		dst[r] = v
	}
	return nil
}

func addIntervals(a, b Int128, sign int64) (Int128, bool) {
	m1, d1, t1 := a.Interval()
	m2, d2, t2 := b.Interval()
	micros, ok1 := addMicros(t1, t2, sign)
	sum := intervalParts{int64(m1) + sign*int64(m2), int64(d1) + sign*int64(d2), micros}
	v, ok2 := sum.result()
	return v, ok1 && ok2
}

func negInterval(v Int128) (Int128, bool) { return timesInt(v, -1) }

func timesInt(v Int128, by int64) (Int128, bool) {
	months, days, micros := v.Interval()
	var sum intervalParts
	ok := addProduct(&sum.months, int64(months), by) && addProduct(&sum.days, int64(days), by) && addProduct(&sum.micros, micros, by)
	out, fits := sum.result()
	return out, ok && fits
}

func timesFloat(v Int128, by float64) (Int128, bool) {
	return scaled(v, func(part float64) float64 { return part * by })
}

func overFloat(v Int128, by float64) (Int128, bool) {
	return scaled(v, func(part float64) float64 { return part / by })
}

// scaled changes each part by a factor, as PostgreSQL does: what is left of a month becomes days of 30 to the month, what
// is left of a day its hours.
func scaled(v Int128, change func(float64) float64) (Int128, bool) {
	m, d, us := v.Interval()
	toMicros := func(x float64) float64 { return math.RoundToEven(x*1e6) / 1e6 }
	exactMonths, exactDays := change(float64(m)), change(float64(d))
	months, days := math.Trunc(exactMonths), math.Trunc(exactDays)
	monthDays := toMicros((exactMonths - months) * daysPerMonth)
	seconds := toMicros((exactDays - days + monthDays - math.Trunc(monthDays)) * 86_400)
	carry := math.Trunc(seconds / 86_400)
	days += math.Trunc(monthDays) + carry
	micros := math.RoundToEven(change(float64(us)) + (seconds-carry*86_400)*1e6)
	ok := math.Abs(months) <= math.MaxInt32 && math.Abs(days) <= math.MaxInt32 && micros >= -0x1p63 && micros < 0x1p63
	if !ok { // also where a part is NaN
		return Int128{}, false
	}
	return MakeInterval(int32(months), int32(days), int64(micros)), true
}

// addDays moves a date by whole days.
func addDays(at, by int, minus bool) kernel {
	return strict(func(n *node, rows rowSet) error {
		dst, days, counts := n.outI32(), n.in[at].I32, n.in[by].I64
		for _, r := range rows.list {
			if isNullAt(n.out.Valid, r) {
				continue
			}
			count, limit := counts[r], int64(1)<<33
			if minus && count > -limit {
				count = -count
			}
			sum := int64(days[r]) + max(min(count, limit), -limit)
			if sum != int64(int32(sum)) {
				return n.rowError(r, n.rangeReason(true))
			}
			dst[r] = int32(sum)
		}
		return nil
	})
}

// subDates counts the days between dates.
func subDates(n *node, _ rowSet) error {
	dst, a, b := n.outI64(), n.in[0].I32[:n.out.N], n.in[1].I32[:n.out.N]
	for i, x := range a {
		dst[i] = int64(x) - int64(b[i])
	}
	return nil
}
