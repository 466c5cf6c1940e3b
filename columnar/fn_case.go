package columnar

func conditionFunctions() []*function {
	return []*function{
		{Function: about("case", "CASE WHEN cond THEN value … ELSE value END", "The first value whose condition is TRUE; a value is computed only for its rows. Without ELSE the rest is NULL."),
			takes: "conditions and values of one type in turn, and the ELSE value", resolve: resolveCase, kernel: func(*Expr) kernel { return caseKernel }},
		{Function: about("coalesce", "coalesce(a, b, …)", "The first value that is not NULL; later ones are computed only where they are needed."),
			takes: "one or more values of one type", resolve: resolveCoalesce, kernel: func(*Expr) kernel { return coalesceKernel }},
		{Function: about("nullif", "nullif(a, b)", "NULL where a = b, else a."), takes: "two values of one type", resolve: agreeing, kernel: nullIfKernel},
	}
}

func resolveCase(fn *function, args []*Expr) (*Expr, error) {
	if len(args) < 2 {
		return nil, noSuchFunction(fn, args)
	}
	if len(args)%2 == 0 {
		args = append(args[:len(args):len(args)], Const(Type{Kind: Null}, Value{Null: true}))
	}
	var values []*Expr
	for i := 1; i < len(args); i += 2 {
		values = append(values, args[i])
	}
	values, t, err := fn.session.agree(append(values, args[len(args)-1]))
	if err != nil {
		return nil, explain(fn, args, err)
	}
	out := make([]*Expr, len(args))
	for i := range args {
		switch {
		case i == len(args)-1 || i%2 == 1:
			out[i] = values[i/2]
		case implicitCost(args[i].Type.Kind, Bool) < 0:
			return nil, noSuchFunction(fn, args)
		default:
			if out[i], err = fn.session.coerce(args[i], Type{Kind: Bool}); err != nil {
				return nil, err
			}
		}
	}
	return &Expr{Op: fn.Name, Type: t, Args: out}, nil
}

func resolveCoalesce(fn *function, args []*Expr) (*Expr, error) {
	if len(args) == 0 {
		return nil, noSuchFunction(fn, args)
	}
	same, t, err := fn.session.agree(args)
	if err != nil {
		return nil, explain(fn, args, err)
	}
	return &Expr{Op: fn.Name, Type: t, Args: same}, nil
}

// caseKernel computes each condition for the rows that no earlier one took, and each value for the rows its condition
// takes.
func caseKernel(n *node, f *frame, rows rowSet) error {
	n.pick = resized(n.pick, n.out.N)
	left, last := rows, len(n.args)-1
	for i := 0; i < last; i += 2 {
		cond, err := n.args[i].eval(f, left)
		if err != nil {
			return err
		}
		hits, rest := n.split(i, left.list, cond.Bits, cond.Valid)
		if err := n.branch(f, i+1, rowSet{list: hits}); err != nil {
			return err
		}
		left = rowSet{list: rest}
	}
	if err := n.branch(f, last, left); err != nil {
		return err
	}
	return n.choose(rows.list)
}

// coalesceKernel computes each value for the rows at which all before it are NULL.
func coalesceKernel(n *node, f *frame, rows rowSet) error {
	n.pick = resized(n.pick, n.out.N)
	left := rows
	for i := range n.args {
		if err := n.branch(f, i, left); err != nil {
			return err
		}
		if v := n.in[i]; v != nil {
			_, rest := n.split(i, left.list, nil, v.Valid)
			left = rowSet{list: rest}
		}
	}
	return n.choose(rows.list)
}

// branch computes argument i for the rows and notes that they take their value from it.
func (n *node) branch(f *frame, i int, rows rowSet) error {
	n.in[i] = nil
	if len(rows.list) == 0 {
		return nil
	}
	v, err := n.args[i].eval(f, rows)
	if err != nil {
		return err
	}
	n.in[i] = v
	for _, r := range rows.list {
		n.pick[r] = int32(i)
	}
	return nil
}

// split parts the rows by a bitmap, nil for all ones, and its validity. The lists are valid until the next evaluation.
func (n *node) split(i int, rows []int32, bits, valid []byte) (hits, rest []int32) {
	hits, rest = n.set(2*i), n.set(2*i+1)
	for _, r := range rows {
		if !isNullAt(valid, r) && (bits == nil || bitSet(bits, int(r))) {
			hits = append(hits, r)
		} else {
			rest = append(rest, r)
		}
	}
	n.sets[2*i], n.sets[2*i+1] = hits, rest
	return hits, rest
}

// choose copies each row from the argument that it picked.
func (n *node) choose(rows []int32) error {
	if err := n.checkChosen(rows); err != nil {
		return err
	}
	n.chooseValid(rows)
	switch n.out.Type.Kind.Storage() {
	case StoredBits:
		dst := n.outBits()
		for _, r := range rows {
			setBitTo(dst, int(r), n.in[n.pick[r]].Bool(int(r)))
		}
	case StoredI32:
		dst := n.outI32()
		for _, r := range rows {
			dst[r] = n.in[n.pick[r]].I32[r]
		}
	case StoredI64:
		dst := n.outI64()
		for _, r := range rows {
			dst[r] = n.in[n.pick[r]].I64[r]
		}
	case StoredF64:
		dst := n.outF64()
		for _, r := range rows {
			dst[r] = n.in[n.pick[r]].F64[r]
		}
	case StoredWide:
		dst := n.outWide()
		for _, r := range rows {
			dst[r] = n.in[n.pick[r]].Wide[r]
		}
	case StoredBytes:
		n.chooseStrings(rows)
	case StoredList, StoredStruct:
		n.chooseNested(rows)
	}
	return nil
}

// checkChosen refuses what the offsets of the result cannot count.
func (n *node) checkChosen(rows []int32) error {
	if !n.out.Type.hasOffsets() {
		return nil
	}
	size := 0
	for _, v := range n.in {
		if v != nil {
			size += len(v.Data)
		}
	}
	if size <= maxTextBytes && !n.out.Type.IsNested() {
		return nil
	}
	size = 0
	for _, r := range rows {
		if size += int(partsSize(n.in[n.pick[r]], r, r+1)); size > maxTextBytes {
			return n.rowError(r, string(textsTooLong))
		}
	}
	return nil
}

// chooseNested leaves the rows that do not count NULL.
func (n *node) chooseNested(rows []int32) {
	p := place{pick: make([]int32, n.out.N), rows: filled(n.out.N, int32(-1))}
	for _, r := range rows {
		p.pick[r], p.rows[r] = n.pick[r], r
	}
	n.out.interleave(n.in, p)
}

func (n *node) chooseValid(rows []int32) {
	n.out.Valid = nil
	for _, v := range n.in {
		if v != nil && v.Valid != nil {
			n.valid = resized(n.valid, bitmapBytes(n.out.N))
			n.out.Valid = n.valid
		}
	}
	if n.out.Valid == nil {
		return
	}
	for _, r := range rows {
		setBitTo(n.valid, int(r), !isNullAt(n.in[n.pick[r]].Valid, r))
	}
}

func (n *node) chooseStrings(rows []int32) {
	out := n.outStrings()
	for _, r := range rows {
		out.row(r)
		if !isNullAt(n.out.Valid, r) {
			out.v.Data = append(out.v.Data, n.in[n.pick[r]].Str(int(r))...)
		}
	}
	out.done()
}

// nullIfKernel compares like "=", in a node of its own, and hides the values that are equal.
func nullIfKernel(e *Expr) kernel {
	equal := &node{expr: &Expr{Op: "=", Type: Type{Kind: Bool}, Args: e.Args}, in: make([]*Vector, 2)}
	compare := compareKernel(equal.expr)
	return func(n *node, f *frame, rows rowSet) error {
		equal.args, equal.out.N = n.args, n.out.N
		if err := compare(equal, f, rows); err != nil {
			return err
		}
		a, b := equal.in[0], equal.in[1]
		n.valid = resized(n.valid, bitmapBytes(n.out.N))
		for i := range n.valid {
			n.valid[i] = validByte(a, i) &^ (equal.out.Bits[i] & validByte(b, i))
		}
		n.out = *a
		n.out.Valid = n.valid
		return nil
	}
}
