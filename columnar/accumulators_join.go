package columnar

import (
	"errors"
	"math/bits"
)

// joiner is an [aggState] that makes groups of those of two other states of its kind in one pass.
type joiner interface {
	// joinGroups makes the groups from at on, of which nothing is known, those of two states together: group from[i] of x and group
	// next[i] of y, −1 is none. False says that it cannot; then nothing is known of them still.
	joinGroups(at int, x aggState, from []int32, y aggState, next []int32) bool
}

// Join adds groups, each of which is two groups together: from[i] of x and next[i] of y, which have the same aggregates; −1 is
// none. x and y may be a itself. An error names the aggregate, and is about the i-th of them: see [NameRow]. After it only
// [Accumulators.Reset] may follow.
func (a *Accumulators) Join(x *Accumulators, from []int32, y *Accumulators, next []int32) error {
	at := a.n
	a.Grow(at + len(from))
	for i := range a.folds {
		if err := a.joinFold(i, at, x, from, y, next); err != nil {
			return err
		}
	}
	return nil
}

// joinFold is Join for one aggregate, whose groups from at on are there and empty.
func (a *Accumulators) joinFold(i, at int, x *Accumulators, from []int32, y *Accumulators, next []int32) error {
	if j, ok := a.folds[i].state.(joiner); ok && j.joinGroups(at, x.folds[i].state, from, y.folds[i].state, next) {
		return nil
	}
	if err := a.joinByAbsorbing(i, at, x, from); err != nil {
		return err
	}
	return a.joinByAbsorbing(i, at, y, next)
}

// joinByAbsorbing is one half of Join for an aggregate that takes the longer way.
func (a *Accumulators) joinByAbsorbing(i, at int, o *Accumulators, from []int32) error {
	a.input = aggInput{cols: a.input.cols[:0], scratch: &a.scratch}
	positions := make([]int32, 0, len(from))
	for k, g := range from {
		if g >= 0 {
			a.input.rows, a.input.groups = append(a.input.rows, g), append(a.input.groups, uint32(at+k))
			positions = append(positions, int32(k))
		}
	}
	if len(positions) == 0 {
		return nil
	}
	f := &a.folds[i]
	err := a.absorb(f.state, o.folds[i].state)
	if row := (*RowError)(nil); errors.As(err, &row) {
		row.Row = int(positions[row.Row])
	}
	if err != nil {
		return f.explain(err)
	}
	return nil
}

func (c *counts) joinGroups(at int, x aggState, from []int32, y aggState, next []int32) bool {
	joinCounts(c.n[at:], x.(*counts).n, from, y.(*counts).n, next)
	return true
}

func joinCounts(dst, a []int64, from []int32, b []int64, next []int32) {
	dst, next = dst[:len(from)], next[:len(from)]
	for i, f := range from {
		sum := int64(0)
		if f >= 0 {
			sum = a[f]
		}
		if n := next[i]; n >= 0 {
			sum += b[n]
		}
		dst[i] = sum
	}
}

func (p *presence) joinGroups(at int, x *presence, from []int32, y *presence, next []int32) {
	dst := p.seen[at:][:len(from)]
	next = next[:len(from)]
	for i, f := range from {
		seen := byte(0)
		if f >= 0 {
			seen = x.seen[f]
		}
		if n := next[i]; n >= 0 {
			seen |= y.seen[n]
		}
		dst[i] = seen
	}
}

// joinGroups gives up where two doubles are not enough for a sum.
func (s *doubleSums) joinGroups(at int, x *doubleSums, from []int32, y *doubleSums, next []int32) bool {
	highs, lows := s.high[at:][:len(from)], s.low[at:][:len(from)]
	next = next[:len(from)]
	bad := 0.0
	for i, f := range from {
		high, low, lost, lostToo := 0.0, 0.0, 0.0, 0.0
		if f >= 0 {
			high, low = x.high[f], x.low[f]
		}
		if n := next[i]; n >= 0 {
			var err float64
			high, err = twoSum(high, y.high[n])
			low, lost = twoSum(low, err)
			low, lostToo = twoSum(low, y.low[n])
		}
		if lost != 0 || lostToo != 0 {
			bad = 1
			break
		}
		bad += high - high // NaN for what is not finite, or is a long sum
		highs[i], lows[i] = high, low
	}
	if bad != 0 {
		clear(highs)
		clear(lows)
		return false
	}
	return true
}

func (s *doubleSum) joinGroups(at int, x aggState, from []int32, y aggState, next []int32) bool {
	a, b := x.(*doubleSum), y.(*doubleSum)
	if !s.doubleSums.joinGroups(at, &a.doubleSums, from, &b.doubleSums, next) {
		return false
	}
	s.presence.joinGroups(at, &a.presence, from, &b.presence, next)
	return true
}

func (s *doubleAvg) joinGroups(at int, x aggState, from []int32, y aggState, next []int32) bool {
	a, b := x.(*doubleAvg), y.(*doubleAvg)
	return s.doubleSums.joinGroups(at, &a.doubleSums, from, &b.doubleSums, next) &&
		s.counts.joinGroups(at, &a.counts, from, &b.counts, next)
}

func (s *intAvg) joinGroups(at int, x aggState, from []int32, y aggState, next []int32) bool {
	a, b := x.(*intAvg), y.(*intAvg)
	for i, f := range from {
		s.low[at+i], s.high[at+i] = joinWords(&a.words, f, &b.words, next[i])
	}
	return s.counts.joinGroups(at, &a.counts, from, &b.counts, next)
}

// joinWords is the sum of two groups, −1 is none.
func joinWords(a *words, f int32, b *words, n int32) (low, high int64) {
	if f >= 0 {
		low, high = a.low[f], a.high[f]
	}
	if n >= 0 {
		sum, carry := bits.Add64(uint64(low), uint64(b.low[n]), 0)
		low, high = int64(sum), high+b.high[n]+int64(carry)
	}
	return low, high
}

// joinGroups leaves sums that are too large to absorb, which says of which group they are.
func (s *intSum) joinGroups(at int, x aggState, from []int32, y aggState, next []int32) bool {
	a, b := x.(*intSum), y.(*intSum)
	for i, f := range from {
		halves, ok := joinHalves(a, f, b, next[i])
		if !ok {
			clear(s.signed[at:])
			return false
		}
		s.signed[at+i] = halves
	}
	if len(a.zeros)+len(b.zeros) > 0 {
		s.joinZeros(at, a.zeros, from)
		s.joinZeros(at, b.zeros, next)
	}
	return true
}

// joinHalves is the sums of two groups, −1 is none; ok is false where one of them is too large.
func joinHalves(a *intSum, f int32, b *intSum, n int32) (halves [2]int64, ok bool) {
	if f >= 0 {
		halves = a.signed[f]
	}
	if n < 0 {
		return halves, true
	}
	other := b.signed[n]
	above, below := halves[0]+other[0], halves[1]+other[1]
	return [2]int64{above, below}, above >= 0 && halves[1]&other[1]&^below >= 0
}

// joinZeros notes the groups that have values which leave their sums 0.
func (s *intSum) joinZeros(at int, zeros []byte, groups []int32) {
	for i, g := range groups {
		if g >= 0 && int(g) < len(zeros) && zeros[g] != 0 {
			s.sawZero(uint32(at + i))
		}
	}
}

func (e *extreme) joinGroups(at int, x aggState, from []int32, y aggState, next []int32) bool {
	a, b := x.(*extreme).best, y.(*extreme).best
	switch own := e.best.(type) {
	case *bestInt:
		own.joinGroups(at, a.(*bestInt), from, b.(*bestInt), next)
	case *bestDouble:
		own.joinGroups(at, a.(*bestDouble), from, b.(*bestDouble), next)
	default:
		return false
	}
	return true
}

func (b *bestInt) joinGroups(at int, x *bestInt, from []int32, y *bestInt, next []int32) {
	for i, f := range from {
		value, seen := int64(0), byte(0)
		if f >= 0 {
			value, seen = x.vals[f], x.seen[f]
		}
		if n := next[i]; n >= 0 && y.seen[n] != 0 {
			switch other := y.vals[n]; {
			case seen == 0:
				value, seen = other, 1
			case b.largest:
				value = max(value, other)
			default:
				value = min(value, other)
			}
		}
		b.vals[at+i], b.seen[at+i] = value, seen
	}
}

func (b *bestDouble) joinGroups(at int, x *bestDouble, from []int32, y *bestDouble, next []int32) {
	for i, f := range from {
		value, seen := 0.0, byte(0)
		if f >= 0 {
			value, seen = x.vals[f], x.seen[f]
		}
		if n := next[i]; n >= 0 && y.seen[n] != 0 {
			if other := y.vals[n]; seen == 0 {
				value, seen = other, 1
			} else {
				value = better(value, other, b.largest)
			}
		}
		b.vals[at+i], b.seen[at+i] = value, seen
	}
}
