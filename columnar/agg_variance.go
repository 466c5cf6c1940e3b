package columnar

import (
	"encoding/binary"
	"math"
	"math/big"
)

// variance is the state of the variances and standard deviations: the count, the sum and the sum of squares. The two
// sums are exact, so nothing cancels out, and the result is that of the real numbers, rounded in the end.
type variance struct {
	sums       doubleSums
	squares    squareSums
	counts     counts
	population bool // of all, not of a sample
	root       bool // the standard deviation
	vals       []float64
	valid      []byte
}

func newVariance(a Agg) aggState {
	return &variance{sums: newDoubleSums(), squares: newSquareSums(), population: a.Func == StddevPop || a.Func == VarPop, root: a.Func == StddevPop || a.Func == StddevSamp}
}

func (s *variance) columns() []Field {
	fields := append(s.sums.columns(), s.squares.columns()...)
	return append(fields, Field{Name: " count", Type: Type{Kind: Int64}})
}

func (s *variance) extend(n int) {
	s.sums.extend(n)
	s.squares.extend(n)
	s.counts.extend(n)
}

func (s *variance) add(in *aggInput) error {
	in.dropNulls(in.cols[0])
	vals := in.doubles(in.cols[0])
	s.counts.addRows(in.groups)
	s.sums.addAll(vals, in.groups)
	s.squares.addAll(vals, in.groups)
	return nil
}

func (s *variance) merge(in *aggInput) error {
	if err := s.sums.merge(in, in.cols); err != nil {
		return err
	}
	if err := s.squares.merge(in, in.cols[3]); err != nil {
		return err
	}
	return s.counts.mergeColumn(in, in.cols[4])
}

func (s *variance) partial(dst []*Vector, groups []int32) []*Vector {
	return s.counts.partial(s.squares.partial(s.sums.partial(dst, groups, nil), groups), groups)
}

// final is NULL where there are no values, and for samples also where there is one only.
func (s *variance) final() (*Vector, error) {
	least := int64(2)
	if s.population {
		least = 1
	}
	n := len(s.counts.n)
	s.vals = resized(s.vals, n)
	for g, count := range s.counts.n {
		s.vals[g] = 0
		if count < least {
			continue
		}
		var ok bool
		if s.vals[g], ok = s.of(g, count); !ok {
			return nil, damaged("a sum and a sum of squares of different numbers")
		}
	}
	s.valid = packBits(s.valid, n, func(g int) bool { return s.counts.n[g] >= least })
	return float64Column(s.vals, s.valid), nil
}

// of is (n·Σx² − (Σx)²) / n² of a population, / n(n−1) of a sample. No numbers have a negative one.
func (s *variance) of(g int, count int64) (val float64, ok bool) {
	sum, squares := s.sums.exact(g), s.squares.exact(g)
	if *sum.flags != 0 {
		return math.NaN(), true
	}
	n := big.NewInt(count)
	d := sum.int()
	d.Mul(d, d)
	d.Sub(new(big.Int).Mul(n, squares.int()), d)
	if d.Sign() < 0 {
		return 0, false
	}
	others := big.NewInt(count - 1)
	if s.population {
		others = n
	}
	out := quotient(d, new(big.Int).Mul(n, others))
	if s.root {
		out.Sqrt(out)
	}
	val, _ = out.Float64()
	return val, true
}

// quotient is a / b, of which a counts the lowest bit of a sum of squares, with more digits than a double has.
func quotient(a, b *big.Int) *big.Float {
	const digits = 256
	out := new(big.Float).SetPrec(digits).SetInt(a)
	out.Quo(out, new(big.Float).SetPrec(digits).SetInt(b))
	return out.SetMantExp(out, -squareUnit)
}

// int is a finite sum in units of its lowest bit.
func (s exactSum) int() *big.Int {
	if s.negative() {
		out := s.minus().int()
		return out.Neg(out)
	}
	first, end := 0, len(s.limbs)
	for end > 0 && s.limbs[end-1] == 0 {
		end--
	}
	for first < end && s.limbs[first] == 0 {
		first++
	}
	var bytes []byte
	for i := end - 1; i >= first; i-- {
		bytes = binary.BigEndian.AppendUint64(bytes, s.limbs[i])
	}
	out := new(big.Int).SetBytes(bytes)
	return out.Lsh(out, uint(64*first))
}

func (s *variance) reset() {
	s.sums.reset()
	s.squares.reset()
	s.counts.reset()
}

func (s *variance) sizeBytes() int64 {
	return s.sums.sizeBytes() + s.squares.sizeBytes() + s.counts.sizeBytes() + int64(cap(s.vals))*8 + int64(cap(s.valid))
}
