package dstream

import (
	"fmt"

	"github.com/millrace/millrace/columnar"
)

// Pos is a place in the text that a job came from: a query file, a job file, or the Go source of a program that calls
// the builder. The zero Pos is unknown.
type Pos struct {
	File   string
	Line   int // from 1
	Column int // from 1, in characters
}

// String returns file:line:column.
func (p Pos) String() string {
	switch {
	case p.Line == 0:
		return p.File
	case p.Column == 0:
		return fmt.Sprintf("%s:%d", p.File, p.Line)
	}
	return fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Column)
}

// Error is a mistake in the description of a job.
type Error struct {
	Pos  Pos
	Msg  string // what is wrong
	Hint string // what to write instead; may be empty
}

func (e *Error) Error() string {
	s := e.Msg
	if p := e.Pos.String(); p != "" {
		s = p + ": " + s
	}
	if e.Hint != "" {
		s += "; " + e.Hint
	}
	return s
}

// ExprKind says what an [Expr] is.
type ExprKind uint8

// The kinds of expressions.
const (
	ColumnRef   ExprKind = iota // Qualifier, Name
	LiteralExpr                 // Type, Value
	CallExpr                    // Name, Args: a function or operator of columnar.Functions, or an aggregate
	CastExpr                    // Args[0] to Type
	StarExpr                    // * or Qualifier.*; only in a select list and as the argument of count
	FieldExpr                   // Args[0].Name: a field of a struct
)

// Expr is an expression whose names and types are not yet checked. It is a value; methods return new ones.
//
// a.b is a ColumnRef with a qualifier. It means the column b of a relation a where there is one, else the field b of a
// column a. Longer paths are FieldExprs around it.
type Expr struct {
	Kind      ExprKind
	Qualifier string // alias of a table or stream, as written; may be empty
	Name      string // column, function or field name, as written
	Args      []Expr
	Type      columnar.Type
	Value     columnar.Value
	Try       bool     // casts: NULL instead of an error
	Distinct  bool     // aggregates: DISTINCT was written
	Filter    *Expr    // aggregates: FILTER (WHERE …)
	OrderBy   []Order  // aggregates: ORDER BY inside
	Except    []string // stars: columns to leave out
	Replace   []Expr   // stars: expressions to put in the place of the columns that their aliases name
	Alias     string   // AS name; may be empty
	Text      string   // the piece of SQL; empty from the builder
	Pos       Pos
}

// Order is one key of an ORDER BY.
type Order struct {
	Expr  Expr
	Desc  bool
	Nulls NullOrder
}

// NullOrder says where NULLs stand in an order.
type NullOrder uint8

// The places of NULLs. By default NULL counts as greater than everything, as in PostgreSQL.
const (
	NullsDefault NullOrder = iota // last, or first with DESC
	NullsFirst
	NullsLast
)
