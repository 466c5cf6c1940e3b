package columnar

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// TestLoopsAgree holds the loops of this processor against those in Go and against a comparison of single values, on
// columns of every length around the width of a vector.
func TestLoopsAgree(t *testing.T) {
	r := newRand(t)
	plain := plainLoops()
	for range cases(400, 60) {
		n := r.IntN(70)
		ints := func() int64 { return randomValue(r, Int64).I }
		agree(t, "bigint", r, n, ints, &fast.int64s, &plain.int64s)
		agree(t, "int", r, n, func() int32 { return int32(randomValue(r, Int32).I) }, &fast.int32s, &plain.int32s)
		agree(t, "double", r, n, func() float64 { return someDouble(r) }, &fast.doubles, &plain.doubles)
		agreeSums(t, r, n, plain)
	}
}

// someDouble has NaNs of both signs.
func someDouble(r *rand.Rand) float64 {
	if r.IntN(10) == 0 {
		return math.Float64frombits(0xfff8000000000000)
	}
	return randomValue(r, Float64).F
}

func agree[T fixedWidth](t *testing.T, what string, r *rand.Rand, n int, value func() T, fast, plain *comparer[T]) {
	t.Helper()
	a, b, k := make([]T, n), make([]T, n), value()
	for i := range a {
		if a[i], b[i] = value(), value(); r.IntN(3) == 0 {
			b[i] = a[i]
		}
		if r.IntN(4) == 0 {
			a[i] = k
		}
	}
	if k != k {
		k = 0
	}
	ks := slices.Repeat([]T{k}, n)
	for _, c := range []struct {
		name  string
		by    func(c *comparer[T], dst []byte)
		x, y  []T
		order int
	}{
		{"= k", func(c *comparer[T], dst []byte) { c.equalConst(dst, a, k) }, a, ks, 0},
		{"< k", func(c *comparer[T], dst []byte) { c.lessConst(dst, a, k) }, a, ks, -1},
		{"> k", func(c *comparer[T], dst []byte) { c.greaterConst(dst, a, k) }, a, ks, 1},
		{"=", func(c *comparer[T], dst []byte) { c.equal(dst, a, b) }, a, b, 0},
		{"<", func(c *comparer[T], dst []byte) { c.less(dst, a, b) }, a, b, -1},
	} {
		got, want := make([]byte, bitmapBytes(n)), make([]byte, bitmapBytes(n))
		c.by(fast, got)
		c.by(plain, want)
		for i := range n {
			if truth := nanLast(c.x[i], c.y[i]) == c.order; bitSet(got, i) != truth || bitSet(want, i) != truth {
				t.Fatalf("%s: row %d of %d: %v %s %v: %t, in Go %t", what, i, n, c.x[i], c.name, c.y[i], bitSet(got, i), bitSet(want, i))
			}
		}
	}
}

// nanLast compares with NaN = NaN above all others.
func nanLast[T fixedWidth](a, b T) int {
	switch {
	case a == b, a != a && b != b:
		return 0
	case a < b, b != b:
		return -1
	}
	return 1
}

func agreeSums(t *testing.T, r *rand.Rand, n int, plain loops) {
	t.Helper()
	a, b, x, y := make([]int64, n), make([]int64, n), make([]float64, n), make([]float64, n)
	small := r.IntN(2) == 0
	for i := range a {
		a[i], b[i], x[i], y[i] = randomValue(r, Int64).I, randomValue(r, Int64).I, someDouble(r), someDouble(r)
		if small {
			a[i], b[i] = a[i]>>2, b[i]>>2
		}
	}
	got, want := make([]int64, n), make([]int64, n)
	if fast.addInts(got, a, b) != plain.addInts(want, a, b) || !slices.Equal(got, want) {
		t.Fatalf("%v + %v = %v, in Go %v", a, b, got, want)
	}
	if fast.subInts(got, a, b) != plain.subInts(want, a, b) || !slices.Equal(got, want) {
		t.Fatalf("%v - %v = %v, in Go %v", a, b, got, want)
	}
	ds, es := make([]float64, n), make([]float64, n)
	for _, f := range []struct{ fast, plain func(dst, a, b []float64) }{
		{fast.addDoubles, plain.addDoubles}, {fast.subDoubles, plain.subDoubles}, {fast.mulDoubles, plain.mulDoubles}, {fast.quoDoubles, plain.quoDoubles},
	} {
		f.fast(ds, x, y)
		f.plain(es, x, y)
		for i := range ds {
			if math.Float64bits(ds[i]) != math.Float64bits(es[i]) {
				t.Fatalf("%v with %v: %x, in Go %x", x[i], y[i], math.Float64bits(ds[i]), math.Float64bits(es[i]))
			}
		}
	}
}
