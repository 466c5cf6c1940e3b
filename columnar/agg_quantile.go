package columnar

import (
	"math"

	ddsketch "github.com/DataDog/sketches-go/ddsketch/mapping"
)

// fraction is the constant argument of the quantiles.
func (a Agg) fraction() (float64, bool) {
	if len(a.Params) != 1 || a.Params[0].Type.Kind != Float64 || a.Params[0].Value.Null {
		return 0, false
	}
	f := a.Params[0].Value.F
	return f, f >= 0 && f <= 1
}

// quantileDisc is the state of quantile_disc.
type quantileDisc struct {
	countedSets
	fraction float64
}

func newQuantileDisc(a Agg) aggState {
	f, _ := a.fraction()
	return &quantileDisc{newCountedSets(a.In), f}
}

func quantileDiscType(a Agg) Type {
	if _, ok := a.fraction(); !ok || a.In.CheckKey() != nil {
		return Type{}
	}
	return a.In
}

// final is the first value that at least that fraction of the values is not above.
func (s *quantileDisc) final() (*Vector, error) {
	return s.pick(func(things []int32, total int64) int32 {
		return s.at(things, int64(math.Ceil(s.fraction*float64(total)))-1)
	}), nil
}

// quantileCont is the state of quantile_cont.
type quantileCont struct {
	countedSets
	fraction float64
	vals     []float64
}

func newQuantileCont(a Agg) aggState {
	f, _ := a.fraction()
	return &quantileCont{countedSets: newCountedSets(a.In), fraction: f}
}

func quantileContType(a Agg) Type {
	if _, ok := a.fraction(); !ok || a.In.Kind != Float64 {
		return Type{}
	}
	return a.In
}

// final lies between the two values next to the fraction, in proportion.
func (s *quantileCont) final() (*Vector, error) {
	off, things := s.sorted(nil)
	vals := s.values().F64
	groups := len(s.chains.head)
	s.vals = resized(s.vals, groups)
	for g := range groups {
		list := things[off[g]:off[g+1]]
		if s.vals[g] = 0; len(list) == 0 {
			continue
		}
		whole, part := math.Modf(s.fraction * float64(s.total(list)-1))
		low, high := vals[s.at(list, int64(whole))], vals[s.at(list, int64(whole)+1)]
		s.vals[g] = between(low, high, part)
	}
	valid := packBits(nil, groups, func(g int) bool { return off[g] < off[g+1] })
	return float64Column(s.vals, valid), nil
}

// between keeps the products apart, so that no machine fuses them with the sum.
func between(low, high, part float64) float64 {
	if low == high || part == 0 {
		return low
	}
	return float64(low*(1-part)) + float64(high*part)
}

// quantileAccuracy is how far an approximate quantile is from the value that it stands for, as a share of it.
const quantileAccuracy = 0.01

// approxQuantile is the state of approx_quantile: a DDSketch (Masson, Rim and Lee, 2019), which counts values in buckets
// whose bounds grow by a factor. The counts of two sketches add up, so the order of merges does not matter. The mapping of
// values to buckets is that of Datadog's library; the counts are in flat memory, exact, and never collapsed: there are
// at most some 70,000 buckets, and 115 for each power of ten.
type approxQuantile struct {
	countedSets
	fraction float64
	bucket   Vector // scratch: buckets of rows
	vals     []float64
}

var buckets = func() *ddsketch.LogarithmicMapping {
	m, err := ddsketch.NewLogarithmicMapping(quantileAccuracy)
	if err != nil {
		panic(err)
	}
	return m
}()

// firstBucket is the bucket of the smallest number that has one. Smaller ones count as 0.
var firstBucket = buckets.Index(buckets.MinIndexableValue())

// The buckets of what is no finite number; all others lie between.
const (
	bucketBelow = math.MinInt32     // −Infinity
	bucketAbove = math.MaxInt32 - 1 // Infinity
	bucketNaN   = math.MaxInt32
)

// bucketOf numbers the buckets in the order of their values, 0 for 0.
func bucketOf(x float64) int32 {
	switch {
	case x != x:
		return bucketNaN
	case x > math.MaxFloat64:
		return bucketAbove
	case x < -math.MaxFloat64:
		return bucketBelow
	case x < 0:
		return -bucketOf(-x)
	case x < buckets.MinIndexableValue():
		return 0
	}
	return int32(buckets.Index(min(x, buckets.MaxIndexableValue())) - firstBucket + 1)
}

// bucketValue stands for all values of a bucket.
func bucketValue(b int32) float64 {
	switch {
	case b == bucketNaN:
		return math.NaN()
	case b == bucketAbove:
		return math.Inf(1)
	case b == bucketBelow:
		return math.Inf(-1)
	case b < 0:
		return -bucketValue(-b)
	case b == 0:
		return 0
	}
	return buckets.Value(int(b) - 1 + firstBucket)
}

func newApproxQuantile(a Agg) aggState {
	f, _ := a.fraction()
	integer := Type{Kind: Int32}
	return &approxQuantile{countedSets: newCountedSets(integer), fraction: f, bucket: Vector{Type: integer}}
}

func (s *approxQuantile) add(in *aggInput) error {
	v := in.cols[0]
	in.dropNulls(v)
	s.bucket.N, s.bucket.I32 = v.N, resized(s.bucket.I32, v.N)
	for _, r := range in.rows {
		s.bucket.I32[r] = bucketOf(v.F64[r])
	}
	return s.addAll(in, &s.bucket)
}

// final stands for the value at position fraction × (n − 1), rounded down.
func (s *approxQuantile) final() (*Vector, error) {
	chosen := s.pick(func(things []int32, total int64) int32 {
		return s.at(things, int64(s.fraction*float64(total-1)))
	})
	s.vals = resized(s.vals, chosen.N)
	for g := range s.vals {
		if s.vals[g] = 0; !chosen.IsNull(g) {
			s.vals[g] = bucketValue(chosen.I32[g])
		}
	}
	return float64Column(s.vals, chosen.Valid), nil
}

func (s *approxQuantile) sizeBytes() int64 {
	return s.countedSets.sizeBytes() + int64(cap(s.bucket.I32))*4 + int64(cap(s.vals))*8
}
