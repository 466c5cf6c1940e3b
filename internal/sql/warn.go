package sql

import (
	"fmt"
	"strings"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/dstream"
)

// warner looks for integer divisions. It types expressions as far as it can and leaves every mistake to the builder.
type warner struct {
	types    map[string]columnar.Type // by name and by qualifier.name, in lower case
	warnings []Warning
}

func (b *binder) warn(items []dstream.Expr, columns []dstream.Column) {
	w := &warner{types: map[string]columnar.Type{}}
	for _, c := range columns {
		w.types[strings.ToLower(c.Name)] = c.Type
		w.types[strings.ToLower(c.Qualifier+"."+c.Name)] = c.Type
	}
	for _, e := range items {
		w.typed(e)
	}
	b.warnings = append(b.warnings, w.warnings...)
}

// typed stands for e where only its type and constants count; nil when the type is not known.
func (w *warner) typed(e dstream.Expr) *columnar.Expr {
	switch e.Kind {
	case dstream.ColumnRef:
		return w.column(e)
	case dstream.LiteralExpr:
		return columnar.Const(e.Type, e.Value)
	case dstream.CastExpr:
		w.typed(e.Args[0])
		return placeholder(e.Type)
	case dstream.CallExpr:
		return w.call(e)
	case dstream.FieldExpr:
		return field(w.typed(e.Args[0]), e.Name)
	case dstream.StarExpr:
		for _, r := range e.Replace {
			w.typed(r)
		}
	}
	return nil
}

// field stands for a field of a struct.
func field(of *columnar.Expr, name string) *columnar.Expr {
	if of == nil || of.Type.Kind != columnar.Struct {
		return nil
	}
	i := of.Type.FieldIndex(name)
	if i < 0 {
		return nil
	}
	return placeholder(of.Type.Fields()[i].Type)
}

func (w *warner) column(e dstream.Expr) *columnar.Expr {
	name := e.Name
	if e.Qualifier != "" {
		name = e.Qualifier + "." + name
	}
	if t, ok := w.types[strings.ToLower(name)]; ok {
		return placeholder(t)
	}
	if t, ok := w.types[strings.ToLower(e.Qualifier)]; ok {
		return field(placeholder(t), e.Name)
	}
	return nil
}

func placeholder(t columnar.Type) *columnar.Expr { return &columnar.Expr{Op: "col", Type: t} }

func (w *warner) call(e dstream.Expr) *columnar.Expr {
	if dstream.IsAggregate(e.Name) {
		return w.aggregate(e)
	}
	args := make([]*columnar.Expr, len(e.Args))
	known := true
	for i, a := range e.Args {
		args[i] = w.typed(a)
		known = known && args[i] != nil
	}
	if !known {
		return nil
	}
	w.division(e, args)
	out, err := columnar.Call(e.Name, args...)
	if err != nil {
		return nil
	}
	return placeholder(out.Type)
}

func (w *warner) aggregate(e dstream.Expr) *columnar.Expr {
	if e.Filter != nil {
		w.typed(*e.Filter)
	}
	for _, o := range e.OrderBy {
		w.typed(o.Expr)
	}
	call := columnar.AggCall{Name: e.Name, Distinct: e.Distinct}
	for _, a := range e.Args {
		if a.Kind == dstream.StarExpr {
			call.Star = true
			continue
		}
		arg := w.typed(a)
		if arg == nil {
			return nil
		}
		call.Args = append(call.Args, arg)
	}
	bound, err := columnar.Session{}.ResolveAgg(call)
	if err != nil {
		return nil
	}
	return placeholder(bound.Type)
}

func isInteger(e *columnar.Expr) bool {
	return e.Type.Integer()
}

// division warns of one by zero, and of one of integers.
func (w *warner) division(e dstream.Expr, args []*columnar.Expr) {
	if e.Name != "/" && e.Name != "%" {
		return
	}
	text := oneLine(e.Text)
	switch {
	case isZero(args[1]):
		w.warn(e, "%s divides by zero: the first row stops the job; write another divisor, as nullif(…, 0) where 0 is to give NULL", text)
	case e.Name == "/" && isInteger(args[0]) && isInteger(args[1]):
		w.warn(e, "%s divides integers: a share is 0 or 1; write 1.0 * %s", text, text)
	}
}

// isZero reports whether an expression is a number, written down, that is 0.
func isZero(e *columnar.Expr) bool {
	return e.Op == "const" && e.Type.Numeric() && !e.Value.Null && e.Value.I == 0 && e.Value.Hi == 0 && e.Value.F == 0
}

func (w *warner) warn(e dstream.Expr, format string, args ...any) {
	w.warnings = append(w.warnings, Warning{Pos: e.Pos, Msg: fmt.Sprintf(format, args...)})
}

// oneLine is the beginning of a piece of SQL, with single blanks. It looks at no more than it shows: pieces lie inside
// each other, and all of them together can be far longer than the text.
func oneLine(text string) string {
	const most = 500
	if len(text) > most {
		text = strings.ToValidUTF8(text[:most], "") + " …"
	}
	return shortened(strings.Join(strings.Fields(text), " "))
}
