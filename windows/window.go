package windows

import "math"

// NoWatermark is the watermark, and the greatest event time, of a partition that never had a record.
const NoWatermark = math.MinInt64

// MaxWatermark closes every window: the end of a finished input.
const MaxWatermark = math.MaxInt64

// Tumbling cuts event time into windows [Offset + k·Size, Offset + (k+1)·Size).
type Tumbling struct {
	Size   int64 `json:"size_us"` // microseconds, > 0
	Offset int64 `json:"offset_us"`
}

// Bounds are the event-time settings of a source, in microseconds.
type Bounds struct {
	MaxDisorder int64 `json:"max_disorder_us"`
	IdleAfter   int64 `json:"idle_after_us"`
	MaxFuture   int64 `json:"max_future_us"` // against the plan time; < 0: no guard
}
