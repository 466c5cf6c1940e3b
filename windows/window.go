package windows

import (
	"fmt"
	"math"

	"github.com/millrace/millrace/columnar"
)

// NoWatermark is the watermark, and the greatest event time, of a partition that never had a record.
const NoWatermark = math.MinInt64

// MaxWatermark closes every window: the end of a finished input. No record ever moves a watermark that far.
const MaxWatermark = math.MaxInt64

// StartColumn is the name of the column that [Assign] appends to the rows.
const StartColumn = "window_start"

// Kind is how a window takes its rows.
type Kind string

// The kinds of windows. They are those of Flink's windowing table functions.
const (
	Tumbling   Kind = "tumbling"   // one after the other, without gaps
	Sliding    Kind = "sliding"    // of one length, beginning every Slide; HOP in SQL
	Cumulative Kind = "cumulative" // tumbling, with a result for every step of the way; CUMULATE in SQL
	Session    Kind = "session"    // of a key: rows with no more than a gap between them
)

// Unit is what the size and the slide of a window are counted in.
type Unit string

// The units: Micros, or units of the calendar in the window's zone, whose lengths differ.
const (
	Micros Unit = ""
	Day    Unit = "day"
	Week   Unit = "week" // begins on Monday
	Month  Unit = "month"
)

// Window says how event time is cut into windows. Tumbling ones are [Offset + k·Size, Offset + (k+1)·Size). It stands in
// the job's canonical text and in the identity of state.
//
// Near the ends of int64 a bound can fall outside of it. It is then clamped: the first window begins at
// math.MinInt64, the last one ends at math.MaxInt64 and so closes only with [MaxWatermark].
//
// The zero Window is none: all rows are in one that begins, by convention, at 0 and ends at math.MaxInt64. Groups
// without a window, which come out at the end of a finished input, are in it.
type Window struct {
	Kind   Kind   `json:"kind,omitempty"`
	Unit   Unit   `json:"unit,omitempty"`      // of Size and Slide
	Size   int64  `json:"size,omitempty"`      // the length, > 0; of sessions the gap; of cumulative windows that of the longest
	Slide  int64  `json:"slide,omitempty"`     // from start to start of sliding windows; the step of cumulative ones
	Offset int64  `json:"offset_us,omitempty"` // any value; without a calendar counted modulo Size, or modulo Slide
	Zone   string `json:"zone,omitempty"`      // of calendar units: IANA name
	Clock  bool   `json:"clock,omitempty"`     // processing time: the time of a row is the plan time of its batch
}

// EndColumn is the name of the column that holds the end of a window that does not follow from its start.
const EndColumn = "window_end"

// HasEnd reports whether results need an [EndColumn]: the end is not always Size behind the start.
func (w Window) HasEnd() bool {
	return w.Kind == Cumulative || w.Kind == Session || w.Unit != Micros
}

// Longest is the greatest length in µs that a window can have, or a deduplication looks back; ok is false where it has no
// bound, or does not go by event time.
func (w Window) Longest() (length int64, ok bool) {
	switch {
	case w.Clock || w.Kind == Session || w == Window{}:
		return 0, false
	case w.Unit == Micros:
		return w.Size, true
	}
	days := map[Unit]int64{Day: 1, Week: 7, Month: 31}[w.Unit]
	return (w.Size*days + 1) * microsPerDay, true // a day more than enough for changes of the clock
}

// MaxWindowsPerRow is the greatest number of sliding or cumulative windows that one row may be in.
const MaxWindowsPerRow = 10_000

// The longest windows and offsets: 36,500 years in µs, which keeps sums of them far from overflow, and about 100 in units.
const (
	maxMicros = 1 << 60
	maxDays   = 36_600
)

// Validate refuses a window without length, one that a row would be in too often, and kinds that no operator computes.
func (w Window) Validate() error {
	switch {
	case w == Window{}:
		return nil
	case w.Size <= 0:
		return fmt.Errorf("window size is %d%s: it must be greater than 0", w.Size, w.unitName())
	case w.Kind == Dedup && w == (Window{Kind: Dedup, Size: w.Size}):
		return nil
	case w.Kind == Session && w == (Window{Kind: Session, Size: w.Size, Clock: w.Clock}):
		return nil
	case w.Kind == Tumbling && w.Slide != 0:
		return fmt.Errorf("tumbling windows have no slide, not one of %d%s", w.Slide, w.unitName())
	case w.Kind == Sliding || w.Kind == Cumulative:
		if err := w.validateSlide(); err != nil {
			return err
		}
	case w.Kind != Tumbling:
		return fmt.Errorf("%s windows are not supported yet", w.name())
	}
	return w.validateUnit()
}

// validateSlide is about windows of which a row may be in several.
func (w Window) validateSlide() error {
	what := "slide"
	if w.Kind == Cumulative {
		what = "step"
	}
	switch {
	case w.Slide <= 0:
		return fmt.Errorf("window %s is %d%s: it must be greater than 0", what, w.Slide, w.unitName())
	case w.Unit == Micros && max(w.Size, w.Slide) > maxMicros:
		return fmt.Errorf("window size %d µs and %s %d µs: they may be %d µs at most", w.Size, what, w.Slide, int64(maxMicros))
	case w.Size/w.Slide > MaxWindowsPerRow:
		return fmt.Errorf("each row would be in %d windows: the size may be %d times the %s at most", w.Size/w.Slide, MaxWindowsPerRow, what)
	case w.Kind == Cumulative && w.Size%w.Slide != 0:
		return fmt.Errorf("the size of a cumulative window must be a multiple of its step: %d%s is none of %d%s", w.Size, w.unitName(), w.Slide, w.unitName())
	}
	return nil
}

// validateUnit is about the calendar.
func (w Window) validateUnit() error {
	days := map[Unit]int64{Day: 1, Week: 7, Month: 30}[w.Unit]
	switch {
	case w.Unit == Micros && w.Zone == "":
		return nil
	case w.Unit == Micros:
		return fmt.Errorf("windows of µs have no time zone, not %q", w.Zone)
	case days == 0:
		return fmt.Errorf("windows are counted in days, weeks or months, not in %q", w.Unit)
	case max(w.Size, w.Slide) > maxDays/days:
		return fmt.Errorf("windows of the calendar may be %d%s long at most", maxDays/days, w.unitName())
	case w.Offset > maxDays*microsPerDay || w.Offset < -maxDays*microsPerDay:
		return fmt.Errorf("window offset is %d µs: it may be %d days at most", w.Offset, maxDays)
	}
	if _, err := columnar.LoadZone(w.Zone); err != nil {
		return fmt.Errorf("windows of the calendar need a time zone: %w", err)
	}
	return nil
}

// unitName is the unit behind a number, for people.
func (w Window) unitName() string {
	if w.Unit == Micros {
		return " µs"
	}
	return " " + string(w.Unit) + "s"
}

// name is the kind of window, for people.
func (w Window) name() string {
	name := string(w.Kind)
	if w.Unit != Micros {
		name = "calendar " + name
	}
	if w.Clock {
		name = "processing-time " + name
	}
	return name
}

// Canonical is the text of the window that hashes are made of: it must not change from version to version. Windows that
// differ have texts that differ.
func (w Window) Canonical() string {
	text := fmt.Sprintf("size %d offset %d", w.Size, w.Offset)
	if w.Kind == Tumbling && w.Unit == Micros && !w.Clock || w == (Window{}) {
		return text
	}
	return fmt.Sprintf("%s slide %d kind %q unit %q zone %q clock %t", text, w.Slide, w.Kind, w.Unit, w.Zone, w.Clock)
}

// Describe is the window for people; it also identifies state.
func (w Window) Describe() string {
	if w.Kind == Tumbling && w.Unit == Micros && !w.Clock {
		return fmt.Sprintf("tumbling %d us offset %d us", w.Size, w.Offset)
	}
	return w.name() + " " + w.Canonical()
}

// Start is the beginning of the tumbling window that ts is in. It rounds down, also before the epoch.
func (w Window) Start(ts int64) int64 {
	start, _ := w.At(ts)
	return start
}

// End is the end of the tumbling window that starts at start; also of the clamped first one.
func (w Window) End(start int64) int64 {
	_, end := w.At(start)
	return end
}

// At returns the bounds of the tumbling window [start, end) that ts is in.
func (w Window) At(ts int64) (start, end int64) {
	if w.Size == 0 {
		return 0, math.MaxInt64
	}
	return windowAt(ts, w.Size, w.offset())
}

// offset is Offset in [0, Size).
func (w Window) offset() int64 {
	if w.Size == 0 {
		return 0
	}
	return floorMod(w.Offset, w.Size)
}

// windowAt is Window.At for an offset in [0, size). It never forms ts − offset, which might overflow.
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

// Latest is the last event time that is not too far behind the plan time, see [Future].
func (b Bounds) Latest(planTime int64) int64 {
	if b.MaxFuture < 0 {
		return math.MaxInt64
	}
	return saturatingAdd(planTime, b.MaxFuture)
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
