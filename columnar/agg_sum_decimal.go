package columnar

import "math/bits"

// decimalSums is a sum of decimals for each group, of the values that are not negative and of the others apart, see
// [intSum].
type decimalSums struct {
	signed [][2]Int128
	typ    Type // of the sums
	cols   [2][]Int128
}

func newDecimalSums(scale uint8) decimalSums {
	return decimalSums{typ: DecimalOf(MaxPrecision, int(scale))}
}

func (s *decimalSums) columns() []Field {
	return []Field{{Type: s.typ}, {Name: " negative", Type: s.typ}}
}

func (s *decimalSums) extend(n int) { s.signed = extended(s.signed, n) }

func (s *decimalSums) addAll(in *aggInput, v *Vector) error {
	for i, g := range in.groups {
		x := v.Wide[in.rows[i]]
		half := &s.signed[g][uint64(x.Hi)>>63]
		sum, overflow := half.Add(x)
		if overflow || !sum.fitsDigits(MaxPrecision) {
			return in.fault(i, s.typ.String()+" out of range")
		}
		*half = sum
	}
	return nil
}

func (s *decimalSums) partial(dst []*Vector, groups []int32, valid []byte) []*Vector {
	for i := range s.cols {
		s.cols[i] = resized(s.cols[i], len(s.signed))
		for g := range s.signed {
			s.cols[i][g] = s.signed[g][i]
		}
		dst = append(dst, ofGroups(s.column(s.cols[i], valid), groups))
		valid = nil
	}
	return dst
}

func (s *decimalSums) column(vals []Int128, valid []byte) *Vector {
	return &Vector{Type: s.typ, N: len(vals), Wide: vals, Valid: valid}
}

func (s *decimalSums) sum(g int) Int128 {
	sum, _ := s.signed[g][0].Add(s.signed[g][1]) // of numbers of different signs
	return sum
}

func (s *decimalSums) reset() { s.signed = s.signed[:0] }

func (s *decimalSums) sizeBytes() int64 {
	return int64(cap(s.signed))*32 + int64(cap(s.cols[0])+cap(s.cols[1]))*16
}

// decimalSum is the state of sum over decimals.
type decimalSum struct {
	decimalSums
	presence
}

func (s *decimalSum) extend(n int) {
	s.decimalSums.extend(n)
	s.presence.extend(n)
}

func (s *decimalSum) add(in *aggInput) error {
	in.dropNulls(in.cols[0])
	s.mark(in.groups)
	return s.addAll(in, in.cols[0])
}

func (s *decimalSum) merge(in *aggInput) error {
	if err := s.add(in); err != nil {
		return err
	}
	return s.addAll(in, in.cols[1])
}

func (s *decimalSum) partial(dst []*Vector, groups []int32) []*Vector {
	return s.decimalSums.partial(dst, groups, s.validity())
}

func (s *decimalSum) final() (*Vector, error) {
	s.cols[0] = resized(s.cols[0], len(s.signed))
	for g := range s.signed {
		s.cols[0][g] = s.sum(g)
	}
	return s.column(s.cols[0], s.validity()), nil
}

func (s *decimalSum) reset() {
	s.decimalSums.reset()
	s.presence.reset()
}

func (s *decimalSum) sizeBytes() int64 { return s.decimalSums.sizeBytes() + s.presence.sizeBytes() }

// avgScale is the least number of digits behind the point of a mean of decimals.
const avgScale = 6

// decimalAvg is the state of avg over decimals.
type decimalAvg struct {
	sums   decimalSums
	counts counts
	out    Type // of the mean
	digits int  // that the mean has behind those of the sum
	means  []Int128
}

func newDecimalAvg(in Type) *decimalAvg {
	out := DecimalOf(MaxPrecision, max(int(in.Scale), avgScale))
	return &decimalAvg{sums: newDecimalSums(in.Scale), out: out, digits: int(out.Scale - in.Scale)}
}

func (s *decimalAvg) columns() []Field {
	return append(s.sums.columns(), Field{Name: " count", Type: Type{Kind: Int64}})
}

func (s *decimalAvg) extend(n int) {
	s.sums.extend(n)
	s.counts.extend(n)
}

// add refuses numbers that the type of the mean cannot hold, so that no mean is out of range in the end.
func (s *decimalAvg) add(in *aggInput) error {
	v := in.cols[0]
	in.dropNulls(v)
	limit := uint8(MaxPrecision - s.digits)
	for i, r := range in.rows {
		if v.Type.Precision > limit && !v.Wide[r].fitsDigits(limit) {
			return in.fault(i, s.out.String()+" out of range")
		}
	}
	s.counts.addRows(in.groups)
	return s.sums.addAll(in, v)
}

func (s *decimalAvg) merge(in *aggInput) error {
	if err := s.counts.mergeColumn(in, in.cols[2]); err != nil {
		return err
	}
	if err := s.sums.addAll(in, in.cols[0]); err != nil {
		return err
	}
	return s.sums.addAll(in, in.cols[1])
}

func (s *decimalAvg) partial(dst []*Vector, groups []int32) []*Vector {
	return s.counts.partial(s.sums.partial(dst, groups, nil), groups)
}

func (s *decimalAvg) final() (*Vector, error) {
	s.means = resized(s.means, len(s.counts.n))
	for g, n := range s.counts.n {
		mean, ok := decimalMean(s.sums.sum(g), s.digits, uint64(max(n, 1)))
		if !ok {
			return nil, damaged("a sum of decimals that is too large for their count")
		}
		s.means[g] = mean
	}
	return &Vector{Type: s.out, N: len(s.means), Wide: s.means, Valid: s.counts.validity()}, nil
}

// decimalMean is sum × 10^digits / n, halves rounded away from zero; false when that has more than 38 digits.
func decimalMean(sum Int128, digits int, n uint64) (Int128, bool) {
	m, negative := sum.magnitude()
	x := product(m.signed(false), pow10[digits])
	var rest uint64
	for i := len(x) - 1; i >= 0; i-- {
		x[i], rest = bits.Div64(rest, x[i], n)
	}
	if rest >= n-rest {
		x = x.add(int256{1})
	}
	if negative {
		x = x.neg()
	}
	return x.within(pow10[MaxPrecision])
}

func (s *decimalAvg) reset() {
	s.sums.reset()
	s.counts.reset()
}

func (s *decimalAvg) sizeBytes() int64 {
	return s.sums.sizeBytes() + s.counts.sizeBytes() + int64(cap(s.means))*16
}
