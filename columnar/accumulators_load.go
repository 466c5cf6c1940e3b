package columnar

import "math"

// loader is an [aggState] that takes half-aggregated rows of groups that it knows nothing of.
type loader interface {
	// load is merge of rows whose groups are first, first + 1, …, none of which has any rows yet. False says that it takes the
	// longer way; then nothing is known of them still.
	load(first int, cols []*Vector, rows []int32) bool
}

// Load is [Accumulators.Merge] of the selected rows of partial into groups that have no rows yet: first, first + 1, ….
func (a *Accumulators) Load(first int, partial *Batch, keys int) error {
	rows := partial.Sel
	if rows == nil {
		rows = a.frame.identity(partial.Rows)
	}
	a.Grow(first + len(rows))
	var groups []uint32 // of the longer way
	cols := partial.Cols[keys:]
	for i := range a.folds {
		f := &a.folds[i]
		l, ok := f.state.(loader)
		if !ok || !l.load(first, cols[:f.width], rows) {
			for n := len(groups); n < len(rows); n++ {
				groups = append(groups, uint32(first+n))
			}
			if err := a.mergeFold(f, cols[:f.width], rows, groups); err != nil {
				return nameRow(err, partial, keys, int(rows[max(int(a.input.failed)-first, 0)]))
			}
		}
		cols = cols[f.width:]
	}
	return nil
}

func (c *counts) load(first int, cols []*Vector, rows []int32) bool {
	if cols[0].Valid != nil {
		return false
	}
	dst, src, bad := c.n[first:first+len(rows)], cols[0].I64, int64(0)
	for i, r := range rows {
		dst[i] = src[r]
		bad |= src[r]
	}
	if bad < 0 { // for merge to say so
		clear(dst)
		return false
	}
	return true
}

func (s *doubleSums) load(first int, cols []*Vector, rows []int32) bool {
	rest := cols[2]
	for _, r := range rows {
		if !isNullAt(rest.Valid, r) {
			return false
		}
	}
	highs, lows, bad := s.high[first:first+len(rows)], s.low[first:first+len(rows)], 0.0
	for i, r := range rows {
		high, low := twoSum(cols[0].F64[r]+0, cols[1].F64[r]) // + 0: never −0
		highs[i], lows[i] = high, low+0
		bad += low - low // NaN for what is not finite
	}
	if bad != 0 {
		clear(highs)
		clear(lows)
		return false
	}
	return true
}

func (s *doubleSum) load(first int, cols []*Vector, rows []int32) bool {
	if cols[0].Valid != nil || !s.doubleSums.load(first, cols, rows) {
		return false
	}
	s.markRun(first, len(rows))
	return true
}

// markRun marks n groups from one on.
func (p *presence) markRun(first, n int) {
	for i := range p.seen[first : first+n] {
		p.seen[first+i] = 1
	}
}

func (s *doubleAvg) load(first int, cols []*Vector, rows []int32) bool {
	if !s.counts.load(first, cols[3:], rows) {
		return false
	}
	if !s.doubleSums.load(first, cols, rows) {
		clear(s.counts.n[first : first+len(rows)])
		return false
	}
	return true
}

func (e *extreme) load(first int, cols []*Vector, rows []int32) bool {
	v := cols[0]
	if v.Valid != nil {
		return false
	}
	switch b := e.best.(type) {
	case *bestInt:
		if v.Type.Kind.Storage() != StoredI64 {
			return false
		}
		for i, r := range rows {
			b.vals[first+i] = v.I64[r]
		}
		b.markRun(first, len(rows))
	case *bestDouble:
		for i, r := range rows {
			b.vals[first+i] = math.Float64frombits(canonicalBits(v.F64[r]))
		}
		b.markRun(first, len(rows))
	default:
		return false
	}
	return true
}

// load leaves values that no sum has to merge, which says so, and sums of 0.
func (s *intSum) load(first int, cols []*Vector, rows []int32) bool {
	if cols[0].Valid != nil || cols[1].Valid != nil {
		return false
	}
	dst, above, below := s.signed[first:first+len(rows)], cols[0].I64, cols[1].I64
	good := true
	for i, r := range rows {
		halves := [2]int64{above[r], below[r]}
		dst[i] = halves
		good = good && halves[0] >= 0 && halves[1] <= 0 && halves != [2]int64{}
	}
	if !good {
		clear(dst)
	}
	return good
}
