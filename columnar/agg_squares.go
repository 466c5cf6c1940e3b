package columnar

import (
	"encoding/binary"
	"math/bits"
)

// squareSums is a sum of the squares of doubles for each group, exact. The bits of numbers of similar size fit into a
// window of four limbs of the long sum, see [exactSum]; a group whose numbers do not gets a long sum of its own.
type squareSums struct {
	window [][4]uint64
	base   []uint8 // 1 + the limb that window[0] is; 0 = the sum is 0

	wide exactSums
	one  exactSum // scratch
	text *Builder
}

func newSquareSums() squareSums {
	return squareSums{wide: exactSums{width: squareLimbs}, one: newExactSum(squareLimbs), text: NewBuilder(Type{Kind: Binary})}
}

func (s *squareSums) extend(n int) {
	s.window, s.base = extended(s.window, n), extended(s.base, n)
}

func (s *squareSums) addAll(vals []float64, groups []uint32) {
	for i, g := range groups {
		if x := vals[i]; s.wide.has(g) || !s.add(g, x) {
			s.widen(g).addSquare(x)
		}
	}
}

// add adds x² to the window; false says that it does not fit there.
func (s *squareSums) add(g uint32, x float64) bool {
	if x-x != 0 {
		return false
	}
	m, e, _ := split(x)
	if m == 0 {
		return true
	}
	hi, lo := bits.Mul64(m, m)
	limb, shift := 2*e>>6, 2*e&63
	words := [3]uint64{lo << shift, lo>>(64-shift) | hi<<shift, hi >> (64 - shift)}
	return s.plus(g, words[:], limb)
}

// plus adds at most four words, of which words[0] is a limb of the long sum, to the window.
func (s *squareSums) plus(g uint32, words []uint64, limb int) bool {
	if s.base[g] == 0 {
		s.base[g] = uint8(limb + 1)
	}
	w, base := s.window[g], int(s.base[g])-1
	for limb < base && w[3] == 0 {
		w, base = [4]uint64{0, w[0], w[1], w[2]}, base-1
	}
	for limb+len(words) > base+4 && w[0] == 0 {
		w, base = [4]uint64{w[1], w[2], w[3], 0}, base+1
	}
	if limb < base || limb+len(words) > base+4 {
		return false
	}
	var carry uint64
	for i := limb - base; i < 4; i++ {
		var x uint64
		if j := i - (limb - base); j < len(words) {
			x = words[j]
		}
		w[i], carry = bits.Add64(w[i], x, carry)
	}
	if carry != 0 {
		return false
	}
	s.window[g], s.base[g] = w, uint8(base+1)
	return true
}

// widen is the long sum of a group.
func (s *squareSums) widen(g uint32) exactSum {
	if s.wide.has(g) {
		return s.wide.of(g)
	}
	return s.put(s.wide.of(g), int(g))
}

// put makes sum, which is 0, the sum in the window of g.
func (s *squareSums) put(sum exactSum, g int) exactSum {
	if s.base[g] > 0 {
		sum.plus(s.window[g][:], int(s.base[g])-1)
	}
	return sum
}

// exact is the sum of a group, valid until the next call.
func (s *squareSums) exact(g int) exactSum {
	if s.wide.has(uint32(g)) {
		return s.wide.of(uint32(g))
	}
	s.one.reset()
	return s.put(s.one, g)
}

func (s *squareSums) columns() []Field {
	return []Field{{Name: " squares", Type: Type{Kind: Binary}}}
}

func (s *squareSums) partial(dst []*Vector, groups []int32) []*Vector {
	text := ownBuilder(s.text, groups)
	var buf []byte
	for _, g := range listed(groups, len(s.base)) {
		buf = s.exact(int(g)).appendTo(buf[:0])
		text.AppendBytes(buf)
	}
	return append(dst, text.Vector())
}

// merge adds encoded sums.
func (s *squareSums) merge(in *aggInput, v *Vector) error {
	for i, r := range in.rows {
		text := v.Str(int(r))
		if isNullAt(v.Valid, r) || !s.one.decode(text) || s.one.negative() {
			return damaged("bytes that are no sum of squares")
		}
		if g := in.groups[i]; s.wide.has(g) || text[0] != 0 || !s.addLimbs(g, text) {
			s.widen(g).merge(s.one)
		}
	}
	return nil
}

// addLimbs adds an encoded, finite sum to the window; false says that it does not fit there.
func (s *squareSums) addLimbs(g uint32, text []byte) bool {
	n := (len(text) - 2) / 8
	if n == 0 {
		return true
	}
	if n > 4 {
		return false
	}
	var words [4]uint64
	for i := range n {
		words[i] = binary.LittleEndian.Uint64(text[2+8*i:])
	}
	return s.plus(g, words[:n], int(text[1]))
}

func (s *squareSums) reset() {
	s.window, s.base = s.window[:0], s.base[:0]
	s.wide.reset()
}

func (s *squareSums) sizeBytes() int64 {
	return int64(cap(s.window))*32 + int64(cap(s.base)) + s.wide.sizeBytes() + s.text.vec.sizeBytes()
}
