package columnar

import "strings"

// describe is the expression for messages: as the user wrote it where that is known, else as SQL.
func (e *Expr) describe() string {
	if e.Text != "" {
		return e.Text
	}
	switch e.Op {
	case "col":
		return e.Name
	case "const":
		return e.Value.literal(e.Type)
	case "cast", "try_cast":
		return strings.ToUpper(e.Op) + "(" + e.Args[0].describe() + " AS " + e.Type.String() + ")"
	}
	args := make([]string, len(e.Args))
	for i, a := range e.Args {
		args[i] = a.describe()
	}
	if len(args) == 2 && isOperator(e.Op) {
		return "(" + args[0] + " " + strings.ToUpper(e.Op) + " " + args[1] + ")"
	}
	return e.Op + "(" + strings.Join(args, ", ") + ")"
}

// literal is the value as SQL.
func (v Value) literal(t Type) string {
	if v.Null {
		return "NULL"
	}
	switch t.Kind {
	case Bool, Int8, Int16, Int32, Int64, Float32, Float64, Decimal:
		return v.plain(t)
	case Date:
		return "DATE '" + v.plain(t) + "'"
	case Timestamp:
		return "TIMESTAMP '" + v.plain(t) + "'"
	case LocalTimestamp:
		return "TIMESTAMP_NTZ '" + v.plain(t) + "'"
	case Interval:
		return "INTERVAL '" + v.plain(t) + "'"
	case Array:
		return "ARRAY[" + strings.Join(v.parts(0), ", ") + "]"
	case Map:
		return "MAP(ARRAY[" + strings.Join(v.parts(0), ", ") + "], ARRAY[" + strings.Join(v.parts(1), ", ") + "])"
	case Struct:
		fields := make([]string, len(t.Fields()))
		for i, f := range t.Fields() {
			fields[i] = v.parts(i)[0] + " AS " + quoteField(f.Name)
		}
		return "STRUCT(" + strings.Join(fields, ", ") + ")"
	}
	return "'" + strings.ReplaceAll(v.S, "'", "''") + "'"
}

// plain is the text of CAST AS string.
func (v Value) plain(t Type) string {
	one := (&node{expr: Const(t, v), out: Vector{Type: t}}).broadcast(1)
	return string(AppendText(nil, one, 0))
}

// parts are the values in part i of a nested literal, as SQL.
func (v Value) parts(i int) []string {
	out := []string{}
	for r := range v.Vec.Kids[i].N {
		out = append(out, valueAt(v.Vec.Kids[i], r).literal(v.Vec.Kids[i].Type))
	}
	return out
}
