package offsets

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
)

// spans are ranges of partitions from 0 on, of those lengths.
func spans(lags ...int64) []Range {
	ranges := make([]Range, len(lags))
	for p, n := range lags {
		ranges[p] = Range{Source: "events", Topic: "ads", Partition: int32(p), From: 10, Until: 10 + n}
	}
	return ranges
}

// weights give each partition its mean.
func weights(means ...float64) func(Range) float64 {
	return func(r Range) float64 { return means[r.Partition] }
}

func spanText(ranges []Range) string {
	var out []string
	for _, r := range ranges {
		out = append(out, fmt.Sprint(r.Span()))
	}
	return strings.Join(out, " ")
}

func TestShare(t *testing.T) {
	for _, test := range []struct {
		name  string
		lags  []int64
		lim   Limits
		want  string
		bound Bound
	}{
		{"no limit", []int64{100, 300}, Limits{}, "100 300", Unbounded},
		{"no partition", nil, Limits{Rows: 1}, "", Unbounded},
		{"nothing to share", []int64{0, 0}, Limits{Rows: 1}, "0 0", Unbounded},
		{"rows by lag", []int64{100, 300}, Limits{Rows: 40}, "10 30", BoundByRows},
		{"what rounding leaves goes to the greatest lag", []int64{100, 300}, Limits{Rows: 41}, "10 31", BoundByRows},
		{"limit above the lag", []int64{100, 300}, Limits{Rows: 401}, "100 300", Unbounded},
		{"limit equal to the lag", []int64{100, 300}, Limits{Rows: 400}, "100 300", Unbounded},
		{"one below the lag", []int64{100, 300}, Limits{Rows: 399}, "99 300", BoundByRows},
		{"a little lag is never starved", []int64{1_000_000_000, 1, 0, 2}, Limits{Rows: 10}, "8 1 0 1", BoundByRows},
		{"one each", []int64{5, 7, 9}, Limits{Rows: 3}, "1 1 1", BoundByRows},
		{"in turns, the first", []int64{5, 0, 7, 9}, Limits{Rows: 2}, "1 0 1 0", BoundByRows},
		{"in turns, the second", []int64{5, 0, 7, 9}, Limits{Rows: 2, Turn: 1}, "1 0 0 1", BoundByRows},
		{"in turns, the third", []int64{5, 0, 7, 9}, Limits{Rows: 2, Turn: 2}, "0 0 1 1", BoundByRows},
		{"a turn beyond all products", []int64{5, 0, 7, 9}, Limits{Rows: 2, Turn: math.MaxInt64}, "1 0 0 1", BoundByRows},
		{"bytes without weights", []int64{100, 300}, Limits{Bytes: 1}, "100 300", Unbounded},
		{"bytes", []int64{100, 300}, Limits{Bytes: 4000, Weigh: weights(100, 100)}, "10 30", BoundByBytes},
		{"bytes of each partition", []int64{100, 300}, Limits{Bytes: 10_000, Weigh: weights(300, 100)}, "16 50", BoundByBytes},
		{"bytes that all fit", []int64{100, 300}, Limits{Bytes: 40_000, Weigh: weights(100, 100)}, "100 300", Unbounded},
		{"rows below bytes", []int64{100, 300}, Limits{Rows: 40, Bytes: 8000, Weigh: weights(100, 100)}, "10 30", BoundByRows},
		{"bytes below rows", []int64{100, 300}, Limits{Rows: 80, Bytes: 4000, Weigh: weights(100, 100)}, "10 30", BoundByBytes},
		{"bytes below one record", []int64{100, 300}, Limits{Bytes: 4, Weigh: weights(100, 100)}, "1 0", BoundByBytes},
		{"a heavy partition that does not lag", []int64{0, 300}, Limits{Bytes: 3000, Weigh: weights(1e9, 100)}, "0 30", BoundByBytes},
		{"first plan of much", []int64{1e9, 5}, Limits{Weigh: weights(0, 0)}, "100000 5", BoundByFirst},
		{"first plan, smaller limit", []int64{1e9}, Limits{Rows: 7, Weigh: weights(0)}, "7", BoundByRows},
		{"a partition of unknown weight among others", []int64{1e9, 300_000}, Limits{Bytes: 1e6, Weigh: weights(0, 10)}, "33333 100000", BoundByBytes},
		{"products beyond int64", []int64{math.MaxInt64 / 2, 2}, Limits{Rows: math.MaxInt64 / 4}, "2305843009213693950 1", BoundByRows},
		{"sums beyond int64", []int64{math.MaxInt64 - 10, math.MaxInt64 - 10}, Limits{Rows: 10}, "5 5", BoundByRows},
	} {
		ranges := spans(test.lags...)
		bound := Share(ranges, test.lim)
		if got := spanText(ranges); got != test.want || bound != test.bound {
			t.Errorf("%s: %s bound by %q, want %s by %q", test.name, got, bound, test.want, test.bound)
		}
	}
}

// TestShareIsExact: whatever the lags, the limit is used up exactly, nobody gets more than there is, nobody starves, and
// nobody is further from their share than the minimum of the others makes necessary.
func TestShareIsExact(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	for range 20_000 {
		lags := make([]int64, 1+rng.IntN(8))
		lag, lagging := int64(0), int64(0)
		for i := range lags {
			lags[i] = rng.Int64N(1 << rng.IntN(20))
			lag += lags[i]
			if lags[i] > 0 {
				lagging++
			}
		}
		limit := 1 + rng.Int64N(2*lag+2)
		ranges := spans(lags...)
		Share(ranges, Limits{Rows: limit, Turn: rng.Int64N(100)})
		total := int64(0)
		for i, r := range ranges {
			total += r.Span()
			share := float64(min(limit, lag)) * float64(lags[i]) / float64(max(lag, 1))
			switch n := r.Span(); {
			case n > lags[i], lags[i] > 0 && n == 0 && limit >= lagging, math.Abs(float64(n)-share) > float64(lagging)+1:
				t.Fatalf("lags %v, limit %d: partition %d gets %d, its share is %.1f", lags, limit, i, n, share)
			}
		}
		if total != min(limit, lag) {
			t.Fatalf("lags %v, limit %d: %d offsets", lags, limit, total)
		}
	}
}

// TestTurnsAreFair: with one offset for three partitions each gets one in three plans.
func TestTurnsAreFair(t *testing.T) {
	got := map[int32]int64{}
	for turn := range int64(30) {
		ranges := spans(50, 50, 50)
		Share(ranges, Limits{Rows: 1, Turn: turn})
		for _, r := range ranges {
			got[r.Partition] += r.Span()
		}
	}
	if got[0] != 10 || got[1] != 10 || got[2] != 10 {
		t.Errorf("offsets by partition %v, want ten each", got)
	}
}

// TestWireShare: ranges that follow one another take the bytes of a record batch exactly once.
func TestWireShare(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		base := rng.Int64N(1000)
		next := base + 1 + rng.Int64N(1000)
		bytes := rng.Int64N(1 << 20)
		total, from := int64(0), rng.Int64N(base+1)
		for from < next {
			until := from + 1 + rng.Int64N(200)
			total += Range{From: from, Until: until}.wireShare(bytes, base, next)
			from = until
		}
		if total != bytes {
			t.Fatalf("[%d, %d) of %d bytes: %d bytes in all", base, next, bytes, total)
		}
	}
	for _, bad := range [][3]int64{{10, 5, 5}, {10, 7, 3}, {-1, 0, 9}, {10, math.MinInt64, math.MaxInt64}} {
		if n := (Range{From: 0, Until: 10}).wireShare(bad[0], bad[1], bad[2]); n != 0 {
			t.Errorf("%v: %d bytes", bad, n)
		}
	}
	if n := (Range{From: 10, Until: 20}).wireShare(1000, 0, 100); n != 100 {
		t.Errorf("a tenth of a batch of 1,000 bytes weighs %d", n)
	}
}
