package windows

import (
	"math"
	"math/big"
	"math/rand/v2"
	"testing"
	"time"
)

// TestTumblingStart holds the vectors of the oracle, Flink's TimeWindow.getWindowStartWithOffset.
func TestTumblingStart(t *testing.T) {
	const hour, day = int64(time.Hour / time.Microsecond), 24 * int64(time.Hour/time.Microsecond)
	ten, shanghai := Window{Kind: Tumbling, Size: 10}, Window{Kind: Tumbling, Size: day, Offset: -8 * hour}
	cases := []struct {
		w        Window
		ts, want int64
	}{
		{ten, -1, -10}, {ten, -10, -10}, {ten, -11, -20}, {ten, 0, 0}, {ten, 9, 0}, {ten, 10, 10},
		{shanghai, 0, -8 * hour}, {shanghai, 16 * hour, 16 * hour}, {shanghai, 16*hour - 1, -8 * hour},
		{Window{Kind: Tumbling, Size: 10, Offset: 3}, 2, -7}, {Window{Kind: Tumbling, Size: 10, Offset: 3}, 3, 3}, {Window{Kind: Tumbling, Size: 10, Offset: 33}, 3, 3},
		{Window{Kind: Tumbling, Size: 1}, -5, -5}, {Window{Kind: Tumbling, Size: 1, Offset: 7}, 5, 5},
	}
	for _, c := range cases {
		if got := c.w.Start(c.ts); got != c.want {
			t.Errorf("%+v start of %d = %d, want %d", c.w, c.ts, got, c.want)
		}
		if got := c.w.End(c.want); got != c.want+c.w.Size {
			t.Errorf("%+v end of %d = %d, want %d", c.w, c.want, got, c.want+c.w.Size)
		}
	}
}

func TestTumblingValidate(t *testing.T) {
	for size, ok := range map[int64]bool{1: true, math.MaxInt64: true, 0: false, -1: false, math.MinInt64: false} {
		if err := (Window{Kind: Tumbling, Size: size, Offset: math.MinInt64}).Validate(); (err == nil) != ok {
			t.Errorf("size %d: %v", size, err)
		}
	}
}

// TestTumblingExact compares with integers of any size, at and around the ends of int64 above all.
func TestTumblingExact(t *testing.T) {
	const seed = 1
	r := rand.New(rand.NewPCG(seed, 0))
	for i := range 20_000 {
		w := Window{Kind: Tumbling, Size: max(edgy(r), 1), Offset: edgy(r)}
		ts := edgy(r)
		start, end := w.At(ts)
		wantStart, wantEnd := exactWindow(w, ts)
		if start != wantStart || end != wantEnd {
			t.Fatalf("seed %d case %d: %+v of %d = [%d, %d), want [%d, %d)", seed, i, w, ts, start, end, wantStart, wantEnd)
		}
		if got := w.End(start); got != end {
			t.Fatalf("seed %d case %d: %+v end of %d = %d, want %d", seed, i, w, start, got, end)
		}
	}
}

// exactWindow is the definition: k = floor((ts − offset) / size), clamped at the very end.
func exactWindow(w Window, ts int64) (start, end int64) {
	size, offset := big.NewInt(w.Size), big.NewInt(w.Offset)
	k := new(big.Int).Sub(big.NewInt(ts), offset)
	k.Div(k, size) // Euclidean: floor for a positive divisor
	s := new(big.Int).Add(offset, k.Mul(k, size))
	e := new(big.Int).Add(s, size)
	return clamp(s), clamp(e)
}

func clamp(b *big.Int) int64 {
	switch {
	case b.IsInt64():
		return b.Int64()
	case b.Sign() < 0:
		return math.MinInt64
	}
	return math.MaxInt64
}

func edgy(r *rand.Rand) int64 {
	bases := []int64{0, 10, -10, 1 << 40, math.MaxInt64 - 20, math.MinInt64 + 20, math.MaxInt64 / 2}
	return bases[r.IntN(len(bases))] + r.Int64N(41) - 20
}
