package columnar

// testFunctions are the tests with words: IS …, IN, BETWEEN.
func testFunctions() []*function {
	boolean := overloaded(overload{[]Kind{Bool}, Bool})
	is := func(name, what, doc string) *function {
		return &function{Function: about(name, "a IS "+what+" → boolean", doc), takes: "a boolean", resolve: boolean, kernel: truthKernel}
	}
	return []*function{
		{Function: about("isdistinct", "a IS DISTINCT FROM b → boolean", "Whether a and b differ, where NULL is a value that equals itself."),
			takes: "two values of one type", resolve: comparing, kernel: distinctKernel},
		{Function: about("isnotdistinct", "a IS NOT DISTINCT FROM b → boolean", "Whether a and b are equal, where NULL is a value that equals itself."),
			takes: "two values of one type", resolve: comparing, kernel: distinctKernel},
		is("istrue", "TRUE", "Whether a is TRUE; never NULL."), is("isnottrue", "NOT TRUE", "Whether a is FALSE or NULL; never NULL."),
		is("isfalse", "FALSE", "Whether a is FALSE; never NULL."), is("isnotfalse", "NOT FALSE", "Whether a is TRUE or NULL; never NULL."),
		is("isunknown", "UNKNOWN", "Whether a, a boolean, is NULL."), is("isnotunknown", "NOT UNKNOWN", "Whether a, a boolean, is not NULL."),
		{Function: about("in", "a IN (b, …) → boolean", "Whether a is in the list; NULL when it is not and the list has a NULL, or when a is NULL."),
			takes: "values of one type", resolve: resolveIn, kernel: inKernel},
		{Function: about("between", "a BETWEEN b AND c → boolean", "b <= a AND a <= c."), takes: "three values of one type", resolve: resolveBetween, kernel: always(nil)},
	}
}

// distinctKernel compares like "=", in a node of its own, and then looks at NULLs.
func distinctKernel(e *Expr) kernel {
	var flip byte
	if e.Op == "isnotdistinct" {
		flip = 0xff
	}
	equal := &node{expr: &Expr{Op: "=", Type: Type{Kind: Bool}, Args: e.Args}, in: make([]*Vector, 2)}
	compare := compareKernel(equal.expr)
	if compare == nil {
		return nil
	}
	return func(n *node, f *frame, rows rowSet) error {
		equal.args, equal.out.N = n.args, n.out.N
		if err := compare(equal, f, rows); err != nil {
			return err
		}
		n.out.Valid = nil
		dst := n.outBits()
		for i := range dst {
			a, b := validByte(equal.in[0], i), validByte(equal.in[1], i)
			dst[i] = (a ^ b | a&b&^equal.out.Bits[i]) ^ flip
		}
		return nil
	}
}

// truthKernel is the tests of one boolean.
func truthKernel(e *Expr) kernel {
	// which of TRUE, FALSE and NULL give TRUE, as masks
	masks := map[string][3]byte{
		"istrue": {0xff, 0, 0}, "isnottrue": {0, 0xff, 0xff}, "isfalse": {0, 0xff, 0}, "isnotfalse": {0xff, 0, 0xff},
		"isunknown": {0, 0, 0xff}, "isnotunknown": {0xff, 0xff, 0},
	}[e.Op]
	return func(n *node, f *frame, rows rowSet) error {
		if err := n.evalArgs(f, rows); err != nil {
			return err
		}
		n.out.Valid = nil
		dst, v := n.outBits(), n.in[0]
		for i := range dst {
			known := validByte(v, i)
			dst[i] = known&v.Bits[i]&masks[0] | known&^v.Bits[i]&masks[1] | ^known&masks[2]
		}
		return nil
	}
}

func resolveBetween(fn *function, args []*Expr) (*Expr, error) {
	if len(args) != 3 {
		return nil, noSuchFunction(fn, args)
	}
	low, err1 := fn.session.Call(">=", args[0], args[1])
	high, err2 := fn.session.Call("<=", args[0], args[2])
	if err1 != nil {
		return nil, err1
	} else if err2 != nil {
		return nil, err2
	}
	return fn.session.Call("and", low, high)
}

// resolveIn keeps the literals of the list together; the others are compared one by one.
func resolveIn(fn *function, args []*Expr) (*Expr, error) {
	if len(args) < 2 {
		return nil, noSuchFunction(fn, args)
	}
	same, t, err := fn.session.agree(args)
	switch {
	case err != nil:
		return nil, explain(fn, args, err)
	case t.Kind == Decimal && t.Precision == MaxPrecision || t.CheckKey() != nil: // a decimal may not fit into the type of all
		return anyEqual(fn.session, nil, args[0], args[1:])
	}
	list := []*Expr{same[0]}
	var others []*Expr
	for i, a := range same[1:] {
		if a.Op == "const" {
			list = append(list, a)
		} else {
			others = append(others, args[i+1])
		}
	}
	if len(list) == 1 {
		return anyEqual(fn.session, nil, args[0], others)
	}
	return anyEqual(fn.session, &Expr{Op: fn.Name, Type: Type{Kind: Bool}, Args: list}, args[0], others)
}

// anyEqual is first OR a = list[0] OR …; first may be nil.
func anyEqual(s Session, first, a *Expr, list []*Expr) (e *Expr, err error) {
	e = first
	for _, b := range list {
		equal, err := s.Call("=", a, b)
		if err != nil {
			return nil, err
		}
		if e == nil {
			e = equal
		} else if e, err = s.Call("or", e, equal); err != nil {
			return nil, err
		}
	}
	return e, nil
}

// inKernel looks the values up in a table of the list.
func inKernel(e *Expr) kernel {
	t := e.Args[0].Type
	list := NewBuilder(t)
	hasNull := false
	for _, a := range e.Args[1:] {
		if a.Op != "const" || a.Type != t {
			return nil
		}
		if hasNull = hasNull || a.Value.Null; !a.Value.Null {
			list.AppendFrom((&node{expr: a, out: Vector{Type: t}}).broadcast(1), 0)
		}
	}
	set := inSet{table: newKeyTable([]Type{t}), hasNull: hasNull, column: []int{0}}
	all := (&frame{}).identity(list.Len())
	set.table.bind(&Batch{Cols: []*Vector{list.Vector()}}, set.column, all)
	set.table.number(nil, all)
	return func(n *node, f *frame, rows rowSet) error {
		if err := n.evalArgs(f, rows); err != nil {
			return err
		}
		set.test(n, rows)
		return nil
	}
}

// inSet is the list of an IN, with buffers.
type inSet struct {
	table   *keyTable
	hasNull bool
	column  []int
	batch   Batch
	cols    [1]*Vector
	live    []int32
	numbers []uint32
	found   []int32
}

func (s *inSet) test(n *node, rows rowSet) {
	v := n.in[0]
	s.cols[0] = v
	s.batch.Cols = s.cols[:]
	s.live = withoutNull(s.live[:0], &s.batch, s.column, rows.list)
	s.table.bind(&s.batch, s.column, s.live)
	s.numbers, s.found = s.table.lookup(s.numbers, s.found, s.live)
	dst := n.outBits()
	clear(dst)
	for _, r := range s.found {
		dst[r>>3] |= 1 << (r & 7)
	}
	n.out.Valid = v.Valid
	if s.hasNull { // what is not found is NULL
		n.valid = append(n.valid[:0], dst...)
		n.out.Valid = n.valid
	}
}
