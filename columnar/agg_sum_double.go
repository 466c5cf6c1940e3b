package columnar

// doubleSum is the state of sum over doubles and floats.
type doubleSum struct {
	doubleSums
	presence
	sums []float64
}

func (s *doubleSum) extend(n int) {
	s.doubleSums.extend(n)
	s.presence.extend(n)
}

func (s *doubleSum) add(in *aggInput) error {
	in.dropNulls(in.cols[0])
	s.mark(in.groups)
	s.doubleSums.addAll(in.doubles(in.cols[0]), in.groups)
	return nil
}

func (s *doubleSum) merge(in *aggInput) error {
	in.dropNulls(in.cols[0])
	s.mark(in.groups)
	return s.doubleSums.merge(in, in.cols)
}

func (s *doubleSum) partial(dst []*Vector, groups []int32) []*Vector {
	return s.doubleSums.partial(dst, groups, s.validity())
}

func (s *doubleSum) final() (*Vector, error) {
	s.sums = resized(s.sums, len(s.high))
	for g := range s.sums {
		s.sums[g] = s.double(g)
	}
	return float64Column(s.sums, s.validity()), nil
}

func (s *doubleSum) reset() {
	s.doubleSums.reset()
	s.presence.reset()
}

func (s *doubleSum) sizeBytes() int64 {
	return s.doubleSums.sizeBytes() + s.presence.sizeBytes() + int64(cap(s.sums))*8
}

// doubleAvg is the state of avg over doubles and floats.
type doubleAvg struct {
	doubleSums
	counts counts
	means  []float64
}

func (s *doubleAvg) columns() []Field {
	return append(s.doubleSums.columns(), Field{Name: " count", Type: Type{Kind: Int64}})
}

func (s *doubleAvg) extend(n int) {
	s.doubleSums.extend(n)
	s.counts.extend(n)
}

func (s *doubleAvg) add(in *aggInput) error {
	in.dropNulls(in.cols[0])
	s.counts.addRows(in.groups)
	s.doubleSums.addAll(in.doubles(in.cols[0]), in.groups)
	return nil
}

func (s *doubleAvg) merge(in *aggInput) error {
	if err := s.counts.mergeColumn(in, in.cols[3]); err != nil {
		return err
	}
	return s.doubleSums.merge(in, in.cols)
}

func (s *doubleAvg) partial(dst []*Vector, groups []int32) []*Vector {
	return s.counts.partial(s.doubleSums.partial(dst, groups, nil), groups)
}

func (s *doubleAvg) final() (*Vector, error) {
	s.means = resized(s.means, len(s.high))
	for g, n := range s.counts.n {
		s.means[g] = s.double(g) / float64(max(n, 1))
	}
	return float64Column(s.means, s.counts.validity()), nil
}

func (s *doubleAvg) reset() {
	s.doubleSums.reset()
	s.counts.reset()
}

func (s *doubleAvg) sizeBytes() int64 {
	return s.doubleSums.sizeBytes() + s.counts.sizeBytes() + int64(cap(s.means))*8
}
