package columnar

// countedSets counts how often each value of a group came. It is what modes and quantiles come from.
type countedSets struct {
	*valueSets
	n    []int64 // of each pair
	list Type
}

func newCountedSets(t Type) countedSets {
	return countedSets{valueSets: newValueSets(t), list: ArrayOf(StructOf(Field{"value", t}, Field{"n", Type{Kind: Int64}}))}
}

func (s *countedSets) columns() []Field { return []Field{{Name: " values", Type: s.list}} }

func (s *countedSets) add(in *aggInput) error {
	in.dropNulls(in.cols[0])
	return s.addAll(in, in.cols[0])
}

// addAll counts the rows of v, of which none is NULL.
func (s *countedSets) addAll(in *aggInput, v *Vector) error {
	numbers, err := s.insert(in, v)
	s.n = extended(s.n, s.table.n)
	for _, n := range numbers {
		s.n[n]++
	}
	return err
}

func (s *countedSets) merge(in *aggInput) error {
	list := in.cols[0]
	if err := in.elements(list); err != nil {
		return err
	}
	element := list.Kids[0]
	value, count := element.Kids[0], element.Kids[1]
	if in.hasNull(element) || in.hasNull(value) || in.hasNull(count) {
		return damaged("a counted value that is NULL")
	}
	numbers, err := s.insert(in, value)
	s.n = extended(s.n, s.table.n)
	for i, n := range numbers {
		more := count.I64[in.rows[i]]
		if s.n[n] += more; more <= 0 || s.n[n] < 0 {
			return damaged("a count below 1")
		}
	}
	return err
}

func (s *countedSets) partial(dst []*Vector, groups []int32) []*Vector {
	off, rows := s.sorted(groups)
	return append(dst, listColumn(s.list, off, rows, s.values(), int64Column(Int64, s.n, nil)))
}

// sorted lists the pairs of the groups by their values.
func (s *countedSets) sorted(groups []int32) (off, things []int32) {
	values := s.values()
	return s.chains.lists(groups, comparator(values, values))
}

// pick is the column of one pair for each group, chosen from its pairs in the order of their values and the sum of their
// counts; groups without values are NULL.
func (s *countedSets) pick(choose func(things []int32, total int64) int32) *Vector {
	off, things := s.sorted(nil)
	out, values := NewBuilder(s.table.cols[1].own.vec.Type), s.values()
	for g := range s.chains.head {
		list := things[off[g]:off[g+1]]
		if len(list) == 0 {
			out.AppendNull()
		} else {
			out.AppendFrom(values, int(choose(list, s.total(list))))
		}
	}
	return out.Vector()
}

func (s *countedSets) total(things []int32) (n int64) {
	for _, t := range things {
		n += s.n[t]
	}
	return n
}

// at is the pair of the value at a position among all values in order, counted from 0.
func (s *countedSets) at(things []int32, position int64) int32 {
	for _, t := range things {
		if position -= s.n[t]; position < 0 {
			return t
		}
	}
	return things[len(things)-1]
}

func (s *countedSets) reset() {
	s.valueSets.reset()
	s.n = s.n[:0]
}

func (s *countedSets) sizeBytes() int64 { return s.valueSets.sizeBytes() + int64(cap(s.n))*8 }

// mode is the state of mode.
type mode struct{ countedSets }

func newMode(a Agg) aggState { return &mode{newCountedSets(a.In)} }

// final is the value that came most often, the least of several.
func (s *mode) final() (*Vector, error) {
	return s.pick(func(things []int32, _ int64) int32 {
		best := things[0]
		for _, t := range things[1:] {
			if s.n[t] > s.n[best] {
				best = t
			}
		}
		return best
	}), nil
}
