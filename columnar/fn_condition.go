package columnar

// moreConditions are other spellings of CASE, and typeof.
func moreConditions() []*function {
	return []*function{
		{Function: about("if", "if(condition, a, b)", "a where the condition is TRUE, else b; only that one is computed."), takes: "a boolean and two values of one type", kernel: always(nil),
			resolve: func(fn *function, args []*Expr) (*Expr, error) {
				if len(args) != 3 {
					return nil, noSuchFunction(fn, args)
				}
				return delegated(fn, args, "case")
			}},
		{Function: about("nvl2", "nvl2(a, b, c)", "b where a is not NULL, else c."), takes: "a value, and two values of one type", kernel: always(nil), resolve: resolveNVL2},
	}
}

func resolveNVL2(fn *function, args []*Expr) (*Expr, error) {
	if len(args) != 3 {
		return nil, noSuchFunction(fn, args)
	}
	there, err := fn.session.Call("isnotnull", args[0])
	if err != nil {
		return nil, err
	}
	return delegated(fn, []*Expr{there, args[1], args[2]}, "case")
}

func typeFunctions() []*function {
	return []*function{{Function: about("typeof", "typeof(a) → string", "The name of the type of a."), takes: "one value", kernel: always(nil),
		resolve: func(fn *function, args []*Expr) (*Expr, error) {
			if len(args) != 1 {
				return nil, noSuchFunction(fn, args)
			}
			return textLiteral(args[0].Type.String()), nil
		}}}
}
