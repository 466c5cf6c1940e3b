package sql

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/dstream"
)

// sexpr prints an expression as (function argument …).
func sexpr(e dstream.Expr) string {
	s := sexprBare(e)
	if e.Alias != "" {
		s = fmt.Sprintf("(as %s %s)", s, e.Alias)
	}
	return s
}

func sexprBare(e dstream.Expr) string {
	switch e.Kind {
	case dstream.ColumnRef:
		return qualified(e)
	case dstream.StarExpr:
		e.Name = "*"
		return qualified(e)
	case dstream.LiteralExpr:
		return sexprValue(e)
	case dstream.CastExpr:
		return fmt.Sprintf("(cast %s %s)", sexpr(e.Args[0]), e.Type)
	}
	parts := []string{e.Name}
	for _, a := range e.Args {
		parts = append(parts, sexpr(a))
	}
	return "(" + strings.Join(parts, " ") + ")"
}

func qualified(e dstream.Expr) string {
	if e.Qualifier == "" {
		return e.Name
	}
	return e.Qualifier + "." + e.Name
}

func sexprValue(e dstream.Expr) string {
	switch e.Type.Kind {
	case columnar.Null:
		return "null"
	case columnar.Bool:
		return strconv.FormatBool(e.Value.I == 1)
	case columnar.Float64:
		return strconv.FormatFloat(e.Value.F, 'g', -1, 64) + "d"
	case columnar.String:
		return "'" + e.Value.S + "'"
	case columnar.Int64:
		return strconv.FormatInt(e.Value.I, 10)
	}
	return fmt.Sprintf("%s:%d", e.Type, e.Value.I)
}

// sexprQuery prints a query clause by clause.
func sexprQuery(q *query) string {
	lines := []string{"(select " + sexprList(q.items), "  (from " + sexprSource(q.from) + ")"}
	for _, j := range q.joins {
		lines = append(lines, "  "+sexprJoin(j))
	}
	if q.where != nil {
		lines = append(lines, "  (where "+sexpr(*q.where)+")")
	}
	if len(q.groupBy) > 0 {
		lines = append(lines, "  (group "+sexprList(q.groupBy)+")")
	}
	if q.having != nil {
		lines = append(lines, "  (having "+sexpr(*q.having)+")")
	}
	return strings.Join(lines, "\n") + ")\n"
}

func sexprSource(s source) string {
	out := s.name.value
	if w := s.window; w != nil {
		out = fmt.Sprintf("(tumble %s %s %dus", out, sexpr(w.Time), w.Tumbling.Size)
		if w.Tumbling.Offset != 0 {
			out += fmt.Sprintf(" offset %dus", w.Tumbling.Offset)
		}
		out += ")"
	}
	if s.alias != "" {
		out += " as " + s.alias
	}
	return out
}

func sexprJoin(j join) string {
	kind := "join"
	if j.kind == dstream.LeftOuter {
		kind = "left-join"
	}
	if j.on == nil {
		return fmt.Sprintf("(%s %s as %s using %s)", kind, j.table, j.alias, sexprList(j.using))
	}
	return fmt.Sprintf("(%s %s as %s on %s)", kind, j.table, j.alias, sexpr(*j.on))
}

func sexprList(list []dstream.Expr) string {
	out := make([]string, len(list))
	for i, e := range list {
		out[i] = sexpr(e)
	}
	return strings.Join(out, " ")
}
