package windows

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"
)

// TestFirstOpen compares with all windows around a watermark, counted one by one: those that end at or before it are closed.
func TestFirstOpen(t *testing.T) {
	const seed = 20261126
	rng, cases := rand.New(rand.NewPCG(seed, 1)), 0
	check := func(w Window, watermark int64, windows [][2]int64) {
		t.Helper()
		a := &course{window: w, grid: newGrid(w)}
		start, end := int64(math.MaxInt64), int64(math.MaxInt64)
		for _, x := range windows {
			if x[1] > watermark {
				start, end = min(start, x[0]), min(end, x[1])
			}
		}
		if got := a.FirstOpen(watermark); got != start {
			t.Fatalf("seed %d: %+v at watermark %d: the first open window begins at %d, want %d", seed, w, watermark, got, start)
		}
		if got := a.FirstEnd(watermark); got > end || got <= watermark {
			t.Fatalf("seed %d: %+v at watermark %d: the first end is %d, want at most %d", seed, w, watermark, got, end)
		}
		cases++
	}
	for range 2000 {
		size, slide, offset := 1+rng.Int64N(20), 1+rng.Int64N(20), rng.Int64N(60)-30
		watermark := rng.Int64N(400) - 200
		var tumbling, sliding, cumulative [][2]int64
		for k := int64(-600); k < 600; k++ {
			tumbling = append(tumbling, [2]int64{offset + k*size, offset + (k+1)*size})
			sliding = append(sliding, [2]int64{offset + k*slide, offset + k*slide + size})
			for step := int64(1); step <= 3; step++ {
				cumulative = append(cumulative, [2]int64{offset + k*3*size, offset + k*3*size + step*size})
			}
		}
		check(Window{Kind: Tumbling, Size: size, Offset: offset}, watermark, tumbling)
		check(Window{Kind: Sliding, Size: size, Slide: slide, Offset: offset}, watermark, sliding)
		check(Window{Kind: Cumulative, Size: 3 * size, Slide: size, Offset: offset}, watermark, cumulative)
	}
	const zone = "America/Chicago"
	where, err := time.LoadLocation(zone)
	if err != nil {
		t.Fatal(err)
	}
	var days, months [][2]int64
	for d := range 300 {
		days = append(days, [2]int64{time.Date(2001, 3, 1+d, 0, 0, 0, 0, where).UnixMicro(), time.Date(2001, 3, 2+d, 0, 0, 0, 0, where).UnixMicro()})
		months = append(months, [2]int64{time.Date(1990, time.Month(1+d), 1, 0, 0, 0, 0, where).UnixMicro(), time.Date(1990, time.Month(2+d), 1, 0, 0, 0, 0, where).UnixMicro()})
	}
	for range 2000 {
		w := days[20+rng.IntN(200)][rng.IntN(2)] + rng.Int64N(3) - 1 // at the change of days, and right beside it
		check(Window{Kind: Tumbling, Size: 1, Unit: Day, Zone: zone}, w, days)
		check(Window{Kind: Tumbling, Size: 1, Unit: Month, Zone: zone}, w, months)
	}
	for _, w := range []Window{{}, {Kind: Tumbling, Size: 5}, {Kind: Session, Size: 5}} {
		a := &course{window: w, grid: newGrid(w)}
		for _, mark := range []int64{NoWatermark, MaxWatermark} {
			if a.FirstOpen(mark) != mark || a.FirstEnd(mark) != mark {
				t.Errorf("%+v at %d: %d, %d", w, mark, a.FirstOpen(mark), a.FirstEnd(mark))
			}
		}
	}
	t.Logf("%d cases", cases)
}
