package dstream

import (
	"fmt"

	"github.com/millrace/millrace/windows"
)

// A window closes when the watermark has passed its end, so its time must be one that the watermark follows: the event
// time of the source, or a time of the window that an aggregation in front of it has closed.

// clock says how the watermark follows a column at a place of a stream.
type clock uint8

const (
	astray  clock = iota // it does not
	exact                // it is the event time
	closing              // at or behind the end of the window that has just closed: never late in any other window
	within               // somewhere in that window: not late in windows that hold all of it
)

// timing is a clock, and the window that it is about.
type timing struct {
	clock
	window *window
	source *Source // astray: the one whose watermark it should follow; may be nil

	function *mapping // astray: it has made the column
}

// checkTime refuses a window over something that the watermark does not follow.
func (s *Stream) checkTime(w *window) *Error {
	if w == nil {
		return nil
	}
	for _, t := range s.graph.timings(s.node, w.time) {
		if err := t.check(w, s.graph.columns.list[w.time].name); err != nil {
			return err
		}
	}
	return nil
}

func (t timing) check(w *window, name string) *Error {
	switch {
	case t.clock == within && !w.holds(t.window):
		return &Error{Pos: w.pos, Msg: fmt.Sprintf("the %s is over %s, which lies anywhere in a %s: its rows would be late", nameOf(w.frame), name, nameOf(t.window.frame)),
			Hint: "use window_time of the first window, or a second window that holds whole first ones"}
	case t.clock != astray:
		return nil
	case t.function != nil:
		return &Error{Pos: w.pos, Msg: fmt.Sprintf("the window is over %s, which the function %q makes: no watermark follows it", name, t.function.id),
			Hint: "let the function return the event time as it came, under its own name"}
	case t.source == nil:
		return &Error{Pos: w.pos, Msg: fmt.Sprintf("the window is over %s, which says nothing about when a group was finished", name),
			Hint: "use window_time of the first window"}
	case t.source.EventTime == "":
		return &Error{Pos: w.pos, Msg: fmt.Sprintf("source %q has no event time, so nothing tells when a window is complete", t.source.Name),
			Hint: "declare the event_time of the source, or write now() for windows of processing time"}
	}
	return &Error{Pos: w.pos, Msg: fmt.Sprintf("the window is over %s, but the watermark of source %q follows its event time, %s", name, t.source.Name, t.source.EventTime),
		Hint: "use the same column for both"}
}

// holds reports whether no window of w begins or ends within a window of o: then none of w is closed before what came out
// of o has got into it.
func (w *window) holds(o *window) bool {
	cell, slot := cellOf(w.frame), slotOf(o.frame)
	if cell == 0 || slot == 0 || w.frame.Zone != o.frame.Zone {
		return false
	}
	if w.frame.Unit != o.frame.Unit { // of the calendar units days alone lie within others
		return o.frame.Unit == windows.Day && slot == 1 && w.frame.Unit != windows.Micros && w.frame.Offset == o.frame.Offset
	}
	apart := w.frame.Offset - o.frame.Offset
	if w.frame.Unit == windows.Micros {
		apart %= slot
	}
	return cell%slot == 0 && apart == 0
}

// cellOf is what all windows of a kind are made of: they begin and end at multiples of it only. 0: at any time.
func cellOf(w windows.Window) int64 {
	switch w.Kind {
	case windows.Session:
		return 0
	case windows.Sliding:
		return gcd(w.Size, w.Slide)
	case windows.Cumulative:
		return w.Slide
	}
	return w.Size
}

// slotOf is the distance at which slots follow each other that hold a whole window each. 0: windows overlap, or begin
// anywhere.
func slotOf(w windows.Window) int64 {
	switch {
	case w.Kind == windows.Session, w.Kind == windows.Sliding && w.Slide < w.Size:
		return 0
	case w.Kind == windows.Sliding:
		return w.Slide
	}
	return w.Size
}

func gcd(a, b int64) int64 {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

// timings is how the watermark follows a column behind n: one answer for each stream that UNION ALL puts together.
func (g *Graph) timings(n *node, id int) []timing {
	if g.columns.isPlanTime(g.columns.list[id].expr()) {
		return []timing{{clock: exact}}
	}
	for ; ; n = n.in {
		switch {
		case n.source != nil:
			return []timing{g.sourceTiming(n.source, id)}
		case n.group != nil:
			return []timing{n.group.timing(id)}
		case n.union != nil:
			return g.unionTimings(n.union, id)
		case n.mapped != nil:
			of := n.mapped.handedOn(id)
			if of < 0 {
				return []timing{{function: n.mapped}}
			}
			id = of
		}
	}
}

// sourceTiming takes any time of a source without a watermark, when the input ends: there is nothing to be late for.
func (g *Graph) sourceTiming(src *Source, id int) timing {
	c := g.columns.list[id]
	if c.source == src && c.field == src.EventTime || g.bounded && src.EventTime == "" {
		return timing{clock: exact}
	}
	return timing{source: src}
}

// timing is how the watermark follows a column of the result. Groups without a window come at the end of the input, when
// nothing is late.
func (g *grouping) timing(id int) timing {
	w, c := g.window, g.graph.columns.list[id]
	switch {
	case w == nil:
		return timing{clock: exact}
	case id == w.end.id || id == w.last.id:
		return timing{clock: closing, window: w}
	case id == w.start.id || id == w.time || c.agg.isTime(w.time):
		return timing{clock: within, window: w}
	}
	return timing{}
}

func (g *Graph) unionTimings(u *union, id int) []timing {
	var out []timing
	for i, in := range u.inputs {
		column := -1
		for _, c := range u.columns {
			if c.id == id && c.union[i].Op == "col" {
				column = c.union[i].Col
			}
		}
		if column < 0 {
			return []timing{{}}
		}
		out = append(out, g.timings(in, column)...)
	}
	return out
}
