package dstream

import "github.com/millrace/millrace/columnar"

// Col refers to a column: "name", or "alias.name" where two relations have a column of that name. Matching ignores
// case where no exact match exists.
func Col(name string) Expr {
	for i := 0; i < len(name); i++ {
		if name[i] == '.' {
			return Expr{Kind: ColumnRef, Qualifier: name[:i], Name: name[i+1:]}
		}
	}
	return Expr{Kind: ColumnRef, Name: name}
}

// Str is a string literal.
func Str(s string) Expr {
	return literal(columnar.String, columnar.Value{S: s})
}

// Int is a bigint literal.
func Int(i int64) Expr { return literal(columnar.Int64, columnar.Value{I: i}) }

// Float is a double literal.
func Float(f float64) Expr { return literal(columnar.Float64, columnar.Value{F: f}) }

// Bool is a boolean literal.
func Bool(b bool) Expr {
	v := columnar.Value{}
	if b {
		v.I = 1
	}
	return literal(columnar.Bool, v)
}

// Null is NULL, of whatever type its neighbours ask for.
func Null() Expr { return literal(columnar.Null, columnar.Value{Null: true}) }

func literal(k columnar.Kind, v columnar.Value) Expr {
	return Expr{Kind: LiteralExpr, Type: columnar.Type{Kind: k}, Value: v}
}

// Fn calls a function or operator of [columnar.Functions].
func Fn(name string, args ...Expr) Expr { return Expr{Kind: CallExpr, Name: name, Args: args} }

// CastTo converts e to t. A value that does not fit is an error at run time.
func CastTo(e Expr, t columnar.Type) Expr { return Expr{Kind: CastExpr, Args: []Expr{e}, Type: t} }

// Star is every column that is not hidden, in a select list.
func Star() Expr { return Expr{Kind: StarExpr} }

// As names the column that e makes.
func (e Expr) As(alias string) Expr {
	e.Alias = alias
	return e
}

// Eq is e = o.
func (e Expr) Eq(o Expr) Expr { return Fn("=", e, o) }

// Ne is e <> o.
func (e Expr) Ne(o Expr) Expr { return Fn("<>", e, o) }

// Lt is e < o.
func (e Expr) Lt(o Expr) Expr { return Fn("<", e, o) }

// Le is e <= o.
func (e Expr) Le(o Expr) Expr { return Fn("<=", e, o) }

// Gt is e > o.
func (e Expr) Gt(o Expr) Expr { return Fn(">", e, o) }

// Ge is e >= o.
func (e Expr) Ge(o Expr) Expr { return Fn(">=", e, o) }

// And is e AND o, in three-valued logic.
func (e Expr) And(o Expr) Expr { return Fn("and", e, o) }

// Or is e OR o, in three-valued logic.
func (e Expr) Or(o Expr) Expr { return Fn("or", e, o) }

// Not is NOT e.
func (e Expr) Not() Expr { return Fn("not", e) }

// Add is e + o.
func (e Expr) Add(o Expr) Expr { return Fn("+", e, o) }

// Sub is e - o.
func (e Expr) Sub(o Expr) Expr { return Fn("-", e, o) }

// Mul is e * o.
func (e Expr) Mul(o Expr) Expr { return Fn("*", e, o) }

// Div is e / o; of two integers an integer.
func (e Expr) Div(o Expr) Expr { return Fn("/", e, o) }

// IsNull is e IS NULL.
func (e Expr) IsNull() Expr { return Fn("isnull", e) }

// IsNotNull is e IS NOT NULL.
func (e Expr) IsNotNull() Expr { return Fn("isnotnull", e) }
