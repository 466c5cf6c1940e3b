package columnar

import (
	"math"
	"math/bits"
)

// words is a sum of integers for each group, 128 bits in two's complement. It cannot overflow: that takes more than 2^63
// rows. So whether the sum fits its type in the end does not depend on the order of the rows.
type words struct {
	low  []int64 // the lower 64 bits
	high []int64
}

func (w *words) columns() []Field {
	return []Field{{Type: Type{Kind: Int64}}, {Name: " high", Type: Type{Kind: Int64}}}
}

func (w *words) extend(n int) { w.low, w.high = extended(w.low, n), extended(w.high, n) }

func (w *words) addAll(vals []int64, groups []uint32) {
	for i, g := range groups {
		x := vals[i]
		sum, carry := bits.Add64(uint64(w.low[g]), uint64(x), 0)
		w.low[g] = int64(sum)
		if up := x>>63 + int64(carry); up != 0 {
			w.high[g] += up
		}
	}
}

// merge adds columns of 128 bits up.
func (w *words) merge(in *aggInput, low, high *Vector) {
	for i, r := range in.rows {
		g := in.groups[i]
		sum, carry := bits.Add64(uint64(w.low[g]), uint64(low.I64[r]), 0)
		w.low[g] = int64(sum)
		w.high[g] += high.I64[r] + int64(carry)
	}
}

func (w *words) partial(dst []*Vector, groups []int32, valid []byte) []*Vector {
	return append(dst, ofGroups(int64Column(Int64, w.low, valid), groups), ofGroups(int64Column(Int64, w.high, nil), groups))
}

// tooLarge is the first group whose sum is no bigint, or −1.
func (w *words) tooLarge() int {
	for g, low := range w.low {
		if w.high[g] != low>>63 {
			return g
		}
	}
	return -1
}

// double is the sum of a group as the nearest double.
func (w *words) double(g int) float64 {
	return int128ToFloat(uint64(w.low[g]), w.high[g])
}

func (w *words) reset() { w.low, w.high = w.low[:0], w.high[:0] }

func (w *words) sizeBytes() int64 { return int64(cap(w.low)+cap(w.high)) * 8 }

// int128ToFloat rounds once, to the nearest double: bits that do not fit into the upper 64 leave a trace in the lowest.
func int128ToFloat(low uint64, high int64) float64 {
	if high == int64(low)>>63 {
		return float64(int64(low))
	}
	negative := high < 0
	hi := uint64(high)
	if negative {
		var carry uint64
		low, carry = bits.Add64(^low, 1, 0)
		hi = ^hi + carry
	}
	shift := bits.Len64(hi)
	top := hi<<(64-shift) | low>>shift
	if low&(1<<shift-1) != 0 {
		top |= 1
	}
	f := math.Ldexp(float64(top), shift)
	if negative {
		return -f
	}
	return f
}

// intSum is the state of sum over integers.
type intSum struct {
	words
	presence
}

func (s *intSum) extend(n int) {
	s.words.extend(n)
	s.presence.extend(n)
}

func (s *intSum) add(in *aggInput) error {
	in.dropNulls(in.cols[0])
	s.mark(in.groups)
	s.words.addAll(in.ints(in.cols[0]), in.groups)
	return nil
}

func (s *intSum) merge(in *aggInput) error {
	in.dropNulls(in.cols[0])
	s.mark(in.groups)
	s.words.merge(in, in.cols[0], in.cols[1])
	return nil
}

func (s *intSum) partial(dst []*Vector, groups []int32) []*Vector {
	return s.words.partial(dst, groups, s.validity())
}

func (s *intSum) final() (*Vector, error) {
	if g := s.tooLarge(); g >= 0 {
		return nil, &RowError{Row: g, Reason: outOfRange}
	}
	return int64Column(Int64, s.low, s.validity()), nil
}

func (s *intSum) reset() {
	s.words.reset()
	s.presence.reset()
}

func (s *intSum) sizeBytes() int64 { return s.words.sizeBytes() + s.presence.sizeBytes() }

// intAvg is the state of avg over integers: the exact sum and the count, so that the mean is rounded in the end only.
type intAvg struct {
	words
	counts counts
	means  []float64
}

func (s *intAvg) columns() []Field {
	return append(s.words.columns(), Field{Name: " count", Type: Type{Kind: Int64}})
}

func (s *intAvg) extend(n int) {
	s.words.extend(n)
	s.counts.extend(n)
}

func (s *intAvg) add(in *aggInput) error {
	in.dropNulls(in.cols[0])
	s.counts.addRows(in.groups)
	s.words.addAll(in.ints(in.cols[0]), in.groups)
	return nil
}

func (s *intAvg) merge(in *aggInput) error {
	s.words.merge(in, in.cols[0], in.cols[1])
	return s.counts.mergeColumn(in, in.cols[2])
}

func (s *intAvg) partial(dst []*Vector, groups []int32) []*Vector {
	return s.counts.partial(s.words.partial(dst, groups, nil), groups)
}

func (s *intAvg) final() (*Vector, error) {
	s.means = resized(s.means, len(s.counts.n))
	for g, n := range s.counts.n {
		s.means[g] = s.double(g) / float64(max(n, 1))
	}
	return float64Column(s.means, s.counts.validity()), nil
}

func (s *intAvg) reset() {
	s.words.reset()
	s.counts.reset()
}

func (s *intAvg) sizeBytes() int64 {
	return s.words.sizeBytes() + s.counts.sizeBytes() + int64(cap(s.means))*8
}
