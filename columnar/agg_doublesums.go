package columnar

import "math"

// doubleSums is a sum of doubles for each group, exact: it is high + low, which is enough for numbers of similar size,
// or, where 106 bits are not enough, an [exactSum]. So sums do not depend on the order of the rows.
type doubleSums struct {
	high []float64 // NaN: the sum is in wide
	low  []float64
	wide exactSums

	one         exactSum  // scratch
	highs, lows []float64 // buffers of the normal form
	rest        *Builder
}

func newDoubleSums() doubleSums {
	return doubleSums{wide: exactSums{width: sumLimbs}, one: newExactSum(sumLimbs), rest: NewBuilder(Type{Kind: Binary})}
}

// twoSum is the sum as it is rounded and the error of the rounding (Knuth). The error is NaN where something is not
// finite.
func twoSum(a, b float64) (sum, err float64) {
	sum = a + b
	c := sum - a
	return sum, (a - (sum - c)) + (b - c)
}

func (s *doubleSums) extend(n int) {
	s.high, s.low = extended(s.high, n), extended(s.low, n)
}

func (s *doubleSums) addAll(vals []float64, groups []uint32) {
	highs, lows := s.high, s.low
	for i, g := range groups {
		high, err := twoSum(highs[g], vals[i])
		low, lost := twoSum(lows[g], err)
		if lost != 0 { // also when it is NaN
			s.addWide(g, vals[i])
			continue
		}
		highs[g], lows[g] = high, low
	}
}

// addWide adds what the two halves cannot hold. They are brought as far apart as they can be first.
func (s *doubleSums) addWide(g uint32, x float64) {
	if s.high[g] == s.high[g] {
		high, low := twoSum(s.high[g], s.low[g])
		high, err := twoSum(high, x)
		low, lost := twoSum(low, err)
		if lost == 0 {
			s.high[g], s.low[g] = high, low
			return
		}
	}
	s.widen(g).add(x)
}

// widen is the long sum of a group.
func (s *doubleSums) widen(g uint32) exactSum {
	sum := s.wide.of(g)
	if s.high[g] == s.high[g] {
		sum.add(s.high[g])
		sum.add(s.low[g])
		s.high[g], s.low[g] = math.NaN(), 0
	}
	return sum
}

// columns are the sum as the nearest double, what it lacks as the nearest double, and, where these two are not all, the
// encoded sum instead of them.
func (s *doubleSums) columns() []Field {
	return []Field{{Type: Type{Kind: Float64}}, {Name: " low", Type: Type{Kind: Float64}}, {Name: " exact", Type: Type{Kind: Binary}}}
}

// partial gives the state columns; valid is the bitmap of all groups.
func (s *doubleSums) partial(dst []*Vector, groups []int32, valid []byte) []*Vector {
	n := len(s.high)
	if groups != nil {
		if highs, lows, ok := s.halves(groups); ok {
			high := float64Column(highs, takeValid(valid, groups))
			return append(dst, high, float64Column(lows, nil), nullColumn(Type{Kind: Binary}, len(groups)))
		}
	}
	s.highs, s.lows = resized(s.highs, n), resized(s.lows, n)
	rest := ownBuilder(s.rest, groups)
	if groups == nil && s.allHalves() {
		rest.appendNullTexts(n)
		return append(dst, float64Column(s.highs, valid), float64Column(s.lows, nil), rest.Vector())
	}
	for _, g := range listed(groups, n) {
		s.normalize(int(g), rest)
	}
	return append(dst, ofGroups(float64Column(s.highs, valid), groups), ofGroups(float64Column(s.lows, nil), groups), rest.Vector())
}

// halves are the normal forms of groups; false where two doubles are not enough for each.
func (s *doubleSums) halves(groups []int32) (highs, lows []float64, ok bool) {
	highs, lows = make([]float64, len(groups)), make([]float64, len(groups))
	bad := 0.0
	for i, g := range groups {
		highs[i], lows[i] = twoSum(s.high[g], s.low[g])
		bad += lows[i] - lows[i] // NaN for what is not finite
	}
	return highs, lows, bad == 0
}

// allHalves sets s.highs and s.lows to the normal forms of all groups. It reports false where two doubles are not enough for each.
func (s *doubleSums) allHalves() bool {
	lows := s.low[:len(s.high)]
	ownHighs, ownLows, bad := s.highs[:len(lows)], s.lows[:len(lows)], 0.0
	for g, high := range s.high {
		high, low := twoSum(high, lows[g])
		ownHighs[g], ownLows[g] = high, low
		bad += low - low // NaN for what is not finite
	}
	return bad == 0
}

// takeValid is the bitmap of some rows, nil when none of them is NULL.
func takeValid(valid []byte, rows []int32) []byte {
	if valid == nil {
		return nil
	}
	out := make([]byte, bitmapBytes(len(rows)))
	for i, r := range rows {
		out[i>>3] |= valid[r>>3] >> (r & 7) & 1 << (i & 7)
	}
	if onesUpTo(out, len(rows)) == len(rows) {
		return nil
	}
	return out
}

// nullColumn is a column of NULLs without parts.
func nullColumn(t Type, n int) *Vector {
	v := newVector(t, n)
	v.reserveData(0)
	v.finish()
	return v
}

// normalize writes the state of a group in the one form that its sum has.
func (s *doubleSums) normalize(g int, rest *Builder) {
	s.highs[g], s.lows[g] = 0, 0
	if s.high[g] == s.high[g] {
		if high, low := twoSum(s.high[g], s.low[g]); low == low {
			s.highs[g], s.lows[g] = high, low
			rest.AppendNull()
			return
		}
	}
	sum := s.exact(g)
	if high, low, ok := sum.halves(); ok {
		s.highs[g], s.lows[g] = high, low
		rest.AppendNull()
		return
	}
	rest.AppendBytes(sum.appendTo(nil))
}

// merge adds state columns. The error is an encoded sum that is none.
func (s *doubleSums) merge(in *aggInput, cols []*Vector) error {
	s.addAll(in.doubles(cols[0]), in.groups)
	s.addAll(in.doubles(cols[1]), in.groups)
	rest := cols[2]
	for i, r := range in.rows {
		if isNullAt(rest.Valid, r) {
			continue
		}
		if !s.one.decode(rest.Str(int(r))) {
			return damaged("bytes that are no sum of doubles")
		}
		s.widen(in.groups[i]).merge(s.one)
	}
	return nil
}

// double is the sum of a group, rounded once.
func (s *doubleSums) double(g int) float64 {
	if s.high[g] == s.high[g] {
		return s.high[g] + s.low[g] + 0 // never −0
	}
	return s.wide.of(uint32(g)).float()
}

// exact is the sum of a group, valid until the next call.
func (s *doubleSums) exact(g int) exactSum {
	if s.high[g] != s.high[g] {
		return s.wide.of(uint32(g))
	}
	s.one.reset()
	s.one.add(s.high[g])
	s.one.add(s.low[g])
	return s.one
}

func (s *doubleSums) reset() {
	s.high, s.low = s.high[:0], s.low[:0]
	s.wide.reset()
}

func (s *doubleSums) sizeBytes() int64 {
	return int64(cap(s.high)+cap(s.low)+cap(s.highs)+cap(s.lows))*8 + s.wide.sizeBytes() + s.rest.vec.sizeBytes()
}

// halves are the sum as two doubles, where these are all of it and it is finite.
func (s exactSum) halves() (high, low float64, ok bool) {
	high = s.float()
	if high-high != 0 {
		return 0, 0, false
	}
	rest := newExactSum(len(s.limbs))
	rest.merge(s)
	rest.add(-high)
	low = rest.float()
	rest.add(-low)
	for _, l := range rest.limbs {
		if l != 0 {
			return 0, 0, false
		}
	}
	return high, low, true
}
