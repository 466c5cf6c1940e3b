package sql

import (
	"fmt"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/dstream"
	"github.com/millrace/millrace/windows"
)

// windowSpec turns a call into a window of the graph, and warns of what is seldom meant.
func (b *binder) windowSpec(w *windowCall) (dstream.WindowSpec, error) {
	if w.zone != "" {
		if _, err := columnar.LoadZone(w.zone); err != nil {
			return dstream.WindowSpec{}, &dstream.Error{Pos: w.zonePos, Msg: err.Error(), Hint: `names are those of the IANA database, such as "Europe/Berlin"`}
		}
	}
	frame, err := w.window(b.graph.TimeZone())
	if err != nil {
		return dstream.WindowSpec{}, err
	}
	if frame.Kind == windows.Cumulative && frame.Slide > 0 && frame.Size%frame.Slide != 0 {
		return dstream.WindowSpec{}, &dstream.Error{Pos: w.slide.pos, Msg: fmt.Sprintf("the size of %s is no multiple of its step", w.name), Hint: "the steps of a window end where it ends"}
	}
	b.warnWindow(w, frame)
	return dstream.WindowSpec{Time: w.time, Window: frame, Partition: w.partition, Pos: w.pos}, nil
}

func (b *binder) warnWindow(w *windowCall, frame windows.Window) {
	if frame.Kind == windows.Sliding && frame.Slide > frame.Size {
		b.warnings = append(b.warnings, Warning{Pos: w.slide.pos, Msg: fmt.Sprintf("the slide of %s is longer than its size: rows between two windows are in none, and are counted as unassigned", w.name)})
	}
	zone := b.graph.TimeZone()
	if frame.Kind != windows.Session && frame.Unit == windows.Micros && zone != "UTC" && w.size.days != 0 {
		b.warnings = append(b.warnings, Warning{Pos: w.size.pos, Msg: fmt.Sprintf("a day of these windows is 24 hours and begins at midnight UTC, not in %s: only lengths of whole days follow the calendar", zone)})
	}
}
