package columnar

import (
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
