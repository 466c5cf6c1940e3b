package columnar

import (
	"fmt"
	"strconv"
	"strings"
)

// Expr is a bound, typed expression over the columns of a schema. Trees are values: build them with [Col], [Const],
// [Call] and [Cast], never change them afterwards. [Compile] turns one into kernels.
type Expr struct {
	Op    string  // "col", "const", or the name of a function in [Functions], e.g. "+", "=", "and", "cast", "case"
	Type  Type    // result type
	Col   int     // for "col": position in the input schema
	Name  string  // for "col": the column's name, for messages
	Value Value   // for "const"
	Args  []*Expr // for functions
	Text  string  // the expression as the user wrote it, for messages; not part of its identity
}

// Value is a literal. Its kind is the Type of the expression that holds it.
type Value struct {
	Null bool    // then the others do not count
	I    int64   // Bool (0, 1), integers, Date (days), times and Interval (microseconds), low half of a Decimal
	Hi   int64   // high half of a Decimal; months and days of an Interval, see [MakeInterval]
	F    float64 // Float32, Float64
	S    string  // String, Binary; of a Float64 literal its digits as written, which are no part of its identity
	Vec  *Vector // Array, Struct, Map: a canonical vector of one row
}

// wide is a Decimal or an Interval.
func (v Value) wide() Int128 { return Int128{Lo: uint64(v.I), Hi: v.Hi} }

// WideValue is the literal of a Decimal or an Interval.
func WideValue(x Int128) Value { return Value{I: int64(x.Lo), Hi: x.Hi} }

// Col is the i-th column of a schema.
func Col(s *Schema, i int) *Expr {
	return &Expr{Op: "col", Type: s.Fields[i].Type, Col: i, Name: s.Fields[i].Name}
}

// Const is a literal of type t.
func Const(t Type, v Value) *Expr { return &Expr{Op: "const", Type: t, Value: v} }

// String is the canonical text of the expression: equal trees have equal texts, whatever their spelling was. It is
// part of the job hash, so it must not change from version to version.
func (e *Expr) String() string {
	switch e.Op {
	case "col":
		return fmt.Sprintf("#%d:%s", e.Col, e.Type)
	case "const":
		return e.Value.text(e.Type)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s:%s(", e.Op, e.Type)
	for i, a := range e.Args {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(a.String())
	}
	b.WriteByte(')')
	return b.String()
}

func (v Value) text(t Type) string {
	if v.Null {
		return "null:" + t.String()
	}
	switch t.Kind {
	case Float32, Float64:
		return strconv.FormatFloat(v.F, 'g', -1, 64) + ":" + t.String()
	case String, Binary:
		return strconv.Quote(v.S) + ":" + t.String()
	case Decimal:
		return string(v.wide().AppendDecimal(nil, int(t.Scale))) + ":" + t.String()
	case Array, Struct, Map:
		return v.partsText(t) + ":" + t.String()
	case Interval:
		if months, days, _ := v.wide().Interval(); months != 0 || days != 0 {
			return fmt.Sprintf("%d months %d days %d:interval", months, days, v.I)
		}
	}
	return strconv.FormatInt(v.I, 10) + ":" + t.String()
}

// partsText is the canonical text of the parts of a nested literal, in brackets.
func (v Value) partsText(t Type) string {
	from, to := 0, 1
	if t.Kind.Storage() == StoredList {
		from, to = int(v.Vec.Off[0]), int(v.Vec.Off[1])
	}
	var parts []string
	for i := from; i < to; i++ {
		for k, kid := range v.Vec.Kids {
			parts = append(parts, valueAt(kid, i).text(t.nested.fields[k].Type))
		}
	}
	return "[" + strings.Join(parts, ",") + "]"
}
