package dstream

import (
	"fmt"
	"slices"
	"strings"

	"github.com/millrace/millrace/columnar"
)

// binder turns expressions of one clause into typed ones over column ids.
type binder struct {
	graph  *Graph
	scope  scope
	group  *grouping // set behind an aggregation, where aggregates and grouped expressions have a meaning
	window *window   // set where rows are not in their windows yet
	pos    Pos       // of the step, for expressions without a place of their own
	clause string    // for messages: "WHERE", "JOIN", …

	changes bool // the rows are a changelog
}

// bind checks names and types.
func (b *binder) bind(e Expr) (*columnar.Expr, *Error) {
	out, err := b.bindKind(e)
	if err == nil && e.Text != "" && out.Op != "col" && out.Text == "" {
		written := *out
		written.Text = e.Text
		out = &written
	}
	return out, err
}

func (b *binder) bindKind(e Expr) (*columnar.Expr, *Error) {
	switch e.Kind {
	case ColumnRef:
		return b.column(e)
	case LiteralExpr:
		return columnar.Const(e.Type, e.Value), nil
	case StarExpr:
		return nil, b.errorf(e, "* stands only in a select list and in count(*)")
	}
	if IsAggregate(e.Name) && e.Kind == CallExpr {
		return b.aggregate(e)
	}
	if key := b.group.key(e); key != nil {
		return key, nil
	}
	if err := b.checkCall(e); err != nil {
		return nil, err
	}
	args, err := b.args(e)
	if err != nil {
		return nil, err
	}
	switch {
	case e.Kind == FieldExpr:
		return b.field(e, args[0], e.Name)
	case e.Kind == CastExpr && e.Try:
		return b.located(e)(b.graph.session.TryCast(args[0], e.Type))
	case e.Kind == CastExpr:
		return b.located(e)(b.graph.session.Cast(args[0], e.Type))
	}
	return b.call(e, args)
}

func (b *binder) args(e Expr) ([]*columnar.Expr, *Error) {
	out := make([]*columnar.Expr, len(e.Args))
	for i, a := range e.Args {
		var err *Error
		if out[i], err = b.bind(a); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func (b *binder) call(e Expr, args []*columnar.Expr) (*columnar.Expr, *Error) {
	out, err := b.located(e)(b.graph.session.Call(e.Name, args...))
	if err == nil && b.changes && dependsOnNow(out) {
		return nil, &Error{Pos: b.at(e), Msg: fmt.Sprintf("%s differs from batch to batch, so what came out could not be taken back as it was", strings.ToLower(e.Name)),
			Hint: "use it in front of the window, or leave emit: update and on_late_row: update out"}
	}
	return out, err
}

// checkCall refuses functions that do not exist, before their arguments are looked at, and what only aggregates have.
func (b *binder) checkCall(e Expr) *Error {
	if e.Kind != CallExpr {
		return nil
	}
	reason, refused := columnar.RefusedFunction(e.Name)
	switch {
	case refused:
		return b.errorf(e, "%s() is not supported: %s", strings.ToLower(e.Name), reason)
	case !columnar.IsFunction(e.Name):
		return &Error{Pos: b.at(e), Msg: fmt.Sprintf("function %s does not exist", e.Name), Hint: didYouMean(e.Name, functionNames())}
	case e.Distinct:
		return b.errorf(e, "DISTINCT belongs in aggregates, and %s is none", e.Name)
	case e.Filter != nil:
		return b.errorf(e, "FILTER belongs to aggregates, and %s is none", e.Name)
	case len(e.OrderBy) > 0:
		return b.errorf(e, "ORDER BY belongs in aggregates, and %s is none", e.Name)
	}
	return nil
}

// functionNames are the words among the functions and their aliases, and the aggregates.
func functionNames() []string {
	var out []string
	for _, f := range append(columnar.Functions(), columnar.AggregateFunctions()...) {
		for _, name := range append(f.Aliases[:len(f.Aliases):len(f.Aliases)], f.Name) {
			if name[0] >= 'a' && name[0] <= 'z' && !strings.Contains(name, " ") && !slices.Contains(out, name) {
				out = append(out, name)
			}
		}
	}
	return out
}

// column binds a name, or two with a dot in between: relation.column first, then column.field.
func (b *binder) column(e Expr) (*columnar.Expr, *Error) {
	c, err := b.scope.resolve(e, b.at(e))
	if err == nil && b.window.unfinished(&b.graph.columns, c.expr()) {
		return nil, b.window.refuseUnfinished(refName(e), b.at(e), unfinishedHint[b.clause])
	}
	if err == nil {
		return c.expr(), nil
	}
	if len(b.scope.matches(e)) > 0 {
		return nil, err // ambiguous
	}
	if key := b.group.key(e); key != nil {
		return key, nil
	}
	if e.Qualifier != "" && len(b.scope.under(e.Qualifier)) == 0 {
		if c, err := b.scope.resolve(Expr{Name: e.Qualifier}, b.at(e)); err == nil {
			return b.field(e, c.expr(), e.Name)
		}
	}
	if b.group != nil {
		return b.group.ungrouped(e, err)
	}
	return nil, err
}

// field is a field of a struct.
func (b *binder) field(e Expr, of *columnar.Expr, name string) (*columnar.Expr, *Error) {
	text := b.graph.columns.render(of)
	if of.Type.Kind != columnar.Struct {
		return nil, &Error{Pos: b.at(e), Msg: fmt.Sprintf("%s is %s, which has no field %q", text, of.Type.Article(), name), Hint: partsHint(of.Type, name)}
	}
	fields := &columnar.Schema{Fields: of.Type.Fields()}
	i := fields.Index(name)
	if i < 0 {
		return nil, &Error{Pos: b.at(e), Msg: fmt.Sprintf("%s has no field %q", text, name), Hint: hintAmong(name, fields.Names())}
	}
	return fieldOf(of, fields.Fields[i]), nil
}

// partsHint says how SQL reaches the parts of a type that has no fields.
func partsHint(t columnar.Type, name string) string {
	quoted := "'" + strings.ReplaceAll(name, "'", "''") + "'"
	switch {
	case t.Kind == columnar.Map:
		return "a value is reached by its key: …[" + quoted + "]"
	case t.Kind == columnar.Array && t.Elem().Kind == columnar.Struct:
		return "its elements have fields: …[1]." + name + ", or t." + name + " behind CROSS JOIN UNNEST(…) AS t"
	case t.Kind == columnar.String:
		return "a member of a JSON text is … ->> " + quoted
	}
	return ""
}

func (b *binder) aggregate(e Expr) (*columnar.Expr, *Error) {
	if b.group == nil {
		return nil, &Error{Pos: b.at(e), Msg: fmt.Sprintf("the aggregate %s is not allowed in %s", strings.ToLower(e.Name), b.clause), Hint: aggregateHint[b.clause]}
	}
	return b.group.aggregate(e, b.at(e))
}

var aggregateHint = map[string]string{
	"WHERE":        "groups are filtered by HAVING, behind the aggregation",
	"SELECT":       "GROUP BY is missing",
	"an aggregate": "aggregate the result of the first aggregation in a second window",
}

var unfinishedHint = map[string]string{
	"WHERE":        "filter groups by HAVING, or rows by their time",
	"JOIN":         "join what GROUP BY gives",
	"an aggregate": "use the time of the rows",
	"FILTER":       "use the time of the rows",
}

func (b *binder) at(e Expr) Pos {
	if e.Pos != (Pos{}) {
		return e.Pos
	}
	return b.pos
}

func (b *binder) errorf(e Expr, format string, args ...any) *Error {
	return &Error{Pos: b.at(e), Msg: fmt.Sprintf(format, args...)}
}

// located gives the error of the expression compiler the place of e.
func (b *binder) located(e Expr) func(*columnar.Expr, error) (*columnar.Expr, *Error) {
	return func(out *columnar.Expr, err error) (*columnar.Expr, *Error) {
		if err != nil {
			return nil, b.errorf(e, "%s", err)
		}
		return out, nil
	}
}

// predicate binds a condition: a boolean, or NULL.
func (b *binder) predicate(e Expr) (*columnar.Expr, *Error) {
	out, err := b.bind(e)
	if err != nil {
		return nil, err
	}
	if out.Type.Kind == columnar.Null {
		return b.located(e)(columnar.Cast(out, columnar.Type{Kind: columnar.Bool}))
	}
	if out.Type.Kind != columnar.Bool {
		return nil, b.errorf(e, "%s needs a boolean, not %s", b.clause, out.Type.Article())
	}
	return out, nil
}
