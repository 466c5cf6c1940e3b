package sql

import (
	"fmt"
	"strings"

	"github.com/millrace/millrace/dstream"
)

const tumbleExample = "write TUMBLE(stream, time, INTERVAL '10' SECOND)"

// tumbleArguments are the arguments of TUMBLE in the order in which they stand when they are not named.
var tumbleArguments = []string{"data", "timecol", "size", "offset"}

// tumble gathers the arguments.
type tumble struct {
	source
	given map[string]bool
	at    int // arguments so far
}

// tableFunction reads a table function: TUMBLE.
func (p *parser) tableFunction() source {
	t := p.peek()
	if !p.isCall("TUMBLE") {
		p.refuseTableFunction(t)
		return source{name: t}
	}
	p.next()
	p.next()
	w := tumble{given: map[string]bool{}}
	w.window = &dstream.WindowSpec{Pos: p.pos(t)}
	for {
		p.tumbleArgument(&w)
		if !p.accept(",") {
			break
		}
	}
	if p.err == nil && p.is(")") {
		p.checkTumble(&w)
	}
	p.expect(")")
	return w.source
}

func (p *parser) checkTumble(w *tumble) {
	for _, name := range tumbleArguments[:3] {
		if !w.given[name] {
			p.fail(p.peek(), "TUMBLE needs a stream, a time column and a size", tumbleExample)
		}
	}
}

// tumbleArgument reads one argument, by position or as name => value.
func (p *parser) tumbleArgument(w *tumble) {
	t := p.peek()
	name := ""
	switch {
	case t.kind == wordToken && p.ahead(1).key == "=>":
		name = strings.ToLower(p.next().value)
		p.next()
	case w.at < len(tumbleArguments):
		name = tumbleArguments[w.at]
	default:
		p.fail(t, fmt.Sprintf("TUMBLE takes at most %d arguments", len(tumbleArguments)), tumbleExample)
		return
	}
	w.at++
	if w.given[name] {
		p.fail(t, fmt.Sprintf("TUMBLE has the argument %s twice", name), "")
	}
	w.given[name] = true
	p.tumbleValue(w, t, name)
}

func (p *parser) tumbleValue(w *tumble, t token, name string) {
	switch name {
	case "data":
		p.tumbleData(w)
	case "timecol":
		w.window.Time = p.timeColumn()
	case "size":
		w.window.Window.Size = p.windowSize(t)
	case "offset":
		w.window.Window.Offset = p.windowLength("offset")
	case "timezone":
		p.fail(t, "TUMBLE with a time zone is not supported yet", "windows align to UTC; offset => INTERVAL … shifts them")
	default:
		p.fail(t, fmt.Sprintf("TUMBLE has no argument %q", shortened(name)), didYouMean(dstream.Nearest(name, tumbleArguments)))
	}
}

// tumbleData reads [TABLE] name, or a query in parentheses.
func (p *parser) tumbleData(w *tumble) {
	if p.ahead(1).key != "," { // else TABLE is a name
		p.accept("TABLE")
	}
	r := p.relation()
	w.name, w.pos, w.query = r.name, r.pos, r.query
	if p.is("PARTITION") {
		p.fail(p.peek(), "PARTITION BY in a window function is not supported yet", "GROUP BY says the keys")
	}
}

// timeColumn reads column or DESCRIPTOR(column).
func (p *parser) timeColumn() dstream.Expr {
	if !p.isCall("DESCRIPTOR") {
		return p.plainColumn()
	}
	p.next()
	p.next()
	e := p.plainColumn()
	if p.is(",") {
		p.fail(p.peek(), "DESCRIPTOR takes one time column", "")
	}
	p.expect(")")
	return e
}

func (p *parser) plainColumn() dstream.Expr {
	t := p.peek()
	if !t.name() || p.ahead(1).key == "(" {
		p.fail(t, "the time of TUMBLE is a column, found "+t.describe(), tumbleExample)
		return dstream.Expr{}
	}
	return p.column().Expr
}

// windowSize reads a size, which begins at t.
func (p *parser) windowSize(t token) int64 {
	size := p.windowLength("size")
	if size <= 0 {
		p.fail(t, "the size of a window must be greater than zero", "")
	}
	return size
}

func (p *parser) windowLength(what string) int64 {
	t := p.peek()
	if !p.is("INTERVAL") {
		p.fail(t, fmt.Sprintf("the %s of a window is an interval, found %s", what, t.describe()), intervalExample)
		return 0
	}
	length, err := p.interval().fixed()
	if err != nil {
		p.fail(t, err.Msg, err.Hint)
	}
	return length
}

const (
	microsPerDay  = 86_400_000_000
	maxWindowDays = 1_000_000 // far more than any window may have, and far from overflow
)

// fixed is an interval in microseconds, with days of 24 hours.
func (s span) fixed() (int64, *dstream.Error) {
	switch days, micros := int64(s.days), s.micros; {
	case s.months != 0:
		return 0, &dstream.Error{Msg: "a window of months or years has no fixed length",
			Hint: "write it in days or weeks, or group by date_trunc('month', window_start) over the result of windows of a day"}
	case max(days, -days) > maxWindowDays || max(micros, -micros) > maxWindowDays*microsPerDay:
		return 0, &dstream.Error{Msg: "the interval is too long for a window"}
	}
	return int64(s.days)*microsPerDay + s.micros, nil
}
