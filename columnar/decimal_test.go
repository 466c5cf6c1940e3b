package columnar

import (
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
)

// randomInt128 takes all lengths.
func randomInt128(r *rand.Rand) Int128 {
	v := Int128{Lo: r.Uint64(), Hi: int64(r.Uint64())}
	switch r.IntN(4) {
	case 0:
		return Int128Of(int64(v.Lo) >> r.IntN(64))
	case 1:
		v.Hi >>= r.IntN(64)
	case 2:
		return pow10[r.IntN(len(pow10))].signed(r.IntN(2) == 0)
	}
	return v
}

func TestInt128AgainstBig(t *testing.T) {
	r := newRand(t)
	limit := new(big.Int).Lsh(big.NewInt(1), 127)
	for range 20_000 {
		a, b := randomInt128(r), randomInt128(r)
		x, y := bigOf(a), bigOf(b)
		if got, want := a.Cmp(b), x.Cmp(y); got != want {
			t.Fatalf("%v against %v: %d, want %d", x, y, got, want)
		}
		want := new(big.Int).Add(x, y)
		over := want.Cmp(limit) >= 0 || want.Cmp(new(big.Int).Neg(limit)) < 0
		if sum, overflow := a.Add(b); overflow != over || !over && bigOf(sum).Cmp(want) != 0 {
			t.Fatalf("%v + %v = %v (%v), want %v", x, y, bigOf(sum), overflow, want)
		}
		m, _ := b.magnitude()
		checkProduct(t, a, m)
		d := r.Uint64()>>r.IntN(64) | 1
		q, rest := m.divWord(d)
		back := new(big.Int).Add(new(big.Int).Mul(unsignedBig(q), new(big.Int).SetUint64(d)), new(big.Int).SetUint64(rest))
		if back.Cmp(unsignedBig(m)) != 0 || rest >= d {
			t.Fatalf("%v / %d = %v rest %d", unsignedBig(m), d, unsignedBig(q), rest)
		}
	}
}

func unsignedBig(m uint128) *big.Int {
	z := new(big.Int).Lsh(new(big.Int).SetUint64(m.hi), 64)
	return z.Add(z, new(big.Int).SetUint64(m.lo))
}

func checkProduct(t *testing.T, a Int128, m uint128) {
	t.Helper()
	want := new(big.Int).Mul(bigOf(a), unsignedBig(m))
	p := product(a, m)
	got := new(big.Int)
	for i := 3; i >= 0; i-- {
		got.Add(got.Lsh(got, 64), new(big.Int).SetUint64(p[i]))
	}
	if p.negative() {
		got.Sub(got, new(big.Int).Lsh(big.NewInt(1), 256))
	}
	if got.Cmp(want) != 0 {
		t.Fatalf("%v × %v = %v, want %v", bigOf(a), unsignedBig(m), got, want)
	}
	small, ok := p.within(pow10[38])
	if fits := new(big.Int).Abs(want).Cmp(unsignedBig(pow10[38])) < 0; ok != fits || ok && bigOf(small).Cmp(want) != 0 {
		t.Fatalf("%v within 38 digits: %v %v", want, bigOf(small), ok)
	}
}

// TestRounded divides by powers of ten.
func TestRounded(t *testing.T) {
	r := newRand(t)
	for range 20_000 {
		m, _ := randomInt128(r).magnitude()
		digits := r.IntN(39)
		unit := unsignedBig(pow10[digits])
		want := new(big.Int).Add(unsignedBig(m), new(big.Int).Rsh(unit, 1))
		want.Div(want, unit)
		if got := unsignedBig(m.rounded(digits)); got.Cmp(want) != 0 {
			t.Fatalf("%v by 10^%d: %v, want %v", unsignedBig(m), digits, got, want)
		}
	}
}

// TestParseDecimalAgainstBig reads texts of many forms.
func TestParseDecimalAgainstBig(t *testing.T) {
	r := newRand(t)
	digits := func(n int) string {
		var b strings.Builder
		for range n {
			b.WriteByte("0123456789500009"[r.IntN(16)])
		}
		return b.String()
	}
	for range 20_000 {
		text := []string{"", "-", "+"}[r.IntN(3)] + digits(1+r.IntN(24))
		if r.IntN(3) > 0 {
			text += "." + digits(1+r.IntN(24))
		}
		if r.IntN(4) == 0 {
			text += fmt.Sprintf("e%d", r.IntN(80)-40)
		}
		precision := 1 + r.IntN(38)
		scale := r.IntN(precision + 1)
		exactly, _ := new(big.Rat).SetString(text)
		want := roundRat(exactly, scale)
		inRange := new(big.Int).Abs(want).Cmp(unsignedBig(pow10[precision])) < 0
		got, exact, ok := ParseDecimal([]byte(text), precision, scale)
		if ok != inRange || ok && bigOf(got).Cmp(want) != 0 {
			t.Fatalf("%s as decimal(%d,%d): %v %v, want %v %v", text, precision, scale, bigOf(got), ok, want, inRange)
		}
		if same := new(big.Rat).SetFrac(want, unsignedBig(pow10[scale])).Cmp(exactly) == 0; ok && exact != same {
			t.Fatalf("%s as decimal(%d,%d): exact %v, want %v", text, precision, scale, exact, same)
		}
	}
}

// roundRat is x × 10^scale, rounded to the nearest, halves away from zero.
func roundRat(x *big.Rat, scale int) *big.Int {
	scaled := new(big.Rat).Mul(x, new(big.Rat).SetInt(unsignedBig(pow10[scale])))
	half := big.NewRat(int64(scaled.Sign()), 2)
	scaled.Add(scaled, half)
	return new(big.Int).Quo(scaled.Num(), scaled.Denom())
}

func TestDecimalsAndDoubles(t *testing.T) {
	r := newRand(t)
	for range 20_000 {
		v, scale := randomWide(r, DecimalOf(38, 0)), r.IntN(39)
		want, _ := new(big.Rat).SetFrac(bigOf(v), unsignedBig(pow10[scale])).Float64()
		if got := decimalFloat(v, scale, 64); got != want {
			t.Fatalf("%v e-%d: %v, want %v", bigOf(v), scale, got, want)
		}
		narrow, _ := new(big.Rat).SetFrac(bigOf(v), unsignedBig(pow10[scale])).Float32()
		if got := decimalFloat(v, scale, 32); got != float64(narrow) {
			t.Fatalf("%v e-%d as a float: %v, want %v", bigOf(v), scale, got, narrow)
		}
		f := randomValue(r, Float64).F * math.Pow10(r.IntN(20)-10)
		got, fault := floatDecimal(f, 64, DecimalOf(38, scale))
		text := strconv.FormatFloat(f, 'e', -1, 64)
		exactly, ok := new(big.Rat).SetString(text)
		if !ok {
			if fault != textRange {
				t.Fatalf("%s as a decimal: fault %d", text, fault)
			}
			continue
		}
		rounded := roundRat(exactly, scale)
		if inRange := new(big.Int).Abs(rounded).Cmp(unsignedBig(pow10[38])) < 0; inRange != (fault == textOK) || inRange && bigOf(got).Cmp(rounded) != 0 {
			t.Fatalf("%s with %d digits: %v fault %d, want %v", text, scale, bigOf(got), fault, rounded)
		}
	}
}

// TestCanonicalIntervals checks that the interval which stands for a key has the key's length, and depends on nothing else.
func TestCanonicalIntervals(t *testing.T) {
	r := newRand(t)
	for range 20_000 {
		v := randomWide(r, Type{Kind: Interval})
		c := canonicalInterval(v)
		if intervalLength(v) != intervalLength(c) {
			t.Fatalf("%+v has another length than %+v", c, v)
		}
		months, days, micros := v.Interval()
		other := MakeInterval(months-1, days+30, micros)
		if months != math.MinInt32 && days < math.MaxInt32-30 && canonicalInterval(other) != c {
			t.Fatalf("%+v and %+v differ as keys: %+v and %+v", v, other, c, canonicalInterval(other))
		}
		if want := goValue(Type{Kind: Interval}, WideValue(v)).(interval).length(); bigOf(intervalLength(v)).Cmp(want) != 0 {
			t.Fatalf("%+v is %v long, want %v", v, bigOf(intervalLength(v)), want)
		}
	}
}
