package dstream

import (
	"fmt"
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
		return &Error{Pos: w.pos, Msg: fmt.Sprintf("the window of %s is over %s, which lies anywhere in a window of %s: its rows would be late", micros(w.frame.Size), name, micros(t.window.frame.Size)),
			Hint: "use window_time of the first window, or a second window that holds whole first ones"}
	case t.clock != astray:
		return nil
	case t.source == nil:
		return &Error{Pos: w.pos, Msg: fmt.Sprintf("the window is over %s, which says nothing about when a group was finished", name),
			Hint: "use window_time of the first window"}
	case t.source.EventTime == "":
		return &Error{Pos: w.pos, Msg: fmt.Sprintf("source %q has no event time, so nothing tells when a window is complete", t.source.Name),
			Hint: "declare the event_time of the source"}
	}
	return &Error{Pos: w.pos, Msg: fmt.Sprintf("the window is over %s, but the watermark of source %q follows its event time, %s", name, t.source.Name, t.source.EventTime),
		Hint: "use the same column for both"}
}

// holds reports whether every window of o lies within one of w.
func (w *window) holds(o *window) bool {
	size := o.frame.Size
	return w.frame.Size%size == 0 && (w.frame.Offset-o.frame.Offset)%size == 0
}

// timings is how the watermark follows a column behind n: one answer for each stream that UNION ALL puts together.
func (g *Graph) timings(n *node, id int) []timing {
	for ; ; n = n.in {
		switch {
		case n.source != nil:
			return []timing{g.sourceTiming(n.source, id)}
		case n.group != nil:
			return []timing{n.group.timing(id)}
		case n.union != nil:
			return g.unionTimings(n.union, id)
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
