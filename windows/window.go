package windows

import (
	"fmt"
	"math"
)

// NoWatermark is the watermark, and the greatest event time, of a partition that never had a record.
const NoWatermark = math.MinInt64

// MaxWatermark closes every window: the end of a finished input. No record ever moves a watermark that far.
const MaxWatermark = math.MaxInt64

// StartColumn is the name of the column that [Assign] appends to the rows.
const StartColumn = "window_start"

// Tumbling cuts event time into windows [Offset + k·Size, Offset + (k+1)·Size).
//
// Near the ends of int64 a bound can fall outside of it. It is then clamped: the first window begins at
// math.MinInt64, the last one ends at math.MaxInt64 and so closes only with [MaxWatermark].
//
// The zero Tumbling is no window: all rows are in one that begins, by convention, at 0 and ends at math.MaxInt64. Groups
// without a window, which come out at the end of a finished input, are in it.
type Tumbling struct {
	Size   int64 `json:"size_us"`   // microseconds, > 0
	Offset int64 `json:"offset_us"` // microseconds; any value, counted modulo Size
}

// Validate refuses a window without length. Every Offset is valid.
func (w Tumbling) Validate() error {
	if w.Size <= 0 {
		return fmt.Errorf("window size is %d µs: it must be greater than 0", w.Size)
	}
	return nil
}

// Start is the beginning of the window that ts is in. It rounds down, also before the epoch.
func (w Tumbling) Start(ts int64) int64 {
	start, _ := w.Window(ts)
	return start
}

// End is the end of the window that starts at start; also of the clamped first one.
func (w Tumbling) End(start int64) int64 {
	_, end := w.Window(start)
	return end
}

// Window returns the bounds of the window [start, end) that ts is in.
func (w Tumbling) Window(ts int64) (start, end int64) {
	if w.Size == 0 {
		return 0, math.MaxInt64
	}
	return windowAt(ts, w.Size, w.offset())
}

// offset is Offset in [0, Size).
func (w Tumbling) offset() int64 {
	if w.Size == 0 {
		return 0
	}
	return floorMod(w.Offset, w.Size)
}

// windowAt is Window for an offset in [0, size). It never forms ts − offset, which might overflow.
func windowAt(ts, size, offset int64) (start, end int64) {
	in := floorMod(ts, size) - offset
	if in < 0 {
		in += size
	}
	return saturatingSub(ts, in), saturatingAdd(ts, size-in)
}

func floorMod(a, size int64) int64 {
	r := a % size
	if r < 0 {
		r += size
	}
	return r
}

// Bounds are the event-time settings of a source, in microseconds.
type Bounds struct {
	MaxDisorder int64 `json:"max_disorder_us"` // how far a watermark stays behind the greatest event time seen, ≥ 0
	IdleAfter   int64 `json:"idle_after_us"`   // how long a partition is quiet until no watermark waits for it, ≥ 0
	MaxFuture   int64 `json:"max_future_us"`   // against the plan time; < 0: no guard
}

// Future reports whether an event time lies more than maxFuture behind the plan time, which makes its row a bad one:
// a single wrong clock would otherwise close every window. Exactly maxFuture is still good; maxFuture < 0 never is
// too far.
func Future(eventTime, planTime, maxFuture int64) bool {
	return maxFuture >= 0 && eventTime > saturatingAdd(planTime, maxFuture)
}

// saturatingAdd is a + b for b ≥ 0, at most math.MaxInt64.
func saturatingAdd(a, b int64) int64 {
	if a > math.MaxInt64-b {
		return math.MaxInt64
	}
	return a + b
}

// saturatingSub is a − b for b ≥ 0, at least math.MinInt64.
func saturatingSub(a, b int64) int64 {
	if a < math.MinInt64+b {
		return math.MinInt64
	}
	return a - b
}
