package columnar

import "math"

func mathFunctions() []*function {
	double := overloaded(overload{[]Kind{Float64}, Float64})
	one := func(name, doc string, f func(dst, src []float64)) *function {
		return &function{Function: about(name, name+"(double) → double", doc), takes: "a number", resolve: double,
			kernel: func(*Expr) kernel { return mapFloats(f) }}
	}
	return []*function{
		{Function: about("abs", "abs(number) → bigint, double", "Absolute value."), takes: "a number", kernel: absKernel, fails: true,
			resolve: overloaded(overload{[]Kind{Int64}, Int64}, overload{[]Kind{Float64}, Float64})},
		one("floor", "The largest whole number not above.", floorFloats),
		one("ceil", "The smallest whole number not below.", ceilFloats),
		{Function: about("round", "round(double [, digits]) → double", "The nearest number with so many digits behind the point (default 0); halves go to the even neighbour."),
			takes: "a number, and a number of digits", resolve: overloaded(overload{[]Kind{Float64}, Float64}, overload{[]Kind{Float64, Int64}, Float64}), kernel: roundKernel},
	}
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
		dst[i] = math.RoundToEven(x)
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

func roundKernel(e *Expr) kernel {
	if len(e.Args) == 1 {
		return mapFloats(roundFloats)
	}
	return strict(func(n *node, _ rowSet) error {
		dst, src, digits := n.outF64(), n.in[0].F64[:n.out.N], n.in[1].I64
		for i, x := range src {
			dst[i] = roundDigits(x, digits[i])
		}
		return nil
	})
}

// roundDigits leaves numbers alone that have no such digits.
func roundDigits(x float64, digits int64) float64 {
	if digits > 300 || digits < -300 {
		return x
	}
	scale := math.Pow10(int(digits))
	scaled := x * scale
	if math.IsInf(scaled, 0) || math.Abs(scaled) >= 1<<53 {
		return x
	}
	return math.RoundToEven(scaled) / scale
}
