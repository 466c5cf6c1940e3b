package columnar

import (
	"encoding/binary"
	"math"
	"strconv"
)

// textFault says why a text is no value of a column's type.
type textFault uint8

const (
	textOK       textFault = iota
	textMismatch           // not a value of the type at all
	textRange              // a number outside the type's range
	textFraction           // a number with a fraction for an integer, or with too many digits for a decimal
	textNoUnit             // a number for a timestamp without unit
	textZoned              // a time with a zone for a timestamp_ntz
	textMissing            // no value or NULL where one is required
	textBlocked            // what stands on the way to the value is no object or array
)

func isDigit(c byte) bool { return c-'0' < 10 }

// digitsLen is the number of digits that b begins with.
func digitsLen(b []byte) int {
	n := 0
	for n < len(b) && isDigit(b[n]) {
		n++
	}
	return n
}

// decimal is a number cut into its parts: ± whole.frac × 10^exp. whole is never empty.
type decimal struct {
	neg         bool
	whole, frac []byte
	exp         int // kept within ±maxExponent
}

// maxExponent bounds exponents: behind it every number that is not 0 is out of range, or has nothing before the point.
const maxExponent = 1 << 30

// cutDecimal reads [+-]digits[.digits][(e|E)[+-]digits], which is JSON's number with a plus and leading zeros allowed.
func cutDecimal(b []byte) (d decimal, ok bool) {
	if len(b) > 0 && (b[0] == '-' || b[0] == '+') {
		d.neg = b[0] == '-'
		b = b[1:]
	}
	n := digitsLen(b)
	if d.whole, b = b[:n], b[n:]; n == 0 {
		return d, false
	}
	if len(b) > 0 && b[0] == '.' {
		n = digitsLen(b[1:])
		if d.frac, b = b[1:1+n], b[1+n:]; n == 0 {
			return d, false
		}
	}
	if len(b) == 0 {
		return d, true
	}
	d.exp, ok = cutExponent(b)
	return d, ok
}

// cutExponent reads the whole of b as (e|E)[+-]digits.
func cutExponent(b []byte) (exp int, ok bool) {
	if b[0]|0x20 != 'e' {
		return 0, false
	}
	b = b[1:]
	neg := false
	if len(b) > 0 && (b[0] == '-' || b[0] == '+') {
		neg = b[0] == '-'
		b = b[1:]
	}
	if len(b) == 0 || digitsLen(b) < len(b) {
		return 0, false
	}
	for _, c := range b {
		exp = min(exp*10+int(c-'0'), maxExponent)
	}
	if neg {
		exp = -exp
	}
	return exp, true
}

// digit is the k-th digit of whole and frac taken together.
func (d *decimal) digit(k int) uint64 {
	if k < len(d.whole) {
		return uint64(d.whole[k] - '0')
	}
	return uint64(d.frac[k-len(d.whole)] - '0')
}

// scaled is the number times 10^shift, rounded down. exact is false when something was rounded away, ok is false when
// the result does not fit.
func (d *decimal) scaled(shift int) (v int64, exact, ok bool) {
	digits := len(d.whole) + len(d.frac)
	point := len(d.whole) + d.exp + shift // how many digits stand before the point then
	var mag uint64
	for k := 0; k < min(point, digits); k++ {
		if mag > math.MaxInt64/10 {
			return 0, false, false
		}
		mag = mag*10 + d.digit(k)
	}
	for k := digits; k < point && mag != 0; k++ {
		if mag > math.MaxInt64/10 {
			return 0, false, false
		}
		mag *= 10
	}
	exact = true
	for k := max(point, 0); k < digits && exact; k++ {
		exact = d.digit(k) == 0
	}
	if !d.neg {
		return int64(mag), exact, mag <= math.MaxInt64
	}
	if !exact {
		mag++
	}
	return -int64(mag), exact, mag <= 1<<63
}

// eightDigits reads a word of 8 digits, the first one lowest: neighbours are added up to pairs, then fours, then eight
// (as described by Johnny Lee and Daniel Lemire). ok is false when a byte is no digit.
func eightDigits(w uint64) (v uint64, ok bool) {
	w -= 0x3030303030303030
	if (w|(w+0x7676767676767676))&0x8080808080808080 != 0 {
		return 0, false
	}
	return joinDigits(w), true
}

// joinDigits is the number of 8 digits, given as numbers, the first one lowest.
func joinDigits(w uint64) uint64 {
	w = w*10 + w>>8
	const pairs = 0x000000ff000000ff
	return ((w&pairs)*(100+1_000_000<<32) + (w>>16&pairs)*(1+10_000<<32)) >> 32
}

// plainDigits reads 1 to 18 digits and nothing else.
func plainDigits(b []byte) (v int64, ok bool) {
	if len(b) == 0 || len(b) > 18 {
		return 0, false
	}
	for len(b) >= 8 {
		w, ok := eightDigits(binary.LittleEndian.Uint64(b))
		if !ok {
			return 0, false
		}
		v = v*100_000_000 + int64(w)
		b = b[8:]
	}
	for _, c := range b {
		if !isDigit(c) {
			return 0, false
		}
		v = v*10 + int64(c-'0')
	}
	return v, true
}

// parseInt64 reads an integer as a number that may be written with a fraction of zeros or an exponent: 12, 1.0, 1e2.
func parseInt64(b []byte) (int64, textFault) {
	if v, ok := plainDigits(b); ok {
		return v, textOK
	}
	d, ok := cutDecimal(b)
	if !ok {
		return 0, textMismatch
	}
	v, exact, ok := d.scaled(0)
	switch {
	case !ok:
		return 0, textRange
	case !exact:
		return 0, textFraction
	}
	return v, textOK
}

// parseInt32 is [parseInt64] for the smaller range.
func parseInt32(b []byte) (int32, textFault) {
	v, fault := parseInt64(b)
	if fault == textOK && v != int64(int32(v)) {
		return 0, textRange
	}
	return int32(v), fault
}

// exactPowers are the powers of ten that a double holds exactly.
var exactPowers = [...]float64{1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16,
	1e17, 1e18, 1e19, 1e20, 1e21, 1e22}

// parseFloat64 reads a finite number, rounded to the nearest double; a number too large for a double is out of range.
func parseFloat64(b []byte) (float64, textFault) {
	d, ok := cutDecimal(b)
	if !ok {
		return 0, textMismatch
	}
	if v, ok := d.exactFloat(); ok {
		return v, textOK
	}
	v, err := strconv.ParseFloat(string(b), 64)
	if err != nil {
		return 0, textRange
	}
	return v, textOK
}

// parseFloat32 is [parseFloat64] for a float of 32 bits. The double nearest to the text rounds to the float nearest to
// the text, unless it lies just in the middle of two floats: then it does not say on which side the text was.
func parseFloat32(b []byte) (float64, textFault) {
	v, fault := parseFloat64(b)
	if fault != textOK {
		return 0, fault
	}
	const smallest = 0x1p-126 // of the floats whose middles have this pattern
	middle := math.Float64bits(v)&(1<<29-1) == 1<<28
	if middle || v != 0 && math.Abs(v) < smallest {
		w, err := strconv.ParseFloat(string(b), 32)
		if err != nil {
			return 0, textRange
		}
		return w, textOK
	}
	if w := float64(float32(v)); !math.IsInf(w, 0) {
		return w, textOK
	}
	return 0, textRange
}

// exactFloat computes the double where digits and power of ten are both exact doubles, so that one multiplication or
// division rounds correctly (Clinger 1990). ok is false elsewhere.
func (d *decimal) exactFloat() (v float64, ok bool) {
	digits, exp := len(d.whole)+len(d.frac), d.exp-len(d.frac)
	if digits > 15 || exp < -22 || exp > 22 {
		return 0, false
	}
	var mant uint64
	for k := range digits {
		mant = mant*10 + d.digit(k)
	}
	v = float64(mant)
	if exp < 0 {
		v /= exactPowers[-exp]
	} else {
		v *= exactPowers[exp]
	}
	if d.neg {
		v = -v
	}
	return v, true
}
