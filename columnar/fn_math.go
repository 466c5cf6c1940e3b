package columnar

import "math"

// mathFunctions are all functions on numbers, a list for each file.
func mathFunctions() []*function {
	var list []*function
	for _, part := range []func() []*function{roundFunctions, powerFunctions, angleFunctions, integerFunctions, extremeFunctions} {
		list = append(list, part()...)
	}
	return list
}

// double is the typing of a function of one double.
var double = overloaded(sig(Float64, Float64))

func roundFunctions() []*function {
	whole := func(name, doc string, f func(dst, src []float64), how rounding) *function {
		return &function{Function: about(name, name+"(number) → double, decimal", doc), takes: "a number", resolve: resolveRounding(double), fails: true,
			kernel: func(e *Expr) kernel {
				if e.Type.Kind == Decimal {
					return decimalRounding(e, how)
				}
				return mapFloats(f)
			}}
	}
	digits := func(name, doc string, all func(dst, src []float64), one func(float64) float64, how rounding) *function {
		return &function{Function: about(name, name+"(number [, digits]) → double, decimal", doc), takes: "a number, and a number of digits",
			resolve: resolveRounding(overloaded(sig(Float64, Float64), sig(Float64, Float64, Int64))), kernel: digitsKernel(all, one, how), fails: true}
	}
	return []*function{
		{Function: about("abs", "abs(number) → bigint, double, decimal", "Absolute value."), takes: "a number", kernel: absNumber, fails: true,
			resolve: overloaded(sig(Int64, Int64), sig(Decimal, Decimal), sig(Float64, Float64))},
		{Function: about("sign", "sign(number) → bigint, double", "−1, 0 or 1 as the number is below, equal to or above 0; NaN for NaN."), takes: "a number", kernel: signKernel,
			resolve: overloaded(sig(Int64, Int64), sig(Int64, Decimal), sig(Float64, Float64))},
		whole("floor", "The largest whole number not above.", floorFloats, roundFloor),
		whole("ceil", "The smallest whole number not below.", ceilFloats, roundCeil),
		digits("round", "The nearest number with so many digits behind the point (default 0); halves go away from zero. Of a decimal the digits are a literal.", roundFloats, math.Round, roundHalf),
		digits("trunc", "Cut towards zero to so many digits behind the point (default 0). Of a decimal the digits are a literal.", truncFloats, math.Trunc, roundZero),
	}
}

func absNumber(e *Expr) kernel {
	if e.Type.Kind == Decimal {
		return absDecimal
	}
	return absKernel(e)
}

// mapFloats computes a function that has a result for every double.
func mapFloats(f func(dst, src []float64)) kernel {
	return strict(func(n *node, _ rowSet) error {
		f(n.outF64(), n.in[0].F64[:n.out.N])
		return nil
	})
}

func floorFloats(dst, src []float64) {
	for i, x := range src {
		dst[i] = math.Floor(x)
	}
}

func ceilFloats(dst, src []float64) {
	for i, x := range src {
		dst[i] = math.Ceil(x)
	}
}

func roundFloats(dst, src []float64) {
	for i, x := range src {
		dst[i] = math.Round(x)
	}
}

func truncFloats(dst, src []float64) {
	for i, x := range src {
		dst[i] = math.Trunc(x)
	}
}

func negFloats(dst, src []float64) {
	for i, x := range src {
		dst[i] = -x
	}
}

func absFloats(dst, src []float64) {
	for i, x := range src {
		dst[i] = math.Abs(x)
	}
}

func signKernel(e *Expr) kernel {
	switch e.Args[0].Type.Kind {
	case Float64:
		return mapFloats(signFloats)
	case Decimal:
		return signDecimal
	}
	return strict(func(n *node, _ rowSet) error {
		dst, src := n.outI64(), n.in[0].I64[:n.out.N]
		for i, x := range src {
			dst[i] = x>>63 | int64(uint64(-x)>>63)
		}
		return nil
	})
}

func signFloats(dst, src []float64) {
	for i, x := range src {
		switch {
		case x > 0:
			dst[i] = 1
		case x < 0:
			dst[i] = -1
		default:
			dst[i] = x // zero or NaN
		}
	}
}

// digitsKernel rounds by f at a number of digits.
func digitsKernel(whole func(dst, src []float64), f func(float64) float64, how rounding) func(*Expr) kernel {
	return func(e *Expr) kernel {
		if e.Type.Kind == Decimal {
			return decimalRounding(e, how)
		}
		if len(e.Args) == 1 {
			return mapFloats(whole)
		}
		return strict(func(n *node, _ rowSet) error {
			dst, src, digits := n.outF64(), n.in[0].F64[:n.out.N], n.in[1].I64
			for i, x := range src {
				dst[i] = atDigits(x, digits[i], f)
			}
			return nil
		})
	}
}

// atDigits leaves numbers alone that have no such digits.
func atDigits(x float64, digits int64, f func(float64) float64) float64 {
	if digits > 300 || x == 0 || x-x != 0 {
		return x
	}
	if digits < -308 {
		return 0
	}
	if digits < 0 { // powers of ten are exact, their inverses are not
		scale := math.Pow10(int(-digits))
		return f(x/scale) * scale
	}
	scale := math.Pow10(int(digits))
	scaled := x * scale
	if math.Abs(scaled) >= 1<<53 {
		return x
	}
	return f(scaled) / scale
}
