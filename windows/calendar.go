package windows

import (
	"math"

	"github.com/millrace/millrace/columnar"
)

const (
	microsPerDay = 24 * 60 * 60 * 1_000_000
	firstMonday  = 4 // days from 1970-01-01 to the Monday that weeks are counted from
)

// farthest is how far from the epoch the calendar goes, in µs: 146,000 years. Times beyond are in its last cells.
const farthest = 1 << 62

// local is what state knows a time by: in a zone the time that clocks show, moved so that the units before it are those
// that began before it. Where clocks are set back over the begin of a unit, the unit begins when they show it first.
func (g *grid) local(t int64) int64 {
	if g.zone == nil {
		return t
	}
	t = max(min(t, farthest), -farthest)
	offset, _, _ := g.zone.OffsetAt(t)
	unit := g.unitAt(saturatingSum(t, offset))
	for reached(g.zone, g.unitStart(unit+1)) <= t {
		unit++
	}
	for reached(g.zone, g.unitStart(unit)) > t {
		unit--
	}
	return g.unitStart(unit)
}

// reached is the first instant at which clocks show a local time or a later one.
func reached(z *columnar.Zone, local int64) int64 {
	at := saturatingSub(local, 2*microsPerDay) // no clock is two days ahead or behind
	for {
		offset, from, until := z.OffsetAt(at)
		t := max(from, saturatingSum(local, -offset))
		if t < until || until == math.MaxInt64 {
			return t
		}
		at = until
	}
}

// saturatingSum is a + b, clamped to what an int64 holds.
func saturatingSum(a, b int64) int64 {
	if b < 0 {
		return saturatingSub(a, -b)
	}
	return saturatingAdd(a, b)
}

// unitAt is the number of the calendar unit that a local time is in: of days since 1970-01-01, of weeks since Monday
// 1970-01-05, of months since 1970-01.
func (g *grid) unitAt(local int64) int64 {
	day := floorDiv(saturatingSum(local, -g.offset), microsPerDay)
	switch g.window.Unit {
	case Week:
		return floorDiv(day-firstMonday, 7)
	case Month:
		return monthOf(day)
	}
	return day
}

// unitStart is the local time at which a calendar unit begins.
func (g *grid) unitStart(unit int64) int64 {
	day := unit
	switch g.window.Unit {
	case Week:
		day = multiplyAdd(unit, 7, firstMonday)
	case Month:
		day = dayOfMonth(unit)
	}
	return saturatingSum(multiplyAdd(day, microsPerDay, 0), g.offset)
}

// The calendar repeats itself every 400 years.
const (
	daysPerCycle  = 146_097
	yearsPerCycle = 400
)

// dayOfMonth is the day on which a month begins; both are counted from 1970-01. A leap day is the last of a year that
// begins in March, so days before a month of it follow a fixed pattern: 31 30 31 30 31 31 30 31 30 31 31.
func dayOfMonth(month int64) int64 {
	march := clampMonths(month) - 2 + 1970*12 // since March of the year 0
	year := floorDiv(march, 12)
	cycle := floorDiv(year, yearsPerCycle)
	y, m := year-cycle*yearsPerCycle, march-year*12
	return cycle*daysPerCycle + y*365 + y/4 - y/100 + (153*m+2)/5 - 719_468
}

// clampMonths keeps the arithmetic within int64: no timestamp lies so far away.
func clampMonths(month int64) int64 { return max(min(month, 1<<40), -1<<40) }

// monthOf is the month, counted from 1970-01, that a day is in.
func monthOf(day int64) int64 {
	month := floorDiv(day*12*yearsPerCycle, daysPerCycle) // exact to a month
	for dayOfMonth(month+1) <= day {
		month++
	}
	for dayOfMonth(month) > day {
		month--
	}
	return month
}
