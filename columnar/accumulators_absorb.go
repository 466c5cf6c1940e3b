package columnar

import (
	"errors"
	"math"
	"math/bits"
)

// absorber is an [aggState] that takes groups of another state of its kind without their half-aggregated form in between,
// which costs several times as much.
type absorber interface {
	// absorb folds the groups in.rows of o into in.groups. False says that it cannot, and has done nothing.
	absorb(o aggState, in *aggInput) (done bool, err error)
}

// Absorb folds groups of o, which has the same aggregates, in: group from[i] into groups[i]. o may be a itself, where no
// group is on both sides. An error names the aggregate, and is about the i-th of them: see [NameRow]. After it only
// [Accumulators.Reset] may follow.
func (a *Accumulators) Absorb(o *Accumulators, from []int32, groups []uint32) error {
	if len(from) == 0 {
		return nil
	}
	for i := range a.folds {
		f := &a.folds[i]
		a.input = aggInput{cols: a.input.cols[:0], rows: from, groups: groups, scratch: &a.scratch}
		if err := a.absorb(f.state, o.folds[i].state); err != nil {
			return f.explain(err)
		}
	}
	return nil
}

func (a *Accumulators) absorb(into, from aggState) error {
	if s, ok := into.(absorber); ok {
		if done, err := s.absorb(from, &a.input); done || err != nil {
			return err
		}
	}
	a.input.cols = from.partial(a.input.cols, a.input.rows)
	a.input.rows = a.frame.identity(len(a.input.rows))
	return into.merge(&a.input)
}

// NameRow adds to an error about a row of b the values of its first columns, the keys.
func NameRow(err error, b *Batch, keys int) error {
	if row := (*RowError)(nil); errors.As(err, &row) {
		return nameRow(err, b, keys, row.Row)
	}
	return err
}

func (c *counts) absorb(o aggState, in *aggInput) (bool, error) {
	c.absorbCounts(o.(*counts), in)
	return true, nil
}

func (c *counts) absorbCounts(o *counts, in *aggInput) {
	for i, r := range in.rows {
		c.n[in.groups[i]] += o.n[r]
	}
}

func (p *presence) absorb(o *presence, in *aggInput) {
	for i, r := range in.rows {
		p.seen[in.groups[i]] |= o.seen[r]
	}
}

func (s *doubleSums) absorb(o *doubleSums, in *aggInput) {
	highs, lows, groups := o.high, o.low, in.groups[:len(in.rows)]
	ownHighs, ownLows := s.high, s.low
	for i, r := range in.rows {
		g := groups[i]
		high, err := twoSum(ownHighs[g], highs[r])
		rest, lost := twoSum(ownLows[g], err)
		low, lostToo := twoSum(rest, lows[r])
		if lost != 0 || lostToo != 0 { // also when one is NaN
			s.absorbWide(g, o, uint32(r))
			continue
		}
		ownHighs[g], ownLows[g] = high, low
	}
}

// absorbWide adds a sum where the two halves may not be enough.
func (s *doubleSums) absorbWide(g uint32, o *doubleSums, r uint32) {
	high, low := o.high[r], o.low[r]
	if high == high {
		s.addWide(g, high)
		s.addWide(g, low)
		return
	}
	sum := s.widen(g)
	sum.merge(o.wide.of(r))
}

func (s *doubleSum) absorb(o aggState, in *aggInput) (bool, error) {
	from := o.(*doubleSum)
	s.presence.absorb(&from.presence, in)
	s.doubleSums.absorb(&from.doubleSums, in)
	return true, nil
}

func (s *doubleAvg) absorb(o aggState, in *aggInput) (bool, error) {
	from := o.(*doubleAvg)
	s.counts.absorbCounts(&from.counts, in)
	s.doubleSums.absorb(&from.doubleSums, in)
	return true, nil
}

func (s *intSum) absorb(o aggState, in *aggInput) (bool, error) {
	from := o.(*intSum)
	for i, r := range in.rows {
		if int(r) < len(from.zeros) && from.zeros[r] != 0 {
			s.sawZero(in.groups[i])
		}
		mine, other := &s.signed[in.groups[i]], &from.signed[r]
		above, below := mine[0]+other[0], mine[1]+other[1]
		if above < 0 || mine[1]&other[1]&^below < 0 {
			in.failed = in.groups[i]
			return false, &RowError{Row: i, Reason: outOfRange}
		}
		mine[0], mine[1] = above, below
	}
	return true, nil
}

func (s *intAvg) absorb(o aggState, in *aggInput) (bool, error) {
	from := o.(*intAvg)
	s.counts.absorbCounts(&from.counts, in)
	for i, r := range in.rows {
		g := in.groups[i]
		sum, carry := bits.Add64(uint64(s.low[g]), uint64(from.low[r]), 0)
		s.low[g] = int64(sum)
		s.high[g] += from.high[r] + int64(carry)
	}
	return true, nil
}

func (e *extreme) absorb(o aggState, in *aggInput) (bool, error) {
	switch b := e.best.(type) {
	case *bestInt:
		b.absorb(o.(*extreme).best.(*bestInt), in)
	case *bestDouble:
		b.absorb(o.(*extreme).best.(*bestDouble), in)
	default:
		return false, nil
	}
	return true, nil
}

func (b *bestInt) absorb(o *bestInt, in *aggInput) {
	vals, seen, own, known := o.vals, o.seen, b.vals, b.seen
	for i, r := range in.rows {
		g, x := in.groups[i], vals[r]
		switch {
		case seen[r] == 0:
		case known[g] == 0:
			own[g], known[g] = x, 1
		case b.largest:
			own[g] = max(own[g], x)
		default:
			own[g] = min(own[g], x)
		}
	}
}

func (b *bestDouble) absorb(o *bestDouble, in *aggInput) {
	vals, seen, own, known := o.vals, o.seen, b.vals, b.seen
	for i, r := range in.rows {
		g, x := in.groups[i], vals[r]
		switch {
		case seen[r] == 0:
		case known[g] == 0:
			own[g], known[g] = x, 1
		default:
			own[g] = better(own[g], x, b.largest)
		}
	}
}

// better is the greater or the least of two canonical doubles, chosen without a branch: which it is nobody could guess.
func better(a, b float64, largest bool) float64 {
	mask := int64(-1) // turns the order around
	if largest {
		mask = 0
	}
	best, other := math.Float64bits(a), math.Float64bits(b)
	if orderBits(other)^mask > orderBits(best)^mask {
		best = other
	}
	return math.Float64frombits(best)
}
