package columnar

// The logic is Kleene's: FALSE and NULL is FALSE, TRUE or NULL is TRUE, else NULL with NULL stays NULL. The second
// argument counts only where the first does not decide, so that x <> 0 AND 10/x > 1 cannot fail.

func andKernel(*Expr) kernel {
	return func(n *node, f *frame, rows rowSet) error { return n.logic(f, rows, true) }
}

func orKernel(*Expr) kernel {
	return func(n *node, f *frame, rows rowSet) error { return n.logic(f, rows, false) }
}

func (n *node) logic(f *frame, rows rowSet, and bool) error {
	a, err := n.args[0].eval(f, rows)
	if err != nil {
		return err
	}
	if n.args[1].fails {
		list := undecided(n.set(0), a, rows.list, and)
		n.sets[0] = list
		rows = rowSet{list: list}
	}
	b, err := n.args[1].eval(f, rows)
	if err != nil {
		return err
	}
	switch dst := n.outBits(); {
	case a.Valid == nil && b.Valid == nil && and:
		n.out.Valid = nil
		bitAnd(dst, a.Bits, b.Bits)
	case a.Valid == nil && b.Valid == nil:
		n.out.Valid = nil
		bitOr(dst, a.Bits, b.Bits)
	default:
		n.kleene(a, b, and)
	}
	return nil
}

// undecided appends the rows at which a alone does not decide: not FALSE under and, not TRUE under or.
func undecided(dst []int32, a *Vector, rows []int32, and bool) []int32 {
	for _, r := range rows {
		if isNullAt(a.Valid, r) || a.Bool(int(r)) == and {
			dst = append(dst, r)
		}
	}
	return dst
}

// kleene combines eight rows at a time. For OR it computes NOT (NOT a AND NOT b).
func (n *node) kleene(a, b *Vector, and bool) {
	n.valid = resized(n.valid, len(n.out.Bits))
	n.out.Valid = n.valid
	var flip byte
	if !and {
		flip = 0xff
	}
	for i := range n.out.Bits {
		av, bv := validByte(a, i), validByte(b, i)
		x, y := a.Bits[i]^flip, b.Bits[i]^flip
		both := av & x & bv & y
		n.out.Bits[i] = both ^ flip
		n.valid[i] = both | av&^x | bv&^y
	}
}

func validByte(v *Vector, i int) byte {
	if v.Valid == nil {
		return 0xff
	}
	return v.Valid[i]
}

func notKernel(*Expr) kernel {
	return strict(func(n *node, _ rowSet) error {
		bitNot(n.outBits(), n.in[0].Bits)
		return nil
	})
}

func isNullKernel(e *Expr) kernel {
	return func(n *node, f *frame, rows rowSet) error {
		if err := n.evalArgs(f, rows); err != nil {
			return err
		}
		n.out.Valid = nil
		nullBits(n.outBits(), n.in[0], e.Op == "isnull")
		return nil
	}
}

// nullBits sets the bits of the NULL rows, or of the others.
func nullBits(dst []byte, v *Vector, null bool) {
	var flip byte
	if null {
		flip = 0xff
	}
	for i := range dst {
		dst[i] = validByte(v, i) ^ flip
	}
}
