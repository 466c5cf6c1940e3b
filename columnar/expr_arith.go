package columnar

import "fmt"

// The typings of arithmetic. Integers are computed as bigint, floats as double, decimals exactly; the first typing of
// equally near ones wins.
var (
	inBigint = overload{[]Kind{Int64, Int64}, Int64}
	inDouble = overload{[]Kind{Float64, Float64}, Float64}

	plusTimes = []overload{
		{[]Kind{Timestamp, Interval}, Timestamp}, {[]Kind{Interval, Timestamp}, Timestamp},
		{[]Kind{LocalTimestamp, Interval}, LocalTimestamp}, {[]Kind{Interval, LocalTimestamp}, LocalTimestamp},
		{[]Kind{Date, Int64}, Date}, {[]Kind{Int64, Date}, Date}, {[]Kind{Interval, Interval}, Interval},
	}
	minusTimes = []overload{
		{[]Kind{Timestamp, Interval}, Timestamp}, {[]Kind{LocalTimestamp, Interval}, LocalTimestamp}, {[]Kind{Date, Int64}, Date},
		{[]Kind{Date, Date}, Int64}, {[]Kind{LocalTimestamp, LocalTimestamp}, Interval}, {[]Kind{Timestamp, Timestamp}, Interval},
		{[]Kind{Interval, Interval}, Interval},
	}
	timesIntervals = []overload{
		{[]Kind{Interval, Int64}, Interval}, {[]Kind{Int64, Interval}, Interval},
		{[]Kind{Interval, Float64}, Interval}, {[]Kind{Float64, Interval}, Interval},
	}
	overIntervals = []overload{{[]Kind{Interval, Float64}, Interval}}
)

func arithmetic() []*function {
	op := func(name, results, takes, doc string, more []overload) *function {
		return &function{Function: about(name, "a "+name+" b → bigint, double, decimal"+results, doc),
			takes: takes, resolve: resolveArithmetic(append([]overload{inBigint, inDouble}, more...)), kernel: arithKernel, fails: true}
	}
	const calendar = " To a timestamp months and days of an interval are added on the calendar of the session's time zone."
	return []*function{
		op("+", ", timestamp, date, interval", "two numbers, or a timestamp and an interval", "Sum; bigint overflow is an error."+calendar, plusTimes),
		op("-", ", timestamp, date, interval", "two numbers, or a timestamp and an interval", "Difference; bigint overflow is an error. Of dates it is days, of timestamps an interval.", minusTimes),
		op("*", ", interval", "two numbers", "Product; bigint overflow is an error.", timesIntervals),
		op("/", ", interval", "two numbers", "Quotient; of integers it is cut towards zero, of decimals it is a double. Division by zero is an error.", overIntervals),
		op("%", "", "two numbers", "Remainder with the sign of a. Division by zero is an error.", nil),
		{Function: about("neg", "−a → bigint, double, decimal, interval", "Negation."), takes: "a number", kernel: negKernel, fails: true,
			resolve: overloaded(overload{[]Kind{Int64}, Int64}, overload{[]Kind{Decimal}, Decimal}, overload{[]Kind{Float64}, Float64}, overload{[]Kind{Interval}, Interval})},
	}
}

func resolveArithmetic(list []overload) func(fn *function, args []*Expr) (*Expr, error) {
	typed := overloaded(list...)
	return func(fn *function, args []*Expr) (*Expr, error) {
		if len(args) == 2 {
			if exact := decimalLiterals(args); exactNumbers(nullsAside(exact)) {
				return resolveDecimals(fn, exact)
			}
		}
		e, err := typed(fn, args)
		if err != nil {
			return nil, err
		}
		if e.Type.Kind == Timestamp && !isFixedInterval(e.Args[0]) && !isFixedInterval(e.Args[1]) {
			e.Args = fn.session.withZone(e.Args)
		}
		return e, nil
	}
}

// nullsAside leaves bare NULLs out.
func nullsAside(args []*Expr) []*Expr {
	var out []*Expr
	for _, a := range args {
		if a.Type.Kind != Null {
			out = append(out, a)
		}
	}
	return out
}

// isFixedInterval reports whether e is a literal of so many microseconds, which need no calendar.
func isFixedInterval(e *Expr) bool {
	return e.Op == "const" && e.Type.Kind == Interval && e.Value.Hi == 0
}

// resolveDecimals finds the type of the result so that nothing is rounded, as the SQL standard and DuckDB do; beyond 38
// digits a value may overflow. A quotient is a double.
func resolveDecimals(fn *function, args []*Expr) (*Expr, error) {
	if fn.Name == "/" {
		return inDouble.apply(fn, args)
	}
	var t [2]Type
	for i, a := range args {
		t[i] = asDecimal(a.Type)
		if a.Type.Kind == Null {
			t[i] = asDecimal(args[1-i].Type)
		}
	}
	out, err := decimalResult(fn.Name, t[0], t[1])
	if err != nil {
		return nil, err
	}
	e := &Expr{Op: fn.Name, Type: out, Args: make([]*Expr, 2)}
	for i, a := range args {
		if e.Args[i], err = fn.session.coerce(a, t[i]); err != nil {
			return nil, err
		}
	}
	return e, nil
}

func decimalResult(op string, a, b Type) (Type, error) {
	whole, scale := max(a.Precision-a.Scale, b.Precision-b.Scale), max(a.Scale, b.Scale)
	switch op {
	case "*":
		if a.Scale+b.Scale > MaxPrecision {
			return Type{}, fmt.Errorf("%s * %s would have %d digits behind the point, more than %d; cast one side to fewer", a, b, a.Scale+b.Scale, MaxPrecision)
		}
		return DecimalOf(int(min(a.Precision+b.Precision, MaxPrecision)), int(a.Scale+b.Scale)), nil
	case "%":
		return unifyDecimals(a, b), nil
	}
	return DecimalOf(int(min(whole+scale+1, MaxPrecision)), int(scale)), nil
}
