package columnar

// inListLeast is how many comparisons with literals are worth a table.
const inListLeast = 4

// asInList turns x = 1 OR x = 2 OR … into x IN (1, 2, …), which is the same in three-valued logic and is looked up in a
// table. It is for computing only: the expression keeps its canonical text.
func asInList(e *Expr) *Expr {
	if e.Op != "or" {
		return e
	}
	var x *Expr
	list, ok := equalsOf(&x, nil, e)
	if !ok || len(list) < inListLeast {
		return e
	}
	return &Expr{Op: "in", Type: e.Type, Args: append([]*Expr{x}, list...), Text: e.Text}
}

// equalsOf appends the literals that e compares x with; ok is false when e is more than such comparisons. x is set by the
// first of them.
func equalsOf(x **Expr, list []*Expr, e *Expr) (_ []*Expr, ok bool) {
	if e.Op == "or" {
		if list, ok = equalsOf(x, list, e.Args[0]); !ok {
			return nil, false
		}
		return equalsOf(x, list, e.Args[1])
	}
	if e.Op != "=" || e.Args[1].Op != "const" || e.Args[0].Type != e.Args[1].Type || e.Args[0].Type.CheckKey() != nil {
		return nil, false
	}
	if *x == nil {
		*x = e.Args[0]
	} else if (*x).Op != e.Args[0].Op || (*x).String() != e.Args[0].String() {
		return nil, false
	}
	return append(list, e.Args[1]), true
}
