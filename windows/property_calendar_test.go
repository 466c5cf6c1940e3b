package windows_test

import (
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/millrace/millrace/windows"
)

// changes are days on which clocks were set in their zones: by an hour at two in the morning, by half an hour, at midnight
// forward (a day without midnight) and back, a minute behind midnight, by a whole day; and zones that never do.
var changes = []struct {
	zone string
	day  time.Time
}{
	{"America/Chicago", time.Date(2001, 4, 1, 0, 0, 0, 0, time.UTC)},
	{"America/Chicago", time.Date(2001, 10, 28, 0, 0, 0, 0, time.UTC)},
	{"Europe/Berlin", time.Date(2024, 3, 31, 0, 0, 0, 0, time.UTC)},
	{"Australia/Lord_Howe", time.Date(2024, 4, 7, 0, 0, 0, 0, time.UTC)},
	{"America/Sao_Paulo", time.Date(2018, 11, 4, 0, 0, 0, 0, time.UTC)},
	{"America/Sao_Paulo", time.Date(2018, 2, 18, 0, 0, 0, 0, time.UTC)},
	{"America/Havana", time.Date(2024, 11, 3, 0, 0, 0, 0, time.UTC)},
	{"America/St_Johns", time.Date(2009, 11, 1, 0, 0, 0, 0, time.UTC)},
	{"Pacific/Apia", time.Date(2011, 12, 30, 0, 0, 0, 0, time.UTC)},
	{"Asia/Kolkata", time.Date(1970, 1, 1, 0, 0, 0, 0, time.UTC)},
	{"UTC", time.Date(1969, 12, 31, 0, 0, 0, 0, time.UTC)},
}

// days is how many days a unit has, at most.
var days = map[windows.Unit]int64{windows.Day: 1, windows.Week: 7, windows.Month: 31}

const minute = 60_000_000 // µs

func drawCalendar(r *rand.Rand) frame {
	change := changes[r.IntN(len(changes))]
	unit := []windows.Unit{windows.Day, windows.Day, windows.Day, windows.Week, windows.Month}[r.IntN(5)]
	if change.zone == "America/St_Johns" {
		unit = windows.Day
	}
	offset := []int64{0, 0, 6 * 60 * minute, -3 * 60 * minute}[r.IntN(4)]
	w := windows.Window{Kind: windows.Tumbling, Unit: unit, Size: 1 + r.Int64N(3), Offset: offset, Zone: change.zone}
	switch r.IntN(4) {
	case 0:
		w.Kind, w.Slide = windows.Sliding, 1+r.Int64N(2)
	case 1:
		w.Kind, w.Slide = windows.Cumulative, 1
	}
	c := calendarOf(change.zone, change.day, unit, offset)
	tick := 30 * minute * days[unit]
	return frame{real: w, of: func(ts int64) []span { return c.windowsOf(w, ts) }, tick: tick, reach: 48 * w.Size,
		base: change.day.UnixMicro() - r.Int64N(48)*tick}
}

// calendar is when units began: starts[i] is the first moment at which clocks showed the begin of unit first+i, or a later
// time. A unit that clocks have skipped begins and ends at once.
type calendar struct {
	first  int64
	starts []int64
}

var calendars sync.Map

// calendarOf looks at a clock every half hour, or every minute where clocks were set at odd times.
func calendarOf(zone string, day time.Time, unit windows.Unit, offset int64) *calendar {
	type id struct {
		zone   string
		day    time.Time
		unit   windows.Unit
		offset int64
	}
	if c, ok := calendars.Load(id{zone, day, unit, offset}); ok {
		return c.(*calendar)
	}
	location, err := time.LoadLocation(zone)
	if err != nil {
		panic(err)
	}
	look, around := 30*time.Minute, time.Duration(days[unit])*50*24*time.Hour
	if zone == "America/St_Johns" {
		look = time.Minute
	}
	c := &calendar{}
	for t := day.Add(-around); t.Before(day.Add(around)); t = t.Add(look) {
		clock := t.In(location)
		_, east := clock.Zone()
		shown := clock.Add(time.Duration(east)*time.Second - time.Duration(offset)*time.Microsecond).UTC()
		n := unitOf(shown, unit)
		if c.starts == nil {
			c.first = n + 1 // whose begin is seen
			c.starts = []int64{}
		}
		for c.first+int64(len(c.starts)) <= n {
			c.starts = append(c.starts, t.UnixMicro())
		}
	}
	calendars.Store(id{zone, day, unit, offset}, c)
	return c
}

// unitOf counts days from 1970-01-01, weeks from the Monday behind it, months from January 1970.
func unitOf(t time.Time, unit windows.Unit) int64 {
	day := t.Unix() / 86_400
	if t.Unix()%86_400 < 0 {
		day--
	}
	switch unit {
	case windows.Month:
		return int64(t.Year()-1970)*12 + int64(t.Month()) - 1
	case windows.Week:
		for n := (day - 4) / 7; ; n-- {
			if n*7+4 <= day {
				return n
			}
		}
	}
	return day
}

// at is when a unit begins.
func (c *calendar) at(unit int64) int64 { return c.starts[unit-c.first] }

// windowsOf lists the windows that hold ts by trying all.
func (c *calendar) windowsOf(w windows.Window, ts int64) []span {
	if ts < c.starts[2] || ts >= c.starts[len(c.starts)-3] {
		panic("time is beyond the calendar of the test")
	}
	var all []span
	last := c.first + int64(len(c.starts)) - 1
	for unit := c.first; unit <= last; unit++ {
		for _, s := range unitsFrom(w, unit) {
			if s.end > last {
				continue
			}
			if s = (span{c.at(s.start), c.at(s.end)}); s.start <= ts && ts < s.end && !slices.Contains(all, s) {
				all = append(all, s)
			}
		}
	}
	return all
}

// unitsFrom lists the windows that begin with a unit, in units.
func unitsFrom(w windows.Window, unit int64) []span {
	var all []span
	switch {
	case w.Kind == windows.Tumbling && unit%w.Size == 0:
		all = []span{{unit, unit + w.Size}}
	case w.Kind == windows.Sliding && unit%w.Slide == 0:
		all = []span{{unit, unit + w.Size}}
	case w.Kind == windows.Cumulative && unit%w.Size == 0:
		for end := unit + w.Slide; end <= unit+w.Size; end += w.Slide {
			all = append(all, span{unit, end})
		}
	}
	return all
}
