package dstream

import (
	"fmt"
	"slices"
	"time"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/windows"
)

// WindowSpec says how a stream is cut into windows of event time.
type WindowSpec struct {
	Time   Expr // a timestamp that the watermark follows: the event time of the source, or a column of a window before
	Window windows.Window
	Pos    Pos
}

// Tumbling is a window [offset + k·size, offset + (k+1)·size) over a column of timestamps. Durations count in whole
// microseconds.
func Tumbling(timeColumn string, size, offset time.Duration) WindowSpec {
	return WindowSpec{Time: Col(timeColumn), Window: windows.Window{Kind: windows.Tumbling, Size: size.Microseconds(), Offset: offset.Microseconds()}}
}

// The columns that [Stream.Window] adds.
const (
	windowStart = "window_start"
	windowEnd   = "window_end"
	windowTime  = "window_time"
)

// maxWindow keeps the arithmetic of window bounds far from overflow.
const maxWindow = 100 * 366 * microsPerDay

// window is a window assigned to the rows of a stream.
type window struct {
	frame windows.Window
	time  int // column ids
	start *column
	end   *column
	last  *column // window_time
	pos   Pos
}

// columns are start, end and time. It may be called on nil, as has: groups without a window.
func (w *window) columns() []*column {
	if w == nil {
		return nil
	}
	return []*column{w.start, w.end, w.last}
}

func (w *window) has(id int) bool {
	return slices.ContainsFunc(w.columns(), func(c *column) bool { return c.id == id })
}

// spec is the window as the operator takes it; of none it is the zero Window.
func (w *window) spec() windows.Window {
	if w == nil {
		return windows.Window{}
	}
	return w.frame
}

// Window adds the timestamps window_start, window_end and window_time (the last microsecond of the window) in place of
// columns that had these names. They can be used like others; only [Stream.GroupBy] makes rows wait for a window.
func (s *Stream) Window(w WindowSpec) *Stream {
	return s.step(func(n *Stream, pos Pos) *Error {
		if w.Pos != (Pos{}) {
			pos = w.Pos
		}
		if err := s.checkWindow(w, pos); err != nil {
			return err
		}
		b := &binder{graph: s.graph, scope: s.scope, pos: pos, clause: "a window"}
		t, err := b.bind(w.Time)
		if err != nil {
			return err
		}
		if t.Type.Kind != columnar.Timestamp {
			return &Error{Pos: b.at(w.Time), Msg: fmt.Sprintf("a window needs a timestamp, and %s is %s", s.graph.columns.render(t), t.Type.Article()),
				Hint: "declare the column as a timestamp, or CAST it"}
		}
		n.window, err = s.graph.newWindow(w, t, pos)
		n.scope, n.group = s.windowScope(n.window, w.Time), nil
		return err
	})
}

func (s *Stream) checkWindow(w WindowSpec, pos Pos) *Error {
	switch {
	case s.window != nil:
		return &Error{Pos: pos, Msg: "the stream has a window already", Hint: "group by the first window, then window its result"}
	case w.Window.Size <= 0:
		return &Error{Pos: pos, Msg: fmt.Sprintf("the size of a window must be positive, not %s", micros(w.Window.Size))}
	case w.Window.Size > maxWindow:
		return &Error{Pos: pos, Msg: fmt.Sprintf("the size of a window may be %d days at most", maxWindow/microsPerDay)}
	}
	return nil
}

// newWindow defines the columns of the window. They cost nothing unless an expression uses them.
func (g *Graph) newWindow(spec WindowSpec, t *columnar.Expr, pos Pos) (*window, *Error) {
	size, offset := spec.Window.Size, floorMod(spec.Window.Offset, spec.Window.Size)
	start, err := columnar.Call("tumble_start", t, interval(size), interval(offset))
	if err != nil {
		return nil, &Error{Pos: pos, Msg: err.Error()}
	}
	w := &window{frame: windows.Window{Kind: windows.Tumbling, Size: size, Offset: offset}, time: g.columns.define(g.columns.render(t), t).id, pos: pos}
	w.start = g.columns.add(column{name: windowStart, typ: start.Type, def: start})
	if w.end, err = g.after(w.start, size, windowEnd); err == nil {
		w.last, err = g.after(w.start, size-1, windowTime)
	}
	if err != nil {
		return nil, &Error{Pos: pos, Msg: err.Error()}
	}
	return w, nil
}

// after defines a column that lies some microseconds behind another.
func (g *Graph) after(c *column, us int64, name string) (*column, error) {
	sum, err := columnar.Call("+", c.expr(), interval(us))
	if err != nil {
		return nil, err
	}
	return g.columns.add(column{name: name, typ: sum.Type, def: sum}), nil
}

// windowScope adds the columns of w under the qualifier of the time column.
func (s *Stream) windowScope(w *window, time Expr) scope {
	out := s.scope.without(windowStart, windowEnd, windowTime)
	qualifier := s.scope.qualifierOf(w.time)
	for _, c := range w.columns() {
		out = append(out, c.in(qualifier, false))
	}
	return out
}

func interval(us int64) *columnar.Expr {
	return columnar.Const(columnar.Type{Kind: columnar.Interval}, columnar.Value{I: us})
}

func micros(us int64) string { return (time.Duration(us) * time.Microsecond).String() }

// floorMod is a modulo b, not negative; b > 0.
func floorMod(a, b int64) int64 {
	return (a%b + b) % b
}
