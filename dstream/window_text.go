package dstream

import (
	"fmt"
	"strings"

	"github.com/millrace/millrace/windows"
)

// windowFunctions are what the kinds of windows are called in SQL.
var windowFunctions = map[windows.Kind]string{
	windows.Tumbling: "tumble", windows.Sliding: "hop", windows.Cumulative: "cumulate", windows.Session: "session",
}

// function is what the window is called in SQL.
func (w *window) function() string { return strings.ToUpper(windowFunctions[w.frame.Kind]) }

// callText writes a window as a call, with its lengths in the order of SQL's: hop(time, slide, size). micros writes
// microseconds.
func callText(w windows.Window, time string, micros func(us int64) string) string {
	parts := []string{time}
	if w.Slide != 0 {
		parts = append(parts, lengthText(w, w.Slide, micros))
	}
	size := lengthText(w, w.Size, micros)
	if w.Zone != "" {
		size += " in " + w.Zone
	}
	parts = append(parts, size)
	if w.Offset != 0 {
		parts = append(parts, "offset "+micros(w.Offset))
	}
	return windowFunctions[w.Kind] + "(" + strings.Join(parts, ", ") + ")"
}

// lengthText writes a size or a slide of a window: 10s, 1 day.
func lengthText(w windows.Window, n int64, micros func(us int64) string) string {
	if w.Unit == windows.Micros {
		return micros(n)
	}
	return counted(int(n), string(w.Unit))
}

// nameOf is a window for messages, behind an article: window of 10s.
func nameOf(w windows.Window) string {
	length := lengthText(w, w.Size, micros)
	switch w.Kind {
	case windows.Session:
		return fmt.Sprintf("session with a gap of %s", length)
	case windows.Tumbling:
		return fmt.Sprintf("window of %s", length)
	}
	return fmt.Sprintf("%s window of %s", w.Kind, length)
}
