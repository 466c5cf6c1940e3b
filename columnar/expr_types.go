package columnar

import "errors"

// The implicit casts: int → bigint → double, date → timestamp, NULL → anything. Where two sides have to agree
// (comparison, CASE, COALESCE), a string literal also becomes the timestamp or date of the other side.

// implicitCost is how far the type of e is from t: 0 the same, negative when there is no implicit cast.
func implicitCost(from, to Kind) int {
	switch {
	case from == to:
		return 0
	case from == Null, from == Int32 && to == Int64, from == Date && to == Timestamp:
		return 1
	case from == Int64 && to == Float64:
		return 2
	case from == Int32 && to == Float64:
		return 3
	}
	return -1
}

// coerce applies an implicit cast. Constants are converted at once, so that a bad literal is found while binding.
func (s Session) coerce(e *Expr, to Type) (*Expr, error) {
	if e.Type == to {
		return e, nil
	}
	out, err := s.Cast(e, to)
	if err != nil || out.Op == "const" {
		return out, err
	}
	out.Text = e.describe() // messages do not show casts that nobody wrote
	if e.Op != "const" {
		return out, nil
	}
	return constantOf(out)
}

// constantOf computes an expression without columns. The error is the bare reason.
func constantOf(e *Expr) (*Expr, error) {
	prog, err := Compile(e, &Schema{})
	if err != nil {
		return nil, err
	}
	v, err := prog.Eval(&Batch{Schema: &Schema{}, Rows: 1})
	if row := (*RowError)(nil); errors.As(err, &row) {
		return nil, errors.New(row.Reason)
	} else if err != nil {
		return nil, err
	}
	c := Const(e.Type, valueAt(v, 0))
	c.Text = e.Text
	return c, nil
}

// errNoCommonType is a clash of argument types, which the caller turns into a message about its function.
var errNoCommonType = errors.New("no common type")

// commonType is the type that all of args can become by implicit casts.
func commonType(args []*Expr) (Type, error) {
	t := Type{Kind: Null}
	for _, a := range args {
		switch {
		case t == a.Type:
		case implicitCost(t.Kind, a.Type.Kind) > 0:
			t = a.Type
		case implicitCost(a.Type.Kind, t.Kind) < 0:
			return literalType(args)
		}
	}
	return t, nil
}

// literalType settles a clash between string literals and one type of time.
func literalType(args []*Expr) (Type, error) {
	t := Type{Kind: Null}
	for _, a := range args {
		if a.Type.Kind == String && a.Op == "const" {
			continue
		}
		if implicitCost(t.Kind, a.Type.Kind) > 0 {
			t = a.Type
		}
		if implicitCost(a.Type.Kind, t.Kind) < 0 {
			return Type{}, errNoCommonType
		}
	}
	if t.Kind != Timestamp && t.Kind != Date {
		return Type{}, errNoCommonType
	}
	return t, nil
}

// agree casts args to their common type. Bare NULLs alone become strings.
func (s Session) agree(args []*Expr) ([]*Expr, Type, error) {
	t, err := commonType(args)
	if err != nil {
		return nil, t, err
	}
	if t.Kind == Null {
		t = Type{Kind: String}
	}
	out := make([]*Expr, len(args))
	for i, a := range args {
		if out[i], err = s.coerce(a, t); err != nil {
			return nil, t, err
		}
	}
	return out, t, nil
}
