package columnar

import (
	"fmt"
	"strings"
)

// timeFunctions are all functions on times, a list for each file. Those of the calendar look at what clocks show; see
// [Session.wall].
func timeFunctions() []*function {
	var list []*function
	for _, part := range []func() []*function{nowFunctions, partFunctions, truncFunctions, zoneFunctions, makeTimeFunctions, dateMathFunctions, differenceFunctions, bucketFunctions, timeFormatFunctions} {
		list = append(list, part()...)
	}
	return list
}

// timePart is a part of a time: of the clock when unit is set, else of the calendar.
type timePart struct {
	name, doc   string
	unit, cycle int64
	day         func(day int64) int64
	interval    func(v Int128) int64 // nil where an interval has no such part
}

var timeParts = []timePart{
	{name: "year", doc: "The year.", day: func(d int64) int64 { return civilOf(d).year }, interval: func(v Int128) int64 { m, _, _ := v.Interval(); return int64(m) / 12 }},
	{name: "quarter", doc: "The quarter of the year, 1 to 4.", day: func(d int64) int64 { return (civilOf(d).month + 2) / 3 }},
	{name: "month", doc: "The month, 1 to 12.", day: func(d int64) int64 { return civilOf(d).month }, interval: func(v Int128) int64 { m, _, _ := v.Interval(); return int64(m) % 12 }},
	{name: "day", doc: "The day of the month, 1 to 31.", day: func(d int64) int64 { return civilOf(d).day }, interval: func(v Int128) int64 { _, d, _ := v.Interval(); return int64(d) }},
	{name: "week", doc: "The week of the year, 1 to 53, as in ISO 8601: weeks begin on Monday, and the first has a Thursday in the year.", day: func(d int64) int64 { return (dayOfYear(thursday(d)) + 6) / 7 }},
	{name: "isoyear", doc: "The year that the week of ISO 8601 belongs to.", day: func(d int64) int64 { return civilOf(thursday(d)).year }},
	{name: "dow", doc: "The day of the week, 0 for Sunday to 6 for Saturday.", day: func(d int64) int64 { return weekday(d) % 7 }},
	{name: "isodow", doc: "The day of the week, 1 for Monday to 7 for Sunday.", day: weekday},
	{name: "dayofweek", doc: "The day of the week, 1 for Sunday to 7 for Saturday.", day: func(d int64) int64 { return weekday(d)%7 + 1 }},
	{name: "weekday", doc: "The day of the week, 0 for Monday to 6 for Sunday.", day: func(d int64) int64 { return weekday(d) - 1 }},
	{name: "doy", doc: "The day of the year, 1 to 366.", day: dayOfYear},
	{name: "decade", doc: "The year divided by ten, rounded down.", day: func(d int64) int64 { return floorDiv(civilOf(d).year, 10) }},
	{name: "century", doc: "The century; the 21st begins with 2001.", day: func(d int64) int64 { return floorDiv(civilOf(d).year-1, 100) + 1 }},
	{name: "millennium", doc: "The millennium; the third begins with 2001.", day: func(d int64) int64 { return floorDiv(civilOf(d).year-1, 1000) + 1 }},
	{name: "hour", doc: "The hour of the day, 0 to 23.", unit: microsPerHour, cycle: 24, interval: func(v Int128) int64 { _, _, us := v.Interval(); return us / microsPerHour }},
	{name: "minute", doc: "The minute of the hour, 0 to 59.", unit: microsPerMinute, cycle: 60, interval: func(v Int128) int64 { _, _, us := v.Interval(); return us / microsPerMinute % 60 }},
	{name: "second", doc: "The second of the minute, 0 to 59.", unit: microsPerSecond, cycle: 60, interval: func(v Int128) int64 { _, _, us := v.Interval(); return us / microsPerSecond % 60 }},
	{name: "millisecond", doc: "The milliseconds of the minute, 0 to 59,999.", unit: 1000, cycle: 60_000, interval: func(v Int128) int64 { _, _, us := v.Interval(); return us / 1000 % 60_000 }},
	{name: "microsecond", doc: "The microseconds of the minute, 0 to 59,999,999.", unit: 1, cycle: microsPerMinute, interval: func(v Int128) int64 { _, _, us := v.Interval(); return us % microsPerMinute }},
}

// weekday is 1 for Monday to 7 for Sunday. 1970-01-01 was a Thursday.
func weekday(day int64) int64 { return day + 3 - floorDiv(day+3, 7)*7 + 1 }

// thursday is the one in the week, Monday to Sunday, of a day.
func thursday(day int64) int64 { return day - weekday(day) + 4 }

func dayOfYear(day int64) int64 { return day - daysOfYearMonth(civilOf(day).year, 1) + 1 }

func partFunctions() []*function {
	list := []*function{
		{Function: about("date_part", "date_part(field, time) → bigint, extract(field FROM time) → bigint", "A part of a time: the functions of these names, and epoch (a double), timezone, timezone_hour and timezone_minute. The field is a literal; second and millisecond are whole numbers."),
			takes: "a field in quotes and a time", resolve: resolveDatePart, kernel: always(nil)},
		{Function: about("date", "date(time) → date", "The day."), takes: "a time", resolve: resolveDate, kernel: always(strict(castTimestampDate))},
		{Function: about("epoch", "epoch(time) → double", "The seconds since 1970-01-01 00:00 UTC, of a time without a zone since 1970-01-01 00:00; of an interval its seconds, with months of 30 days and years of 365.25."),
			takes: "a time or an interval", resolve: resolveEpoch, kernel: epochKernel},
	}
	for _, p := range timeParts {
		takes := suffix(p.interval != nil, " or an interval")
		list = append(list, &function{Function: about(p.name, p.name+"(time) → bigint", p.doc), takes: "a time" + takes, resolve: p.resolve, kernel: p.kernel})
	}
	return list
}

func (p timePart) resolve(fn *function, args []*Expr) (*Expr, error) {
	if len(args) != 1 {
		return nil, noSuchFunction(fn, args)
	}
	e := args[0]
	switch k := e.Type.Kind; {
	case k == Interval && p.interval != nil, k == Date && p.unit == 0:
	case !isTime(k):
		return nil, noSuchFunction(fn, args)
	default:
		var err error
		if e, err = fn.session.wall(e); err != nil {
			return nil, err
		}
	}
	return &Expr{Op: fn.Name, Type: Type{Kind: Int64}, Args: []*Expr{e}}, nil
}

func (p timePart) kernel(e *Expr) kernel {
	switch k := e.Args[0].Type.Kind; {
	case k == Interval && p.interval != nil:
		return intRows(func(in []*Vector, r int32) (int64, verdict) { return p.interval(in[0].Wide[r]), fine })
	case k == Date && p.unit == 0:
		return dayPart(p.day)
	case k != Timestamp && k != LocalTimestamp:
		return nil
	case p.unit > 0:
		return clockPart(p.unit, p.cycle)
	}
	return datePart(p.day)
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
func datePart(part func(day int64) int64) kernel {
	return strict(func(n *node, _ rowSet) error {
		dst, src := n.outI64(), n.in[0].I64[:n.out.N]
		last, value := int64(0), part(0)
		for i, t := range src {
			if day := floorDiv(t, microsPerDay); day != last {
				last, value = day, part(day)
			}
			dst[i] = value
		}
		return nil
	})
}

// dayPart is datePart for dates.
func dayPart(part func(day int64) int64) kernel {
	return strict(func(n *node, _ rowSet) error {
		dst, src := n.outI64(), n.in[0].I32[:n.out.N]
		last, value := int32(0), part(0)
		for i, day := range src {
			if day != last {
				last, value = day, part(int64(day))
			}
			dst[i] = value
		}
		return nil
	})
}

func resolveDatePart(fn *function, args []*Expr) (*Expr, error) {
	if len(args) != 2 || args[0].Type.Kind != String {
		return nil, noSuchFunction(fn, args)
	}
	field, ok := literal(args[0])
	unit := unitOf(field.valueText())
	switch {
	case !ok || field.Value.Null:
		return nil, fmt.Errorf("the field of date_part must be a literal, such as 'hour'")
	case unit == "timezone":
		return delegated(fn, args[1:], "utc_offset")
	case unit == "timezone_hour" || unit == "timezone_minute":
		return resolveOffsetPart(fn, args, unit)
	case unit == "":
		return nil, fmt.Errorf("date_part has no field %q; it takes %s, epoch, timezone", field.Value.S, partNames())
	}
	return delegated(fn, args[1:], unit)
}

// resolveOffsetPart are the whole hours of the offset from UTC, or the minutes that remain.
func resolveOffsetPart(fn *function, args []*Expr, unit string) (*Expr, error) {
	e, err := delegated(fn, args[1:], "utc_offset")
	if err != nil {
		return nil, err
	}
	if unit == "timezone_hour" {
		return fn.session.Call("/", e, intLiteral(3600))
	}
	if e, err = fn.session.Call("%", e, intLiteral(3600)); err != nil {
		return nil, err
	}
	return fn.session.Call("/", e, intLiteral(60))
}

func partNames() string {
	names := make([]string, len(timeParts))
	for i, p := range timeParts {
		names[i] = p.name
	}
	return strings.Join(names, ", ")
}

// resolveDate takes days as they are.
func resolveDate(fn *function, args []*Expr) (*Expr, error) {
	if len(args) != 1 || !isTime(args[0].Type.Kind) && args[0].Type.Kind != String {
		return nil, noSuchFunction(fn, args)
	}
	switch args[0].Type.Kind {
	case Date:
		return args[0], nil
	case String:
		return fn.session.coerce(args[0], Type{Kind: Date})
	}
	e, err := fn.session.wall(args[0])
	if err != nil {
		return nil, err
	}
	return &Expr{Op: fn.Name, Type: Type{Kind: Date}, Args: []*Expr{e}}, nil
}

func resolveEpoch(fn *function, args []*Expr) (*Expr, error) {
	if len(args) != 1 || !isTime(args[0].Type.Kind) && args[0].Type.Kind != Interval {
		return nil, noSuchFunction(fn, args)
	}
	e := args[0]
	if e.Type.Kind == Null {
		e = Const(Type{Kind: Timestamp}, Value{Null: true})
	}
	return &Expr{Op: fn.Name, Type: Type{Kind: Float64}, Args: []*Expr{e}}, nil
}

func epochKernel(e *Expr) kernel {
	switch e.Args[0].Type.Kind {
	case Date:
		return doubleRows(func(in []*Vector, r int32) (float64, verdict) { return float64(in[0].I32[r]) * 86_400, fine })
	case Interval:
		return doubleRows(func(in []*Vector, r int32) (float64, verdict) {
			months, days, us := in[0].Wide[r].Interval()
			return float64(months/12)*365.25*86_400 + float64(months%12)*30*86_400 + float64(days)*86_400 + float64(us)/microsPerSecond, fine
		})
	}
	return doubleRows(func(in []*Vector, r int32) (float64, verdict) { return float64(in[0].I64[r]) / microsPerSecond, fine })
}

func nowFunctions() []*function {
	return []*function{
		{Function: about("now", "now() → timestamp", "The time of the batch's plan: the same in all rows of a batch, and again when the batch runs again."), takes: "nothing", resolve: noArguments(Timestamp), kernel: nowKernel},
		{Function: about("current_date", "current_date → date", "The day of now() in the session's time zone."), takes: "nothing", kernel: always(nil), resolve: ofNow(func(s Session, now *Expr) (*Expr, error) { return s.Call("date", now) })},
		{Function: about("localtimestamp", "localtimestamp → timestamp_ntz", "What clocks in the session's time zone show at now()."), takes: "nothing", kernel: always(nil), resolve: ofNow(func(s Session, now *Expr) (*Expr, error) {
			return s.Call("timezone", textLiteral(s.zoneName()), now)
		})},
	}
}

func noArguments(out Kind) func(fn *function, args []*Expr) (*Expr, error) {
	return func(fn *function, args []*Expr) (*Expr, error) {
		if len(args) > 0 {
			return nil, noSuchFunction(fn, args)
		}
		return &Expr{Op: fn.Name, Type: Type{Kind: out}}, nil
	}
}

func ofNow(f func(s Session, now *Expr) (*Expr, error)) func(fn *function, args []*Expr) (*Expr, error) {
	return func(fn *function, args []*Expr) (*Expr, error) {
		if len(args) > 0 {
			return nil, noSuchFunction(fn, args)
		}
		now, err := fn.session.Call("now")
		if err != nil {
			return nil, err
		}
		return f(fn.session, now)
	}
}

func nowKernel(*Expr) kernel {
	return func(n *node, f *frame, _ rowSet) error {
		now, err := f.now()
		if err != nil {
			return err
		}
		dst := n.outI64()
		for i := range dst {
			dst[i] = now
		}
		n.out.Valid = nil
		return nil
	}
}
