package columnar

import (
	"math"
	"math/bits"
)

// Integer arithmetic is checked without a branch per row: the kernels gather an overflow flag over all physical rows
// and only when it is set look for a row that counts. The loops are kept from being inlined: inside the caller their
// variables do not stay in registers, which makes them three times slower.

const (
	outOfRange   = "bigint out of range"
	tsOutOfRange = "timestamp out of range"
	zeroDivision = "division by zero"
)

// arithKernel chooses by result type.
func arithKernel(e *Expr) kernel {
	switch e.Type.Kind {
	case Float64:
		return floatKernels[e.Op]
	case Decimal:
		return decimalKernel(e)
	case Timestamp, LocalTimestamp:
		return timePlusInterval(e)
	case Date, Interval:
		return timeKernel(e)
	}
	if e.Args[0].Type.Kind == Date {
		return strict(subDates)
	}
	return intKernels[e.Op]
}

var intKernels = map[string]kernel{
	"+": strict(addInts), "-": strict(subInts), "*": strict(mulInts), "/": strict(divInts), "%": strict(modInts),
}

var floatKernels = map[string]kernel{
	"+": strict(func(n *node, _ rowSet) error { return n.floats(fast.addDoubles) }),
	"-": strict(func(n *node, _ rowSet) error { return n.floats(fast.subDoubles) }),
	"*": strict(func(n *node, _ rowSet) error { return n.floats(fast.mulDoubles) }),
	"/": strict(func(n *node, rows rowSet) error { return n.divFloats(rows, fast.quoDoubles) }),
	"%": strict(func(n *node, rows rowSet) error { return n.divFloats(rows, modFloats) }),
}

func (n *node) ints() (dst, a, b []int64) {
	return n.outI64(), n.in[0].I64[:n.out.N], n.in[1].I64[:n.out.N]
}

// rangeReason is the message of an overflow, empty when there is none.
func (n *node) rangeReason(over bool) string {
	switch {
	case !over:
		return ""
	case n.out.Type.Kind == Int64:
		return outOfRange
	}
	return n.out.Type.String() + " out of range"
}

func zeroReason(zero bool) string {
	if zero {
		return zeroDivision
	}
	return ""
}

func addInts(n *node, rows rowSet) error {
	dst, a, b := n.ints()
	if !fast.addInts(dst, a, b) {
		return nil
	}
	return n.firstBad(rows, func(r int32) string { return n.rangeReason((a[r]^dst[r])&(b[r]^dst[r]) < 0) })
}

//go:noinline
func addChecked(dst, a, b []int64) (overflow bool) {
	dst, b = dst[:len(a)], b[:len(a)]
	var over int64
	for i, x := range a {
		y := b[i]
		s := x + y
		dst[i] = s
		over |= (x ^ s) & (y ^ s)
	}
	return over < 0
}

func subInts(n *node, rows rowSet) error {
	dst, a, b := n.ints()
	if !fast.subInts(dst, a, b) {
		return nil
	}
	return n.firstBad(rows, func(r int32) string { return n.rangeReason((a[r]^b[r])&(a[r]^dst[r]) < 0) })
}

//go:noinline
func subChecked(dst, a, b []int64) (overflow bool) {
	dst, b = dst[:len(a)], b[:len(a)]
	var over int64
	for i, x := range a {
		y := b[i]
		s := x - y
		dst[i] = s
		over |= (x ^ y) & (x ^ s)
	}
	return over < 0
}

func mulInts(n *node, rows rowSet) error {
	dst, a, b := n.ints()
	if c, ok := n.factor(); ok && !fast.mulConst(dst, a, c) || !ok && !mulChecked(dst, a, b) {
		return nil
	}
	return n.firstBad(rows, func(r int32) string { hi, lo := mul128(a[r], b[r]); return n.rangeReason(hi != lo>>63) })
}

// factor is the second operand where it is a constant that mulConst takes.
func (n *node) factor() (c int64, ok bool) {
	if !n.args[1].isConst() || n.out.N == 0 {
		return 0, false
	}
	c = n.in[1].I64[0]
	return c, c > 1 || c < -1
}

// factorRange is what may be multiplied by a constant beyond −1 and 1.
func factorRange(c int64) (least, most int64) {
	least, most = math.MinInt64/c, math.MaxInt64/c
	if c < 0 {
		least, most = most, least
	}
	return least, most
}

// mulConst multiplies by a constant beyond −1 and 1. Both ends of what may be multiplied are at most 2^62 from zero, so a difference to
// them that comes out below zero, or too large for a bigint, says that a value is outside.
//
//go:noinline
func mulConst(dst, a []int64, c int64) (overflow bool) {
	dst = dst[:len(a)]
	least, most := factorRange(c)
	var over int64
	for i, x := range a {
		dst[i] = x * c
		over |= (x - least) | (most - x)
	}
	return over < 0
}

//go:noinline
func mulChecked(dst, a, b []int64) (overflow bool) {
	dst, b = dst[:len(a)], b[:len(a)]
	var over int64
	for i, x := range a {
		hi, lo := mul128(x, b[i])
		dst[i] = lo
		over |= hi ^ lo>>63
	}
	return over != 0
}

// mul128 is the signed 128-bit product.
func mul128(x, y int64) (hi, lo int64) {
	h, l := bits.Mul64(uint64(x), uint64(y))
	return int64(h) - x>>63&y - y>>63&x, int64(l)
}

// modInts takes the sign of the dividend.
func modInts(n *node, rows rowSet) error {
	dst, a, b := n.ints()
	bad := false
	for i, x := range a {
		y := b[i]
		if y == 0 {
			y, bad = 1, true
		}
		dst[i] = x % y
	}
	if !bad {
		return nil
	}
	return n.firstBad(rows, func(r int32) string { return zeroReason(b[r] == 0) })
}

func (n *node) floats(op func(dst, a, b []float64)) error {
	op(n.outF64(), n.in[0].F64[:n.out.N], n.in[1].F64[:n.out.N])
	return nil
}

func addFloats(dst, a, b []float64) {
	dst, b = dst[:len(a)], b[:len(a)]
	for i, x := range a {
		dst[i] = x + b[i]
	}
}

func subFloats(dst, a, b []float64) {
	dst, b = dst[:len(a)], b[:len(a)]
	for i, x := range a {
		dst[i] = x - b[i]
	}
}

func mulFloats(dst, a, b []float64) {
	dst, b = dst[:len(a)], b[:len(a)]
	for i, x := range a {
		dst[i] = x * b[i]
	}
}

func quoFloats(dst, a, b []float64) {
	dst, b = dst[:len(a)], b[:len(a)]
	for i, x := range a {
		dst[i] = x / b[i]
	}
}

func modFloats(dst, a, b []float64) {
	dst, b = dst[:len(a)], b[:len(a)]
	for i, x := range a {
		dst[i] = math.Mod(x, b[i])
	}
}

// divFloats refuses a divisor of zero as PostgreSQL does; all else is IEEE 754.
func (n *node) divFloats(rows rowSet, op func(dst, a, b []float64)) error {
	b := n.in[1].F64[:n.out.N]
	constant := n.args[1].isConst() && len(b) > 0 && b[0] != 0
	if !constant && anyZero(b) {
		if err := n.firstBad(rows, func(r int32) string { return zeroReason(b[r] == 0) }); err != nil {
			return err
		}
	}
	return n.floats(op)
}

func anyZero(s []float64) bool {
	var zeros byte
	for _, x := range s {
		zeros |= bit(x == 0)
	}
	return zeros != 0
}

func negKernel(e *Expr) kernel {
	switch e.Type.Kind {
	case Float64:
		return mapFloats(negFloats)
	case Decimal:
		return strict(negDecimals)
	case Interval:
		return intervalRows(func(in []*Vector, r int32) (Int128, bool) { return negInterval(in[0].Wide[r]) })
	}
	return strict(negInts)
}

func absKernel(e *Expr) kernel {
	if e.Type.Kind == Float64 {
		return mapFloats(absFloats)
	}
	return strict(absInts)
}

func negInts(n *node, rows rowSet) error {
	a := n.in[0].I64[:n.out.N]
	return n.refuseMin(rows, a, negChecked(n.outI64(), a))
}

// negChecked reports whether there is the least bigint, the one below zero whose negative is too.
//
//go:noinline
func negChecked(dst, a []int64) (overflow bool) {
	dst = dst[:len(a)]
	var over int64
	for i, x := range a {
		dst[i] = -x
		over |= x & -x
	}
	return over < 0
}

func absInts(n *node, rows rowSet) error {
	a := n.in[0].I64[:n.out.N]
	return n.refuseMin(rows, a, absChecked(n.outI64(), a))
}

//go:noinline
func absChecked(dst, a []int64) (overflow bool) {
	dst = dst[:len(a)]
	var over int64
	for i, x := range a {
		sign := x >> 63
		size := (x ^ sign) - sign
		dst[i] = size
		over |= size
	}
	return over < 0
}

// refuseMin refuses the one bigint that has no negative.
func (n *node) refuseMin(rows rowSet, a []int64, bad bool) error {
	if !bad {
		return nil
	}
	return n.firstBad(rows, func(r int32) string { return n.rangeReason(a[r] == math.MinInt64) })
}
