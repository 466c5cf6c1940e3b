package columnar

// TimeKey says that an expression's value stands for a stretch of time of one timestamp: date(t) for the day of t. The
// zero TimeKey is none.
type TimeKey struct {
	Time *Expr  // the timestamp
	Zone string // whose calendar counts, "" = UTC
	Form TimeForm
	Unit string // of StartKey: how long the stretch is, a unit of date_trunc; of PartKey: which part
}

// TimeForm is how the value stands for the time.
type TimeForm uint8

// The forms of a [TimeKey].
const (
	NoKey    TimeForm = iota
	DayKey            // a date, or its text
	StartKey          // the instant at which the stretch begins
	PartKey           // a number, or its text: year, quarter, month, day, hour, minute or second, nothing without those above it
)

// keyParts are the parts of a [PartKey].
var keyParts = map[string]bool{"year": true, "quarter": true, "month": true, "day": true, "hour": true, "minute": true, "second": true}

// TimeKeyOf reports what stretch of time the value of an expression stands for. Any timestamp stands for its microsecond.
func TimeKeyOf(e *Expr) (TimeKey, bool) {
	switch {
	case e.Op == "cast" && e.Type.Kind == String && (e.Args[0].Type.Kind == Date || e.Args[0].Type.Kind == Int64):
		return TimeKeyOf(e.Args[0])
	case e.Op == "date" || e.Op == "cast" && e.Type.Kind == Date:
		return dayKey(e)
	case keyParts[e.Op] && len(e.Args) == 1:
		return partKey(e)
	case e.Op == "date_trunc" && e.Type.Kind == Timestamp:
		return startKey(e)
	case e.Type.Kind == Timestamp:
		return TimeKey{Time: e, Form: StartKey, Unit: "microsecond"}, true
	}
	return TimeKey{}, false
}

func dayKey(e *Expr) (TimeKey, bool) {
	t, zone, ok := wallClock(e.Args[0])
	if !ok {
		return TimeKey{}, false
	}
	if e.Op == "cast" && len(e.Args) == 2 {
		zone = e.Args[1].Value.S
	}
	return TimeKey{Time: t, Zone: zone, Form: DayKey}, true
}

func partKey(e *Expr) (TimeKey, bool) {
	out := TimeKey{Form: PartKey, Unit: e.Op}
	if e.Args[0].Type.Kind == Date {
		day, ok := TimeKeyOf(e.Args[0])
		if !ok || day.Form != DayKey {
			return TimeKey{}, false
		}
		out.Time, out.Zone = day.Time, day.Zone
		return out, true
	}
	var ok bool
	out.Time, out.Zone, ok = wallClock(e.Args[0])
	return out, ok
}

// startKey is date_trunc of a timestamp, or of a day that was made one.
func startKey(e *Expr) (TimeKey, bool) {
	out := TimeKey{Time: e.Args[1], Form: StartKey, Unit: e.Args[0].Value.S}
	if len(e.Args) == 3 {
		out.Zone = e.Args[2].Value.S
	}
	if e.Args[1].Op != "cast" || e.Args[1].Args[0].Type.Kind != Date {
		return out, true
	}
	day, ok := TimeKeyOf(e.Args[1].Args[0])
	if !ok || day.Form != DayKey || day.Zone != out.Zone {
		return TimeKey{}, false
	}
	out.Time = day.Time
	return out, true
}

// wallClock is the timestamp of which an expression is the time that clocks show in a zone.
func wallClock(e *Expr) (t *Expr, zone string, ok bool) {
	switch {
	case e.Type.Kind == Timestamp:
		return e, "", true
	case e.Op == "timezone" && e.Type.Kind == LocalTimestamp && e.Args[0].Op == "const" && e.Args[1].Type.Kind == Timestamp:
		return e.Args[1], e.Args[0].Value.S, true
	}
	return nil, "", false
}

// UnitEnd is the end of the unit of date_trunc that a time in µs lies in, as clocks show both.
func UnitEnd(unit string, local int64) int64 {
	u, ok := truncations[unit]
	switch {
	case !ok:
		return 1<<63 - 1
	case u.months > 0:
		day := floorDiv(local, microsPerDay)
		c := civilOf(day)
		months := c.year*12 + c.month - 1 - u.from
		next := months - floorMod(months, u.months) + u.months + u.from
		return daysOfYearMonth(floorDiv(next, 12), floorMod(next, 12)+1) * microsPerDay
	}
	return local - floorMod(local-u.offset, u.size) + u.size
}

// MonthDay is the number of days from 1970-01-01 to the first of a month, 1 to 12.
func MonthDay(year, month int64) int64 { return daysOfYearMonth(year, month) }

// UnitMicros is the length of a unit of date_trunc that is shorter than a day, in µs; 0 for the others, whose length the
// calendar decides.
func UnitMicros(unit string) int64 {
	if u := truncations[unit]; u.size < microsPerDay {
		return u.size
	}
	return 0
}
