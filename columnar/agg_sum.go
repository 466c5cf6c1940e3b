package columnar

// intSum is the state of sum over integers: the sum of the values that are not negative and the sum of those that are,
// since both only ever grow. So whether one of them leaves the range of bigint, which is an error, does not depend on
// the order of the rows, and the error comes with the first batch in which it is so.
type intSum struct {
	signed [][2]int64 // of each group: the values ≥ 0, and the others
	first  int        // the group that signed begins with: 0 but for a run of groups in records
	// zeros tells a group that has a value from one without where the sums do not: both are 0. It is as long as that needs.
	zeros  []byte
	below  bool       // there are values below 0, as far as records have to know
	halved bool       // in records, the sums of values below 0 have a word too
	valid  []byte     // buffer of the bitmap
	cols   [2][]int64 // buffers of the columns
}

func (s *intSum) columns() []Field {
	return []Field{{Type: Type{Kind: Int64}}, {Name: " negative", Type: Type{Kind: Int64}}}
}

func (s *intSum) extend(n int) { s.signed = extended(s.signed, n) }

// sawZero notes that a group has a value, which left its sums 0.
func (s *intSum) sawZero(g uint32) {
	if int(g) >= len(s.zeros) {
		s.zeros = extended(s.zeros, int(g)+1)
	}
	s.zeros[g] = 1
}

// has reports whether the i-th of the groups in signed has a value.
func (s *intSum) has(i int) bool {
	g := s.first + i
	return s.signed[i] != [2]int64{} || g < len(s.zeros) && s.zeros[g] != 0
}

// validity is nil when every group has a value.
func (s *intSum) validity() []byte {
	for i := range s.signed {
		if !s.has(i) {
			s.valid = packBits(s.valid, len(s.signed), s.has)
			return s.valid
		}
	}
	return nil
}

func (s *intSum) add(in *aggInput) error {
	in.dropNulls(in.cols[0])
	return s.addAll(in, in.cols[0])
}

func (s *intSum) addAll(in *aggInput, v *Vector) error {
	vals := in.ints(v)
	for i, g := range in.groups {
		x := vals[i]
		half := &s.signed[g][uint64(x)>>63]
		sum := *half + x
		if sum^x < 0 {
			return in.fault(i, outOfRange)
		}
		*half = sum
		if sum == 0 && s.signed[g] == [2]int64{} {
			s.sawZero(g)
		}
	}
	return nil
}

func (s *intSum) merge(in *aggInput) error {
	in.dropNulls(in.cols[0])
	if err := s.addAll(in, in.cols[0]); err != nil {
		return err
	}
	return s.addAll(in, in.cols[1])
}

func (s *intSum) partial(dst []*Vector, groups []int32) []*Vector {
	return partColumns(dst, s.signed, s.cols[:], s.validity(), groups)
}

// partColumns appends a bigint column for each part of the sums, in the buffers cols. The first one is NULL where a group
// has no value.
func partColumns[P [2]int64 | [6]int64](dst []*Vector, sums []P, cols [][]int64, valid []byte, groups []int32) []*Vector {
	for i := range cols {
		cols[i] = resized(cols[i], len(sums))
		for g := range sums {
			cols[i][g] = sums[g][i]
		}
		dst = append(dst, ofGroups(int64Column(Int64, cols[i], valid), groups))
		valid = nil
	}
	return dst
}

func (s *intSum) final() (*Vector, error) {
	s.cols[0] = resized(s.cols[0], len(s.signed))
	for g, halves := range s.signed {
		s.cols[0][g] = halves[0] + halves[1]
	}
	return int64Column(Int64, s.cols[0], s.validity()), nil
}

func (s *intSum) reset() {
	s.signed, s.zeros, s.first = s.signed[:0], s.zeros[:0], 0
}

func (s *intSum) sizeBytes() int64 {
	return int64(cap(s.signed))*16 + int64(cap(s.zeros)+cap(s.valid)) + int64(cap(s.cols[0])+cap(s.cols[1]))*8
}
