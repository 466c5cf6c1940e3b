package offsets

import (
	"cmp"
	"math"
	"math/bits"
	"slices"
)

// FirstOffsetsMax is how many offsets of a partition a plan takes at most as long as nothing is known about how much
// they weigh.
const FirstOffsetsMax = 100_000

// Limits bounds one plan. The zero value bounds nothing.
type Limits struct {
	Rows  int64 // most offsets over all partitions, an upper bound of the records; 0: no limit
	Bytes int64 // most bytes on the wire over all partitions, by Weigh; 0: no limit
	// Weigh is what an offset of the range's partition takes on the wire, as far as that is known: the mean of past
	// commits, in bytes. 0: nothing is known; then the plan takes at most FirstOffsetsMax offsets of that partition.
	// nil: weights do not matter, and Bytes bounds nothing.
	Weigh func(Range) float64
	// Turn is the number of the plan. When more partitions lag than a plan may take offsets, they take turns by it.
	Turn int64
}

// Bound is the limit that left something of what there is to read to later plans.
type Bound string

// The bounds. The last limit that took something away is the one that is named.
const (
	Unbounded    Bound = ""
	BoundByRows  Bound = "rows"
	BoundByBytes Bound = "bytes"
	BoundByFirst Bound = "first" // FirstOffsetsMax
)

// Share cuts ranges, of one source or of several, so that together they keep the limits, and says which one bound them.
//
// What a plan may take is split by lag, as Spark does it, so that partitions with equal weights come to their ends
// together: each gets limit·lag/Σlag, but at least one offset if it lags at all. Unlike there the sum is exactly the
// limit: the partitions with the greatest lags pay for the least ones and get what rounding leaves. A limit below the
// number of partitions that lag goes round among them, one offset each. Bytes become offsets by the weights, and are as
// exact as those.
func Share(ranges []Range, lim Limits) Bound {
	bound := Unbounded
	wants := make([]int64, len(ranges))
	for i, r := range ranges {
		wants[i] = min(r.Span(), math.MaxInt64/int64(len(ranges))) // so that their sum is a number
		if lim.Weigh != nil && wants[i] > FirstOffsetsMax && lim.Weigh(r) <= 0 {
			wants[i], bound = FirstOffsetsMax, BoundByFirst
		}
	}
	lag := sum(wants)
	if most, by := lim.offsetsMax(ranges, wants, lag); lag > most {
		apportion(wants, most, lag, lim.Turn)
		bound = by
	}
	for i := range ranges {
		ranges[i].Until = ranges[i].From + wants[i]
	}
	return bound
}

// offsetsMax is the tighter limit as a number of offsets, MaxInt64 for none. wants are the offsets asked for, lag their
// sum: split by lag, they weigh what an offset of them weighs on average.
func (l Limits) offsetsMax(ranges []Range, wants []int64, lag int64) (int64, Bound) {
	most, by := int64(math.MaxInt64), Unbounded
	if l.Rows > 0 {
		most, by = l.Rows, BoundByRows
	}
	if l.Bytes <= 0 || l.Weigh == nil {
		return most, by
	}
	weight := 0.0
	for i, r := range ranges {
		if wants[i] > 0 {
			weight += float64(wants[i]) * l.Weigh(r)
		}
	}
	if weight > float64(l.Bytes) {
		byBytes := float64(l.Bytes) / weight * float64(lag)
		if byBytes < float64(most) {
			most, by = max(int64(byBytes), 1), BoundByBytes // some progress, however heavy records are
		}
	}
	return most, by
}

// apportion cuts wants, whose sum lag is more than most, to the sum most.
func apportion(wants []int64, most, lag, turn int64) {
	var lagging []int
	for i, n := range wants {
		if n > 0 {
			lagging = append(lagging, i)
		}
	}
	if n := int64(len(lagging)); most < n {
		for _, i := range lagging {
			wants[i] = 0
		}
		first := (turn % n) * most % n
		for j := range most {
			wants[lagging[(first+j)%n]] = 1
		}
		return
	}
	// From the least lag on, so that each minimum of one is taken from those that can spare it.
	slices.SortStableFunc(lagging, func(a, b int) int { return cmp.Compare(wants[a], wants[b]) })
	for _, i := range lagging {
		part := max(portion(most, wants[i], lag), 1)
		most, lag, wants[i] = most-part, lag-wants[i], part
	}
}

// portion is limit·part/whole rounded down, exactly; part ≤ whole.
func portion(limit, part, whole int64) int64 {
	hi, lo := bits.Mul64(uint64(limit), uint64(part))
	quotient, _ := bits.Div64(hi, lo, uint64(whole))
	return int64(quotient)
}

func sum(ns []int64) (total int64) {
	for _, n := range ns {
		total += n
	}
	return total
}

// wireShare is the part of a record batch of so many bytes, with the offsets [base, next), that belongs to a range: a
// range that takes a few records out of a large batch must not seem to weigh as much as the whole, or a limit in bytes
// would shrink the next one, which then would seem to weigh even more. The parts of ranges that follow one another add
// up to the whole.
func (r Range) wireShare(bytes, base, next int64) int64 {
	upTo := func(offset int64) int64 { // bytes before an offset
		return portion(bytes, min(max(offset, base), next)-base, next-base)
	}
	if base < 0 || next <= base || bytes <= 0 {
		return 0
	}
	return upTo(r.Until) - upTo(r.From)
}
