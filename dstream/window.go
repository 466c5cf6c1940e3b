package dstream

import (
	"fmt"
	"slices"
	"time"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/windows"
)

// WindowSpec says how a stream is cut into windows. See [Tumbling], [Sliding], [Cumulative], [Session] and [Calendar].
type WindowSpec struct {
	// Time is a timestamp that the watermark follows: the event time of the source, or a column of a window before. now()
	// makes windows of processing time, see [WindowSpec.ProcessingTime].
	Time   Expr
	Window windows.Window
	// Partition names the keys of sessions: columns that GroupBy must then name, and no others. Without it the keys of
	// GroupBy are theirs all the same.
	Partition []Expr
	Pos       Pos
}

// Tumbling is a window [offset + k·size, offset + (k+1)·size) over a column of timestamps. Durations count in whole
// microseconds.
func Tumbling(timeColumn string, size, offset time.Duration) WindowSpec {
	return spec(timeColumn, windows.Window{Kind: windows.Tumbling, Size: size.Microseconds(), Offset: offset.Microseconds()})
}

// Sliding is windows of one size, of which one begins at every offset + k·slide: a row is in several when they overlap.
func Sliding(timeColumn string, size, slide, offset time.Duration) WindowSpec {
	return spec(timeColumn, windows.Window{Kind: windows.Sliding, Size: size.Microseconds(), Slide: slide.Microseconds(), Offset: offset.Microseconds()})
}

// Cumulative is tumbling windows of a size with a result for each step of the way, which holds all since the window's
// start. The size is a multiple of the step. Group by window_end too: it tells the steps of a window apart.
func Cumulative(timeColumn string, size, step, offset time.Duration) WindowSpec {
	return spec(timeColumn, windows.Window{Kind: windows.Cumulative, Size: size.Microseconds(), Slide: step.Microseconds(), Offset: offset.Microseconds()})
}

// Session is a window of the rows of a key that no more than the gap lies between. It ends a gap behind its last row.
func Session(timeColumn string, gap time.Duration) WindowSpec {
	return spec(timeColumn, windows.Window{Kind: windows.Session, Size: gap.Microseconds()})
}

// Calendar is tumbling windows of n days, weeks or months as the clocks of a time zone, an IANA name, count them; days may
// have 23 or 25 hours, and weeks begin on Monday. They begin offset behind midnight.
func Calendar(timeColumn string, n int, unit windows.Unit, zone string, offset time.Duration) WindowSpec {
	return spec(timeColumn, windows.Window{Kind: windows.Tumbling, Unit: unit, Size: int64(n), Zone: zone, Offset: offset.Microseconds()})
}

func spec(timeColumn string, w windows.Window) WindowSpec {
	return WindowSpec{Time: Col(timeColumn), Window: w}
}

// ProcessingTime puts rows in the window that they were processed in: the time of a row is that of the plan of its batch,
// and windows close by it.
func (w WindowSpec) ProcessingTime() WindowSpec {
	w.Time = Fn("now")
	return w
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
	frame     windows.Window
	time      int // column ids
	partition []int
	start     *column
	end       *column
	last      *column // window_time
	pos       Pos
}

// columns are start, end and time. It may be called on nil, as has: groups without a window.
func (w *window) columns() []*column {
	if w == nil || w.start == nil {
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
		if err := s.takesBack(pos, "a window", onceHint); err != nil {
			return err
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
		if n.window, err = s.graph.newWindow(w.Window, t, pos); err != nil {
			return err
		}
		n.scope, n.group = s.windowScope(n.window, w.Time), nil
		return n.window.bindPartition(b, w.Partition)
	})
}

func (s *Stream) checkWindow(w WindowSpec, pos Pos) *Error {
	if s.window != nil {
		return &Error{Pos: pos, Msg: "the stream has a window already", Hint: "group by the first window, then window its result"}
	}
	switch f := w.Window; {
	case f.Size <= 0:
		return &Error{Pos: pos, Msg: fmt.Sprintf("the size of a window must be positive, not %s", lengthText(f, f.Size, micros))}
	case f.Slide < 0 || f.Slide == 0 && (f.Kind == windows.Sliding || f.Kind == windows.Cumulative):
		return &Error{Pos: pos, Msg: fmt.Sprintf("the slide or step of a window must be positive, not %s", lengthText(f, f.Slide, micros))}
	case f.Size > longest(f.Unit), f.Slide > longest(f.Unit):
		return &Error{Pos: pos, Msg: fmt.Sprintf("the size of a window may be %s at most", lengthText(f, longest(f.Unit), days))}
	case f.Kind == windows.Cumulative && f.Size%f.Slide != 0:
		return &Error{Pos: pos, Msg: fmt.Sprintf("the size of a cumulative window, %s, is no multiple of its step, %s", lengthText(f, f.Size, micros), lengthText(f, f.Slide, micros))}
	}
	return nil
}

// longest is the greatest size of a window.
func longest(u windows.Unit) int64 {
	days := int64(maxWindow / microsPerDay)
	switch u {
	case windows.Day:
		return days
	case windows.Week:
		return days / 7
	case windows.Month:
		return 100 * 12
	}
	return maxWindow
}

func days(us int64) string { return counted(int(us/microsPerDay), "day") }

// newWindow defines the columns of the window. They cost nothing unless an expression uses them.
func (g *Graph) newWindow(frame windows.Window, t *columnar.Expr, pos Pos) (*window, *Error) {
	w := &window{frame: frame, time: g.columns.define(g.columns.render(t), t).id, pos: pos}
	w.frame.Clock = g.columns.isPlanTime(t)
	if err := w.settleOffset(); err != nil {
		return nil, err
	}
	if err := w.define(g, t); err != nil {
		return nil, &Error{Pos: pos, Msg: err.Error()}
	}
	return w, nil
}

// settleOffset gives windows that are the same the same offset.
func (w *window) settleOffset() *Error {
	f := &w.frame
	period := f.Size
	switch {
	case f.Kind == windows.Session:
		f.Offset = 0
		return nil
	case f.Kind == windows.Sliding:
		period = f.Slide
	}
	switch f.Unit {
	case windows.Day:
		period *= microsPerDay
	case windows.Week:
		period *= 7 * microsPerDay
	case windows.Month:
		if f.Offset < 0 {
			return &Error{Pos: w.pos, Msg: "the offset of windows of months is not negative", Hint: "months begin that much behind their first midnight"}
		}
		return nil
	}
	f.Offset = floorMod(f.Offset, period)
	return nil
}

// define makes the columns. The start of a tumbling window follows from the time, and the end of one of fixed length from
// the start; all else only the exchange finds.
func (w *window) define(g *Graph, t *columnar.Expr) error {
	timestamp := columnar.Type{Kind: columnar.Timestamp}
	w.start = g.columns.add(column{name: windowStart, typ: timestamp})
	if !w.found() {
		start, err := columnar.Call("tumble_start", t, interval(w.frame.Size), interval(w.frame.Offset))
		if err != nil {
			return err
		}
		w.start.def = start
	}
	var err error
	if w.frame.HasEnd() {
		w.end = g.columns.add(column{name: windowEnd, typ: timestamp})
		w.last, err = g.after(w.end, -1, windowTime)
		return err
	}
	if w.end, err = g.after(w.start, w.frame.Size, windowEnd); err == nil {
		w.last, err = g.after(w.start, w.frame.Size-1, windowTime)
	}
	return err
}

// found reports whether only the exchange finds the windows that a row is in. It may be called on nil.
func (w *window) found() bool {
	return w != nil && (w.frame.Kind != windows.Tumbling || w.frame.Unit != windows.Micros)
}

// unfinished reports whether e needs what only the exchange finds, and so can be computed behind it alone.
func (w *window) unfinished(set *columnSet, e *columnar.Expr) bool {
	if !w.found() {
		return false
	}
	leaves := set.leaves(e, func(c *column) *columnar.Expr { return c.def })
	return slices.ContainsFunc(leaves, func(c *column) bool { return w.has(c.id) })
}

// refuseUnfinished is about a column of the window that is used in front of the exchange.
func (w *window) refuseUnfinished(name string, pos Pos, hint string) *Error {
	why := "rows are put in their windows by GROUP BY"
	if w.frame.Kind != windows.Tumbling {
		why = "which windows a row is in, GROUP BY finds"
	}
	return &Error{Pos: pos, Msg: fmt.Sprintf("%s of %s is not known here: %s", name, w.function(), why), Hint: hint}
}

// checkPlaced refuses rows that leave without having been put in their windows.
func (w *window) checkPlaced() *Error {
	if !w.found() {
		return nil
	}
	hint := "GROUP BY window_start and the keys that the rows differ by"
	if w.frame.Kind == windows.Tumbling {
		hint += fmt.Sprintf("; date_trunc('%s', time) needs no window", w.frame.Unit)
	}
	return &Error{Pos: w.pos, Msg: fmt.Sprintf("nothing groups the rows of %s by its windows", w.function()), Hint: hint}
}

// bindPartition binds the keys that sessions are said to have.
func (w *window) bindPartition(b *binder, keys []Expr) *Error {
	for _, e := range keys {
		bound, err := b.bind(e)
		switch {
		case err != nil:
			return err
		case w.frame.Kind != windows.Session:
			return &Error{Pos: b.at(e), Msg: "only sessions are partitioned by keys", Hint: "group by them"}
		case bound.Op != "col":
			return &Error{Pos: b.at(e), Msg: "the keys of sessions are columns", Hint: "compute it in front, or leave the keys to GROUP BY"}
		}
		w.partition = append(w.partition, bound.Col)
	}
	return nil
}

// isPlanTime reports whether e is now().
func (s *columnSet) isPlanTime(e *columnar.Expr) bool {
	for e.Op == "col" && s.list[e.Col].def != nil {
		e = s.list[e.Col].def
	}
	return e.Op == "now"
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
