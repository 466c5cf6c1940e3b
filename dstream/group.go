package dstream

import (
	"fmt"
	"slices"

	"github.com/millrace/millrace/columnar"
)

// Grouped is a stream whose rows are put in groups. See [Stream.GroupBy].
type Grouped struct {
	stream *Stream
	group  *grouping
	keys   scope
}

// grouping is an aggregation. Keys and window columns keep their ids behind it.
type grouping struct {
	graph  *Graph
	window *window
	scope  scope     // of its input
	keys   []*column // what the groups differ by, besides the window
	all    []*column // keys, and those that follow from the window alone
	aggs   []*column // those that some expression asked for, each once
}

// aggregate is one function over the rows of a group.
type aggregate struct {
	fn  columnar.AggFunc
	arg *columnar.Expr // over the ids of the grouping's input; nil for count(*)
}

// GroupBy puts rows in groups by the keys. At least one key must be a column of the window; the groups of a window are
// finished when the watermark passes its end.
func (s *Stream) GroupBy(keys ...Expr) *Grouped {
	out := &Grouped{}
	out.stream = s.step(func(n *Stream, pos Pos) *Error {
		if s.window == nil {
			return endless(pos, "cut the stream into windows (TUMBLE in SQL, Window in Go) and group by window_start too")
		}
		out.group = &grouping{graph: s.graph, window: s.window, scope: s.scope}
		b := &binder{scope: s.scope, pos: pos, clause: "GROUP BY"}
		if err := s.bindKeys(out, b, keys); err != nil {
			return err
		}
		n.at = pos
		n.node = &node{in: s.node, group: out.group}
		return s.checkTime(s.window)
	})
	return out
}

func endless(pos Pos, hint string) *Error {
	return &Error{Pos: pos, Msg: "GROUP BY without a window would keep every group for ever", Hint: hint}
}

func (s *Stream) bindKeys(out *Grouped, b *binder, keys []Expr) *Error {
	windowed := false
	for i, e := range keys {
		bound, err := b.bind(e)
		if err != nil {
			return err
		}
		c := s.graph.output(b, e, bound, i+1)
		out.keys = append(out.keys, c)
		out.group.addKey(s.graph.columns.list[c.id])
		windowed = windowed || out.group.window.has(c.id)
	}
	if !windowed {
		return endless(b.pos, "add window_start to GROUP BY")
	}
	return nil
}

func (g *grouping) addKey(c *column) {
	if slices.Contains(g.all, c) {
		return
	}
	if !g.window.has(c.id) {
		g.all = append(g.all, c)
	}
	if !g.followsWindow(c) {
		g.keys = append(g.keys, c)
	}
}

// followsWindow reports whether the column is the same for all rows of a window.
func (g *grouping) followsWindow(c *column) bool {
	leaves := g.graph.columns.leaves(c.expr(), func(c *column) *columnar.Expr {
		if g.window.has(c.id) {
			return nil
		}
		return c.def
	})
	return !slices.ContainsFunc(leaves, func(c *column) bool { return !g.window.has(c.id) })
}

// checkTime refuses a first window over something that the watermark does not follow.
func (s *Stream) checkTime(w *window) *Error {
	n := s.node
	for n.source == nil {
		if n.group != nil {
			return nil
		}
		n = n.in
	}
	src, c := n.source, s.graph.columns.list[w.time]
	switch {
	case src.EventTime == "":
		return &Error{Pos: w.pos, Msg: fmt.Sprintf("source %q has no event time, so nothing tells when a window is complete", src.Name),
			Hint: "declare the event_time of the source"}
	case c.field != src.EventTime || c.join != nil:
		return &Error{Pos: w.pos, Msg: fmt.Sprintf("the window is over %s, but the watermark of source %q follows its event time, %s", c.name, src.Name, src.EventTime),
			Hint: "use the same column for both"}
	}
	return nil
}

// Agg computes expressions over keys and aggregates for each group. The columns are the keys, then these; the columns of
// the window can be used even where they are no keys. The steps right behind, up to the next Select, may use further
// aggregates of the group, and whatever the keys were made of.
func (g *Grouped) Agg(aggs ...Expr) *Stream {
	return g.stream.step(func(n *Stream, pos Pos) *Error {
		n.window, n.group = nil, g.group
		visible := g.keys
		hidden := g.hidden()
		b := &binder{scope: append(visible[:len(visible):len(visible)], hidden...), group: g.group, pos: pos, clause: "SELECT"}
		for _, e := range aggs {
			bound, err := b.bind(e)
			if err != nil {
				return err
			}
			visible = append(visible, n.graph.output(b, e, bound, len(visible)+1))
		}
		n.scope = append(visible, hidden...)
		return nil
	})
}

// hidden are the columns of the window that are no keys.
func (g *Grouped) hidden() scope {
	var out scope
	for _, c := range g.group.window.columns() {
		if len(g.keys.matches(Expr{Name: c.name})) == 0 {
			out = append(out, c.in(g.group.scope.qualifierOf(c.id), true))
		}
	}
	return out
}

// key is the grouped expression that equals e, or nil. It may be called on nil.
func (g *grouping) key(e Expr) *columnar.Expr {
	if g == nil || !slices.ContainsFunc(g.all, func(c *column) bool { return c.def != nil }) {
		return nil
	}
	bound, err := (&binder{scope: g.scope}).bind(e)
	if err != nil {
		return nil
	}
	for _, k := range g.all {
		if k.def != nil && k.def.String() == bound.String() {
			return k.expr()
		}
	}
	return nil
}

// ungrouped explains a column that is not in the result: unknown is returned when the input has none of that name
// either. A key is found here by the name that it has in the input.
func (g *grouping) ungrouped(e Expr, unknown *Error) (*columnar.Expr, *Error) {
	if len(g.scope.matches(e)) == 0 {
		return nil, unknown
	}
	c, err := g.scope.resolve(e, unknown.Pos)
	if err != nil {
		return nil, err
	}
	if slices.Contains(g.all, g.graph.columns.list[c.id]) {
		return c.expr(), nil
	}
	return nil, &Error{Pos: unknown.Pos, Msg: fmt.Sprintf("column %q is neither grouped by nor inside an aggregate", refName(e)),
		Hint: fmt.Sprintf("add it to GROUP BY, or wrap it in an aggregate such as max(%s)", refName(e))}
}

// aggregate binds a call of an aggregate and returns its column.
func (g *grouping) aggregate(e Expr, pos Pos) (*columnar.Expr, *Error) {
	fn, _ := aggFunc(e.Name)
	if e.Distinct {
		return nil, &Error{Pos: pos, Msg: fmt.Sprintf("%s(DISTINCT …) is not supported in this version", fn)}
	}
	if len(e.Args) != 1 || e.Args[0].Kind == StarExpr && fn != columnar.Count {
		return nil, &Error{Pos: pos, Msg: fmt.Sprintf("%s takes one argument%s", fn, orStar(fn))}
	}
	a, err := g.argument(fn, e.Args[0], pos)
	if err != nil {
		return nil, err
	}
	t, fault := a.spec(-1, "").Out()
	if fault != nil {
		return nil, &Error{Pos: pos, Msg: fault.Error(), Hint: aggregateTakes[fn]}
	}
	return g.column(a, t).expr(), nil
}

func orStar(fn columnar.AggFunc) string {
	if fn == columnar.Count {
		return ", or *"
	}
	return ""
}

var aggregateTakes = map[columnar.AggFunc]string{
	columnar.Sum: "sum takes a number",
	columnar.Avg: "avg takes a number",
}

// argument binds the argument of an aggregate. Counting a constant is counting rows.
func (g *grouping) argument(fn columnar.AggFunc, arg Expr, pos Pos) (*aggregate, *Error) {
	if arg.Kind == StarExpr {
		return &aggregate{fn: columnar.CountStar}, nil
	}
	b := &binder{scope: g.scope, pos: pos, clause: "an aggregate"}
	bound, err := b.bind(arg)
	if err != nil {
		return nil, err
	}
	if fn == columnar.Count && bound.Op == "const" && !bound.Value.Null {
		return &aggregate{fn: columnar.CountStar}, nil
	}
	if bound.Type.Kind == columnar.Null {
		if bound, err = b.located(arg)(columnar.Cast(bound, columnar.Type{Kind: columnar.String})); err != nil {
			return nil, err
		}
	}
	return &aggregate{fn: fn, arg: bound}, nil
}

// column is the column of an aggregate: the same one for equal aggregates.
func (g *grouping) column(a *aggregate, t columnar.Type) *column {
	for _, c := range g.aggs {
		if c.agg.equal(a) {
			return c
		}
	}
	c := g.graph.columns.add(column{name: g.graph.columns.renderAgg(a), typ: t, agg: a})
	g.aggs = append(g.aggs, c)
	return c
}

func (a *aggregate) equal(o *aggregate) bool {
	return a.fn == o.fn && (a.arg == nil || a.arg.String() == o.arg.String())
}

// spec is the aggregate over the arg-th column of its input.
func (a *aggregate) spec(arg int, name string) columnar.Agg {
	out := columnar.Agg{Func: a.fn, Arg: -1, Name: name}
	if a.arg != nil {
		out.Arg, out.In = arg, a.arg.Type
	}
	return out
}

func (s *columnSet) renderAgg(a *aggregate) string {
	if a.arg == nil {
		return string(columnar.CountStar)
	}
	return shorten(string(a.fn) + "(" + s.render(a.arg) + ")")
}
