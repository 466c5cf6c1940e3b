package sql

import (
	"fmt"
	"slices"
	"strings"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/dstream"
	"github.com/millrace/millrace/windows"
)

// Windows that stand in GROUP BY, as Spark and older Flink write them, mean the same as those behind FROM:
//
//	GROUP BY tumble(t, INTERVAL '1' HOUR)    with tumble_start(…), tumble_end(…), tumble_rowtime(…) in the select list
//	GROUP BY hop(t, slide, size)             with hop_start(…), …
//	GROUP BY session(t, gap)                 with session_start(…), …
//	GROUP BY window(t, '1 hour', slide)      with window.start, window.end or window itself, a struct
//	GROUP BY session_window(t, '5 minutes')  with session_window.start, …

// groupForm is how a window inside GROUP BY is called.
type groupForm struct {
	kind  windows.Kind
	args  []string // behind the time
	must  int      // how many of them must be there
	needs string
	from  string // the function behind FROM that means the same
	row   bool   // Spark's: a struct, whose fields the select list names
}

var groupForms = map[string]groupForm{
	"tumble":         {kind: windows.Tumbling, args: []string{"size", "offset"}, must: 1, needs: "a column of times and a size", from: "TUMBLE"},
	"hop":            {kind: windows.Sliding, args: []string{"slide", "size", "offset"}, must: 2, needs: "a column of times, a slide and a size", from: "HOP"},
	"session":        {kind: windows.Session, args: []string{"gap"}, must: 1, needs: "a column of times and a gap", from: "SESSION"},
	"window":         {kind: windows.Tumbling, args: []string{"size", "slide", "offset"}, must: 1, needs: "a column of times and a size", from: "TUMBLE", row: true},
	"session_window": {kind: windows.Session, args: []string{"gap"}, must: 1, needs: "a column of times and a gap", from: "SESSION", row: true},
}

// hint says how the window is written behind FROM.
func (f groupForm) hint() string {
	return "windows are written FROM " + strings.TrimPrefix(windowForms[f.from].example, "write ")
}

// groupWindowParts are the functions of the select list, and the columns of the window that they are.
var groupWindowParts = map[string]string{
	"tumble_start": "window_start", "tumble_end": "window_end", "tumble_rowtime": "window_time",
	"hop_start": "window_start", "hop_end": "window_end", "hop_rowtime": "window_time",
	"session_start": "window_start", "session_end": "window_end", "session_rowtime": "window_time",
}

// windowFields are the fields of Spark's window.
var windowFields = map[string]string{"start": "window_start", "end": "window_end"}

// groupWindow turns a window in GROUP BY into one of the stream.
func (b *selectBinder) groupWindow(g *groups) error {
	call := -1
	for i, k := range g.keys {
		form, ok := groupFormOf(k)
		if !ok {
			continue
		}
		if call >= 0 {
			return &dstream.Error{Pos: k.Pos, Msg: "GROUP BY has two windows", Hint: "a stream has one; " + form.hint()}
		}
		call = i
	}
	if call < 0 {
		return refuseGroupWindows(g)
	}
	w := g.keys[call]
	form, _ := groupFormOf(w)
	read, err := form.read(w)
	if err != nil {
		return err
	}
	spec, fault := b.windowSpec(read)
	if fault != nil {
		return fault
	}
	g.stream = g.stream.At(w.Pos).Window(spec)
	g.keys[call] = windowColumn("window_start", w)
	if err := g.stream.Err(); err != nil {
		return err
	}
	g.replace(windowReplacer{call: w, row: form.row, aliases: b.windowAliases(g, w, form.row)})
	if err := g.refuseOtherParts(); err != nil {
		return err
	}
	return refuseGroupWindows(g)
}

func groupFormOf(e dstream.Expr) (f groupForm, ok bool) {
	if e.Kind != dstream.CallExpr {
		return f, false
	}
	f, ok = groupForms[strings.ToLower(e.Name)]
	return f, ok
}

// read reads the arguments of a call of the form.
func (f groupForm) read(e dstream.Expr) (*windowCall, *dstream.Error) {
	if len(e.Args) < 1+f.must || len(e.Args) > 1+len(f.args) || !isTime(e.Args[0]) {
		return nil, &dstream.Error{Pos: e.Pos, Msg: fmt.Sprintf("%s in GROUP BY takes %s", e.Name, f.needs), Hint: f.hint()}
	}
	w := &windowCall{name: e.Name, kind: f.kind, pos: e.Pos, time: e.Args[0]}
	if w.time.Kind == dstream.CallExpr {
		w.time.Name = "now"
	}
	for i, a := range e.Args[1:] {
		l, err := lengthOf(a)
		switch {
		case err != nil:
			return nil, err
		case f.args[i] == "offset":
			w.offset = l
			continue
		case !l.positive():
			return nil, &dstream.Error{Pos: a.Pos, Msg: fmt.Sprintf("the %s of a window must be greater than zero", f.args[i])}
		case f.args[i] == "slide":
			w.slide = l
		default:
			w.size = l
		}
	}
	if f.kind == windows.Tumbling && w.slide.given { // Spark's
		if w.slide.span == w.size.span {
			w.slide = length{}
		} else {
			w.kind = windows.Sliding
		}
	}
	return w, nil
}

// isTime reports whether the expression may be the time of a window: a column, or the time of the plan.
func isTime(e dstream.Expr) bool {
	return e.Kind == dstream.ColumnRef || e.Kind == dstream.CallExpr && len(e.Args) == 0 && slices.Contains(planTimeCalls, strings.ToUpper(e.Name))
}

// lengthOf is an interval, or the text of one.
func lengthOf(e dstream.Expr) (length, *dstream.Error) {
	l := length{given: true, pos: e.Pos}
	text := e.Text
	switch {
	case e.Kind == dstream.LiteralExpr && e.Type.Kind == columnar.Interval:
		l.months, l.days, l.micros = columnar.Int128{Lo: uint64(e.Value.I), Hi: e.Value.Hi}.Interval()
	case e.Kind == dstream.LiteralExpr && e.Type.Kind == columnar.String:
		s, err := parseInterval(e.Value.S)
		if err != nil {
			return l, &dstream.Error{Pos: e.Pos, Msg: err.Msg, Hint: err.Hint}
		}
		l.span, text = s, e.Value.S
	default:
		return l, &dstream.Error{Pos: e.Pos, Msg: "the length of a window is an interval", Hint: intervalExample}
	}
	l.weeks = l.inWeeks(text)
	return l, nil
}

// windowAliases are the names under which the select list and HAVING know the fields of Spark's windows: those of the items
// that are the window, and that of the function where no relation has that name.
func (b *selectBinder) windowAliases(g *groups, w dstream.Expr, row bool) map[string]bool {
	aliases := map[string]bool{}
	if row {
		aliases[strings.ToLower(w.Name)] = true
		for _, e := range g.items {
			if e.Alias != "" && sameExpr(e, w) {
				aliases[strings.ToLower(e.Alias)] = true
			}
		}
	}
	for _, c := range g.stream.Columns() {
		delete(aliases, strings.ToLower(c.Qualifier))
		delete(aliases, strings.ToLower(c.Name))
	}
	return aliases
}

// windowReplacer turns what stands for the window of GROUP BY into its columns.
type windowReplacer struct {
	call    dstream.Expr
	row     bool // the call itself is a struct
	aliases map[string]bool
}

func (g *groups) replace(r windowReplacer) {
	g.items = rewriteAll(g.items, r.replaced)
	if g.having != nil {
		having := rewrite(*g.having, r.replaced)
		g.having = &having
	}
}

func (r windowReplacer) replaced(e dstream.Expr) dstream.Expr {
	alias := strings.ToLower(e.Qualifier)
	switch {
	case e.Kind == dstream.ColumnRef && e.Qualifier == "" && r.aliases[strings.ToLower(e.Name)], r.row && sameExpr(e, r.call):
		return r.structOf(e)
	case e.Kind == dstream.ColumnRef && r.aliases[alias] && windowFields[strings.ToLower(e.Name)] != "":
		c := windowColumn(windowFields[strings.ToLower(e.Name)], e)
		if c.Alias == "" {
			c.Alias = e.Name
		}
		return c
	case r.isPart(e):
		return windowColumn(groupWindowParts[strings.ToLower(e.Name)], e)
	}
	return e
}

// isPart reports whether e is TUMBLE_START or its like, of the window of GROUP BY.
func (r windowReplacer) isPart(e dstream.Expr) bool {
	name := strings.ToLower(e.Name)
	return e.Kind == dstream.CallExpr && groupWindowParts[name] != "" && sameExprs(e.Args, r.call.Args) &&
		strings.HasPrefix(name, strings.ToLower(r.call.Name)+"_")
}

// structOf is Spark's window: a struct of its bounds.
func (r windowReplacer) structOf(e dstream.Expr) dstream.Expr {
	out := dstream.Fn("struct", dstream.Str("start"), windowColumn("window_start", e), dstream.Str("end"), windowColumn("window_end", e))
	out.Pos, out.Text, out.Alias = e.Pos, e.Text, e.Alias
	if out.Alias == "" {
		out.Alias = strings.ToLower(r.call.Name)
	}
	return out
}

// windowColumn is a column of the window in the place of e.
func windowColumn(name string, e dstream.Expr) dstream.Expr {
	return dstream.Expr{Kind: dstream.ColumnRef, Name: name, Pos: e.Pos, Text: e.Text, Alias: e.Alias}
}

// refuseOtherParts refuses TUMBLE_START and its like of another window than that of GROUP BY.
func (g *groups) refuseOtherParts() error {
	for _, e := range g.all() {
		var err error
		walk(e, func(e dstream.Expr) bool {
			if e.Kind == dstream.CallExpr && groupWindowParts[strings.ToLower(e.Name)] != "" && len(e.Args) < 3 {
				err = &dstream.Error{Pos: e.Pos, Msg: fmt.Sprintf("%s has other arguments than the window of GROUP BY", e.Name), Hint: "write the same, or window_start, window_end or window_time"}
			}
			return err == nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// all are the expressions that are computed over the groups.
func (g *groups) all() []dstream.Expr {
	list := append(append([]dstream.Expr(nil), g.keys...), g.items...)
	if g.having != nil {
		list = append(list, *g.having)
	}
	return list
}

// refuseGroupWindows refuses what is left of windows in expressions.
func refuseGroupWindows(g *groups) error {
	for _, e := range g.all() {
		if err := refuseGroupWindow(e); err != nil {
			return err
		}
	}
	return nil
}

func refuseGroupWindow(e dstream.Expr) error {
	var err error
	walk(e, func(e dstream.Expr) bool {
		name := strings.ToLower(e.Name)
		form, isWindow := groupFormOf(e)
		if !isWindow {
			form = groupForms[name[:max(strings.LastIndexByte(name, '_'), 0)]]
		}
		if isWindow || e.Kind == dstream.CallExpr && groupWindowParts[name] != "" && !columnar.IsFunction(name) {
			err = &dstream.Error{Pos: e.Pos, Msg: fmt.Sprintf("%s() is not the window of GROUP BY", name), Hint: form.hint() + ", and its columns are window_start, window_end and window_time"}
		}
		return err == nil
	})
	return err
}

// sameExpr reports whether two expressions are written alike, but for their places, texts and aliases.
func sameExpr(a, b dstream.Expr) bool {
	return a.Kind == b.Kind && strings.EqualFold(a.Qualifier, b.Qualifier) && strings.EqualFold(a.Name, b.Name) &&
		a.Type == b.Type && a.Value == b.Value && a.Try == b.Try && a.Distinct == b.Distinct &&
		a.Filter == nil && b.Filter == nil && len(a.OrderBy)+len(b.OrderBy) == 0 && sameExprs(a.Args, b.Args)
}

func sameExprs(a, b []dstream.Expr) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if !sameExpr(a[i], b[i]) {
			return false
		}
	}
	return true
}
