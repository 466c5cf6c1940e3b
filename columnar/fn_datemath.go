package columnar

import (
	"fmt"
	"strings"
)

func dateMathFunctions() []*function {
	const takes = "a time and a number of days, or an interval"
	date := func(name, doc string, args []Kind, f func(in []*Vector, r int32) (int32, verdict), signature, takes string) *function {
		return &function{Function: about(name, signature, doc), takes: takes, resolve: datesFirst(args, Date), kernel: always(smallRows(f)), fails: true}
	}
	return []*function{
		{Function: about("date_add", "date_add(time, days) → date, date_add(time, interval) → timestamp", "The day so many days later; with an interval as +."), takes: takes, kernel: always(nil), resolve: resolveDateAdd("+")},
		{Function: about("date_sub", "date_sub(time, days) → date, date_sub(time, interval) → timestamp", "The day so many days before; with an interval as -."), takes: takes, kernel: always(nil), resolve: resolveDateAdd("-")},
		date("add_months", "The day so many months later; of days that the month does not have it is the last.", []Kind{Date, Int64}, addMonthsRow, "add_months(time, months) → date", "a time and a number of months"),
		date("last_day", "The last day of the month.", []Kind{Date}, lastDay, "last_day(time) → date", "a time"),
		date("next_day", "The first day behind a day that has the name: 'monday', 'mon' or 'mo'.", []Kind{Date, String}, nextDay, "next_day(time, weekday) → date", "a time and the name of a day of the week"),
		{Function: about("timestampadd", "timestampadd(unit, count, time) → timestamp, date", "The time so many units later, on the calendar of the session's time zone; a day and units of days give a day."),
			takes: "a unit in quotes, a number and a time", kernel: always(nil), resolve: resolveTimestampAdd},
	}
}

// datesFirst takes the day of a time as first argument.
func datesFirst(args []Kind, out Kind) func(fn *function, args []*Expr) (*Expr, error) {
	typed := overloaded(overload{args, out})
	return func(fn *function, args []*Expr) (*Expr, error) {
		if len(args) == 0 || !isTime(args[0].Type.Kind) && args[0].Type.Kind != String {
			return nil, noSuchFunction(fn, args)
		}
		day, err := fn.session.Call("date", args[0])
		if err != nil {
			return nil, err
		}
		e, err := typed(fn, append([]*Expr{day}, args[1:]...))
		if err != nil {
			return nil, noSuchFunction(fn, args)
		}
		return e, nil
	}
}

func resolveDateAdd(op string) func(fn *function, args []*Expr) (*Expr, error) {
	return func(fn *function, args []*Expr) (*Expr, error) {
		switch {
		case len(args) == 3 && op == "+":
			return delegated(fn, args, "timestampadd")
		case len(args) != 2 || !isTime(args[0].Type.Kind) && args[0].Type.Kind != String:
			return nil, noSuchFunction(fn, args)
		case args[1].Type.Kind == Interval:
			return delegated(fn, args, op)
		case !args[1].Type.Integer() && args[1].Type.Kind != Null:
			return nil, noSuchFunction(fn, args)
		}
		day, err := fn.session.Call("date", args[0])
		if err != nil {
			return nil, err
		}
		days, err := fn.session.coerce(args[1], Type{Kind: Int64})
		if err != nil {
			return nil, err
		}
		return fn.session.Call(op, day, days)
	}
}

// maxMonths is more than all months that dates have.
const maxMonths = 1 << 40

func addMonthsRow(in []*Vector, r int32) (int32, verdict) {
	months := in[1].I64[r]
	if months > maxMonths || months < -maxMonths {
		return 0, "date out of range"
	}
	return dayNumber(addMonths(int64(in[0].I32[r]), months))
}

// dayNumber checks the range of a date.
func dayNumber(day int64) (int32, verdict) {
	if day != int64(int32(day)) {
		return 0, "date out of range"
	}
	return int32(day), fine
}

func lastDay(in []*Vector, r int32) (int32, verdict) {
	c := civilOf(int64(in[0].I32[r]))
	return dayNumber(int64(in[0].I32[r]) - c.day + int64(daysInMonth(int(c.year), int(c.month))))
}

func nextDay(in []*Vector, r int32) (int32, verdict) {
	want := weekdayNamed(in[1].Str(int(r)))
	if want == 0 {
		return 0, verdict(fmt.Sprintf("%q is no day of the week", shortened(in[1].Str(int(r)))))
	}
	day := int64(in[0].I32[r])
	ahead := want - weekday(day)
	if ahead <= 0 {
		ahead += 7
	}
	return dayNumber(day + ahead)
}

// weekdayNamed is the number of a day, 1 for Monday, by its name or its first two or three letters; 0 for none.
func weekdayNamed(name []byte) int64 {
	for i, full := range dayNames {
		if n := len(name); (n == 2 || n == 3 || n == len(full)) && equalFold(name, full) {
			return int64(i) + 1
		}
	}
	return 0
}

// unitIntervals are the units that times are moved by.
var unitIntervals = map[string]Int128{
	"microsecond": MakeInterval(0, 0, 1), "millisecond": MakeInterval(0, 0, 1000), "second": MakeInterval(0, 0, microsPerSecond), "minute": MakeInterval(0, 0, microsPerMinute),
	"hour": MakeInterval(0, 0, microsPerHour), "day": MakeInterval(0, 1, 0), "week": MakeInterval(0, 7, 0), "month": MakeInterval(1, 0, 0), "quarter": MakeInterval(3, 0, 0),
	"year": MakeInterval(12, 0, 0), "decade": MakeInterval(120, 0, 0), "century": MakeInterval(1200, 0, 0), "millennium": MakeInterval(12_000, 0, 0),
}

// unitArgument is the literal unit that a function begins with.
func unitArgument(fn *function, args []*Expr) (string, error) {
	if len(args) != 3 || args[0].Type.Kind != String {
		return "", noSuchFunction(fn, args)
	}
	name, ok := literal(args[0])
	unit := unitOf(name.valueText())
	if _, known := unitIntervals[unit]; !ok || !known {
		return "", fmt.Errorf("%s takes a unit in quotes: %s", fn.Name, truncUnits)
	}
	return unit, nil
}

func resolveTimestampAdd(fn *function, args []*Expr) (*Expr, error) {
	unit, err := unitArgument(fn, args)
	if err != nil {
		return nil, err
	}
	if !isTime(args[2].Type.Kind) {
		return nil, noSuchFunction(fn, args)
	}
	months, days, _ := unitIntervals[unit].Interval()
	if args[2].Type.Kind == Date && months+days > 0 {
		return addToDate(fn, args, months, days)
	}
	by, err := fn.session.Call("*", args[1], Const(Type{Kind: Interval}, WideValue(unitIntervals[unit])))
	if err != nil || !args[1].Type.Integer() && args[1].Type.Kind != Null {
		return nil, noSuchFunction(fn, args)
	}
	if c, ok := literal(by); ok {
		by = c
	}
	at := args[2]
	if at.Type.Kind == Date || at.Type.Kind == Null {
		if at, err = fn.session.instant(at); err != nil {
			return nil, err
		}
	}
	return fn.session.Call("+", at, by)
}

// addToDate moves a day by whole days or months.
func addToDate(fn *function, args []*Expr, months, days int32) (*Expr, error) {
	name, unit := "add_months", months
	if days > 0 {
		name, unit = "date_add", days
	}
	count, err := fn.session.Call("*", args[1], intLiteral(int64(unit)))
	if err != nil {
		return nil, noSuchFunction(fn, args)
	}
	if c, ok := literal(count); ok {
		count = c
	}
	e, err := fn.session.Call(name, args[2], count)
	if err != nil {
		return nil, noSuchFunction(fn, args)
	}
	return e, nil
}

// isCalendarUnit reports whether a unit is of whole days.
func isCalendarUnit(unit string) bool {
	return !strings.Contains(" microsecond millisecond second minute hour ", " "+unit+" ")
}
