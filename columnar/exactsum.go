package columnar

import (
	"encoding/binary"
	"math"
	"math/bits"
	"slices"
)

// exactSum is a sum of doubles, or of their squares, without rounding: a fixed-point number in two's complement that is
// wide enough for every double. So it does not depend on the order in which it was added up. The idea is Kulisch's long
// accumulator; see Neal, Fast exact summation using small and large superaccumulators, 2015.
type exactSum struct {
	limbs []uint64 // the lowest first
	flags *uint64  // what was added that is not finite
}

// The lowest bit of a double is 2^-1074, its highest below 2^1024, so that sums of 2^64 of them fit into 2,176 bits.
// For squares both are doubled.
const (
	sumUnit     = 1074 // the lowest bit of a sum is worth 2^-sumUnit
	sumLimbs    = 34
	squareUnit  = 2 * sumUnit
	squareLimbs = 2 * sumLimbs
)

// The flags of an encoded sum. The first three are those of a sum in memory.
const (
	exactNaN      = 1
	exactAbove    = 2 // Infinity
	exactBelow    = 4 // −Infinity
	exactNegative = 8
)

func newExactSum(limbs int) exactSum {
	return exactSum{limbs: make([]uint64, limbs), flags: new(uint64)}
}

func (s exactSum) unit() int { return sumUnit * len(s.limbs) / sumLimbs }

// exactSums are long sums of some groups.
type exactSums struct {
	index []int32  // of each group up to the last with one: 1 + the number of its long sum; 0 = it has none
	slab  []uint64 // the limbs of all, and behind those of each sum its flags
	width int      // limbs of one
}

func (s *exactSums) has(g uint32) bool { return int(g) < len(s.index) && s.index[g] != 0 }

// of is the long sum of a group, 0 if it had none. It is valid until another group gets one.
func (s *exactSums) of(g uint32) exactSum {
	if !s.has(g) {
		s.index = extended(s.index, max(len(s.index), int(g)+1))
		s.slab = extended(s.slab, len(s.slab)+s.width+1)
		s.index[g] = int32(len(s.slab) / (s.width + 1))
	}
	end := int(s.index[g])*(s.width+1) - 1
	return exactSum{limbs: s.slab[end-s.width : end : end], flags: &s.slab[end]}
}

func (s *exactSums) reset() { s.index, s.slab = s.index[:0], s.slab[:0] }

func (s *exactSums) sizeBytes() int64 { return int64(cap(s.index))*4 + int64(cap(s.slab))*8 }

// split takes a finite double apart: |x| = mantissa × 2^(exponent − 1074).
func split(x float64) (mantissa uint64, exponent int, negative bool) {
	b := math.Float64bits(x)
	mantissa, exponent = b&(1<<52-1), int(b>>52&0x7ff)
	if exponent > 0 {
		mantissa |= 1 << 52
		exponent--
	}
	return mantissa, exponent, b>>63 != 0
}

// special notes a value that is not finite.
func (s exactSum) special(x float64) bool {
	switch {
	case x != x:
		*s.flags |= exactNaN
	case x > math.MaxFloat64:
		*s.flags |= exactAbove
	case x < -math.MaxFloat64:
		*s.flags |= exactBelow
	default:
		return false
	}
	return true
}

// add adds x to a sum of doubles.
func (s exactSum) add(x float64) {
	if !s.special(x) {
		m, e, negative := split(x)
		s.addAt(m, 0, e, negative)
	}
}

// addSquare adds x² to a sum of squares.
func (s exactSum) addSquare(x float64) {
	if x-x != 0 {
		s.special(x * x)
		return
	}
	m, e, _ := split(x)
	hi, lo := bits.Mul64(m, m)
	s.addAt(lo, hi, 2*e, false)
}

// addAt adds ±(hi, lo) × 2^at units.
func (s exactSum) addAt(lo, hi uint64, at int, negative bool) {
	limb, shift := at>>6, at&63
	words := [3]uint64{lo << shift, lo>>(64-shift) | hi<<shift, hi >> (64 - shift)}
	if negative {
		s.subtract(words[:], limb)
	} else {
		s.plus(words[:], limb)
	}
}

// plus adds words from a limb on; the carry runs on to the end. What would leave the limbs is 0.
func (s exactSum) plus(words []uint64, limb int) {
	var carry uint64
	for i := limb; i < len(s.limbs) && (i-limb < len(words) || carry != 0); i++ {
		var w uint64
		if i-limb < len(words) {
			w = words[i-limb]
		}
		s.limbs[i], carry = bits.Add64(s.limbs[i], w, carry)
	}
}

func (s exactSum) subtract(words []uint64, limb int) {
	var borrow uint64
	for i := limb; i < len(s.limbs) && (i-limb < len(words) || borrow != 0); i++ {
		var w uint64
		if i-limb < len(words) {
			w = words[i-limb]
		}
		s.limbs[i], borrow = bits.Sub64(s.limbs[i], w, borrow)
	}
}

// merge adds another sum of the same kind.
func (s exactSum) merge(o exactSum) {
	s.plus(o.limbs, 0)
	*s.flags |= *o.flags
}

func (s exactSum) negative() bool { return s.limbs[len(s.limbs)-1]>>63 != 0 }

// float is the sum as the nearest double, halves to the even one.
func (s exactSum) float() float64 {
	switch *s.flags {
	case 0:
	case exactAbove:
		return math.Inf(1)
	case exactBelow:
		return math.Inf(-1)
	default:
		return math.NaN()
	}
	if s.negative() {
		return -s.minus().magnitude()
	}
	return s.magnitude()
}

// minus is the negated sum.
func (s exactSum) minus() exactSum {
	out := newExactSum(len(s.limbs))
	out.subtract(s.limbs, 0)
	return out
}

// magnitude rounds a sum that is not negative: the 64 bits from the highest one down, of which the lowest also stands
// for all below, are rounded by the conversion.
func (s exactSum) magnitude() float64 {
	top := len(s.limbs) - 1
	for top >= 0 && s.limbs[top] == 0 {
		top--
	}
	if top < 0 {
		return 0
	}
	if top == 0 {
		return math.Ldexp(float64(s.limbs[0]), -s.unit())
	}
	shift := bits.Len64(s.limbs[top])
	word := s.limbs[top]<<(64-shift) | s.limbs[top-1]>>shift
	rest := s.limbs[top-1] & (1<<shift - 1)
	for _, l := range s.limbs[:top-1] {
		rest |= l
	}
	if rest != 0 {
		word |= 1
	}
	return math.Ldexp(float64(word), 64*(top-1)+shift-s.unit())
}

// reset makes the sum 0.
func (s exactSum) reset() {
	clear(s.limbs)
	*s.flags = 0
}

// The encoding: flags, the number of the first limb that is not 0, then the limbs from there to the last one that is not
// the sign of those behind it. Equal sums have equal bytes.
func (s exactSum) appendTo(dst []byte) []byte {
	first, end := 0, len(s.limbs)
	sign, flags := uint64(0), byte(*s.flags)
	if s.negative() {
		sign, flags = math.MaxUint64, flags|exactNegative
	}
	for end > 0 && s.limbs[end-1] == sign {
		end--
	}
	for first < end && s.limbs[first] == 0 {
		first++
	}
	dst = append(dst, flags, byte(first))
	for _, l := range s.limbs[first:end] {
		dst = binary.LittleEndian.AppendUint64(dst, l)
	}
	return dst
}

// decode reads what appendTo wrote; false says that these bytes were never written.
func (s exactSum) decode(src []byte) bool {
	if len(src) < 2 || (len(src)-2)%8 != 0 || src[0] > 15 {
		return false
	}
	flags, first := src[0], int(src[1])
	end := first + (len(src)-2)/8
	if end > len(s.limbs) {
		return false
	}
	s.reset()
	*s.flags = uint64(flags &^ exactNegative)
	for i := first; i < end; i++ {
		s.limbs[i] = binary.LittleEndian.Uint64(src[2+8*(i-first):])
	}
	if flags&exactNegative != 0 {
		for i := end; i < len(s.limbs); i++ {
			s.limbs[i] = math.MaxUint64
		}
	}
	return slices.Equal(s.appendTo(nil), src)
}
