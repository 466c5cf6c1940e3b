package columnar

import "strconv"

const (
	microsPerSecond = 1_000_000
	microsPerMinute = 60 * microsPerSecond
	microsPerHour   = 60 * microsPerMinute
	microsPerDay    = 24 * microsPerHour
)

// maxTimestampDay is the last day, and its negative the first, whose midnight is a timestamp.
const maxTimestampDay = 106_751_991

// timeCasts are those between dates and times.
func timeCasts() map[castPair]castRule {
	return map[castPair]castRule{
		{Date, LocalTimestamp}:      checkedCast(strict(castDateTime)),
		{Date, Timestamp}:           {kernel: dateInstantKernel, fails: true, zone: true},
		{LocalTimestamp, Date}:      casting(strict(castTimestampDate)),
		{Timestamp, Date}:           {kernel: instantDateKernel, zone: true},
		{LocalTimestamp, Timestamp}: {kernel: localInstantKernel, zone: true},
		{Timestamp, LocalTimestamp}: {kernel: instantLocalKernel, zone: true},
	}
}

func castDateTime(n *node, rows rowSet) error {
	dst, src := n.outI64(), n.in[0].I32[:n.out.N]
	bad := false
	for i, d := range src {
		dst[i] = int64(d) * microsPerDay
		bad = bad || d > maxTimestampDay || d < -maxTimestampDay
	}
	if !bad {
		return nil
	}
	return n.refuseBad(rows, func(r int32) string { return n.rangeReason(src[r] > maxTimestampDay || src[r] < -maxTimestampDay) })
}

// dateInstantKernel takes midnight in the zone.
func dateInstantKernel(e *Expr) kernel {
	if len(e.Args) == 1 {
		return strict(castDateTime)
	}
	return zoned(1, func(n *node, rows rowSet, z *Zone) error {
		if err := castDateTime(n, rows); err != nil {
			return err
		}
		n.mapTimes(rows, n.out.I64, z.instant)
		return nil
	})
}

// mapTimes applies a change to the times of the rows that count.
func (n *node) mapTimes(rows rowSet, src []int64, change func(int64) int64) {
	dst := n.outI64()
	for _, r := range rows.list {
		if !isNullAt(n.out.Valid, r) {
			dst[r] = change(src[r])
		}
	}
}

// castTimestampDate is the day of a wall time, or of an instant in UTC.
func castTimestampDate(n *node, _ rowSet) error {
	dst, src := n.outI32(), n.in[0].I64[:n.out.N]
	for i, t := range src {
		dst[i] = int32(floorDiv(t, microsPerDay))
	}
	return nil
}

// instantDateKernel takes the day in the zone.
func instantDateKernel(e *Expr) kernel {
	if len(e.Args) == 1 {
		return strict(castTimestampDate)
	}
	return zoned(1, func(n *node, rows rowSet, z *Zone) error {
		dst, src := n.outI32(), n.in[0].I64
		for _, r := range rows.list {
			if !isNullAt(n.out.Valid, r) {
				dst[r] = int32(floorDiv(z.local(src[r]), microsPerDay))
			}
		}
		return nil
	})
}

func localInstantKernel(e *Expr) kernel {
	if len(e.Args) == 1 {
		return strict(sameI64)
	}
	return zoned(1, func(n *node, rows rowSet, z *Zone) error {
		n.mapTimes(rows, n.in[0].I64, z.instant)
		return nil
	})
}

func instantLocalKernel(e *Expr) kernel {
	if len(e.Args) == 1 {
		return strict(sameI64)
	}
	return zoned(1, func(n *node, rows rowSet, z *Zone) error {
		n.mapTimes(rows, n.in[0].I64, z.local)
		return nil
	})
}

// sameI64 shares the values.
func sameI64(n *node, _ rowSet) error {
	n.out.I64 = n.in[0].I64
	return nil
}

// floorDiv rounds down, so that days and hours before 1970 are right, too.
func floorDiv(x, y int64) int64 {
	q := x / y
	if x%y < 0 {
		q--
	}
	return q
}

// civil is a date of the proleptic Gregorian calendar.
type civil struct{ year, month, day int64 }

// civilOf is the inverse of [daysOfCivil], by Hinnant's algorithm in the same text.
func civilOf(days int64) civil {
	days += 719_468
	era := floorDiv(days, 146_097)
	dayOfEra := days - era*146_097
	yearOfEra := (dayOfEra - dayOfEra/1460 + dayOfEra/36_524 - dayOfEra/146_096) / 365
	dayOfYear := dayOfEra - (365*yearOfEra + yearOfEra/4 - yearOfEra/100)
	march := (5*dayOfYear + 2) / 153 // 0 = March
	c := civil{year: yearOfEra + era*400, month: march + 3, day: dayOfYear - (153*march+2)/5 + 1}
	if c.month > 12 {
		c.month -= 12
		c.year++
	}
	return c
}

// daysOfYearMonth is the first day of a month; any year.
func daysOfYearMonth(year, month int64) int64 {
	cycles := floorDiv(year, 400)
	return cycles*146_097 + int64(daysOfCivil(int(year-cycles*400), int(month), 1))
}

// appendDate writes YYYY-MM-DD; years outside 0–9999 take as many digits as they need.
func appendDate(dst []byte, days int64) []byte {
	c := civilOf(days)
	year := c.year
	if year < 0 {
		dst = append(dst, '-')
		year = -year
	}
	dst = appendPadded(dst, year, 4)
	dst = append(dst, '-')
	dst = appendPadded(dst, c.month, 2)
	dst = append(dst, '-')
	return appendPadded(dst, c.day, 2)
}

// appendTimestamp writes YYYY-MM-DD hh:mm:ss and as much of the fraction as is not zero.
func appendTimestamp(dst []byte, micros int64) []byte {
	days := floorDiv(micros, microsPerDay)
	t := micros - days*microsPerDay
	dst = append(appendDate(dst, days), ' ')
	return appendClock(append(appendPadded(dst, t/microsPerHour, 2), ':'), t)
}

// appendPadded writes v ≥ 0 with at least so many digits.
func appendPadded(dst []byte, v int64, digits int) []byte {
	for limit := int64(10); digits > 1; digits-- {
		if v < limit {
			dst = append(dst, '0')
		}
		limit *= 10
	}
	return strconv.AppendInt(dst, v, 10)
}
