package columnar

import "fmt"

const truncUnits = "microsecond, millisecond, second, minute, hour, day, week, month, quarter, year, decade, century, millennium"

// truncation is a unit of date_trunc: windows of fixed size, or so many months from a month of the year 0 on.
type truncation struct{ size, offset, months, from int64 }

var truncations = map[string]truncation{
	"microsecond": {size: 1},
	"millisecond": {size: 1000},
	"second":      {size: microsPerSecond},
	"minute":      {size: microsPerMinute},
	"hour":        {size: microsPerHour},
	"day":         {size: microsPerDay},
	"week":        {size: 7 * microsPerDay, offset: 4 * microsPerDay}, // 1970-01-05 was a Monday
	"month":       {months: 1},
	"quarter":     {months: 3},
	"year":        {months: 12},
	"decade":      {months: 120},
	"century":     {months: 1200, from: 12}, // centuries begin with their year 1
	"millennium":  {months: 12_000, from: 12},
}

func truncFunctions() []*function {
	return []*function{
		{
			Function: about("date_trunc", "date_trunc(unit, time) → timestamp, timestamp_ntz", "Rounds down to the unit, one of "+truncUnits+"; weeks begin on Monday. A day and longer units begin when clocks in the session's time zone show it first."),
			takes:    "a unit in quotes, one of " + truncUnits + ", and a time",
			resolve:  resolveTrunc, kernel: truncKernel, fails: true, zoneAt: 3,
		},
		{
			Function: about("tumble_start", "tumble_start(timestamp, size, offset) → timestamp", "The start of the tumbling window; size and offset are intervals or microseconds, windows are aligned to 1970-01-01 UTC + offset."),
			takes:    "a timestamp, a positive constant interval and a constant interval",
			resolve:  resolveTumble, kernel: tumbleKernel, fails: true,
		},
	}
}

func resolveTrunc(fn *function, args []*Expr) (*Expr, error) {
	e, err := overloaded(sig(Timestamp, String, Timestamp), sig(LocalTimestamp, String, LocalTimestamp))(fn, args)
	if err != nil {
		return nil, err
	}
	unit, ok := literal(e.Args[0])
	if !ok || unit.Value.Null {
		return nil, fmt.Errorf("the unit of date_trunc must be a literal: %s", truncUnits)
	}
	name := unitOf(unit.Value.S)
	if _, ok := truncations[name]; !ok {
		return nil, fmt.Errorf("date_trunc has no unit %q; it takes %s", unit.Value.S, truncUnits)
	}
	e.Args[0] = Const(unit.Type, Value{S: name})
	if e.Type.Kind == Timestamp {
		e.Args = fn.session.withZone(e.Args)
	}
	return e, nil
}

func truncKernel(e *Expr) kernel {
	unit, ok := truncations[e.Args[0].Value.S]
	switch {
	case e.Args[0].Op != "const" || !ok:
		return nil
	case len(e.Args) == 3:
		return zonedTrunc(&unit, 2)
	case unit.months > 0:
		return strict(func(n *node, rows rowSet) error { return truncMonths(n, rows, unit) })
	}
	return strict(func(n *node, rows rowSet) error { return tumble(n, rows, n.in[1].I64, unit.size, unit.offset) })
}

// truncMonths computes the calendar once for each run of equal days.
func truncMonths(n *node, rows rowSet, unit truncation) error {
	dst, src := n.outI64(), n.in[1].I64[:n.out.N]
	bad := false
	last, start := int64(0), unit.monthStart(0)
	for i, t := range src {
		if day := floorDiv(t, microsPerDay); day != last {
			last, start = day, unit.monthStart(day)
			bad = bad || start > t
		}
		dst[i] = start
	}
	if !bad {
		return nil
	}
	return n.firstBad(rows, func(r int32) string { return n.rangeReason(dst[r] > src[r]) })
}

// monthStart is the first instant of the run of months that a day lies in. Before the first timestamp it wraps around.
func (u truncation) monthStart(day int64) int64 {
	c := civilOf(day)
	month := u.from + floorDiv(c.year*12+c.month-1-u.from, u.months)*u.months
	year := floorDiv(month, 12)
	return daysOfYearMonth(year, month-year*12+1) * microsPerDay
}

// start is the local time at which the unit begins that a local time lies in, and the next one begins.
func (u truncation) bounds(local int64) (start, next int64) {
	if u.months == 0 {
		start = windowStart(local, u.size, u.offset)
		return start, start + u.size
	}
	start = u.monthStart(floorDiv(local, microsPerDay))
	c := civilOf(start / microsPerDay)
	month := c.year*12 + c.month - 1 + u.months
	return start, daysOfYearMonth(floorDiv(month, 12), month-floorDiv(month, 12)*12+1) * microsPerDay
}

// zonedTrunc keeps the result of the last row for as long as the unit and the rules of the zone stay the same, so that it
// depends on nothing but the row. Units up to the hour keep the offset, as in PostgreSQL: in the second of two hours of
// the same name a minute begins in the second one.
func zonedTrunc(unit *truncation, zoneAt int) kernel {
	var c zoneCursor
	var from, until, value int64
	return zoned(zoneAt, func(n *node, rows rowSet, z *Zone) error {
		c.set(z)
		from, until = 0, 0
		dst, src := n.outI64(), n.in[1].I64
		return n.each(rows, func(r int32) verdict {
			t := src[r]
			if t < from || t >= until {
				local, v := c.toLocal(t)
				if v != fine {
					return v
				}
				start, next := unit.bounds(local)
				if start > local || next < local {
					from, until = 0, 0
					return tsOutOfRange
				}
				from, until = max(c.from, start-c.offset), min(c.until, next-c.offset)
				if value = start - c.offset; unit.size == 0 || unit.size >= microsPerDay {
					value = z.first(start)
				}
				if value > t {
					from, until = 0, 0
					return tsOutOfRange
				}
			}
			dst[r] = value
			return fine
		})
	})
}

func resolveTumble(fn *function, args []*Expr) (*Expr, error) {
	if len(args) == 2 {
		args = append(args[:2:2], Const(args[1].Type, Value{}))
	}
	e, err := overloaded(sig(Timestamp, Timestamp, Interval, Interval), sig(Timestamp, Timestamp, Int64, Int64))(fn, args)
	if err != nil {
		return nil, err
	}
	if tumbleKernel(e) == nil {
		return nil, noSuchFunction(fn, args)
	}
	return e, nil
}

// tumbleKernel finds window starts as Flink does since 1.16: rounded down, also before the offset.
func tumbleKernel(e *Expr) kernel {
	size, offset := e.Args[1], e.Args[2]
	if size.Op != "const" || offset.Op != "const" || size.Value.Null || offset.Value.Null || size.Value.I <= 0 || size.Value.Hi|offset.Value.Hi != 0 {
		return nil
	}
	return strict(func(n *node, rows rowSet) error {
		return tumble(n, rows, n.in[0].I64, size.Value.I, offset.Value.I%size.Value.I)
	})
}

func tumble(n *node, rows rowSet, times []int64, size, offset int64) error {
	src := times[:n.out.N]
	if !tumbleStarts(n.outI64(), src, size, offset) {
		return nil
	}
	return n.firstBad(rows, func(r int32) string { return n.rangeReason(windowStart(src[r], size, offset) > src[r]) })
}

// tumbleStarts divides only where a row is not in the window of the row before it, which is rare in event streams.
//
//go:noinline
func tumbleStarts(dst, src []int64, size, offset int64) (bad bool) {
	dst = dst[:len(src)]
	start := windowStart(0, size, offset)
	for i, t := range src {
		if uint64(t-start) >= uint64(size) {
			start = windowStart(t, size, offset)
			bad = bad || start > t
		}
		dst[i] = start
	}
	return bad
}

// windowStart is the start of the window of t. Beyond the ends of the time line it wraps around. Nothing else overflows,
// however long the windows are.
func windowStart(t, size, offset int64) int64 {
	r := floorMod(t, size) - floorMod(offset, size)
	if r < 0 {
		r += size
	}
	return t - r
}

// floorMod is the remainder that is never negative.
func floorMod(x, size int64) int64 {
	if x %= size; x < 0 {
		x += size
	}
	return x
}
