package columnar

import (
	"errors"
	"fmt"
	"math"
	"slices"
)

func differenceFunctions() []*function {
	const takes = "a unit in quotes and two times"
	return []*function{
		{Function: about("datediff", "datediff(end, start) → bigint, datediff(unit, start, end) → bigint", "The days from start to end; with a unit, how often it begins between them."), takes: "two times, and in front of them a unit in quotes",
			resolve: resolveDateDiff, kernel: boundariesKernel, fails: true},
		{Function: about("timestampdiff", "timestampdiff(unit, start, end) → bigint", "How many whole units lie between the times; negative when the end is before the start."), takes: takes,
			resolve: resolveTimestampDiff, kernel: wholeUnitsKernel, fails: true},
		{Function: about("months_between", "months_between(end, start) → double", "The months from start to end: whole when both are the same day of the month or the last, else with a fraction of 31 days, rounded to 8 digits."), takes: "two times",
			resolve: pairOfTimes(Float64, true), kernel: always(doubleRows(monthsBetween)), fails: true},
		{Function: about("age", "age(end, start) → interval, age(start) → interval", "The years, months, days and time from start to end, by default the midnight of the current day."), takes: "two times",
			resolve: resolveAge, kernel: always(ageKernel), fails: true},
	}
}

// pair makes two times of one type: of clocks, or else, when one is an instant, instants.
func (s Session) pair(a, b *Expr, clocks bool) (*Expr, *Expr, error) {
	to := s.instant
	if clocks || a.Type.Kind != Timestamp && b.Type.Kind != Timestamp {
		to = s.wall
	}
	x, err := to(a)
	if err != nil {
		return nil, nil, err
	}
	y, err := to(b)
	if err != nil || x.Type == y.Type {
		return x, y, err
	}
	// one is an instant in UTC, which is the same number as the time of clocks
	if x, err = s.localTime(x); err == nil {
		y, err = s.localTime(y)
	}
	return x, y, err
}

// localTime is a time of clocks also in UTC.
func (s Session) localTime(e *Expr) (*Expr, error) {
	if e.Type.Kind == LocalTimestamp {
		return e, nil
	}
	return s.Call("timezone", textLiteral(s.zoneName()), e)
}

func pairOfTimes(out Kind, clocks bool) func(fn *function, args []*Expr) (*Expr, error) {
	return func(fn *function, args []*Expr) (*Expr, error) {
		if len(args) != 2 || !isTime(args[0].Type.Kind) || !isTime(args[1].Type.Kind) {
			return nil, noSuchFunction(fn, args)
		}
		a, b, err := fn.session.pair(args[0], args[1], clocks)
		if err != nil {
			return nil, err
		}
		return &Expr{Op: fn.Name, Type: Type{Kind: out}, Args: []*Expr{a, b}}, nil
	}
}

func resolveDateDiff(fn *function, args []*Expr) (*Expr, error) {
	if len(args) != 2 {
		return resolveTimestampDiff(fn, args)
	}
	days := make([]*Expr, 2)
	for i, a := range args {
		if !isTime(a.Type.Kind) && a.Type.Kind != String {
			return nil, noSuchFunction(fn, args)
		}
		var err error
		if days[i], err = fn.session.Call("date", a); err != nil {
			return nil, err
		}
	}
	return fn.session.Call("-", days...)
}

// resolveTimestampDiff compares instants for units of the clock, and else what clocks show.
func resolveTimestampDiff(fn *function, args []*Expr) (*Expr, error) {
	unit, err := unitArgument(fn, args)
	if err != nil {
		return nil, err
	}
	if !isTime(args[1].Type.Kind) || !isTime(args[2].Type.Kind) {
		return nil, noSuchFunction(fn, args)
	}
	a, b, err := fn.session.pair(args[1], args[2], isCalendarUnit(unit))
	if err != nil {
		return nil, err
	}
	return &Expr{Op: fn.Name, Type: Type{Kind: Int64}, Args: []*Expr{textLiteral(unit), a, b}}, nil
}

// unitOfExpr is the literal unit of a bound function.
func unitOfExpr(e *Expr) (unit truncation, ok bool) {
	unit, ok = truncations[e.Args[0].valueText()]
	return unit, ok && e.Args[0].Op == "const" && len(e.Args) == 3
}

// boundariesKernel counts how many units begin in (start, end].
func boundariesKernel(e *Expr) kernel {
	unit, ok := unitOfExpr(e)
	if !ok {
		return nil
	}
	return intRows(func(in []*Vector, r int32) (int64, verdict) {
		start, end := unit.number(in[1].I64[r]), unit.number(in[2].I64[r])
		count := end - start
		if (end^start)&(end^count) < 0 { // microseconds between times that are further apart than a bigint counts
			return 0, outOfRange
		}
		return count, fine
	})
}

// number counts the units up to a time.
func (u truncation) number(t int64) int64 {
	if u.months == 0 {
		q := floorDiv(t, u.size)
		if t-q*u.size < u.offset%u.size {
			q--
		}
		return q
	}
	c := civilOf(floorDiv(t, microsPerDay))
	return floorDiv(c.year*12+c.month-1-u.from, u.months)
}

// wholeUnitsKernel cuts towards zero.
func wholeUnitsKernel(e *Expr) kernel {
	unit, ok := unitOfExpr(e)
	if !ok {
		return nil
	}
	return intRows(func(in []*Vector, r int32) (int64, verdict) {
		start, end := in[1].I64[r], in[2].I64[r]
		if unit.months > 0 {
			return wholeMonths(start, end) / unit.months, fine
		}
		span := end - start
		if (end^start)&(end^span) < 0 {
			return 0, "interval out of range"
		}
		return span / unit.size, fine
	})
}

// wholeMonths are those from start to end, or, negative, from end to start.
func wholeMonths(start, end int64) int64 {
	if end < start {
		return -wholeMonths(end, start)
	}
	from, to := floorDiv(start, microsPerDay), floorDiv(end, microsPerDay)
	a, b := civilOf(from), civilOf(to)
	months := (b.year-a.year)*12 + b.month - a.month
	if addMonths(from, months)*microsPerDay+start-from*microsPerDay > end {
		months--
	}
	return months
}

// monthsBetween is that of Spark and Oracle.
func monthsBetween(in []*Vector, r int32) (float64, verdict) {
	end, start := in[0].I64[r], in[1].I64[r]
	to, from := floorDiv(end, microsPerDay), floorDiv(start, microsPerDay)
	b, a := civilOf(to), civilOf(from)
	months := float64((b.year-a.year)*12 + b.month - a.month)
	if a.day == b.day || isMonthEnd(a) && isMonthEnd(b) {
		return months, fine
	}
	seconds := float64((b.day-a.day)*86_400) + float64((end-to*microsPerDay)/microsPerSecond-(start-from*microsPerDay)/microsPerSecond)
	return math.Round((months+seconds/(31*86_400))*1e8) / 1e8, fine
}

func isMonthEnd(c civil) bool { return c.day == int64(daysInMonth(int(c.year), int(c.month))) }

func resolveAge(fn *function, args []*Expr) (*Expr, error) {
	if len(args) == 1 {
		today, err := fn.session.Call("current_date")
		if err != nil {
			return nil, err
		}
		args = []*Expr{today, args[0]}
	}
	return pairOfTimes(Interval, true)(fn, args)
}

var ageKernel = strict(func(n *node, rows rowSet) error {
	dst := n.outWide()
	return n.each(rows, func(r int32) (v verdict) {
		dst[r], v = ageOf(n.in[0].I64[r], n.in[1].I64[r])
		return v
	})
})

// ageOf counts the whole months from the earlier time, then the days and the time that remain, as PostgreSQL does: days
// are borrowed from the month of the earlier time.
func ageOf(end, start int64) (Int128, verdict) {
	sign := int64(1)
	if end < start {
		start, end, sign = end, start, -1
	}
	from, to := floorDiv(start, microsPerDay), floorDiv(end, microsPerDay)
	a, b := civilOf(from), civilOf(to)
	micros := (end - to*microsPerDay) - (start - from*microsPerDay)
	days, months := b.day-a.day, (b.year-a.year)*12+b.month-a.month
	if micros < 0 {
		micros += microsPerDay
		days--
	}
	if days < 0 {
		days += int64(daysInMonth(int(a.year), int(a.month)))
		months--
	}
	if months > math.MaxInt32 {
		return Int128{}, "interval out of range"
	}
	return MakeInterval(int32(sign*months), int32(sign*days), sign*micros), fine
}

// bucketFunctions cut time into equal pieces.
func bucketFunctions() []*function {
	return []*function{
		{Function: about("time_bucket", "time_bucket(width, time [, origin]) → timestamp, timestamp_ntz, date", "The start of the bucket that the time lies in. Buckets of months begin with 2000-01-01, others with the Monday 2000-01-03, or with an origin; of whole days and months they follow the calendar of the session's time zone."),
			takes: "a positive constant interval, a time, and a constant time as origin", resolve: resolveBucket, kernel: bucketKernel, fails: true, zoneAt: 4},
		{Function: about("date_bin", "date_bin(width, time, origin) → timestamp, timestamp_ntz", "As time_bucket, where a day has 24 hours and a width of months is refused."),
			takes: "a positive constant interval without months, a time and a constant time", kernel: always(nil), resolve: resolveBin},
	}
}

// bucketOrigins are where buckets begin: µs since 1970-01-01.
const (
	mondayOrigin = 10_959 * microsPerDay // 2000-01-03
	monthOrigin  = 10_957 * microsPerDay // 2000-01-01
)

func resolveBin(fn *function, args []*Expr) (*Expr, error) {
	if len(args) != 3 {
		return nil, noSuchFunction(fn, args)
	}
	width, ok := literal(args[0])
	months, days, micros := width.wideValue().Interval()
	if !ok || width.Type.Kind != Interval || width.Value.Null || months != 0 {
		return nil, noSuchFunction(fn, args)
	}
	total := intervalLength(MakeInterval(0, days, micros))
	if total.Hi != int64(total.Lo)>>63 {
		return nil, errors.New("date_bin: the width is out of range")
	}
	e, err := fn.session.Call("time_bucket", Const(Type{Kind: Interval}, WideValue(MakeInterval(0, 0, int64(total.Lo)))), args[1], args[2])
	if err != nil {
		return nil, noSuchFunction(fn, args)
	}
	return e, nil
}

// wideValue is the value of a literal interval or decimal; zero for what is none.
func (e *Expr) wideValue() Int128 {
	if e == nil || e.Op != "const" {
		return Int128{}
	}
	return e.Value.wide()
}

// maxBucketMonths is 250,000 years: buckets that begin before the first timestamp are told by their start, which wraps
// around once at most.
const maxBucketMonths = 3_000_000

// resolveBucket gives the origin as a number of microseconds, and the zone where the calendar matters.
func resolveBucket(fn *function, args []*Expr) (*Expr, error) {
	if len(args) < 2 || len(args) > 3 || !isTime(args[1].Type.Kind) {
		return nil, noSuchFunction(fn, args)
	}
	width, ok := literal(args[0])
	if !ok || width.Type.Kind != Interval || width.Value.Null {
		return nil, noSuchFunction(fn, args)
	}
	months, days, micros := width.wideValue().Interval()
	if months < 0 || days < 0 || micros < 0 || (months > 0) == (days > 0 || micros > 0) {
		return nil, fmt.Errorf("%s takes a width above zero, of months or of days and time", fn.Name)
	}
	if total := intervalLength(MakeInterval(0, days, micros)); months > maxBucketMonths || total.Hi != int64(total.Lo)>>63 {
		return nil, fmt.Errorf("%s: the width is out of range", fn.Name)
	}
	at, err := fn.session.coerce(args[1], bucketType(args[1].Type, days, micros))
	if err != nil {
		return nil, err
	}
	origin, err := bucketOrigin(fn, args, at.Type, months > 0)
	if err != nil {
		return nil, err
	}
	out := []*Expr{width, at, origin}
	if at.Type.Kind == Timestamp && micros == 0 {
		out = fn.session.withZone(out)
	}
	e := &Expr{Op: fn.Name, Type: at.Type, Args: out}
	if args[1].Type.Kind == Date && micros == 0 {
		return fn.session.Cast(e, args[1].Type)
	}
	return e, nil
}

// bucketType is the type that a time is cut as: a day as the time of clocks at its midnight.
func bucketType(t Type, days int32, micros int64) Type {
	switch t.Kind {
	case Null:
		return Type{Kind: Timestamp}
	case Date:
		return Type{Kind: LocalTimestamp}
	}
	return t
}

func bucketOrigin(fn *function, args []*Expr, t Type, months bool) (*Expr, error) {
	if len(args) == 2 && months {
		return intLiteral(monthOrigin), nil
	}
	if len(args) == 2 {
		return intLiteral(mondayOrigin), nil
	}
	o, err := fn.session.coerce(args[2], t)
	if err != nil {
		return nil, noSuchFunction(fn, args)
	}
	if months, days, micros := args[0].wideValue().Interval(); micros == 0 && months+days > 0 {
		if o, err = fn.session.wall(o); err != nil {
			return nil, err
		}
	}
	c, err := constantOf(o)
	switch {
	case err != nil || c.Value.Null:
		return nil, noSuchFunction(fn, args)
	case len(o.Zones()) > 0: // only checked, as in coerce
		return o, nil
	}
	return intLiteral(c.Value.I), nil
}

// bucketKernel cuts by the same loops as date_trunc.
func bucketKernel(e *Expr) kernel {
	width, origin := e.Args[0], e.Args[2]
	months, days, micros := width.wideValue().Interval()
	if width.Op != "const" || months <= 0 && days <= 0 && micros <= 0 || origin.readsRows() {
		return nil
	}
	unit := bucketUnit(width, origin.Value.I)
	cut := bucketCut(e, &unit)
	if origin.Op == "const" {
		return cut
	}
	return func(n *node, f *frame, rows rowSet) error { // the origin follows the rules of a time zone that the plan records
		v, err := n.args[2].eval(f, rows)
		if err != nil {
			return err
		}
		if len(rows.list) > 0 {
			unit = bucketUnit(width, v.I64[rows.list[0]])
		}
		return cut(n, f, rows)
	}
}

// bucketUnit is the buckets of a width, an interval, from an origin on.
func bucketUnit(width *Expr, origin int64) truncation {
	months, days, micros := width.wideValue().Interval()
	if months > 0 {
		c := civilOf(floorDiv(origin, microsPerDay))
		return truncation{months: int64(months), from: c.year*12 + c.month - 1}
	}
	size := int64(days)*microsPerDay + micros
	return truncation{size: size, offset: origin % size}
}

func bucketCut(e *Expr, unit *truncation) kernel {
	months, _, _ := e.Args[0].wideValue().Interval()
	switch {
	case len(e.Args) == 4:
		return zonedTrunc(unit, 3)
	case months > 0:
		return strict(func(n *node, rows rowSet) error { return truncMonths(n, rows, *unit) })
	}
	return strict(func(n *node, rows rowSet) error { return tumble(n, rows, n.in[1].I64, unit.size, unit.offset) })
}

// readsRows reports whether the expression has columns.
func (e *Expr) readsRows() bool {
	return e.Op == "col" || slices.ContainsFunc(e.Args, (*Expr).readsRows)
}
