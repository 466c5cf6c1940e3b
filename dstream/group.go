package dstream

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/windows"
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
	query  string  // the named query that it is in; may be empty
	window *window // nil: the groups are finished at the end of the input
	in     *node
	scope  scope     // of in
	keys   []*column // what the groups differ by, besides the window
	all    []*column // keys, and those that follow from the window alone
	aggs   []*column // those that some expression asked for, each once

	late []lateColumn // of its late rows, see Graph.LateRows

	weights map[int]bool // of the keys that are expressions, see weight
	heavy   int          // the greatest of them
}

// GroupBy puts rows in groups by the keys. At least one key must be a column of the window; the groups of a window are
// finished when the watermark passes its end. Only in a bounded job, see [Graph.SetBounded], groups need no window: they
// are finished at the end of the input, and without keys all rows are one group, which exists even when there are none.
func (s *Stream) GroupBy(keys ...Expr) *Grouped {
	out := &Grouped{}
	out.stream = s.step(func(n *Stream, pos Pos) *Error {
		if s.window == nil && !s.graph.bounded && s.node.changelog() == nil {
			return endless(pos, "GROUP BY", "cut the stream into windows (TUMBLE in SQL, Window in Go) and group by window_start too")
		}
		n.at = pos
		return s.groupBy(n, out, &binder{graph: s.graph, scope: s.scope, pos: pos, clause: "GROUP BY"}, keys)
	})
	return out
}

func endless(pos Pos, clause, hint string) *Error {
	what := map[string]string{"GROUP BY": "group", "DISTINCT": "row"}[clause]
	return &Error{Pos: pos, Msg: fmt.Sprintf("%s without a window would keep every %s for ever", clause, what), Hint: hint}
}

// groupBy binds the keys and makes n the input of the aggregation.
func (s *Stream) groupBy(n *Stream, out *Grouped, b *binder, keys []Expr) *Error {
	if err := s.takesBack(b.pos, "GROUP BY", onceHint); err != nil {
		return err
	}
	var bound scope
	weights, heavy := map[int]bool{}, 0
	for i, e := range keys {
		k, err := b.bind(e)
		if err != nil {
			return err
		}
		bound = append(bound, s.graph.output(b, e, k, i+1))
		if k.Op != "col" {
			w := weight(&e, math.MaxInt)
			weights[w], heavy = true, max(heavy, w)
		}
	}
	if err := s.groupByColumns(n, out, b, bound); err != nil {
		return err
	}
	out.group.weights, out.group.heavy = weights, heavy
	return nil
}

func (s *Stream) groupByColumns(n *Stream, out *Grouped, b *binder, keys scope) *Error {
	g := &grouping{graph: s.graph, in: s.node, scope: s.scope}
	for _, k := range keys {
		if s.window.has(k.id) {
			g.window = s.window
		}
	}
	if g.window == nil && !s.graph.bounded {
		return endless(b.pos, b.clause, missingWindow[b.clause])
	}
	if err := s.checkGrouped(g.window, keys, b); err != nil {
		return err
	}
	if err := g.window.spec().Validate(); err != nil {
		return &Error{Pos: g.window.pos, Msg: err.Error()}
	}
	for _, k := range keys {
		if err := g.addKey(s.graph.columns.list[k.id], k.at(b.pos)); err != nil {
			return err
		}
	}
	if len(g.keys) == 0 && len(keys) > 0 && g.window == nil { // groups that are there only when there are rows
		g.keys = g.all[:1:1]
	}
	out.group, out.keys = g, keys
	n.node = s.node.next(node{group: g})
	if err := g.checkPartition(); err != nil {
		return err
	}
	return s.checkTime(g.window)
}

var missingWindow = map[string]string{"GROUP BY": "add window_start to GROUP BY", "DISTINCT": "select window_start too"}

// checkGrouped refuses to leave a row that may be in several windows in none, or in one of several that its keys do not
// tell apart.
func (s *Stream) checkGrouped(w *window, keys scope, b *binder) *Error {
	switch {
	case w == nil && s.window.found():
		return &Error{Pos: b.pos, Msg: fmt.Sprintf("%s does not name the window of %s", b.clause, s.window.function()), Hint: missingWindow[b.clause]}
	case w == nil || w.frame.Kind != windows.Cumulative:
		return nil
	}
	for _, k := range keys {
		if k.id == w.end.id || k.id == w.last.id {
			return nil
		}
	}
	return &Error{Pos: b.pos, Msg: "the steps of CUMULATE have the same window_start", Hint: "name window_end too: it tells them apart"}
}

// checkPartition makes sure that sessions are those of the groups.
func (g *grouping) checkPartition() *Error {
	w := g.window
	if w == nil || len(w.partition) == 0 {
		return nil
	}
	var of, by []string
	same := true
	for _, id := range w.partition {
		c := g.graph.columns.list[id]
		of, same = append(of, c.name), same && slices.Contains(g.keys, c)
	}
	for _, k := range g.keys {
		by, same = append(by, k.name), same && slices.Contains(w.partition, k.id)
	}
	if same {
		return nil
	}
	if len(by) == 0 {
		by = []string{"nothing"}
	}
	return &Error{Pos: w.pos, Msg: fmt.Sprintf("the sessions are of %s, but the rows are grouped by %s besides the window", strings.Join(of, ", "), strings.Join(by, ", ")),
		Hint: "GROUP BY the columns of PARTITION BY, or leave it out: then the sessions are those of the groups"}
}

func (g *grouping) addKey(c *column, pos Pos) *Error {
	if slices.Contains(g.all, c) {
		return nil
	}
	if !g.window.has(c.id) {
		g.all = append(g.all, c)
	}
	if g.followsWindow(c) {
		return nil
	}
	if g.window.unfinished(&g.graph.columns, c.expr()) {
		return &Error{Pos: pos, Msg: fmt.Sprintf("the key %s needs the window of %s, which GROUP BY finds", c.name, g.window.function()), Hint: "compute it behind GROUP BY"}
	}
	if c.typ.Kind == columnar.Map {
		return &Error{Pos: pos, Msg: fmt.Sprintf("the key %s is %s, and maps cannot be compared", c.name, c.typ.Article())}
	}
	if c.typ.Untyped() {
		return &Error{Pos: pos, Msg: fmt.Sprintf("the key %s is %s", c.name, c.typ.Article()), Hint: "write CAST(… AS type)"}
	}
	g.keys = append(g.keys, c)
	return nil
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

// Agg computes expressions over keys and aggregates for each group. The columns are the keys, then these; the columns of
// the window can be used even where they are no keys. The steps right behind, up to the next Select, may use further
// aggregates of the group, and whatever the keys were made of.
func (g *Grouped) Agg(aggs ...Expr) *Stream {
	return g.stream.step(func(n *Stream, pos Pos) *Error {
		n.window, n.group = nil, g.group
		visible := g.keys
		hidden := g.hidden()
		b := &binder{graph: n.graph, scope: append(visible[:len(visible):len(visible)], hidden...), group: g.group, pos: pos, clause: "SELECT", changes: g.group.emission().Changelog}
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

// weight is the number of calls in an expression, or some number above most. Expressions of different weight are never the same, which is cheaper to
// see than to bind both: casts, fields, aliases and literals may be written in several ways and weigh nothing.
func weight(e *Expr, most int) int {
	n := 0
	if e.Kind == CallExpr {
		n++
	}
	for i := 0; i < len(e.Args) && n <= most; i++ {
		n += weight(&e.Args[i], most-n)
	}
	return n
}

// key is the grouped expression that equals e, or nil. It may be called on nil.
func (g *grouping) key(e Expr) *columnar.Expr {
	if g == nil || !g.weights[weight(&e, g.heavy)] {
		return nil
	}
	bound, err := (&binder{graph: g.graph, scope: g.scope}).bind(e)
	if err != nil {
		return nil
	}
	for _, k := range g.all {
		if k.def != nil && k.def.String() == bound.String() {
			out := k.expr()
			if k.def.Op == "field" { // select it by its own name
				out.Name = k.def.Args[1].Value.S
			}
			return out
		}
	}
	return nil
}

// ungrouped explains a column that is not in the result: unknown is returned when the input has none of that name
// either. A key is found here by the name that it has in the input.
func (g *grouping) ungrouped(e Expr, unknown *Error) (*columnar.Expr, *Error) {
	bound, err := (&binder{graph: g.graph, scope: g.scope, pos: unknown.Pos}).column(e)
	if err != nil && len(g.scope.matches(e)) == 0 {
		return nil, unknown
	}
	if err != nil {
		return nil, err
	}
	if bound.Op == "col" && slices.Contains(g.all, g.graph.columns.list[bound.Col]) {
		return bound, nil
	}
	return nil, &Error{Pos: unknown.Pos, Msg: fmt.Sprintf("column %q is neither grouped by nor inside an aggregate", refName(e)),
		Hint: fmt.Sprintf("add it to GROUP BY, or wrap it in an aggregate such as max(%s)", refName(e))}
}
