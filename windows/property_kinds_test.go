package windows_test

import (
	"math/rand/v2"

	"github.com/millrace/millrace/windows"
)

// kinds are the kinds of windows that the property is tested for: each is drawn, and says by its own definition which
// windows a time is in.
var kinds = []struct {
	name  string
	draw  func(*rand.Rand) frame
	share int // of the cases, in percent
}{
	{"none", drawNone, 4},
	{"tumbling", drawTumbling, 15},
	{"sliding", drawSliding, 16},
	{"cumulative", drawCumulative, 12},
	{"calendar", drawCalendar, 17},
	{"session", drawSession, 16},
	{"processing time", drawClock, 6},
	{"dedup", drawDedup, 7},
	{"window over a window", drawChained, 7},
}

// drawNone is an aggregation without windows: all rows are in one, which the end of the input closes.
func drawNone(*rand.Rand) frame {
	return frame{of: func(int64) []span { return []span{{0, forever}} }, tick: 1, reach: 10}
}

func drawTumbling(r *rand.Rand) frame {
	size, offset := 1+r.Int64N(20), r.Int64N(41)-20
	return frame{
		real: windows.Window{Kind: windows.Tumbling, Size: size, Offset: offset},
		of:   func(ts int64) []span { return grid(ts, size, size, offset) },
		tick: 1, reach: size, base: r.Int64N(200) - 100,
	}
}

func drawSliding(r *rand.Rand) frame {
	slide := 1 + r.Int64N(8)
	size := []int64{slide, slide * (1 + r.Int64N(4)), 1 + r.Int64N(24)}[r.IntN(3)] // also no multiple of the slide, and less than it
	offset := r.Int64N(41) - 20
	return frame{
		real: windows.Window{Kind: windows.Sliding, Size: size, Slide: slide, Offset: offset},
		of:   func(ts int64) []span { return grid(ts, size, slide, offset) },
		tick: 1, reach: max(size, slide), base: r.Int64N(200) - 100,
	}
}

func drawCumulative(r *rand.Rand) frame {
	step := 1 + r.Int64N(6)
	size, offset := step*(1+r.Int64N(5)), r.Int64N(41)-20
	return frame{
		real: windows.Window{Kind: windows.Cumulative, Size: size, Slide: step, Offset: offset},
		of: func(ts int64) []span {
			var all []span
			whole := grid(ts, size, size, offset)[0]
			for end := whole.start + step; end <= whole.end; end += step {
				if ts < end {
					all = append(all, span{whole.start, end})
				}
			}
			return all
		},
		tick: 1, reach: size, base: r.Int64N(200) - 100,
	}
}

func drawSession(r *rand.Rand) frame {
	gap := 1 + r.Int64N(12)
	return frame{real: windows.Window{Kind: windows.Session, Size: gap}, gap: gap, tick: 1, reach: 2 * gap, base: r.Int64N(200) - 100}
}

// grid lists the windows [offset + k·slide, offset + k·slide + size) that hold ts, by trying every start.
func grid(ts, size, slide, offset int64) []span {
	var all []span
	for start := ts; start > ts-size; start-- {
		if (start-offset)%slide == 0 {
			all = append(all, span{start, start + size})
		}
	}
	return all
}
