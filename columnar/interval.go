package columnar

import "math"

// Where intervals are compared, grouped or sorted, a month has 30 days and a day 24 hours, as in PostgreSQL.
const (
	daysPerMonth   = 30
	microsPerMonth = daysPerMonth * microsPerDay
)

// intervalLength is how long an interval is, in microseconds.
func intervalLength(v Int128) Int128 {
	months, days, micros := v.Interval()
	sum, _ := mul64(int64(months)*daysPerMonth+int64(days), microsPerDay).Add(Int128Of(micros)) // far below 2^127
	return sum
}

// canonicalInterval is the one interval that stands for all of its length, as the key of a group: as many months as
// possible, then days. All parts have one sign.
func canonicalInterval(v Int128) Int128 {
	length, negative := intervalLength(v).magnitude()
	limit := uint64(math.MaxInt32)
	if negative {
		limit++
	}
	months, rest := length.takeOut(microsPerMonth, limit)
	days, rest := rest.takeOut(microsPerDay, limit)
	if negative {
		return MakeInterval(int32(-int64(months)), int32(-int64(days)), -int64(rest.lo))
	}
	return MakeInterval(int32(months), int32(days), int64(rest.lo))
}

// takeOut divides by unit, but takes no more than limit out.
func (m uint128) takeOut(unit, limit uint64) (count uint64, rest uint128) {
	quotient, _ := m.divWord(unit)
	count = limit
	if quotient.less(uint128{lo: limit}) {
		count = quotient.lo
	}
	left, _ := m.signed(false).Add(mul64(int64(count), int64(unit)).Neg())
	return count, uint128{lo: left.Lo, hi: uint64(left.Hi)}
}
