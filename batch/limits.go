package batch

import (
	"math"
	"time"

	"github.com/millrace/millrace/offsets"
)

// Limits bound the size of the next plan; 0 means no limit. The first batch of a job is always limited.
type Limits struct {
	Rows  int64
	Bytes int64
	Rate  int64 // offsets per second, by plan times
	// Backpressure sizes batches so that they take the interval of a continuous trigger; nil: off.
	Backpressure *offsets.Gains
}

// The names of limits in [Planned].LimitedBy beside those of package offsets.
const (
	limitedByRate         = "rate"
	limitedByBackpressure = "backpressure"
)

// rateWindow is how much time's worth of limits.rate one plan of a run without an interval may take.
const rateWindow = 10 * time.Second

// quota is how many offsets a plan may take by the tightest limit, and which that is; "": none.
type quota struct {
	rows int64
	by   string
}

// lower takes another limit, if it is lower.
func (m *quota) lower(rows int64, by string) {
	if m.by == "" || rows < m.rows {
		*m = quota{rows, by}
	}
}

// quota is what the limits in offsets allow at this time.
func (q *question) quota() (m quota) {
	if n := q.Job.Limits.Rows; n > 0 {
		m.lower(n, string(offsets.BoundByRows))
	}
	if q.Rate > 0 && q.Job.Trigger.continuous() {
		m.lower(max(int64(q.Rate*q.Job.Trigger.Every.Seconds()), 1), limitedByBackpressure)
	}
	if q.Job.Limits.Rate > 0 {
		m.lower(perTime(q.Job.Limits.Rate, q.credit()), limitedByRate)
	}
	return m
}

// credit is the time that limits.rate counts for the next plan, in microseconds: what has passed since the last plan, but
// at most a window, because a pause is not made up for. So in any time the job plans at most as many offsets as that time
// and one window allow, however often it is started again. A run that catches up has no ticks and waits instead, until a
// plan of a whole window, or of all there is, is paid for.
func (q *question) credit() int64 {
	if !q.Job.Trigger.continuous() {
		return rateWindow.Microseconds()
	}
	window := max(q.Job.Trigger.Every, time.Second).Microseconds()
	if q.History.LastAt == 0 {
		return window
	}
	return min(window, q.At-q.History.LastAt)
}

// perTime is rate·t rounded down, with t in microseconds.
func perTime(rate, micros int64) int64 { return int64(float64(rate) * float64(micros) / 1e6) }

// limit cuts ranges to what the plan may take and says which limit left something to later ones. A wait says that the
// plan is to be made later: limits.rate does not allow it yet.
func (q *question) limit(ranges []offsets.Range) (by string, wait time.Duration) {
	most := q.quota()
	if most.by != "" && most.rows == 0 { // limits.rate, at ticks that come faster than it grants offsets
		if allEmpty(ranges) {
			return "", 0
		}
		for i := range ranges {
			ranges[i].Until = ranges[i].From
		}
		return most.by, 0
	}
	bound := offsets.Share(ranges, offsets.Limits{Rows: most.rows, Bytes: q.Job.Limits.Bytes, Weigh: q.History.weigh(), Turn: q.History.NextBatch})
	if by = string(bound); bound == offsets.BoundByRows {
		by = most.by
	}
	return by, q.unpaid(ranges)
}

// unpaid is how long a run that catches up has to wait until limits.rate allows these ranges.
func (q *question) unpaid(ranges []offsets.Range) time.Duration {
	rate := q.Job.Limits.Rate
	if rate <= 0 || q.Job.Trigger.continuous() || q.History.LastAt == 0 {
		return 0
	}
	span := int64(0)
	for _, r := range ranges {
		span += r.Span()
	}
	due := q.History.LastAt + int64(math.Ceil(float64(span)*1e6/float64(rate)))
	return time.Duration(max(due-q.At, 0)) * time.Microsecond
}
