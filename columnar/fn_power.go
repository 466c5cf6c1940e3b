package columnar

import "math"

// The domains and the words of the errors are PostgreSQL's; overflow gives Infinity, as in all arithmetic here.

func powerFunctions() []*function {
	return []*function{
		doubleFunction("sqrt", "The square root; of a number below 0 it is an error.", checkedSqrt),
		doubleFunction("cbrt", "The cube root.", unchecked(math.Cbrt)),
		doubleFunction("exp", "e to the power of the number.", unchecked(math.Exp)),
		doubleFunction("ln", "The natural logarithm; of 0 and below it is an error.", logarithm(math.Log)),
		doubleFunction("log10", "The logarithm to base 10; of 0 and below it is an error.", logarithm(math.Log10)),
		doubleFunction("log2", "The logarithm to base 2; of 0 and below it is an error.", logarithm(math.Log2)),
		{Function: about("log", "log(double) → double, log(base, double) → double", "The logarithm to base 10, or to the base given first; of 0 and below it is an error."), takes: "a number, and a base in front of it",
			resolve: resolveLog, kernel: always(doubleRows(logBase)), fails: true},
		define(about("power", "power(base, exponent) → double", "The base to the power of the exponent; 0 to a negative power, and a negative base with an exponent that has a fraction, are errors."), "two numbers",
			always(doubleRows(power)), sig(Float64, Float64, Float64)),
	}
}

// doubleFunction is a function of one double.
func doubleFunction(name, doc string, f func(x float64) (float64, verdict)) *function {
	return &function{Function: about(name, name+"(double) → double", doc), takes: "a number", resolve: double, fails: true,
		kernel: always(doubleRows(func(in []*Vector, r int32) (float64, verdict) { return f(in[0].F64[r]) }))}
}

func unchecked(f func(float64) float64) func(float64) (float64, verdict) {
	return func(x float64) (float64, verdict) { return f(x), fine }
}

func checkedSqrt(x float64) (float64, verdict) {
	if x < 0 {
		return 0, "cannot take square root of a negative number"
	}
	return math.Sqrt(x), fine
}

func logarithm(f func(float64) float64) func(float64) (float64, verdict) {
	return func(x float64) (float64, verdict) {
		switch {
		case x == 0:
			return 0, "cannot take logarithm of zero"
		case x < 0:
			return 0, "cannot take logarithm of a negative number"
		}
		return f(x), fine
	}
}

func resolveLog(fn *function, args []*Expr) (*Expr, error) {
	e, err := overloaded(sig(Float64, Float64), sig(Float64, Float64, Float64))(fn, args)
	if err != nil || len(args) == 2 {
		return e, err
	}
	return fn.session.Call("log10", e.Args[0])
}

func logBase(in []*Vector, r int32) (float64, verdict) {
	base, v := logarithm(math.Log)(in[0].F64[r])
	if v != fine {
		return 0, v
	}
	x, v := logarithm(math.Log)(in[1].F64[r])
	switch {
	case v != fine:
		return 0, v
	case base == 0:
		return 0, zeroDivision
	}
	return x / base, fine
}

func power(in []*Vector, r int32) (float64, verdict) {
	base, exponent := in[0].F64[r], in[1].F64[r]
	switch {
	case base == 0 && exponent < 0:
		return 0, "zero raised to a negative power is undefined"
	case base < 0 && exponent != math.Trunc(exponent):
		return 0, "a negative number raised to a non-integer power yields a complex result"
	}
	return math.Pow(base, exponent), fine
}
