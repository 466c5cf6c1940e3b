package columnar

import "math"

const outOfDomain verdict = "input is out of range"

func angleFunctions() []*function {
	finite := func(f func(float64) float64) func(float64) (float64, verdict) {
		return func(x float64) (float64, verdict) {
			if math.IsInf(x, 0) {
				return 0, outOfDomain
			}
			return f(x), fine
		}
	}
	arc := func(f func(float64) float64) func(float64) (float64, verdict) {
		return func(x float64) (float64, verdict) {
			if x < -1 || x > 1 {
				return 0, outOfDomain
			}
			return f(x), fine
		}
	}
	return []*function{
		doubleFunction("sin", "The sine of an angle in radians.", finite(math.Sin)),
		doubleFunction("cos", "The cosine of an angle in radians.", finite(math.Cos)),
		doubleFunction("tan", "The tangent of an angle in radians.", finite(math.Tan)),
		doubleFunction("cot", "The cotangent of an angle in radians; that of 0 is Infinity.", finite(func(x float64) float64 { return 1 / math.Tan(x) })),
		doubleFunction("asin", "The angle in radians with that sine; outside of −1 to 1 it is an error.", arc(math.Asin)),
		doubleFunction("acos", "The angle in radians with that cosine; outside of −1 to 1 it is an error.", arc(math.Acos)),
		doubleFunction("atan", "The angle in radians with that tangent.", unchecked(math.Atan)),
		define(about("atan2", "atan2(y, x) → double", "The angle in radians from the x axis to the point (x, y)."), "two numbers",
			always(doubleRows(func(in []*Vector, r int32) (float64, verdict) { return math.Atan2(in[0].F64[r], in[1].F64[r]), fine })), sig(Float64, Float64, Float64)),
		doubleFunction("sinh", "The hyperbolic sine.", unchecked(math.Sinh)),
		doubleFunction("cosh", "The hyperbolic cosine.", unchecked(math.Cosh)),
		doubleFunction("tanh", "The hyperbolic tangent.", unchecked(math.Tanh)),
		doubleFunction("degrees", "Radians as degrees.", unchecked(func(x float64) float64 { return x / (math.Pi / 180) })),
		doubleFunction("radians", "Degrees as radians.", unchecked(func(x float64) float64 { return x * (math.Pi / 180) })),
		{Function: about("pi", "pi() → double", "The number π."), takes: "nothing", resolve: resolvePi, kernel: always(nil)},
		{Function: about("isnan", "isnan(double) → boolean", "Whether the value is NaN."), takes: "a number", resolve: overloaded(sig(Bool, Float64)),
			kernel: always(boolRows(func(in []*Vector, r int32) (bool, verdict) { x := in[0].F64[r]; return x != x, fine }))},
		{Function: about("isinf", "isinf(double) → boolean", "Whether the value is Infinity or -Infinity."), takes: "a number", resolve: overloaded(sig(Bool, Float64)),
			kernel: always(boolRows(func(in []*Vector, r int32) (bool, verdict) { return math.IsInf(in[0].F64[r], 0), fine }))},
		{Function: about("isfinite", "isfinite(double) → boolean", "Whether the value is neither NaN nor infinite."), takes: "a number", resolve: overloaded(sig(Bool, Float64)),
			kernel: always(boolRows(func(in []*Vector, r int32) (bool, verdict) { x := in[0].F64[r]; return x-x == 0, fine }))},
	}
}

func resolvePi(fn *function, args []*Expr) (*Expr, error) {
	if len(args) > 0 {
		return nil, noSuchFunction(fn, args)
	}
	return Const(Type{Kind: Float64}, Value{F: math.Pi}), nil
}
