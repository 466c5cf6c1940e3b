package columnar

import (
	"cmp"
	"math/bits"
	"strconv"
)

// Int128 is a signed integer of 128 bits in two's complement, in the memory layout of Arrow's decimal128: Lo, then Hi.
type Int128 struct {
	Lo uint64
	Hi int64
}

// MakeInterval is an interval of calendar months, calendar days and microseconds, which do not convert into each other:
// a month has no fixed number of days, and a day has 23 to 25 hours.
func MakeInterval(months, days int32, micros int64) Int128 {
	return Int128{Lo: uint64(micros), Hi: int64(months)<<32 | int64(uint32(days))}
}

// Interval takes an interval apart.
func (v Int128) Interval() (months, days int32, micros int64) {
	return int32(v.Hi >> 32), int32(v.Hi), int64(v.Lo)
}

// Int128Of widens x.
func Int128Of(x int64) Int128 { return Int128{Lo: uint64(x), Hi: x >> 63} }

// Cmp is −1, 0 or 1 as v is less than, equal to or greater than w.
func (v Int128) Cmp(w Int128) int {
	return cmp.Or(cmp.Compare(v.Hi, w.Hi), cmp.Compare(v.Lo, w.Lo))
}

// Add is v + w; overflow says that the sum has more than 128 bits.
func (v Int128) Add(w Int128) (sum Int128, overflow bool) {
	lo, carry := bits.Add64(v.Lo, w.Lo, 0)
	hi, _ := bits.Add64(uint64(v.Hi), uint64(w.Hi), carry)
	sum = Int128{Lo: lo, Hi: int64(hi)}
	return sum, (v.Hi^sum.Hi)&(w.Hi^sum.Hi) < 0
}

// Neg is −v; that of the least number is itself.
func (v Int128) Neg() Int128 {
	lo, borrow := bits.Sub64(0, v.Lo, 0)
	hi, _ := bits.Sub64(0, uint64(v.Hi), borrow)
	return Int128{Lo: lo, Hi: int64(hi)}
}

// magnitude takes the sign off.
func (v Int128) magnitude() (m uint128, negative bool) {
	if v.Hi < 0 {
		v, negative = v.Neg(), true
	}
	return uint128{lo: v.Lo, hi: uint64(v.Hi)}, negative
}

// uint128 is an unsigned integer of 128 bits.
type uint128 struct{ lo, hi uint64 }

// signed puts the sign back on a magnitude below 2^127.
func (m uint128) signed(negative bool) Int128 {
	v := Int128{Lo: m.lo, Hi: int64(m.hi)}
	if negative {
		return v.Neg()
	}
	return v
}

func (m uint128) less(n uint128) bool { return m.hi < n.hi || m.hi == n.hi && m.lo < n.lo }

// mul64 is the product of two signed words.
func mul64(x, y int64) Int128 {
	hi, lo := mul128(x, y)
	return Int128{Lo: uint64(lo), Hi: hi}
}

// divWord divides by d, which is not 0.
func (m uint128) divWord(d uint64) (quotient uint128, rest uint64) {
	quotient.hi, rest = m.hi/d, m.hi%d
	quotient.lo, rest = bits.Div64(rest, m.lo, d)
	return quotient, rest
}

// AppendDecimal appends the number with its point in front of the last scale digits: 1234 of scale 2 is 12.34.
func (v Int128) AppendDecimal(dst []byte, scale int) []byte {
	var buf [48]byte
	hi, lo := uint64(v.Hi), v.Lo
	if v.Hi < 0 {
		dst = append(dst, '-')
		var borrow uint64
		lo, borrow = bits.Sub64(0, lo, 0)
		hi, _ = bits.Sub64(0, hi, borrow)
	}
	digits := appendUint128(buf[:0], hi, lo)
	for len(digits) <= scale {
		digits = append(digits, 0)
		copy(digits[1:], digits)
		digits[0] = '0'
	}
	dst = append(dst, digits[:len(digits)-scale]...)
	if scale > 0 {
		dst = append(append(dst, '.'), digits[len(digits)-scale:]...)
	}
	return dst
}

// appendUint128 divides by the largest power of ten in 64 bits, so that two or three numbers of 19 digits are left.
func appendUint128(dst []byte, hi, lo uint64) []byte {
	const e19 = 10_000_000_000_000_000_000
	if hi == 0 {
		return strconv.AppendUint(dst, lo, 10)
	}
	high, rest := bits.Div64(hi%e19, lo, e19)
	dst = appendUint128(dst, hi/e19, high)
	return appendPadded19(dst, rest)
}

func appendPadded19(dst []byte, v uint64) []byte {
	var buf [19]byte
	for i := len(buf) - 1; i >= 0; i-- {
		buf[i] = byte('0' + v%10)
		v /= 10
	}
	return append(dst, buf[:]...)
}
