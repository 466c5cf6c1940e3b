package dstream

import (
	"fmt"
	"strings"

	"github.com/millrace/millrace/columnar"
)

// Count is count(*): rows.
func Count() Expr { return Fn("count", Star()) }

// CountOf counts the rows in which e is not NULL.
func CountOf(e Expr) Expr { return Fn("count", e) }

// CountDistinct counts the values of e that differ from each other and from NULL.
func CountDistinct(e Expr) Expr {
	out := Fn("count", e)
	out.Distinct = true
	return out
}

// Sum adds up e. The sum of integers is a bigint, and an error when it overflows.
func Sum(e Expr) Expr { return Fn("sum", e) }

// Min is the least e that is not NULL.
func Min(e Expr) Expr { return Fn("min", e) }

// Max is the greatest e that is not NULL.
func Max(e Expr) Expr { return Fn("max", e) }

// Avg is the mean of e.
func Avg(e Expr) Expr { return Fn("avg", e) }

// Where restricts an aggregate to the rows for which cond is true: FILTER (WHERE cond).
func (e Expr) Where(cond Expr) Expr {
	e.Filter = &cond
	return e
}

// IsAggregate reports whether name, in any case, is an aggregate function.
func IsAggregate(name string) bool { return columnar.IsAggregate(name) }

// aggregate is one function over the rows of a group, bound over ids of the input of the group.
type aggregate struct{ *columnar.BoundAgg }

// aggregate binds a call of an aggregate and returns its column.
func (g *grouping) aggregate(e Expr, pos Pos) (*columnar.Expr, *Error) {
	call, err := g.call(e, pos)
	if err != nil {
		return nil, err
	}
	bound, fault := g.graph.session.ResolveAgg(call)
	if fault != nil {
		return nil, &Error{Pos: pos, Msg: fault.Error()}
	}
	return g.column(&aggregate{bound}).expr(), nil
}

// call binds the parts of a call.
func (g *grouping) call(e Expr, pos Pos) (columnar.AggCall, *Error) {
	out := columnar.AggCall{Name: e.Name, Distinct: e.Distinct, Time: g.time()}
	b := &binder{graph: g.graph, scope: g.scope, window: g.window, pos: pos, clause: "an aggregate"}
	args := e.Args
	if strings.EqualFold(e.Name, string(columnar.Count)) && len(args) == 1 && args[0].Kind == StarExpr {
		out.Star, args = true, nil
	}
	var err *Error
	if out.Args, err = b.args(Expr{Args: args}); err != nil {
		return out, err
	}
	for _, o := range e.OrderBy {
		bound, err := b.bind(o.Expr)
		if err != nil {
			return out, err
		}
		first := o.Nulls == NullsFirst || o.Nulls == NullsDefault && o.Desc
		out.OrderBy = append(out.OrderBy, columnar.AggKey{Expr: bound, Desc: o.Desc, NullsFirst: first})
	}
	if e.Filter != nil {
		b.clause = "FILTER"
		if out.Filter, err = b.predicate(*e.Filter); err != nil {
			return out, err
		}
	}
	return out, nil
}

// time is what first and last go by: the time of the window, if it is event time, or else the event time of the source, if the rows have one.
func (g *grouping) time() *columnar.Expr {
	columns := &g.graph.columns
	if g.window != nil && !g.window.frame.Clock {
		return columns.list[g.window.time].expr()
	}
	for n := g.in; n != nil && n.group == nil; n = n.in {
		switch {
		case n.dedup != nil:
			return columns.list[n.dedup.group.window.time].expr()
		case n.source != nil && n.source.EventTime != "":
			return columns.list[g.graph.eventTime(n.source)].expr()
		}
	}
	return nil
}

// column is the column of an aggregate: the same one for equal aggregates.
func (g *grouping) column(a *aggregate) *column {
	for _, c := range g.aggs {
		if c.agg.String() == a.String() {
			return c
		}
	}
	c := g.graph.columns.add(column{name: a.render(g.graph.columns.render), typ: a.Type, agg: a})
	g.aggs = append(g.aggs, c)
	return c
}

// rows is the column of count(*), nil when no expression asked for it.
func (g *grouping) rows() *column {
	for _, c := range g.aggs {
		if c.agg.countsRows() {
			return c
		}
	}
	return nil
}

// countsRows reports whether it is count(*).
func (a *aggregate) countsRows() bool { return a.Func == columnar.CountStar }

// isTime reports whether the aggregate is the value of the time column in some row of the group.
func (a *aggregate) isTime(id int) bool {
	if a == nil {
		return false
	}
	switch a.Func {
	case columnar.Min, columnar.Max, columnar.ArgMin, columnar.ArgMax:
		return a.Args[0].Op == "col" && a.Args[0].Col == id
	}
	return false
}

// spec is the aggregate over columns: at holds the positions of its expressions.
func (a *aggregate) spec(at []int) columnar.Agg {
	next := -1
	return a.Agg("", func(*columnar.Expr) int {
		next++
		return at[next]
	})
}

// render writes the aggregate for people.
func (a *aggregate) render(expr func(*columnar.Expr) string) string {
	if a.countsRows() {
		return string(columnar.CountStar)
	}
	var parts []string
	for _, e := range a.Args {
		parts = append(parts, expr(e))
	}
	for _, p := range a.Params {
		parts = append(parts, expr(columnar.Const(p.Type, p.Value)))
	}
	inside := strings.Join(parts, ", ")
	if a.Distinct {
		inside = "distinct " + inside
	}
	for i, k := range a.Order {
		inside += map[bool]string{true: " order by ", false: ", "}[i == 0] + expr(k.Expr) + map[bool]string{true: " desc"}[k.Desc]
	}
	out := fmt.Sprintf("%s(%s)", a.Func, inside)
	if a.BoundAgg.Where != nil {
		out += " where " + expr(a.BoundAgg.Where)
	}
	return shorten(out)
}
