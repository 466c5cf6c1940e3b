package columnar

import (
	"fmt"
	"math"
)

func makeTimeFunctions() []*function {
	ints := func(out Kind, n int) overload {
		return overload{args: filled(n, Int64), out: out}
	}
	clock := overload{append(filled(5, Int64), Float64), LocalTimestamp}
	return []*function{
		define(about("make_date", "make_date(year, month, day) → date", "The day; the year is 0 to 9999."), "three integers", always(smallRows(makeDate)), ints(Date, 3)),
		define(about("make_timestamp_ntz", "make_timestamp_ntz(year, month, day, hour, minute, second) → timestamp_ntz", "The time that clocks show; seconds may have a fraction."),
			"five integers and a number", always(intRows(makeTimestamp)), clock),
		rewritten(about("make_timestamp", "make_timestamp(year, month, day, hour, minute, second) → timestamp", "The instant at which clocks in the session's time zone show the time."),
			"five integers and a number", makeInstant, clock),
		{Function: about("make_interval", "make_interval(years [, months, weeks, days, hours, minutes, seconds]) → interval", "The interval of these parts, by default 0; seconds may have a fraction."),
			takes: "up to six integers and a number of seconds", resolve: resolveMakeInterval, kernel: always(makeInterval), fails: true},
		define(about("epoch_ms", "epoch_ms(timestamp) → bigint, epoch_ms(bigint) → timestamp", "The milliseconds since 1970-01-01 00:00 UTC, rounded down; and the instant so many milliseconds after it."),
			"a time or an integer", epochUnitKernel(1000), sig(Int64, Timestamp), sig(Int64, LocalTimestamp), sig(Timestamp, Int64)),
		define(about("epoch_us", "epoch_us(timestamp) → bigint, epoch_us(bigint) → timestamp", "The microseconds since 1970-01-01 00:00 UTC; and the instant so many microseconds after it."),
			"a time or an integer", epochUnitKernel(1), sig(Int64, Timestamp), sig(Int64, LocalTimestamp), sig(Timestamp, Int64)),
		define(about("timestamp_seconds", "timestamp_seconds(number) → timestamp", "The instant so many seconds after 1970-01-01 00:00 UTC, rounded to the microsecond."),
			"a number", secondsKernel, sig(Timestamp, Int64), sig(Timestamp, Float64)),
		define(about("unix_seconds", "unix_seconds(timestamp) → bigint", "The seconds since 1970-01-01 00:00 UTC, rounded down."),
			"a timestamp", epochUnitKernel(microsPerSecond), sig(Int64, Timestamp), sig(Int64, LocalTimestamp)),
	}
}

func dateOf(year, month, day int64) (int32, verdict) {
	if year < 0 || year > 9999 || month < 1 || month > 12 || day < 1 || day > int64(daysInMonth(int(year), int(month))) {
		return 0, verdict(fmt.Sprintf("there is no date %d-%02d-%02d", year, month, day))
	}
	return int32(daysOfCivil(int(year), int(month), int(day))), fine
}

func makeDate(in []*Vector, r int32) (int32, verdict) {
	return dateOf(in[0].I64[r], in[1].I64[r], in[2].I64[r])
}

func makeTimestamp(in []*Vector, r int32) (int64, verdict) {
	day, v := dateOf(in[0].I64[r], in[1].I64[r], in[2].I64[r])
	hour, minute, second := in[3].I64[r], in[4].I64[r], math.Round(in[5].F64[r]*microsPerSecond)
	switch {
	case v != fine:
		return 0, v
	case hour < 0 || hour > 23 || minute < 0 || minute > 59 || !(second >= 0 && second < microsPerMinute):
		return 0, verdict(fmt.Sprintf("there is no time %d:%02d:%s", hour, minute, appendDouble(nil, in[5].F64[r])))
	}
	return int64(day)*microsPerDay + hour*microsPerHour + minute*microsPerMinute + int64(second), fine
}

func makeInstant(s Session, args []*Expr) (*Expr, error) {
	local, err := s.Call("make_timestamp_ntz", args...)
	if err != nil {
		return nil, err
	}
	return s.instant(local)
}

// resolveMakeInterval fills up with zeros.
func resolveMakeInterval(fn *function, args []*Expr) (*Expr, error) {
	kinds := append(filled(6, Int64), Float64)
	if len(args) == 0 || len(args) > len(kinds) {
		return nil, noSuchFunction(fn, args)
	}
	all := args[:len(args):len(args)]
	for len(all) < len(kinds) {
		all = append(all, intLiteral(0))
	}
	e, err := overloaded(overload{kinds, Interval})(fn, all)
	if err != nil {
		return nil, noSuchFunction(fn, args)
	}
	return e, nil
}

var makeInterval = strict(func(n *node, rows rowSet) error {
	n.out.Wide = resized(n.out.Wide, n.out.N)
	return n.each(rows, func(r int32) (v verdict) {
		part := func(i int) float64 { return float64(n.in[i].I64[r]) }
		n.out.Wide[r], v = intervalOf(part(0)*12+part(1), part(2)*7+part(3), part(4)*microsPerHour+part(5)*microsPerMinute+math.Round(n.in[6].F64[r]*microsPerSecond))
		return v
	})
})

// intervalOf checks the ranges of the parts. Microseconds are exact up to 285 years.
func intervalOf(months, days, micros float64) (Int128, verdict) {
	if !(math.Abs(months) <= math.MaxInt32 && math.Abs(days) <= math.MaxInt32 && math.Abs(micros) < 1<<63) {
		return Int128{}, "interval out of range"
	}
	return MakeInterval(int32(months), int32(days), int64(micros)), fine
}

// epochUnitKernel converts between times and counts of units of so many microseconds.
func epochUnitKernel(unit int64) func(*Expr) kernel {
	return func(e *Expr) kernel {
		if e.Type.Kind == Int64 {
			return intRows(func(in []*Vector, r int32) (int64, verdict) { return floorDiv(in[0].I64[r], unit), fine })
		}
		return intRows(func(in []*Vector, r int32) (int64, verdict) { return instantOf(in[0].I64[r], unit) })
	}
}

func instantOf(count, unit int64) (int64, verdict) {
	hi, lo := mul128(count, unit)
	if hi != lo>>63 {
		return 0, tsOutOfRange
	}
	return lo, fine
}

func secondsKernel(e *Expr) kernel {
	if e.Args[0].Type.Kind == Int64 {
		return intRows(func(in []*Vector, r int32) (int64, verdict) { return instantOf(in[0].I64[r], microsPerSecond) })
	}
	return intRows(func(in []*Vector, r int32) (int64, verdict) {
		us := math.RoundToEven(in[0].F64[r] * microsPerSecond)
		if !(us >= -1<<63 && us < 1<<63) {
			return 0, tsOutOfRange
		}
		return int64(us), fine
	})
}
