package sql

import (
	"fmt"
	"strings"
	"unicode"

	"github.com/millrace/millrace/dstream"
	"github.com/millrace/millrace/windows"
)

// length is an interval of a window.
type length struct {
	span
	given bool
	weeks bool // it is written in weeks
	pos   dstream.Pos
}

const (
	microsPerDay  = 86_400_000_000
	daysPerWeek   = 7
	maxWindowDays = 1_000_000 // far more than any window may have, and far from overflow
)

// inWeeks reports whether text, which s was read from, counts whole weeks. As intervals a week and seven days are the
// same; as windows only weeks begin on Mondays.
func (s span) inWeeks(text string) bool {
	if s.months != 0 || s.micros != 0 || s.days == 0 || s.days%daysPerWeek != 0 {
		return false
	}
	for _, word := range strings.FieldsFunc(strings.ToLower(text), func(r rune) bool { return !unicode.IsLetter(r) }) {
		if word == "w" || word == "week" || word == "weeks" {
			return true
		}
	}
	return false
}

// positive reports whether the interval is longer than nothing, as far as that can be said of months beside days.
func (s span) positive() bool {
	us, err := s.fixed()
	return s.months > 0 || s.months == 0 && (err != nil || us > 0)
}

// fixed is an interval in microseconds, with days of 24 hours.
func (s span) fixed() (int64, *dstream.Error) {
	switch days, micros := int64(s.days), s.micros; {
	case s.months != 0:
		return 0, &dstream.Error{Msg: "months and years have no fixed length"}
	case max(days, -days) > maxWindowDays || max(micros, -micros) > maxWindowDays*microsPerDay:
		return 0, &dstream.Error{Msg: "the interval is too long for a window"}
	}
	return int64(s.days)*microsPerDay + s.micros, nil
}

// unit is the largest unit of the calendar that the length is whole numbers of; [windows.Micros] when there is none.
func (l length) unit() windows.Unit {
	switch {
	case l.months != 0 && l.days == 0 && l.micros == 0:
		return windows.Month
	case l.weeks:
		return windows.Week
	case l.days != 0 && l.months == 0 && l.micros == 0:
		return windows.Day
	}
	return windows.Micros
}

// in is the length in a unit.
func (l length) in(u windows.Unit) int64 {
	switch u {
	case windows.Month:
		return int64(l.months)
	case windows.Week:
		return int64(l.days) / daysPerWeek
	}
	return int64(l.days)
}

// window turns the call into a window. Lengths of whole days, weeks or months are those of the calendar in a time zone:
// that of the call, or else jobZone; in UTC a day is nothing but 24 hours. All others are fixed.
func (w *windowCall) window(jobZone string) (windows.Window, *dstream.Error) {
	out := windows.Window{Kind: w.kind}
	err := w.fixedLength(&out.Offset, w.offset)
	if err != nil {
		return out, err
	}
	zone := w.zone
	if zone == "" {
		zone = jobZone
	}
	unit, err := w.unit()
	switch {
	case err != nil:
		return out, err
	case unit == windows.Micros && w.zone != "":
		return out, &dstream.Error{Pos: w.size.pos, Msg: "a time zone means something to windows of whole days, weeks or months only", Hint: "leave timezone out; offset => INTERVAL … shifts the windows"}
	case unit == windows.Micros || unit == windows.Day && zone == "UTC":
		if err = w.fixedLength(&out.Size, w.size); err == nil {
			err = w.fixedLength(&out.Slide, w.slide)
		}
		return out, err
	}
	out.Unit, out.Zone, out.Size = unit, zone, w.size.in(unit)
	if w.slide.given {
		out.Slide = w.slide.in(unit)
	}
	return out, nil
}

// fixedLength sets a length in microseconds.
func (w *windowCall) fixedLength(to *int64, l length) *dstream.Error {
	us, err := l.fixed()
	if err != nil {
		err.Pos = l.pos
		if w.kind == windows.Session {
			err.Hint = "write the gap in days or less"
		}
	}
	*to = us
	return err
}

// unit is what size and slide are both counted in. Weeks are days where one of the two is.
func (w *windowCall) unit() (windows.Unit, *dstream.Error) {
	if w.kind == windows.Session {
		return windows.Micros, nil
	}
	for _, l := range []length{w.size, w.slide} {
		if l.months != 0 && (l.days != 0 || l.micros != 0) {
			return "", &dstream.Error{Pos: l.pos, Msg: "a length of months beside days or hours is no whole number of anything", Hint: "write whole months, whole days, or a fixed length"}
		}
	}
	size := w.size.unit()
	if !w.slide.given {
		return size, nil
	}
	switch slide := w.slide.unit(); {
	case size == slide:
		return size, nil
	case size == windows.Month || slide == windows.Month:
		return "", &dstream.Error{Pos: w.slide.pos, Msg: fmt.Sprintf("the %s and the size of %s are not counted in the same unit, and months differ in length", w.slideName(), w.name),
			Hint: "write both in months, or both in days and less"}
	case size == windows.Micros || slide == windows.Micros:
		return windows.Micros, nil
	}
	return windows.Day, nil
}

func (w *windowCall) slideName() string {
	if w.kind == windows.Cumulative {
		return "step"
	}
	return "slide"
}
