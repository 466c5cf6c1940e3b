package columnar

import "math"

// intervalSum is the state of sum over intervals: months, days and microseconds add up apart, and of each the values
// that are not negative and the others, see [intSum].
type intervalSum struct {
	signed [][6]int64 // months ≥ 0, months < 0, days ≥ 0, …
	presence
	cols [6][]int64
	sums []Int128
}

var intervalLimits = [6]int64{math.MaxInt32, math.MinInt32, math.MaxInt32, math.MinInt32, math.MaxInt64, math.MinInt64}

func (s *intervalSum) columns() []Field {
	bigint := Type{Kind: Int64}
	return []Field{{" months", bigint}, {" negative months", bigint}, {" days", bigint}, {" negative days", bigint},
		{" microseconds", bigint}, {" negative microseconds", bigint}}
}

func (s *intervalSum) extend(n int) {
	s.signed = extended(s.signed, n)
	s.presence.extend(n)
}

// put adds x to a part, by its sign; false says that the sum is out of range.
func (s *intervalSum) put(g uint32, part int, x int64) bool {
	part += int(uint64(x) >> 63)
	sum := s.signed[g][part] + x
	s.signed[g][part] = sum
	if x < 0 {
		return sum < 0 && sum >= intervalLimits[part]
	}
	return sum >= 0 && sum <= intervalLimits[part]
}

func (s *intervalSum) add(in *aggInput) error {
	in.dropNulls(in.cols[0])
	s.mark(in.groups)
	for i, g := range in.groups {
		months, days, micros := in.cols[0].Wide[in.rows[i]].Interval()
		fits := s.put(g, 0, int64(months))
		fits = s.put(g, 2, int64(days)) && fits
		fits = s.put(g, 4, micros) && fits
		if !fits {
			return in.fault(i, "interval out of range")
		}
	}
	return nil
}

func (s *intervalSum) merge(in *aggInput) error {
	in.dropNulls(in.cols[0])
	s.mark(in.groups)
	for part, v := range in.cols {
		for i, g := range in.groups {
			if x := v.I64[in.rows[i]]; !s.put(g, part&^1, x) {
				return in.fault(i, "interval out of range")
			}
		}
	}
	return nil
}

func (s *intervalSum) partial(dst []*Vector, groups []int32) []*Vector {
	return partColumns(dst, s.signed, s.cols[:], s.validity(), groups)
}

func (s *intervalSum) final() (*Vector, error) {
	s.sums = resized(s.sums, len(s.signed))
	for g, p := range s.signed {
		s.sums[g] = MakeInterval(int32(p[0]+p[1]), int32(p[2]+p[3]), p[4]+p[5])
	}
	return &Vector{Type: Type{Kind: Interval}, N: len(s.sums), Wide: s.sums, Valid: s.validity()}, nil
}

func (s *intervalSum) reset() {
	s.signed = s.signed[:0]
	s.presence.reset()
}

func (s *intervalSum) sizeBytes() int64 {
	size := int64(cap(s.signed))*48 + s.presence.sizeBytes() + int64(cap(s.sums))*16
	for _, c := range s.cols {
		size += int64(cap(c)) * 8
	}
	return size
}
