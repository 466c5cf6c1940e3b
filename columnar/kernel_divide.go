package columnar

import (
	"math"
	"math/bits"
)

// divInts truncates towards zero as PostgreSQL does. Whether anything must be refused is asked of all rows at once, so that
// the loop that divides asks nothing.
func divInts(n *node, rows rowSet) error {
	dst, a, b := n.ints()
	if n.args[1].isConst() && len(b) > 0 && b[0] != 0 {
		dividerOf(b[0]).quotients(dst, a)
		if b[0] != -1 || !hasInt(a, math.MinInt64) {
			return nil
		}
	} else if !undividable(a, b) {
		quotients(dst, a, b)
		return nil
	} else {
		carefulQuotients(dst, a, b)
	}
	return n.firstBad(rows, func(r int32) string {
		if b[r] == 0 {
			return zeroDivision
		}
		return n.rangeReason(b[r] == -1 && a[r] == math.MinInt64)
	})
}

// undividable reports whether a divisor is 0 or a quotient too large, in any row.
//
//go:noinline
func undividable(a, b []int64) bool {
	b = b[:len(a)]
	var bad byte
	for i, x := range a {
		y := b[i]
		bad |= bit(y == 0) | bit(y == -1)&bit(x == math.MinInt64)
	}
	return bad != 0
}

func hasInt(a []int64, x int64) bool {
	var found byte
	for _, y := range a {
		found |= bit(x == y)
	}
	return found != 0
}

//go:noinline
func quotients(dst, a, b []int64) {
	dst, b = dst[:len(a)], b[:len(a)]
	for i, x := range a {
		dst[i] = x / b[i]
	}
}

// carefulQuotients divides where there is something to divide by: rows that do not count may hold anything.
func carefulQuotients(dst, a, b []int64) {
	for i, x := range a {
		dst[i] = 0
		if y := b[i]; y != 0 {
			dst[i] = x / y
		}
	}
}

// divider divides by a constant: it multiplies by 2^64/d, rounded up, and shifts (Granlund and Montgomery 1994). The
// factor has 65 bits, of which the highest is 1 and left out.
type divider struct {
	factor        uint64
	first, second uint8 // shifts
	sign          int64 // −1 where the divisor is below 0, 0 else
}

// dividerOf is the divider for d, which is not 0.
func dividerOf(d int64) divider {
	sign := d >> 63
	size := uint64(d^sign) - uint64(sign) // its magnitude; 2^63 for the least one
	log := bits.Len64(size - 1)           // 2^log ≥ size
	high := uint64(0)
	if log < 64 {
		high = 1<<log - size
	}
	factor, _ := bits.Div64(high, 0, size)
	return divider{factor + 1, uint8(min(log, 1)), uint8(max(log-1, 0)), sign}
}

//go:noinline
func (d divider) quotients(dst, a []int64) {
	dst = dst[:len(a)]
	factor, first, second, sign := d.factor, d.first&63, d.second&63, d.sign
	for i, x := range a {
		neg := x >> 63
		size := uint64(x^neg) - uint64(neg)
		t, _ := bits.Mul64(factor, size)
		q := int64((t + ((size - t) >> (first & 63))) >> (second & 63))
		neg ^= sign
		dst[i] = (q ^ neg) - neg
	}
}
