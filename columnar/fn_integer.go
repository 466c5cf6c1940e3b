package columnar

import (
	"math"
	"math/bits"
)

func integerFunctions() []*function {
	two := sig(Int64, Int64, Int64)
	to := func(name string) func(s Session, args []*Expr) (*Expr, error) {
		return func(s Session, args []*Expr) (*Expr, error) { return s.Call(name, args...) }
	}
	return append([]*function{
		{Function: about("mod", "mod(a, b) → bigint, double", "As a % b: the remainder with the sign of a. Division by zero is an error."), takes: "two numbers", kernel: always(nil),
			resolve: func(fn *function, args []*Expr) (*Expr, error) { return delegated(fn, args, "%") }},
		rewritten(about("div", "div(a, b) → bigint", "The quotient of integers, cut towards zero. Division by zero is an error."), "two integers", to("/"), two),
		define(about("gcd", "gcd(a, b) → bigint", "The greatest common divisor, never negative; gcd(0, 0) is 0."), "two integers", always(intRows(gcd)), two),
		define(about("lcm", "lcm(a, b) → bigint", "The least common multiple, never negative; 0 when one number is 0."), "two integers", always(intRows(lcm)), two),
		define(about("width_bucket", "width_bucket(x, low, high, count) → bigint", "Which of so many buckets of equal width between low and high x lies in, from 1; 0 below them, count + 1 above. High may be below low."),
			"three numbers and a number of buckets", always(intRows(widthBucket)), sig(Int64, Float64, Float64, Float64, Int64)),
		define(about("bit_count", "bit_count(bigint) → bigint", "How many bits of the number in two's complement are set."), "an integer",
			always(intRows(func(in []*Vector, r int32) (int64, verdict) {
				return int64(bits.OnesCount64(uint64(in[0].I64[r]))), fine
			})), sig(Int64, Int64)),
	}, bitFunctions()...)
}

// delegated is another function of the same arguments, in whose messages this one's name stands.
func delegated(fn *function, args []*Expr, to string) (*Expr, error) {
	e, err := fn.session.Call(to, args...)
	if err != nil {
		return nil, noSuchFunction(fn, args)
	}
	return e, nil
}

func bitFunctions() []*function {
	op := func(name, also, doc string, f func(a, b int64) (int64, verdict)) *function {
		return define(about(name, "a "+name+" b → bigint, "+also+"(a, b) → bigint", doc), "two integers",
			always(intRows(func(in []*Vector, r int32) (int64, verdict) { return f(in[0].I64[r], in[1].I64[r]) })), sig(Int64, Int64, Int64))
	}
	return []*function{
		op("&", "bitand", "The bits that are set in both.", func(a, b int64) (int64, verdict) { return a & b, fine }),
		op("|", "bitor", "The bits that are set in one of them.", func(a, b int64) (int64, verdict) { return a | b, fine }),
		op("#", "bitxor", "The bits that are set in just one of them.", func(a, b int64) (int64, verdict) { return a ^ b, fine }),
		op("<<", "shiftleft", "The bits moved left by b places, 0 to 63; those that leave on the left are lost.", shiftLeft),
		op(">>", "shiftright", "The bits moved right by b places, 0 to 63; the sign fills up.", shiftRight),
		{Function: about("bitnot", "bitnot(bigint) → bigint", "The bits that are not set."), takes: "an integer", resolve: overloaded(sig(Int64, Int64)),
			kernel: always(intRows(func(in []*Vector, r int32) (int64, verdict) { return ^in[0].I64[r], fine }))},
	}
}

const badShift verdict = "bits are moved by 0 to 63 places"

func shiftLeft(a, b int64) (int64, verdict) {
	if uint64(b) > 63 {
		return 0, badShift
	}
	return a << b, fine
}

func shiftRight(a, b int64) (int64, verdict) {
	if uint64(b) > 63 {
		return 0, badShift
	}
	return a >> b, fine
}

// magnitudeOf is |x|, also of the number whose negative is no bigint.
func magnitudeOf(x int64) uint64 {
	if x < 0 {
		return -uint64(x)
	}
	return uint64(x)
}

func greatestDivisor(a, b uint64) uint64 {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

func gcd(in []*Vector, r int32) (int64, verdict) {
	d := greatestDivisor(magnitudeOf(in[0].I64[r]), magnitudeOf(in[1].I64[r]))
	if d > math.MaxInt64 {
		return 0, outOfRange
	}
	return int64(d), fine
}

func lcm(in []*Vector, r int32) (int64, verdict) {
	a, b := magnitudeOf(in[0].I64[r]), magnitudeOf(in[1].I64[r])
	if a == 0 || b == 0 {
		return 0, fine
	}
	hi, lo := bits.Mul64(a/greatestDivisor(a, b), b)
	if hi != 0 || lo > math.MaxInt64 {
		return 0, outOfRange
	}
	return int64(lo), fine
}

func widthBucket(in []*Vector, r int32) (int64, verdict) {
	x, low, high, count := in[0].F64[r], in[1].F64[r], in[2].F64[r], in[3].I64[r]
	switch {
	case count <= 0 || count > math.MaxInt32:
		return 0, "the number of buckets is from 1 to 2,147,483,647"
	case x != x || low-low != 0 || high-high != 0:
		return 0, "width_bucket takes no NaN, and no infinite bounds"
	case low == high:
		return 0, "the bounds of width_bucket are equal"
	}
	if low > high {
		x, low, high = -x, -low, -high
	}
	switch {
	case x < low:
		return 0, fine
	case x >= high:
		return count + 1, fine
	}
	share := (x - low) / (high - low)
	if high-low > math.MaxFloat64 {
		share = (x/2 - low/2) / (high/2 - low/2)
	}
	return min(int64(share*float64(count)), count-1) + 1, fine
}
