package batch

import (
	"fmt"
	"strings"
	"time"

	"github.com/millrace/millrace/windows"
)

// clockBehindMax is how far the clock may be behind the last batch without a word: clocks are set by a little all the time.
const clockBehindMax = time.Minute

// warnClock says, once, that the clock has been set back, or was ahead before. Plan times never go back: until the clock has caught up all
// batches have the last one's.
func (d *driver) warnClock() {
	now := d.o.Env.Clock.Now().UnixMicro()
	behind := time.Duration(d.history.LastAt-now) * time.Microsecond
	if behind < clockBehindMax {
		d.saidClock = false
		return
	}
	if d.saidClock {
		return
	}
	d.saidClock = true
	d.o.Warn(fmt.Sprintf("the clock says %s, %s before the last batch (%s): it has been set back, or was ahead then; until it has caught up, batches are planned with the last one's time, "+
		"so that no partition becomes idle, no window of processing time closes and nothing is pruned; no row is lost by that", windows.FormatTime(now), aboutTime(behind), windows.FormatTime(d.history.LastAt)))
}

// aboutTime is a duration in days, or hours and minutes.
func aboutTime(d time.Duration) string {
	const day = 24 * time.Hour
	if d >= 2*day {
		return fmt.Sprintf("%d days", d.Round(day)/day)
	}
	return strings.TrimSuffix(d.Round(time.Minute).String(), "0s")
}
