package dstream

import (
	"fmt"
	"slices"
	"strings"

	"github.com/millrace/millrace/columnar"
)

// references appends the columns of e to out, each once, in the order in which they are met.
func references(e *columnar.Expr, out []int) []int {
	if e.Op == "col" && !slices.Contains(out, e.Col) {
		out = append(out, e.Col)
	}
	for _, a := range e.Args {
		out = references(a, out)
	}
	return out
}

// substitute returns e with every column replaced.
func substitute(e *columnar.Expr, column func(c *columnar.Expr) *columnar.Expr) *columnar.Expr {
	if e.Op == "col" {
		return column(e)
	}
	if len(e.Args) == 0 {
		return e
	}
	out := *e
	out.Args = make([]*columnar.Expr, len(e.Args))
	for i, a := range e.Args {
		out.Args[i] = substitute(a, column)
	}
	if of := out.Args[0].Type; e.Op == "field" && of != e.Args[0].Type { // fewer fields of it are decoded
		out.Type = of.Fields()[of.FieldIndex(e.Args[1].Value.S)].Type
	}
	return &out
}

// render writes an expression over ids for people, with the columns' own names: aliases leave no trace.
func (s *columnSet) render(e *columnar.Expr) string {
	w := renderer{name: func(id int) string { return s.list[id].name }, hide: s.hide}
	w.expr(e)
	return w.String()
}

// renderExpr writes e for people.
func renderExpr(e *columnar.Expr, name func(col int) string) string {
	w := renderer{name: name}
	w.expr(e)
	return w.String()
}

// renderOuter is renderExpr without parentheses around the whole.
func renderOuter(e *columnar.Expr, name func(col int) string) string {
	return outer(e, renderExpr(e, name))
}

func outer(e *columnar.Expr, text string) string {
	if len(e.Args) == 2 && infix(e.Op) {
		return text[1 : len(text)-1]
	}
	return text
}

// renderer writes expressions, whose nesting may be deep, piece by piece.
type renderer struct {
	strings.Builder
	name func(col int) string
	hide func(literal string) string // may be nil
}

func (w *renderer) expr(e *columnar.Expr) {
	switch {
	case e.Op == "col":
		w.WriteString(w.name(e.Col))
	case e.Op == "const":
		w.WriteString(renderConst(w.shown(e)))
	case e.Op == "cast" || e.Op == "try_cast":
		w.WriteString(e.Op + "(")
		w.expr(e.Args[0])
		w.WriteString(" as " + e.Type.String())
		if len(e.Args) > 1 {
			w.WriteString(" in " + e.Args[1].Value.S)
		}
		w.WriteByte(')')
	case e.Op == "field":
		w.expr(e.Args[0])
		w.WriteString("." + e.Args[1].Value.S)
	case len(e.Args) == 2 && infix(e.Op):
		w.list("(", e.Args, " "+e.Op+" ")
	default:
		w.list(e.Op+"(", e.Args, ", ")
	}
}

// shown is a literal without what is secret in it. A digest stays: state has such names, and what another secret made is
// another state.
func (w *renderer) shown(e *columnar.Expr) *columnar.Expr {
	if w.hide == nil || e.Value.Null {
		return e
	}
	text := renderConst(e)
	if e.Type.Kind == columnar.String || e.Type.Kind == columnar.Binary {
		text = e.Value.S
	}
	if hidden := w.hide(text); hidden != text {
		return columnar.Const(columnar.Type{Kind: columnar.String}, columnar.Value{S: hidden + "#" + digest(text)[:8]})
	}
	return e
}

func (w *renderer) list(open string, args []*columnar.Expr, separator string) {
	w.WriteString(open)
	for i, a := range args {
		if i > 0 {
			w.WriteString(separator)
		}
		w.expr(a)
	}
	w.WriteByte(')')
}

func infix(op string) bool {
	return op == "and" || op == "or" || !(op[0] >= 'a' && op[0] <= 'z')
}

func renderConst(e *columnar.Expr) string {
	switch {
	case e.Value.Null:
		return "null"
	case e.Type.Kind == columnar.Interval:
		return renderInterval(e.Value)
	case e.Type.Kind == columnar.String || e.Type.Kind == columnar.Binary:
		return "'" + strings.ReplaceAll(e.Value.S, "'", "''") + "'"
	case e.Type.Kind == columnar.Float64 || e.Type.Kind == columnar.Float32:
		return fmt.Sprint(e.Value.F)
	case e.Type.Kind == columnar.Decimal:
		return string(wide(e.Value).AppendDecimal(nil, int(e.Type.Scale)))
	case e.Type.Kind == columnar.Bool:
		return fmt.Sprint(e.Value.I != 0)
	case e.Type.Kind == columnar.Timestamp:
		return "timestamp '" + instant(e.Value.I) + "'"
	case e.Type.Kind == columnar.LocalTimestamp:
		return "timestamp_ntz '" + instant(e.Value.I) + "'"
	case e.Type.IsNested():
		return e.String()
	case e.Type.Kind == columnar.Date:
		return "date '" + instant(e.Value.I * microsPerDay)[:len("2006-01-02")] + "'"
	}
	return fmt.Sprint(e.Value.I)
}

func wide(v columnar.Value) columnar.Int128 { return columnar.Int128{Lo: uint64(v.I), Hi: v.Hi} }

// renderInterval leaves out the parts of an interval that are nothing.
func renderInterval(v columnar.Value) string {
	months, days, us := wide(v).Interval()
	var parts []string
	if months != 0 {
		parts = append(parts, counted(int(months), "month"))
	}
	if days != 0 {
		parts = append(parts, counted(int(days), "day"))
	}
	if us != 0 || len(parts) == 0 {
		parts = append(parts, micros(us))
	}
	return strings.Join(parts, " ")
}
