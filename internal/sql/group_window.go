package sql

import (
	"fmt"
	"strings"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/dstream"
)

// Windows that stand in GROUP BY, as Spark and older Flink write them, mean the same as TUMBLE behind FROM:
//
//	GROUP BY tumble(t, INTERVAL '1' HOUR)    with tumble_start(…), tumble_end(…), tumble_rowtime(…) in the select list
//	GROUP BY window(t, '1 hour')             with window.start, window.end or window itself, a struct

// groupWindowParts are the functions of the select list, and the columns of the window that they are.
var groupWindowParts = map[string]string{
	"tumble_start": "window_start", "tumble_end": "window_end", "tumble_rowtime": "window_time",
}

// windowFields are the fields of Spark's window.
var windowFields = map[string]string{"start": "window_start", "end": "window_end"}

const windowHint = "windows are written FROM TUMBLE(stream, time, INTERVAL '10' SECOND)"

// groupWindow turns a window in GROUP BY into one of the stream.
func (b *selectBinder) groupWindow(g *groups) error {
	call := -1
	for i, k := range g.keys {
		if !isGroupWindow(k) {
			continue
		}
		if call >= 0 {
			return &dstream.Error{Pos: k.Pos, Msg: "GROUP BY has two windows", Hint: "a stream has one; " + windowHint}
		}
		call = i
	}
	if call < 0 {
		return refuseGroupWindows(g)
	}
	w := g.keys[call]
	spec, err := groupWindowSpec(w)
	if err != nil {
		return err
	}
	g.stream = g.stream.At(w.Pos).Window(*spec)
	g.keys[call] = windowColumn("window_start", w)
	if err := g.stream.Err(); err != nil {
		return err
	}
	g.replace(windowReplacer{call: w, aliases: b.windowAliases(g, w)})
	if err := g.refuseOtherParts(); err != nil {
		return err
	}
	return refuseGroupWindows(g)
}

func isGroupWindow(e dstream.Expr) bool {
	return e.Kind == dstream.CallExpr && (strings.EqualFold(e.Name, "tumble") || strings.EqualFold(e.Name, "window"))
}

// groupWindowSpec reads the arguments of tumble(time, size [, offset]) or window(time, size [, slide [, offset]]).
func groupWindowSpec(w dstream.Expr) (*dstream.WindowSpec, error) {
	spark := strings.EqualFold(w.Name, "window")
	most := 3
	if spark {
		most = 4
	}
	if len(w.Args) < 2 || len(w.Args) > most || w.Args[0].Kind != dstream.ColumnRef {
		return nil, &dstream.Error{Pos: w.Pos, Msg: fmt.Sprintf("%s in GROUP BY takes a column of times and a size", w.Name), Hint: windowHint}
	}
	spec := &dstream.WindowSpec{Pos: w.Pos, Time: w.Args[0]}
	lengths := make([]int64, len(w.Args))
	for i, a := range w.Args[1:] {
		var err *dstream.Error
		if lengths[i+1], err = windowLengthOf(a); err != nil {
			return nil, err
		}
	}
	spec.Window.Size = lengths[1]
	if spark && len(lengths) > 2 && lengths[2] != lengths[1] {
		return nil, &dstream.Error{Pos: w.Args[2].Pos, Msg: "windows that slide are not supported yet; TUMBLE is", Hint: windowHint}
	}
	if len(lengths) == most {
		spec.Window.Offset = lengths[most-1]
	}
	if spec.Window.Size <= 0 {
		return nil, &dstream.Error{Pos: w.Args[1].Pos, Msg: "the size of a window must be greater than zero"}
	}
	return spec, nil
}

// windowLengthOf is an interval, or the text of one, in microseconds.
func windowLengthOf(e dstream.Expr) (int64, *dstream.Error) {
	var s span
	switch {
	case e.Kind == dstream.LiteralExpr && e.Type.Kind == columnar.Interval:
		s.months, s.days, s.micros = columnar.Int128{Lo: uint64(e.Value.I), Hi: e.Value.Hi}.Interval()
	case e.Kind == dstream.LiteralExpr && e.Type.Kind == columnar.String:
		var err *dstream.Error
		if s, err = parseInterval(e.Value.S); err != nil {
			return 0, &dstream.Error{Pos: e.Pos, Msg: err.Msg, Hint: err.Hint}
		}
	default:
		return 0, &dstream.Error{Pos: e.Pos, Msg: "the length of a window is an interval", Hint: intervalExample}
	}
	length, err := s.fixed()
	if err != nil {
		err.Pos = e.Pos
	}
	return length, err
}

// windowAliases are the names under which the select list and HAVING know the fields of the window: those of the items
// that are the window, and window where no relation has that name.
func (b *selectBinder) windowAliases(g *groups, w dstream.Expr) map[string]bool {
	aliases := map[string]bool{}
	if strings.EqualFold(w.Name, "window") {
		aliases["window"] = true
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
	case e.Kind == dstream.ColumnRef && e.Qualifier == "" && r.aliases[strings.ToLower(e.Name)], sameExpr(e, r.call) && strings.EqualFold(e.Name, "window"):
		return r.structOf(e)
	case e.Kind == dstream.ColumnRef && r.aliases[alias] && windowFields[strings.ToLower(e.Name)] != "":
		c := windowColumn(windowFields[strings.ToLower(e.Name)], e)
		if c.Alias == "" {
			c.Alias = e.Name
		}
		return c
	case e.Kind == dstream.CallExpr && groupWindowParts[strings.ToLower(e.Name)] != "" && sameExprs(e.Args, r.call.Args):
		return windowColumn(groupWindowParts[strings.ToLower(e.Name)], e)
	}
	return e
}

// structOf is Spark's window: a struct of its bounds.
func (r windowReplacer) structOf(e dstream.Expr) dstream.Expr {
	out := dstream.Fn("struct", dstream.Str("start"), windowColumn("window_start", e), dstream.Str("end"), windowColumn("window_end", e))
	out.Pos, out.Text, out.Alias = e.Pos, e.Text, e.Alias
	if out.Alias == "" {
		out.Alias = "window"
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
		if e.Kind == dstream.CallExpr && (isGroupWindow(e) || groupWindowParts[name] != "" && !columnar.IsFunction(name)) {
			err = &dstream.Error{Pos: e.Pos, Msg: fmt.Sprintf("%s() is not the window of GROUP BY", name), Hint: windowHint + ", and its columns are window_start, window_end and window_time"}
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
