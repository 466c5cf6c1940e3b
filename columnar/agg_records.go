package columnar

// Here are the aggregates that can keep their numbers in [groupRecords].

func (c *counts) fits(*aggInput) bool { return true }

func (c *counts) lanes() int { return 1 }

func (c *counts) pack(r *groupRecords, at int) {
	for g, n := range c.n {
		*r.word(uint32(g), at) = uint64(n)
	}
	c.n = nil
}

func (c *counts) unpack(r *groupRecords, at, first, n int) {
	c.n = roomy(c.n, n)
	for i := range c.n {
		c.n[i] = int64(*r.word(uint32(first+i), at))
	}
}

func (c *counts) addRecords(in *aggInput, r *groupRecords, at int) error {
	if !c.all {
		in.dropNulls(in.cols[0])
	}
	for _, g := range in.groups {
		*r.word(g, at)++
	}
	return nil
}

func (s *intSum) lanes() int {
	for i := 0; i < len(s.signed) && !s.below; i++ {
		s.below = s.signed[i][1] != 0
	}
	if s.below {
		return 2
	}
	return 1
}

// fits finds the first value below 0.
func (s *intSum) fits(in *aggInput) bool {
	if s.halved {
		return true
	}
	sign := int64(0)
	for _, x := range in.ints(in.cols[0]) {
		sign |= x
	}
	s.below = sign < 0
	return !s.below
}

func (s *intSum) pack(r *groupRecords, at int) {
	s.halved = s.below
	for g, halves := range s.signed {
		*r.word(uint32(g), at) = uint64(halves[0])
		if s.halved {
			*r.word(uint32(g), at+1) = uint64(halves[1])
		}
	}
	s.signed = nil
}

func (s *intSum) unpack(r *groupRecords, at, first, n int) {
	s.signed, s.first = roomy(s.signed, n), first
	for i := range s.signed {
		g := uint32(first + i)
		s.signed[i] = [2]int64{int64(*r.word(g, at))}
		if s.halved {
			s.signed[i][1] = int64(*r.word(g, at+1))
		}
	}
}

func (s *intSum) addRecords(in *aggInput, r *groupRecords, at int) error {
	in.dropNulls(in.cols[0])
	vals := in.ints(in.cols[0])
	if s.halved {
		return s.addHalves(in, vals, r, at)
	}
	for i, g := range in.groups {
		word := r.word(g, at)
		sum := int64(*word) + vals[i]
		if sum < 0 {
			return in.fault(i, outOfRange)
		}
		*word = uint64(sum)
		if sum == 0 {
			s.sawZero(g)
		}
	}
	return nil
}

// addHalves is addRecords for values of both signs.
func (s *intSum) addHalves(in *aggInput, vals []int64, r *groupRecords, at int) error {
	for i, g := range in.groups {
		x := vals[i]
		half := r.word(g, at+int(uint64(x)>>63))
		sum := int64(*half) + x
		if sum^x < 0 {
			return in.fault(i, outOfRange)
		}
		*half = uint64(sum)
		if sum == 0 && *r.word(g, at)|*r.word(g, at+1) == 0 {
			s.sawZero(g)
		}
	}
	return nil
}
