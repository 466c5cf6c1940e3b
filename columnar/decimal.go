package columnar

import (
	"math"
	"math/bits"
	"strconv"
)

// MaxPrecision is the most digits that a decimal may have.
const MaxPrecision = 38

// pow10 are the powers of ten that fit into a decimal, and the first that does not.
var pow10 = func() (p [MaxPrecision + 1]uint128) {
	p[0].lo = 1
	for i := 1; i < len(p); i++ {
		hi, lo := bits.Mul64(p[i-1].lo, 10)
		p[i] = uint128{lo: lo, hi: p[i-1].hi*10 + hi}
	}
	return p
}()

// fitsDigits reports whether v has at most so many digits.
func (v Int128) fitsDigits(precision uint8) bool {
	m, _ := v.magnitude()
	return m.less(pow10[precision])
}

// ParseDecimal reads a number as one of type decimal(precision, scale), with halves rounded away from zero. exact is
// false when something was rounded; ok is false when text is no number, or one with too many digits.
func ParseDecimal(text []byte, precision, scale int) (v Int128, exact, ok bool) {
	v, fault := parseDecimal(text, Type{Kind: Decimal, Precision: uint8(precision), Scale: uint8(scale)})
	return v, fault == textOK, fault == textOK || fault == textFraction
}

// parseDecimal says textFraction for a number that was rounded, and textRange for one that has too many digits.
func parseDecimal(text []byte, t Type) (Int128, textFault) {
	d, ok := cutDecimal(text)
	if !ok {
		return Int128{}, textMismatch
	}
	m, exact, ok := d.wide(int(t.Scale))
	if !ok || !m.less(pow10[t.Precision]) {
		return Int128{}, textRange
	}
	if !exact {
		return m.signed(d.neg), textFraction
	}
	return m.signed(d.neg), textOK
}

// wide is the magnitude of the number times 10^scale, rounded to the nearest, halves up. ok is false when that has more
// than 38 digits.
func (d *decimal) wide(scale int) (m uint128, exact, ok bool) {
	digits := len(d.whole) + len(d.frac)
	point := len(d.whole) + d.exp + scale // how many digits stand before the point then
	for k := 0; k < min(point, digits); k++ {
		if m, ok = m.shifted(d.digit(k)); !ok {
			return m, false, false
		}
	}
	for k := digits; k < point && m != (uint128{}); k++ {
		if m, ok = m.shifted(0); !ok {
			return m, false, false
		}
	}
	exact = true
	for k := max(point, 0); k < digits && exact; k++ {
		exact = d.digit(k) == 0
	}
	if point >= 0 && point < digits && d.digit(point) >= 5 {
		m = m.plusOne()
	}
	return m, exact, true
}

// shifted is m × 10 + digit; ok is false when that has more than 38 digits.
func (m uint128) shifted(digit uint64) (uint128, bool) {
	if !m.less(pow10[MaxPrecision-1]) {
		return m, false
	}
	hi, lo := bits.Mul64(m.lo, 10)
	lo, carry := bits.Add64(lo, digit, 0)
	return uint128{lo: lo, hi: m.hi*10 + hi + carry}, true
}

// rounded is m × 10^−digits, rounded to the nearest, halves up.
func (m uint128) rounded(digits int) uint128 {
	if digits == 0 {
		return m
	}
	for digits--; digits > 0; {
		step := min(digits, 19)
		m, _ = m.divWord(pow10[step].lo)
		digits -= step
	}
	m, last := m.divWord(10)
	if last >= 5 {
		return m.plusOne()
	}
	return m
}

func (m uint128) plusOne() uint128 {
	lo, carry := bits.Add64(m.lo, 1, 0)
	return uint128{lo: lo, hi: m.hi + carry}
}

// decimalFloat is the double, or with 32 bits the float, nearest to v × 10^−scale.
func decimalFloat(v Int128, scale, bitSize int) float64 {
	m, negative := v.magnitude()
	if m.hi == 0 && m.lo < 1<<53 && scale < len(exactPowers) && bitSize == 64 {
		f := float64(m.lo) / exactPowers[scale]
		if negative {
			return -f
		}
		return f
	}
	var buf [48]byte
	f, _ := strconv.ParseFloat(string(v.AppendDecimal(buf[:0], scale)), bitSize)
	return f
}

// floatDecimal is a double, or a float of 32 bits, as the decimal of its shortest text, halves rounded away from zero.
func floatDecimal(f float64, bitSize int, t Type) (Int128, textFault) {
	if math.IsInf(f, 0) || f != f {
		return Int128{}, textRange
	}
	var buf [32]byte
	v, fault := parseDecimal(strconv.AppendFloat(buf[:0], f, 'e', -1, bitSize), t)
	if fault == textFraction {
		fault = textOK
	}
	return v, fault
}
