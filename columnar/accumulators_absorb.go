package columnar

import (
	"errors"
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
	for i, r := range in.rows {
		g, high, low := in.groups[i], o.high[r], o.low[r]
		if high != high {
			s.widen(g).merge(o.wide.of(uint32(r)))
			continue
		}
		sum, err := twoSum(s.high[g], high)
		rest, lost := twoSum(s.low[g], err)
		all, lostToo := twoSum(rest, low)
		if lost != 0 || lostToo != 0 { // also when one is NaN
			s.addWide(g, high)
			s.addWide(g, low)
			continue
		}
		s.high[g], s.low[g] = sum, all
	}
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
	s.presence.absorb(&from.presence, in)
	for i, r := range in.rows {
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
	for i, r := range in.rows {
		g, x := in.groups[i], o.vals[r]
		if o.seen[r] != 0 && (b.seen[g] == 0 || x != b.vals[g] && x > b.vals[g] == b.largest) {
			b.vals[g], b.seen[g] = x, 1
		}
	}
}

func (b *bestDouble) absorb(o *bestDouble, in *aggInput) {
	for i, r := range in.rows {
		g := in.groups[i]
		x, y := orderKey(o.vals[r]), orderKey(b.vals[g])
		if o.seen[r] != 0 && (b.seen[g] == 0 || x != y && x > y == b.largest) {
			b.vals[g], b.seen[g] = o.vals[r], 1
		}
	}
}
