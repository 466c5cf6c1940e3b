package columnar

import (
	"math"
	"math/bits"
)

// words is a sum of integers for each group, 128 bits in two's complement. It cannot overflow: that takes more than 2^63
// rows.
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

func (w *words) partial(dst []*Vector, groups []int32) []*Vector {
	return append(dst, ofGroups(int64Column(Int64, w.low, nil), groups), ofGroups(int64Column(Int64, w.high, nil), groups))
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
	return s.counts.partial(s.words.partial(dst, groups), groups)
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
