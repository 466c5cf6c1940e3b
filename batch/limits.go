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

// RateWindow is how much time's worth of Limits.Rate one plan of a run without an interval may take.
const RateWindow = 10 * time.Second

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
		m.lower(max(int64(min(q.Rate*q.Job.Trigger.Every.Seconds(), 1e18)), 1), limitedByBackpressure)
	}
	if q.Job.Limits.Rate > 0 {
		m.lower(perTime(q.Job.Limits.Rate, q.credit()), limitedByRate)
	}
	return m
}

// window is how much time's worth of limits.rate may be saved up: a pause is not made up for.
func (q *question) window() int64 {
	if q.Job.Trigger.continuous() {
		return max(q.Job.Trigger.Every, time.Second).Microseconds()
	}
	return RateWindow.Microseconds()
}

// paid is the time up to which the offsets of past plans have used limits.rate up. It stands in the log, so that in any
// time the job plans at most as many offsets as that time and one window allow, however often it is started again.
func (q *question) paid() int64 {
	return max(q.History.Paid, q.At-q.window())
}

// credit is the time, in microseconds, that the next plan may use up. A run that catches up has no ticks at which a little
// were better than nothing: it waits until a plan of a whole window, or of all there is, is paid for.
func (q *question) credit() int64 {
	if !q.Job.Trigger.continuous() {
		return q.window()
	}
	return max(q.At-q.paid(), 0)
}

// spend returns what paid is after a plan; 0: limits.rate is off.
func (q *question) spend(ranges []offsets.Range) int64 {
	if q.Job.Limits.Rate <= 0 {
		return 0
	}
	span := int64(0)
	for _, r := range ranges {
		span += r.Span()
	}
	return q.paid() + int64(math.Ceil(float64(span)*1e6/float64(q.Job.Limits.Rate)))
}

// perTime is rate·t rounded down, with t in microseconds.
func perTime(rate, micros int64) int64 { return int64(min(float64(rate)*float64(micros)/1e6, 1e18)) }

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
	if q.Job.Trigger.continuous() {
		return 0
	}
	return time.Duration(max(q.spend(ranges)-q.At, 0)) * time.Microsecond
}
