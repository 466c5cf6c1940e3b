package columnar

import (
	"bytes"
	"math"
	"math/big"
	"math/rand/v2"
	"testing"
)

// hardDouble is a double whose sums are hard to round: few bits, powers of two, the ends of the range.
func hardDouble(r *rand.Rand) float64 {
	switch r.IntN(8) {
	case 0:
		return math.Float64frombits(r.Uint64() &^ (1 << 62)) // finite, below 2
	case 1:
		return math.Ldexp(1, r.IntN(2098)-1074)
	case 2:
		return math.SmallestNonzeroFloat64 * float64(1+r.IntN(3))
	case 3:
		return math.MaxFloat64
	case 4:
		return math.Ldexp(math.MaxFloat64, -r.IntN(120))
	}
	f := math.Ldexp(float64(r.Uint64()>>11), r.IntN(140)-70)
	return math.Copysign(f, float64(r.IntN(2))-0.5)
}

// TestExactSum adds up hard doubles and their squares, halves at a time, and compares with big numbers; a sum also goes
// through its bytes.
func TestExactSum(t *testing.T) {
	r := newRand(t)
	for range cases(3000, 500) {
		sum, squares := newExactSum(sumLimbs), newExactSum(squareLimbs)
		wantSum, wantSquares := exactFloat(0), exactFloat(0)
		for range 1 + r.IntN(6) {
			x := hardDouble(r)
			half, halfSquares := newExactSum(sumLimbs), newExactSum(squareLimbs)
			half.add(x)
			halfSquares.addSquare(x)
			sum.merge(decoded(t, half))
			squares.merge(decoded(t, halfSquares))
			wantSum.Add(wantSum, exactFloat(x))
			wantSquares.Add(wantSquares, new(big.Float).SetPrec(exactBits).Mul(exactFloat(x), exactFloat(x)))
		}
		want, _ := wantSum.Float64()
		if got := decoded(t, sum).float(); got != want {
			t.Fatalf("sum: got %v, want %v", got, want)
		}
		if high, low, ok := sum.halves(); ok && exactFloat(high).Add(exactFloat(high), exactFloat(low)).Cmp(wantSum) != 0 {
			t.Fatalf("halves %v, %v of %v", high, low, wantSum)
		}
		scaled := new(big.Float).SetPrec(exactBits).SetMantExp(wantSquares, squareUnit)
		wantInt, _ := scaled.Int(nil)
		if got := decoded(t, squares).int(); got.Cmp(wantInt) != 0 {
			t.Fatalf("squares: got %v, want %v", got, wantInt)
		}
	}
}

// TestExactSumRounding has sums that lie between two doubles, near and at the middle.
func TestExactSumRounding(t *testing.T) {
	const ulp = 1.0 / (1 << 52)
	for _, c := range []struct {
		add  []float64
		want float64
	}{
		{[]float64{1, ulp / 2}, 1},
		{[]float64{1 + ulp, ulp / 2}, 1 + 2*ulp},
		{[]float64{1, ulp / 2, math.SmallestNonzeroFloat64}, 1 + ulp},
		{[]float64{1 + ulp, ulp / 2, -math.SmallestNonzeroFloat64}, 1 + ulp},
		{[]float64{-1, -ulp / 2, -math.SmallestNonzeroFloat64}, -1 - ulp},
		{[]float64{math.MaxFloat64, math.MaxFloat64}, math.Inf(1)},
		{[]float64{math.MaxFloat64, math.MaxFloat64, -math.MaxFloat64}, math.MaxFloat64},
		{[]float64{math.Inf(1), -1}, math.Inf(1)},
		{[]float64{math.Inf(-1), 1}, math.Inf(-1)},
		{[]float64{math.Inf(1), math.Inf(-1)}, math.NaN()},
		{[]float64{math.NaN(), 1}, math.NaN()},
		{[]float64{-math.SmallestNonzeroFloat64}, -math.SmallestNonzeroFloat64},
		{[]float64{1, -1}, 0},
		{nil, 0},
	} {
		sum := newExactSum(sumLimbs)
		for _, x := range c.add {
			sum.add(x)
		}
		if got := decoded(t, sum).float(); !sameCell(got, c.want) {
			t.Errorf("sum of %v: got %v, want %v", c.add, got, c.want)
		}
	}
}

// TestDoubleSumsBeyondTheRange has a sum that is no double any more half-way, while two doubles still hold it.
func TestDoubleSumsBeyondTheRange(t *testing.T) {
	spec := AggSpec{Aggs: []Agg{{Func: Sum, Arg: 0, In: Type{Kind: Float64}, Name: "s"}}}
	s := NewSchema(Field{"x", Type{Kind: Float64}})
	part := func(vals ...float64) *HashAggregate {
		h := NewHashAggregate(s, spec)
		if err := h.Add(&Batch{Schema: s, Rows: len(vals), Cols: []*Vector{float64Column(vals, nil)}}); err != nil {
			t.Fatal(err)
		}
		return h
	}
	half := math.Ldexp(1, 970) // of the distance to the number behind the last
	beyond := part(math.MaxFloat64, half/2, half/2)
	if got := final(t, beyond).Cols[0].F64[0]; !math.IsInf(got, 1) {
		t.Errorf("got %v", got)
	}
	back := part(-half)
	if err := back.Merge(throughBytes(t, beyond.Partial())); err != nil {
		t.Fatal(err)
	}
	if got := final(t, back).Cols[0].F64[0]; got != math.MaxFloat64 {
		t.Errorf("got %v", got)
	}
}

// decoded is the sum after a way through bytes.
func decoded(t *testing.T, s exactSum) exactSum {
	t.Helper()
	out := newExactSum(len(s.limbs))
	out.add(1)
	if text := s.appendTo(nil); !out.decode(text) {
		t.Fatalf("% x does not decode", text)
	}
	return out
}

// TestInt128ToFloat compares the rounding of sums of integers with that of big numbers.
func TestInt128ToFloat(t *testing.T) {
	r := newRand(t)
	for range 20000 {
		low, high := r.Uint64(), int64(r.Uint64())>>r.IntN(64)
		if r.IntN(2) == 0 {
			low &= ^uint64(0) << r.IntN(64)
		}
		want := new(big.Int).Lsh(big.NewInt(high), 64)
		f, _ := new(big.Float).SetInt(want.Add(want, new(big.Int).SetUint64(low))).Float64()
		if got := int128ToFloat(low, high); got != f {
			t.Fatalf("%v: got %v, want %v", want, got, f)
		}
	}
}

// TestSquareWindow adds squares whose windows run over, move and get too small.
func TestSquareWindow(t *testing.T) {
	r := newRand(t)
	for range cases(2000, 300) {
		s, want := newSquareSums(), newExactSum(squareLimbs)
		s.extend(1)
		spread := 1 + r.IntN(160)
		for range 1 + r.IntN(40) {
			x := math.Ldexp(math.MaxFloat64, -1000-r.IntN(spread))
			s.addAll([]float64{x}, []uint32{0})
			want.addSquare(x)
		}
		if got, want := s.exact(0).appendTo(nil), want.appendTo(nil); !bytes.Equal(got, want) {
			t.Fatalf("spread %d: got % x, want % x", spread, got, want)
		}
	}
}

// FuzzExactSum decodes anything: it is refused, or it is what encoding gives again.
func FuzzExactSum(f *testing.F) {
	for _, xs := range [][]float64{{}, {1}, {-1}, {1e300, 1e-300}, {math.NaN()}, {math.Inf(1), -5}} {
		sum := newExactSum(sumLimbs)
		for _, x := range xs {
			sum.add(x)
		}
		f.Add(sum.appendTo(nil))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		for _, limbs := range []int{sumLimbs, squareLimbs} {
			sum := newExactSum(limbs)
			if !sum.decode(text) {
				continue
			}
			if again := sum.appendTo(nil); !bytes.Equal(again, text) {
				t.Fatalf("% x became % x", text, again)
			}
			sum.float()
			sum.halves()
			sum.int()
		}
	})
}
