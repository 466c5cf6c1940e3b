package columnar

import (
	"math"
	"slices"
)

// finisher is an [aggState] that finishes groups of two states of its kind together, straight into a column of results.
type finisher interface {
	// finishGroups appends the results of the groups that [joiner] would make to dst, which has no NULL. False says that it cannot,
	// as where a result is NULL; then dst is as it was.
	finishGroups(dst *Builder, x aggState, from []int32, y aggState, next []int32) bool
}

// AppendJoin appends the results of what [Accumulators.Join] makes to the columns of out from col on, one for each aggregate;
// a is for those aggregates that take a longer way, and holds nothing afterwards. tooLong is the aggregate whose column would pass
// 2 GiB, −1 for none. Errors are those of Join and, about the i-th group, of [Accumulators.Final].
func (a *Accumulators) AppendJoin(out *RowsBuilder, col int, x *Accumulators, from []int32, y *Accumulators, next []int32) (tooLong int, err error) {
	a.Reset()
	defer a.Reset()
	for i := range a.folds {
		dst := out.cols[col+i]
		f, ok := a.folds[i].state.(finisher)
		if ok && dst.nulls == 0 && f.finishGroups(dst, x.folds[i].state, from, y.folds[i].state, next) {
			continue
		}
		results, err := a.joined(i, x, from, y, next)
		if err != nil {
			return -1, err
		}
		if !out.Append(col+i, results, nil, len(from)) {
			return i, nil
		}
	}
	return -1, nil
}

// AppendFinal appends the results of all groups to the columns of out from col on, one for each aggregate. tooLong and errors
// are those of [Accumulators.AppendJoin].
func (a *Accumulators) AppendFinal(out *RowsBuilder, col int) (tooLong int, err error) {
	results, err := a.Final(nil, nil, 0)
	if err != nil {
		return -1, err
	}
	for i, v := range results {
		if !out.Append(col+i, v, nil, a.n) {
			return i, nil
		}
	}
	return -1, nil
}

// joined is the longer way for one aggregate. The results are valid until its next call.
func (a *Accumulators) joined(i int, x *Accumulators, from []int32, y *Accumulators, next []int32) (*Vector, error) {
	f := &a.folds[i]
	f.state.extend(len(from))
	if err := a.joinFold(i, 0, x, from, y, next); err != nil {
		return nil, err
	}
	results, err := f.state.final()
	if err != nil {
		return nil, f.explain(err)
	}
	return results, nil
}

// appendFilled has fill write n more values behind vals, those of b, which has no NULL; they count if it reports that it could.
func appendFilled[T any](b *Builder, vals *[]T, n int, fill func(room []T) bool) bool {
	had := len(*vals)
	all := slices.Grow(*vals, n)[:had+n]
	if !fill(all[had:]) {
		return false
	}
	*vals, b.vec.N = all, b.vec.N+n
	return true
}

func (c *counts) finishGroups(dst *Builder, x aggState, from []int32, y aggState, next []int32) bool {
	return appendFilled(dst, &dst.vec.I64, len(from), func(room []int64) bool {
		joinCounts(room, x.(*counts).n, from, y.(*counts).n, next)
		return true
	})
}

func (s *doubleSum) finishGroups(dst *Builder, x aggState, from []int32, y aggState, next []int32) bool {
	a, b := x.(*doubleSum), y.(*doubleSum)
	return seenInEach(a.seen, from, b.seen, next) && appendFilled(dst, &dst.vec.F64, len(from), func(room []float64) bool {
		return finishSums(room, &a.doubleSums, from, &b.doubleSums, next)
	})
}

func (s *doubleAvg) finishGroups(dst *Builder, x aggState, from []int32, y aggState, next []int32) bool {
	a, b := x.(*doubleAvg), y.(*doubleAvg)
	return appendFilled(dst, &dst.vec.F64, len(from), func(room []float64) bool {
		return finishSums(room, &a.doubleSums, from, &b.doubleSums, next) && divideByCounts(room, a.counts.n, from, b.counts.n, next)
	})
}

// finishSums writes rounded sums. It reports false where two doubles are not enough for one of them.
func finishSums(dst []float64, x *doubleSums, from []int32, y *doubleSums, next []int32) bool {
	next = next[:len(from)]
	highs, lows, otherHighs, otherLows := x.high, x.low[:len(x.high)], y.high, y.low[:len(y.high)]
	bad, loss := 0.0, uint64(0)
	for i, f := range from {
		high, low := 0.0, 0.0
		if f >= 0 {
			high, low = highs[f], lows[f]
		}
		if n := next[i]; n >= 0 {
			var err, lost, lostToo float64
			high, err = twoSum(high, otherHighs[n])
			low, lost = twoSum(low, err)
			low, lostToo = twoSum(low, otherLows[n])
			loss |= math.Float64bits(lost) | math.Float64bits(lostToo)
		}
		bad += high - high // NaN for what is not finite, or is a long sum
		dst[i] = high + low + 0
	}
	return bad == 0 && loss<<1 == 0 // both zeros are no loss
}

// divideByCounts makes sums means. It reports false where there is nothing to divide.
func divideByCounts(sums []float64, a []int64, from []int32, b []int64, next []int32) bool {
	next = next[:len(from)]
	for i, f := range from {
		n := countOf(a, f) + countOf(b, next[i])
		if n == 0 {
			return false
		}
		sums[i] /= float64(n)
	}
	return true
}

func countOf(counts []int64, g int32) int64 {
	if g < 0 {
		return 0
	}
	return counts[g]
}

// seenInEach reports whether each group has a value on one side.
func seenInEach(a []byte, from []int32, b []byte, next []int32) bool {
	next = next[:len(from)]
	all := byte(1)
	for i, f := range from {
		seen := byte(0)
		if f >= 0 {
			seen = a[f]
		}
		if n := next[i]; n >= 0 {
			seen |= b[n]
		}
		all &= seen
	}
	return all != 0
}

func (s *intAvg) finishGroups(dst *Builder, x aggState, from []int32, y aggState, next []int32) bool {
	a, b := x.(*intAvg), y.(*intAvg)
	return appendFilled(dst, &dst.vec.F64, len(from), func(room []float64) bool {
		finishWords(room, &a.words, from, &b.words, next)
		return divideByCounts(room, a.counts.n, from, b.counts.n, next)
	})
}

// finishWords writes rounded sums.
func finishWords(dst []float64, x *words, from []int32, y *words, next []int32) {
	for i, f := range from {
		low, high := joinWords(x, f, y, next[i])
		dst[i] = int128ToFloat(uint64(low), high)
	}
}

func (s *intSum) finishGroups(dst *Builder, x aggState, from []int32, y aggState, next []int32) bool {
	return appendFilled(dst, &dst.vec.I64, len(from), func(room []int64) bool {
		return finishHalves(room, x.(*intSum), from, y.(*intSum), next)
	})
}

// finishHalves writes sums. It reports false where one is too large, or perhaps has no value.
func finishHalves(dst []int64, x *intSum, from []int32, y *intSum, next []int32) bool {
	for i, f := range from {
		halves, ok := joinHalves(x, f, y, next[i])
		if !ok || halves == [2]int64{} {
			return false
		}
		dst[i] = halves[0] + halves[1]
	}
	return true
}

func (e *extreme) finishGroups(dst *Builder, x aggState, from []int32, y aggState, next []int32) bool {
	a, b := x.(*extreme).best, y.(*extreme).best
	switch own := e.best.(type) {
	case *bestInt:
		left, right := a.(*bestInt), b.(*bestInt)
		return dst.vec.Type.Kind.Storage() == StoredI64 && seenInEach(left.seen, from, right.seen, next) &&
			appendFilled(dst, &dst.vec.I64, len(from), func(room []int64) bool { own.finishInts(room, left, from, right, next); return true })
	case *bestDouble:
		left, right := a.(*bestDouble), b.(*bestDouble)
		return seenInEach(left.seen, from, right.seen, next) &&
			appendFilled(dst, &dst.vec.F64, len(from), func(room []float64) bool { own.finishDoubles(room, left, from, right, next); return true })
	}
	return false
}

// finishInts is joinGroups where every group has a value.
func (b *bestInt) finishInts(dst []int64, x *bestInt, from []int32, y *bestInt, next []int32) {
	next = next[:len(from)]
	for i, f := range from {
		n := next[i]
		switch {
		case n < 0 || y.seen[n] == 0:
			dst[i] = x.vals[f]
		case f < 0 || x.seen[f] == 0:
			dst[i] = y.vals[n]
		case b.largest:
			dst[i] = max(x.vals[f], y.vals[n])
		default:
			dst[i] = min(x.vals[f], y.vals[n])
		}
	}
}

// finishDoubles is joinGroups where every group has a value.
func (b *bestDouble) finishDoubles(dst []float64, x *bestDouble, from []int32, y *bestDouble, next []int32) {
	next = next[:len(from)]
	for i, f := range from {
		n := next[i]
		switch {
		case n < 0 || y.seen[n] == 0:
			dst[i] = x.vals[f]
		case f < 0 || x.seen[f] == 0:
			dst[i] = y.vals[n]
		default:
			dst[i] = better(x.vals[f], y.vals[n], b.largest)
		}
	}
}
