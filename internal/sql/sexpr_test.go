package sql

import (
	"fmt"
	"math/big"
	"strconv"
	"strings"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/dstream"
	"github.com/millrace/millrace/windows"
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
		return sexprStar(e)
	case dstream.FieldExpr:
		return fmt.Sprintf("(. %s %s)", sexpr(e.Args[0]), e.Name)
	case dstream.LiteralExpr:
		return sexprValue(e)
	case dstream.CastExpr:
		op := "cast"
		if e.Try {
			op = "try_cast"
		}
		return fmt.Sprintf("(%s %s %s)", op, sexpr(e.Args[0]), e.Type)
	}
	parts := []string{e.Name}
	if e.Distinct {
		parts = append(parts, "distinct")
	}
	for _, a := range e.Args {
		parts = append(parts, sexpr(a))
	}
	for _, o := range e.OrderBy {
		parts = append(parts, sexprOrder(o))
	}
	if e.Filter != nil {
		parts = append(parts, "(filter "+sexpr(*e.Filter)+")")
	}
	return "(" + strings.Join(parts, " ") + ")"
}

func sexprOrder(o dstream.Order) string {
	s := "(by " + sexpr(o.Expr)
	if o.Desc {
		s += " desc"
	}
	return s + []string{"", " nulls-first", " nulls-last"}[o.Nulls] + ")"
}

func sexprStar(e dstream.Expr) string {
	s := "*"
	if e.Qualifier != "" {
		s = e.Qualifier + ".*"
	}
	if len(e.Except) > 0 {
		s = fmt.Sprintf("(except %s %s)", s, strings.Join(e.Except, " "))
	}
	if len(e.Replace) > 0 {
		s = fmt.Sprintf("(replace %s %s)", s, sexprList(e.Replace))
	}
	return s
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
	case columnar.Binary:
		return fmt.Sprintf("x'%x'", e.Value.S)
	case columnar.Int64:
		return strconv.FormatInt(e.Value.I, 10)
	case columnar.Decimal:
		i := new(big.Int).Lsh(big.NewInt(e.Value.Hi), 64)
		return fmt.Sprintf("%s:%s", i.Add(i, new(big.Int).SetUint64(uint64(e.Value.I))), e.Type)
	case columnar.Interval:
		months, days, micros := columnar.Int128{Lo: uint64(e.Value.I), Hi: e.Value.Hi}.Interval()
		return fmt.Sprintf("interval:%dm:%dd:%dus", months, days, micros)
	}
	return fmt.Sprintf("%s:%d", e.Type, e.Value.I)
}

// sexprQuery prints a query clause by clause, each line behind indent.
func sexprQuery(q *query, indent string) string {
	var b strings.Builder
	for _, n := range q.with {
		fmt.Fprintf(&b, "%s(with %s%s\n%s%s)\n", indent, n.name.value, sexprNames(n.columns), sexprQuery(n.query, indent+"  "), indent)
	}
	for i, part := range q.parts {
		if i > 0 {
			b.WriteString(indent + "union all\n")
		}
		if part.query != nil {
			fmt.Fprintf(&b, "%s(\n%s%s)\n", indent, sexprQuery(part.query, indent+"  "), indent)
			continue
		}
		b.WriteString(indent + strings.ReplaceAll(strings.TrimSuffix(sexprSelection(part.selected), "\n"), "\n", "\n"+indent) + "\n")
	}
	return b.String()
}

func sexprNames(names []token) string {
	if len(names) == 0 {
		return ""
	}
	var out []string
	for _, n := range names {
		out = append(out, n.value)
	}
	return "(" + strings.Join(out, " ") + ")"
}

func sexprSelection(s *selection) string {
	head := "(select "
	if d := s.distinct; d.given {
		head = "(select distinct "
		if len(d.on) > 0 {
			head += "on " + sexprList(d.on) + " "
		}
		if d.within.given {
			head += "within " + d.span().String() + " "
		}
	}
	lines := []string{head + sexprList(s.items), "  (from " + sexprSource(s.from) + ")"}
	for _, next := range s.steps {
		lines = append(lines, "  "+sexprStep(next))
	}
	if s.where != nil {
		lines = append(lines, "  (where "+sexpr(*s.where)+")")
	}
	switch {
	case s.groupAll:
		lines = append(lines, "  (group all)")
	case len(s.groupBy) > 0:
		lines = append(lines, "  (group "+sexprList(s.groupBy)+")")
	}
	if s.having != nil {
		lines = append(lines, "  (having "+sexpr(*s.having)+")")
	}
	return strings.Join(lines, "\n") + ")\n"
}

func sexprSource(s source) string {
	out := s.name.value
	if s.query != nil {
		out = "(\n" + sexprQuery(s.query, "    ") + "  )"
	}
	if w := s.window; w != nil {
		out = sexprWindow(w, out)
	}
	if s.alias != "" {
		out += " as " + s.alias
	}
	return out + sexprNames(s.columns)
}

func sexprStep(s step) string {
	if u := s.unnest; u != nil {
		kind := "unnest"
		if u.Left {
			kind = "left-unnest"
		}
		if u.Ordinality {
			kind += " ordinality"
		}
		return fmt.Sprintf("(%s %s as %s(%s))", kind, sexpr(u.Expr), u.Alias, strings.Join(u.Columns, " "))
	}
	j := s.join
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

func sexprWindow(w *windowCall, data string) string {
	out := fmt.Sprintf("(%s %s", strings.ToLower(w.name), data)
	if len(w.partition) > 0 {
		out += fmt.Sprintf(" (by %s)", sexprList(w.partition))
	}
	out += " " + sexpr(w.time)
	for _, l := range []struct {
		name string
		length
	}{{"", w.size}, {" slide", w.slide}, {" offset", w.offset}} {
		switch unit := l.unit(); {
		case !l.given:
		case unit == windows.Micros:
			out += fmt.Sprintf("%s %dus", l.name, l.micros+int64(l.days)*microsPerDay)
		default:
			out += fmt.Sprintf("%s %d %s", l.name, l.in(unit), unit)
		}
	}
	if w.zone != "" {
		out += " in " + w.zone
	}
	return out + ")"
}
