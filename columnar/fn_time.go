package columnar

import (
	"fmt"
	"strings"
)

func timeFunctions() []*function {
	one := func(name, takesDoc string, k kernel, out Kind) *function {
		return &function{Function: about(name, name+"(timestamp) → "+out.String(), takesDoc), takes: "a timestamp",
			resolve: overloaded(overload{[]Kind{Timestamp}, out}), kernel: func(*Expr) kernel { return k }}
	}
	return []*function{
		one("date", "The day, in UTC.", strict(castTimestampDate), Date),
		one("hour", "The hour of the day, 0 to 23, in UTC.", clockPart(microsPerHour, 24), Int64),
		one("minute", "The minute of the hour, 0 to 59.", clockPart(microsPerMinute, 60), Int64),
		one("second", "The second of the minute, 0 to 59.", clockPart(microsPerSecond, 60), Int64),
		one("year", "The year, in UTC.", datePart(func(c civil) int64 { return c.year }), Int64),
		one("month", "The month, 1 to 12, in UTC.", datePart(func(c civil) int64 { return c.month }), Int64),
		one("day", "The day of the month, 1 to 31, in UTC.", datePart(func(c civil) int64 { return c.day }), Int64),
		{
			Function: about("date_trunc", "date_trunc(unit, timestamp) → timestamp", "Rounds down to the unit, one of "+truncUnits+", in UTC; weeks begin on Monday."),
			takes:    "a unit in quotes, one of " + truncUnits + ", and a timestamp",
			resolve:  resolveTrunc, kernel: truncKernel, fails: true,
		},
		{
			Function: about("tumble_start", "tumble_start(timestamp, size, offset) → timestamp", "The start of the tumbling window; size and offset are intervals or microseconds, windows are aligned to 1970-01-01 UTC + offset."),
			takes:    "a timestamp, a positive constant interval and a constant interval",
			resolve:  resolveTumble, kernel: tumbleKernel, fails: true,
		},
	}
}

// clockPart counts whole units from the epoch, modulo a cycle that divides the day or the unit above. It divides once
// for each run of rows in the same unit.
func clockPart(unit, cycle int64) kernel {
	return strict(func(n *node, _ rowSet) error {
		dst, src := n.outI64(), n.in[0].I64[:n.out.N]
		start, value := int64(0), int64(0)
		for i, t := range src {
			if uint64(t-start) >= uint64(unit) {
				u := floorDiv(t, unit)
				start, value = u*unit, u-floorDiv(u, cycle)*cycle
			}
			dst[i] = value
		}
		return nil
	})
}

// datePart computes the calendar once for each run of equal days.
func datePart(part func(civil) int64) kernel {
	return strict(func(n *node, _ rowSet) error {
		dst, src := n.outI64(), n.in[0].I64[:n.out.N]
		last, value := int64(0), part(civilOf(0))
		for i, t := range src {
			if day := floorDiv(t, microsPerDay); day != last {
				last, value = day, part(civilOf(day))
			}
			dst[i] = value
		}
		return nil
	})
}

const truncUnits = "second, minute, hour, day, week, month, quarter, year"

// truncation is a unit of date_trunc: windows of fixed size, or so many months.
type truncation struct{ size, offset, months int64 }

var truncations = map[string]truncation{
	"second":  {size: microsPerSecond},
	"minute":  {size: microsPerMinute},
	"hour":    {size: microsPerHour},
	"day":     {size: microsPerDay},
	"week":    {size: 7 * microsPerDay, offset: 4 * microsPerDay}, // 1970-01-05 was a Monday
	"month":   {months: 1},
	"quarter": {months: 3},
	"year":    {months: 12},
}

func resolveTrunc(fn *function, args []*Expr) (*Expr, error) {
	e, err := overloaded(overload{[]Kind{String, Timestamp}, Timestamp})(fn, args)
	if err != nil {
		return nil, err
	}
	unit := args[0]
	if unit.Op != "const" || unit.Value.Null {
		return nil, fmt.Errorf("the unit of date_trunc must be a literal: %s", truncUnits)
	}
	name := strings.TrimSuffix(strings.ToLower(unit.Value.S), "s")
	if _, ok := truncations[name]; !ok {
		return nil, fmt.Errorf("date_trunc has no unit %q; it takes %s", unit.Value.S, truncUnits)
	}
	e.Args[0] = Const(unit.Type, Value{S: name})
	return e, nil
}

func truncKernel(e *Expr) kernel {
	unit, ok := truncations[e.Args[0].Value.S]
	switch {
	case e.Args[0].Op != "const" || !ok:
		return nil
	case unit.months > 0:
		return strict(func(n *node, rows rowSet) error { return truncMonths(n, rows, unit.months) })
	}
	return strict(func(n *node, rows rowSet) error { return tumble(n, rows, n.in[1].I64, unit.size, unit.offset) })
}

// truncMonths computes the calendar once for each run of equal days.
func truncMonths(n *node, rows rowSet, months int64) error {
	dst, src := n.outI64(), n.in[1].I64[:n.out.N]
	bad := false
	last, start := int64(0), monthStart(0, months)
	for i, t := range src {
		if day := floorDiv(t, microsPerDay); day != last {
			last, start = day, monthStart(day, months)
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
func monthStart(day, months int64) int64 {
	c := civilOf(day)
	return daysOfYearMonth(c.year, (c.month-1)/months*months+1) * microsPerDay
}

func resolveTumble(fn *function, args []*Expr) (*Expr, error) {
	if len(args) == 2 {
		args = append(args[:2:2], Const(args[1].Type, Value{}))
	}
	e, err := overloaded(overload{[]Kind{Timestamp, Interval, Interval}, Timestamp}, overload{[]Kind{Timestamp, Int64, Int64}, Timestamp})(fn, args)
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

// windowStart is the start of the window of t. Beyond the ends of the time line it wraps around.
func windowStart(t, size, offset int64) int64 {
	r := (t%size - offset) % size
	if r < 0 {
		r += size
	}
	return t - r
}
