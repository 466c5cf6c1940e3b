package sql

import (
	"fmt"
	"slices"
	"strings"

	"github.com/millrace/millrace/dstream"
	"github.com/millrace/millrace/windows"
)

// windowForm is how a window function behind FROM is called.
type windowForm struct {
	kind    windows.Kind
	args    []string // in the order in which they stand when they are not named
	must    int      // how many of them, from the first, must be there
	needs   string   // those, for messages
	example string
}

// windowForms are Flink's windowing table functions.
var windowForms = map[string]windowForm{
	"TUMBLE": {windows.Tumbling, []string{"data", "timecol", "size", "offset"}, 3, "a stream, a time column and a size",
		"write TUMBLE(stream, time, INTERVAL '10' SECOND)"},
	"HOP": {windows.Sliding, []string{"data", "timecol", "slide", "size", "offset"}, 4, "a stream, a time column, a slide and a size",
		"write HOP(stream, time, INTERVAL '1' MINUTE, INTERVAL '10' MINUTE): every minute, the last ten"},
	"CUMULATE": {windows.Cumulative, []string{"data", "timecol", "step", "size", "offset"}, 4, "a stream, a time column, a step and a size",
		"write CUMULATE(stream, time, INTERVAL '1' HOUR, INTERVAL '1' DAY): every hour, the day so far"},
	"SESSION": {windows.Session, []string{"data", "timecol", "gap"}, 3, "a stream, a time column and a gap",
		"write SESSION(stream, time, INTERVAL '10' MINUTE): a session ends ten minutes behind its last row"},
}

// windowNames are the functions in the order in which messages name them.
var windowNames = []string{"TUMBLE", "HOP", "CUMULATE", "SESSION"}

// windowCall is a window as it is written: a call behind FROM, or inside GROUP BY.
type windowCall struct {
	name      string // TUMBLE, …, or window and session_window
	kind      windows.Kind
	pos       dstream.Pos
	time      dstream.Expr
	size      length // of SESSION the gap
	slide     length // of CUMULATE the step
	offset    length
	zone      string // "" = that of the job
	zonePos   dstream.Pos
	partition []dstream.Expr
}

// windowReader gathers the arguments of a window function.
type windowReader struct {
	*parser
	out    source
	form   windowForm
	given  map[string]bool
	placed int // arguments so far
}

// tableFunction reads a table function: one of the windows.
func (p *parser) tableFunction() source {
	t := p.peek()
	form, ok := windowForms[t.key]
	if !ok || !p.isCall(t.key) {
		p.refuseTableFunction(t)
		return source{name: t}
	}
	p.next()
	p.next()
	r := windowReader{parser: p, form: form, given: map[string]bool{}}
	r.out.window = &windowCall{name: t.key, kind: form.kind, pos: p.pos(t)}
	for {
		r.argument()
		if !p.accept(",") {
			break
		}
	}
	if p.err == nil && p.is(")") {
		r.check()
	}
	p.expect(")")
	return r.out
}

func (r *windowReader) check() {
	for _, name := range r.form.args[:r.form.must] {
		if !r.given[name] {
			r.fail(r.peek(), fmt.Sprintf("%s needs %s", r.out.window.name, r.form.needs), r.form.example)
		}
	}
}

// argument reads one argument, by position or as name => value.
func (r *windowReader) argument() {
	t := r.peek()
	name := ""
	switch {
	case t.kind == wordToken && r.ahead(1).key == "=>":
		name = strings.ToLower(r.next().value)
		r.next()
	case r.placed < len(r.form.args):
		name = r.form.args[r.placed]
	default:
		r.fail(t, fmt.Sprintf("%s takes at most %d arguments", r.out.window.name, len(r.form.args)), r.form.example)
		return
	}
	r.placed++
	if r.given[name] {
		r.fail(t, fmt.Sprintf("%s has the argument %s twice", r.out.window.name, name), "")
	}
	r.given[name] = true
	r.value(t, name)
}

func (r *windowReader) value(t token, name string) {
	w := r.out.window
	switch {
	case name == "timezone" && w.kind != windows.Session:
		w.zonePos, w.zone = r.pos(r.peek()), r.timeZone()
	case !slices.Contains(r.form.args, name):
		r.unknown(t, name)
	case name == "data":
		r.data()
	case name == "timecol":
		w.time = r.timeColumn()
	case name == "offset":
		w.offset = r.length(name)
	case name == "slide" || name == "step":
		w.slide = r.positive(t, name)
	default:
		w.size = r.positive(t, name)
	}
}

// unknown refuses an argument that the function does not have.
func (r *windowReader) unknown(t token, name string) {
	hint := didYouMean(dstream.Nearest(name, append(slices.Clone(r.form.args), "timezone")))
	if r.out.window.kind == windows.Session && (name == "timezone" || name == "offset") {
		hint = "a session begins with its first row"
	}
	r.fail(t, fmt.Sprintf("%s has no argument %q", r.out.window.name, shortened(name)), hint)
}

// data reads [TABLE] name or a query in parentheses, and PARTITION BY.
func (r *windowReader) data() {
	if r.ahead(1).key != "," { // else TABLE is a name
		r.accept("TABLE")
	}
	from := r.relation()
	r.out.name, r.out.pos, r.out.query = from.name, from.pos, from.query
	if !r.is("PARTITION") {
		return
	}
	if r.out.window.kind != windows.Session {
		r.fail(r.peek(), "PARTITION BY stands in SESSION only", "GROUP BY says the keys")
	}
	r.next()
	r.expect("BY")
	r.out.window.partition = r.partition()
}

// partition reads a column, or several in parentheses.
func (r *windowReader) partition() []dstream.Expr {
	several := r.accept("(")
	var out []dstream.Expr
	for r.err == nil {
		if len(out) == maxKeys {
			r.fail(r.peek(), fmt.Sprintf("PARTITION BY has more than %d columns", maxKeys), "")
		}
		out = append(out, r.plainColumn("a key of PARTITION BY is a column", "GROUP BY says the keys too, and may compute them"))
		if !several || !r.accept(",") {
			break
		}
	}
	if several {
		r.expect(")")
	}
	return out
}

// timeColumn reads column, DESCRIPTOR(column), or now() and its like in the place of the column.
func (r *windowReader) timeColumn() dstream.Expr {
	if !r.isCall("DESCRIPTOR") {
		return r.timeOfRow()
	}
	r.next()
	r.next()
	e := r.timeOfRow()
	if r.is(",") {
		r.fail(r.peek(), "DESCRIPTOR takes one time column", "")
	}
	r.expect(")")
	return e
}

func (r *windowReader) timeOfRow() dstream.Expr {
	if e, ok := r.planTime(); ok {
		return e
	}
	return r.plainColumn(fmt.Sprintf("the time of %s is a column", r.out.window.name), r.form.example)
}

// planTimeCalls are what stands for the time at which a batch is planned.
var planTimeCalls = []string{"NOW", "PROCTIME", "CURRENT_TIMESTAMP"}

// planTime reads now(), CURRENT_TIMESTAMP or Flink's PROCTIME(): the windows are of processing time.
func (p *parser) planTime() (e dstream.Expr, ok bool) {
	t := p.peek()
	if !slices.Contains(planTimeCalls, t.key) || t.key != "CURRENT_TIMESTAMP" && p.ahead(1).key != "(" {
		return dstream.Expr{}, false
	}
	p.next()
	if p.accept("(") {
		p.expect(")")
	}
	return p.leaf(t, dstream.Fn("now")).Expr, true
}

// plainColumn reads a column; else it fails as it is told.
func (p *parser) plainColumn(wanted, hint string) dstream.Expr {
	t := p.peek()
	if !t.name() || p.ahead(1).key == "(" {
		p.fail(t, wanted+", found "+t.describe(), hint)
		return dstream.Expr{}
	}
	return p.column().Expr
}

// timeZone reads the name of a time zone.
func (p *parser) timeZone() string {
	t := p.peek()
	if t.kind != stringToken {
		p.fail(t, "the time zone of a window is a text, found "+t.describe(), "write timezone => 'Europe/Berlin'")
		return ""
	}
	return p.next().value
}

// positive reads a length that must be greater than zero; the argument begins at t.
func (p *parser) positive(t token, what string) length {
	l := p.length(what)
	if p.err == nil && !l.positive() {
		p.fail(t, fmt.Sprintf("the %s of a window must be greater than zero", what), "")
	}
	return l
}

// length reads an interval.
func (p *parser) length(what string) length {
	t := p.peek()
	if !p.is("INTERVAL") {
		hint := intervalExample
		if what == "offset" && t.kind == stringToken {
			hint += "; a time zone is timezone => 'Europe/Berlin'"
		}
		p.fail(t, fmt.Sprintf("the %s of a window is an interval, found %s", what, t.describe()), hint)
		return length{}
	}
	s := p.interval()
	return length{span: s, given: true, weeks: s.inWeeks(p.text[t.start:p.end()]), pos: p.pos(t)}
}
