package columnar

import (
	"cmp"
	"math/bits"
)

// int256 is a signed integer of 256 bits in two's complement, lowest word first: room for the product of two decimals,
// and for decimals of 38 digits brought to a scale of 38.
type int256 [4]uint64

// product is a × m.
func product(a Int128, m uint128) int256 {
	x, negative := a.magnitude()
	var out int256
	var carry uint64
	hi0, lo0 := bits.Mul64(x.lo, m.lo)
	hi1, lo1 := bits.Mul64(x.lo, m.hi)
	hi2, lo2 := bits.Mul64(x.hi, m.lo)
	hi3, lo3 := bits.Mul64(x.hi, m.hi)
	out[0] = lo0
	out[1], carry = bits.Add64(hi0, lo1, 0)
	out[2], carry = bits.Add64(hi1, lo3, carry)
	out[3], _ = bits.Add64(hi3, 0, carry)
	out[1], carry = bits.Add64(out[1], lo2, 0)
	out[2], carry = bits.Add64(out[2], hi2, carry)
	out[3] += carry
	if negative {
		return out.neg()
	}
	return out
}

func (x int256) neg() int256 { return int256{}.sub(x) }

func (x int256) add(y int256) int256 {
	var carry uint64
	for i := range x {
		x[i], carry = bits.Add64(x[i], y[i], carry)
	}
	return x
}

func (x int256) sub(y int256) int256 {
	var borrow uint64
	for i := range x {
		x[i], borrow = bits.Sub64(x[i], y[i], borrow)
	}
	return x
}

func (x int256) negative() bool { return int64(x[3]) < 0 }

func (x int256) cmp(y int256) int {
	return cmp.Or(cmp.Compare(int64(x[3]), int64(y[3])), cmp.Compare(x[2], y[2]), cmp.Compare(x[1], y[1]), cmp.Compare(x[0], y[0]))
}

// within is x as a number of 128 bits, if its magnitude is below the limit, which is at most 2^127.
func (x int256) within(limit uint128) (Int128, bool) {
	negative := x.negative()
	if negative {
		x = x.neg()
	}
	m := uint128{lo: x[0], hi: x[1]}
	return m.signed(negative), x[2]|x[3] == 0 && m.less(limit)
}
