package output

import (
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/millrace/millrace/columnar"
)

// TimeDirs says which directory levels stand for a stretch of time, so that a directory can be told to be complete.
type TimeDirs struct {
	Keys []columnar.TimeKey // one for each level of Layout.Partitions; the zero key says nothing about time
	Zone string             // whose calendar all of them go by, "" = UTC
}

// NeverEnds is the end of a directory whose name says no time, such as that of NULL: only the end of the input completes it.
const NeverEnds = math.MaxInt64

const (
	microsPerSecond = 1_000_000
	microsPerMinute = 60 * microsPerSecond
	microsPerHour   = 60 * microsPerMinute
	microsPerDay    = 24 * microsPerHour
)

// Depths are how many levels the directories have that can be complete: those whose last level narrows the time down.
// None says that no level tells a time that comes only once.
func (d TimeDirs) Depths() []int {
	var out []int
	have := parts{}
	for i, k := range d.Keys {
		if k.Form == columnar.NoKey {
			continue
		}
		before := have.finest()
		have.add(k)
		if have.finest() != before {
			out = append(out, i+1)
		}
	}
	return out
}

// parts are the parts of a time that are known.
type parts struct {
	day    bool // all of year, month and day
	start  int  // starts of units
	clocks map[string]bool
}

func (p *parts) add(k columnar.TimeKey) {
	switch k.Form {
	case columnar.DayKey:
		p.day = true
	case columnar.StartKey:
		p.start++
		p.day = p.day || k.Unit == "day"
	case columnar.PartKey:
		if p.clocks == nil {
			p.clocks = map[string]bool{}
		}
		p.clocks[k.Unit] = true
		p.day = p.day || p.clocks["year"] && p.clocks["month"] && p.clocks["day"]
	}
}

// finest is a text that changes when the parts tell a shorter stretch of time; "" as long as they tell none.
func (p *parts) finest() string {
	out := strings.Repeat("s", p.start)
	switch {
	case p.day:
		for _, unit := range []string{"day", "hour", "minute", "second"} {
			if unit != "day" && !p.clocks[unit] {
				break
			}
			out += " " + unit
		}
	case p.clocks["year"]:
		for _, unit := range []string{"year", "quarter", "month"} {
			if p.clocks[unit] {
				out += " " + unit
			}
		}
	}
	return out
}

// End is the end, in µs, of the time that the first levels of a path stand for: no row of a later time lies in that
// directory. dir is a path of directories, each name=value as it stands on disk; zone is the rules of d.Zone, nil for UTC.
func (d TimeDirs) End(dir string, zone *columnar.Zone) int64 {
	c := clock{zone: zone, end: NeverEnds, values: map[string]int64{}}
	for i, level := range strings.Split(strings.TrimSuffix(dir, "/"), "/") {
		if i < len(d.Keys) && d.Keys[i].Form != columnar.NoKey {
			_, text, _ := strings.Cut(level, "=")
			if !c.add(d.Keys[i], decodeHive(text)) {
				return NeverEnds
			}
		}
	}
	return c.close()
}

// clock narrows a time down, level by level.
type clock struct {
	zone   *columnar.Zone
	end    int64 // µs
	day    int64 // local µs at which the day begins
	hasDay bool
	values map[string]int64 // of PartKey
}

func (c *clock) add(k columnar.TimeKey, text string) bool {
	switch k.Form {
	case columnar.DayKey:
		t, err := time.Parse(time.DateOnly, text)
		if err != nil {
			return false
		}
		c.setDay(t.UnixMicro())
	case columnar.StartKey:
		t, err := time.Parse("2006-01-02 15:04:05.999999", text)
		if err != nil {
			return false
		}
		c.start(k.Unit, t.UnixMicro())
	case columnar.PartKey:
		n, err := strconv.ParseInt(text, 10, 32)
		if err != nil || n > yearMost || n < -yearMost {
			return false
		}
		c.values[k.Unit] = n
	}
	return true
}

func (c *clock) setDay(local int64) {
	c.day, c.hasDay = local, true
	c.until(local + microsPerDay)
}

// start is about a unit that begins at an instant. Units shorter than a day have their length whatever clocks show.
func (c *clock) start(unit string, at int64) {
	if n := columnar.UnitMicros(unit); n > 0 {
		c.end = min(c.end, at+n)
		return
	}
	local := at + offsetAt(c.zone, at)
	c.until(columnar.UnitEnd(unit, local))
	if unit == "day" {
		c.day, c.hasDay = columnar.UnitEnd(unit, local)-microsPerDay, true
	}
}

// close takes the parts together.
func (c *clock) close() int64 {
	v := c.values
	if year, ok := v["year"]; ok {
		month, hasMonth := v["month"]
		quarter, hasQuarter := v["quarter"]
		switch day, hasDay := v["day"]; {
		case hasMonth && hasDay:
			c.setDay((columnar.MonthDay(year, month) + day - 1) * microsPerDay)
		case hasMonth:
			c.until(monthsFrom(year, month, 1))
		case hasQuarter:
			c.until(monthsFrom(year, quarter*3-2, 3))
		default:
			c.until(monthsFrom(year, 1, 12))
		}
	}
	at := c.day
	for _, part := range []struct {
		unit string
		size int64
	}{{"hour", microsPerHour}, {"minute", microsPerMinute}, {"second", microsPerSecond}} {
		n, ok := v[part.unit]
		if !ok || !c.hasDay {
			break
		}
		at += n * part.size
		c.until(at + part.size)
	}
	return c.end
}

// monthsFrom is the local time n months behind the begin of one, in µs.
func monthsFrom(year, month, n int64) int64 {
	next := year*12 + month - 1 + n
	return columnar.MonthDay(next/12, next%12+1) * microsPerDay
}

// until bounds the time by what clocks show: it is over when they show that time, or a later one, for good.
func (c *clock) until(local int64) {
	c.end = min(c.end, forGood(c.zone, local))
}

// yearMost is more than the year of any timestamp.
const yearMost = 300_000

// twoDays is more than any clock is ahead of or behind UTC.
const twoDays = 2 * microsPerDay

// forGood is the first instant behind which clocks in a zone never show a time before local again.
func forGood(zone *columnar.Zone, local int64) int64 {
	if zone == nil {
		return local
	}
	at := local + twoDays
	for {
		offset, from, until := zone.OffsetAt(at)
		if end := min(local-offset, until); end > from || from < local-twoDays {
			return end
		}
		at = from - 1
	}
}

func offsetAt(zone *columnar.Zone, at int64) int64 {
	if zone == nil {
		return 0
	}
	offset, _, _ := zone.OffsetAt(at)
	return offset
}

// decodeHive is the inverse of escapeHive.
func decodeHive(s string) string {
	if !strings.Contains(s, "%") {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '%' && i+2 < len(s) {
			if n, err := strconv.ParseUint(s[i+1:i+3], 16, 8); err == nil {
				b.WriteByte(byte(n))
				i += 2
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return b.String()
}
