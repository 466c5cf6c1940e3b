package columnar

// argBest is the state of arg_min and arg_max: the best key, and of the values at it the least for arg_min, the greatest
// for arg_max, so that which row came first does not matter.
type argBest struct {
	value, key best
	types      [2]Type
	won        []byte // scratch: groups with a better key
}

func newArgBest(a Agg) aggState {
	largest := a.Func == ArgMax
	return &argBest{value: newBest(a.In, largest), key: newBest(a.More[0].Type, largest), types: [2]Type{a.In, a.More[0].Type}}
}

func (s *argBest) columns() []Field {
	return []Field{{Type: s.types[0]}, {Name: " key", Type: s.types[1]}}
}

func (s *argBest) extend(n int) {
	s.value.extend(n)
	s.key.extend(n)
	s.won = extended(s.won, n)
}

// add finds the best keys first, then the best of the values that have them.
func (s *argBest) add(in *aggInput) error {
	value, key := in.cols[0], in.cols[1]
	in.dropNulls(value)
	in.dropNulls(key)
	if err := s.key.improve(in, key, s.won); err != nil {
		return err
	}
	for _, g := range in.groups {
		if s.won[g] != 0 {
			s.value.forget(g)
			s.won[g] = 0
		}
	}
	s.key.keepBest(in, key)
	return s.value.improve(in, value, nil)
}

func (s *argBest) merge(in *aggInput) error { return s.add(in) }

func (s *argBest) partial(dst []*Vector, groups []int32) []*Vector {
	return append(dst, s.value.column(groups), s.key.column(groups))
}

func (s *argBest) final() (*Vector, error) { return s.value.column(nil), nil }

func (s *argBest) reset() {
	s.value.reset()
	s.key.reset()
	s.won = s.won[:0]
}

func (s *argBest) sizeBytes() int64 {
	return s.value.sizeBytes() + s.key.sizeBytes() + int64(cap(s.won))
}
