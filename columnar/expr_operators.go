package columnar

import "fmt"

// operatorFunctions are the comparisons, the logic and the arithmetic.
func operatorFunctions() []*function {
	const two = "two values of one type"
	boolean := overloaded(overload{[]Kind{Bool, Bool}, Bool})
	var list []*function
	for _, op := range []string{"=", "<>", "<", "<=", ">", ">="} {
		list = append(list, &function{Function: about(op, "a "+op+" b → boolean", "Compares; strings bytewise, NaN equals NaN and is above all doubles."),
			takes: two, resolve: comparing, kernel: compareKernel})
	}
	list = append(list,
		&function{Function: about("and", "a AND b → boolean", "Three-valued AND; b is not computed where a is FALSE."), takes: "two booleans", resolve: boolean, kernel: andKernel},
		&function{Function: about("or", "a OR b → boolean", "Three-valued OR; b is not computed where a is TRUE."), takes: "two booleans", resolve: boolean, kernel: orKernel},
		&function{Function: about("not", "NOT a → boolean", "Negation; NULL stays NULL."), takes: "a boolean", resolve: overloaded(overload{[]Kind{Bool}, Bool}), kernel: notKernel},
		&function{Function: about("isnull", "a IS NULL → boolean", "Whether a is NULL."), takes: "one value", resolve: anyValue, kernel: isNullKernel},
		&function{Function: about("isnotnull", "a IS NOT NULL → boolean", "Whether a is not NULL."), takes: "one value", resolve: anyValue, kernel: isNullKernel})
	return append(append(list, testFunctions()...), arithmetic()...)
}

func anyValue(fn *function, args []*Expr) (*Expr, error) {
	if len(args) != 1 {
		return nil, noSuchFunction(fn, args)
	}
	same, _, err := fn.session.agree(args)
	if err != nil {
		return nil, err
	}
	return &Expr{Op: fn.Name, Type: Type{Kind: Bool}, Args: same}, nil
}

// comparing resolves a comparison. Decimals, and integers beside them, keep their digits: they are compared exactly.
func comparing(fn *function, args []*Expr) (*Expr, error) {
	if len(args) != 2 {
		return nil, noSuchFunction(fn, args)
	}
	same, t, err := fn.session.comparable(args)
	switch {
	case err != nil:
		return nil, explain(fn, args, err)
	case t.hasMap() && fn.Name != "=" && fn.Name != "<>" && fn.Name != "isdistinct" && fn.Name != "isnotdistinct":
		return nil, fmt.Errorf("operator %s(%s, %s) does not exist; maps have no order and compare with = and <> only", fn.Name, args[0].Type, args[1].Type)
	}
	return &Expr{Op: fn.Name, Type: Type{Kind: Bool}, Args: same}, nil
}

// comparable casts two values so that they compare; t is the type of the first then.
func (s Session) comparable(args []*Expr) (same []*Expr, t Type, err error) {
	args = decimalLiterals(args)
	if !exactNumbers(args) {
		return s.agree(args)
	}
	same = make([]*Expr, len(args))
	for i, a := range args {
		if same[i], err = s.coerce(a, asDecimal(a.Type)); err != nil {
			return nil, t, err
		}
	}
	return same, same[0].Type, nil
}

// exactNumbers reports whether all are decimals and integers, and at least one is a decimal.
func exactNumbers(args []*Expr) bool {
	found := false
	for _, a := range args {
		if !a.Type.Integer() && a.Type.Kind != Decimal {
			return false
		}
		found = found || a.Type.Kind == Decimal
	}
	return found
}
