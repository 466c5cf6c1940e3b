package columnar

import (
	"strconv"
	"strings"
)

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
	case "cast":
		return "CAST(" + e.Args[0].describe() + " AS " + e.Type.String() + ")"
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
	case Bool:
		return strconv.FormatBool(v.I != 0)
	case Int32, Int64:
		return strconv.FormatInt(v.I, 10)
	case Float64:
		return string(appendDouble(nil, v.F))
	case Date:
		return "DATE '" + string(appendDate(nil, v.I)) + "'"
	case Timestamp:
		return "TIMESTAMP '" + string(appendTimestamp(nil, v.I)) + "'"
	case Interval:
		return "INTERVAL '" + strconv.FormatInt(v.I, 10) + "' MICROSECOND"
	}
	return "'" + strings.ReplaceAll(v.S, "'", "''") + "'"
}
