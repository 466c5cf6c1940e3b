package columnar

import "fmt"

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
func coerce(e *Expr, to Type) (*Expr, error) {
	if e.Type == to {
		return e, nil
	}
	out, err := Cast(e, to)
	if err != nil || e.Op != "const" {
		return out, err
	}
	prog, err := Compile(out, &Schema{})
	if err != nil {
		return nil, err
	}
	v, err := prog.Eval(&Batch{Schema: &Schema{}, Rows: 1})
	if err != nil {
		return nil, err
	}
	c := Const(to, valueAt(v, 0))
	c.Text = e.Text
	return c, nil
}

// commonType is the type that all of args can become without losing anything.
func commonType(args []*Expr) (Type, error) {
	t := Type{Kind: Null}
	for _, a := range args {
		switch {
		case t == a.Type:
		case implicitCost(t.Kind, a.Type.Kind) > 0:
			t = a.Type
		case implicitCost(a.Type.Kind, t.Kind) < 0:
			return literalType(args, t, a.Type)
		}
	}
	return t, nil
}

// literalType settles a clash between string literals and one type of time.
func literalType(args []*Expr, t, u Type) (Type, error) {
	clash := fmt.Errorf("%s and %s have no common type", t, u)
	other := Type{Kind: Null}
	for _, a := range args {
		if a.Type.Kind == String && a.Op == "const" {
			continue
		}
		if implicitCost(other.Kind, a.Type.Kind) > 0 {
			other = a.Type
		}
		if implicitCost(a.Type.Kind, other.Kind) < 0 {
			return Type{}, clash
		}
	}
	if other.Kind != Timestamp && other.Kind != Date {
		return Type{}, clash
	}
	return other, nil
}

// agree casts args to their common type. Bare NULLs alone become strings.
func agree(args []*Expr) ([]*Expr, Type, error) {
	t, err := commonType(args)
	if err != nil {
		return nil, t, err
	}
	if t.Kind == Null {
		t = Type{Kind: String}
	}
	out := make([]*Expr, len(args))
	for i, a := range args {
		if out[i], err = coerce(a, t); err != nil {
			return nil, t, err
		}
	}
	return out, t, nil
}
