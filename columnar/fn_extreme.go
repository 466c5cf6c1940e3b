package columnar

func extremeFunctions() []*function {
	extreme := func(name, which string) *function {
		return &function{Function: about(name, name+"(a, b, …)", "The "+which+" of the values that are not NULL; NULL when all are. The order is that of comparison."), takes: "one or more values of one type",
			resolve: resolveExtreme, kernel: extremeKernel, fails: true}
	}
	return []*function{extreme("greatest", "greatest"), extreme("least", "least")}
}

func resolveExtreme(fn *function, args []*Expr) (*Expr, error) {
	if len(args) == 0 {
		return nil, noSuchFunction(fn, args)
	}
	same, t, err := fn.session.agree(args)
	if err != nil {
		return nil, explain(fn, args, err)
	}
	if t.Kind == Map {
		return nil, noSuchFunction(fn, args)
	}
	return &Expr{Op: fn.Name, Type: t, Args: same}, nil
}

// extremeKernel picks an argument for each row and then copies. The comparators hold for one batch, whose vectors they
// look into.
func extremeKernel(e *Expr) kernel {
	sign := 1
	if e.Op == "least" {
		sign = -1
	}
	return func(n *node, f *frame, rows rowSet) error {
		if err := n.evalArgs(f, rows); err != nil {
			return err
		}
		n.pick = resized(n.pick, n.out.N)
		for _, r := range rows.list {
			n.pick[r] = 0
		}
		for i := 1; i < len(n.in); i++ {
			n.pickBetter(rows, int32(i), sign)
		}
		return n.choose(rows.list)
	}
}

// pickBetter moves the pick of rows to argument i where that is better than the one picked before.
func (n *node) pickBetter(rows rowSet, i int32, sign int) {
	compare := make([]func(x, y int32) int, i) // with each argument before
	for k := range compare {
		compare[k] = comparator(n.in[i], n.in[k])
	}
	for _, r := range rows.list {
		best := n.pick[r]
		switch {
		case isNullAt(n.in[i].Valid, r):
		case isNullAt(n.in[best].Valid, r), sign*compare[best](r, r) > 0:
			n.pick[r] = i
		}
	}
}
