package columnar

// The kernels here serve functions whose work for a value outweighs a call for it: texts, calendars, JSON. Arithmetic
// has loops of its own.

// verdict says what became of a row: a value, a NULL, or else the reason why the row has no result.
type verdict string

const (
	fine    verdict = ""
	noValue verdict = "NULL"
)

// maxTextBytes bounds the texts of one result vector, whose offsets have 32 bits.
const maxTextBytes = 1<<31 - 1 - Slack

const textsTooLong verdict = "the texts of one batch take more than 2 GiB"

// each calls f for the rows that have no NULL argument.
func (n *node) each(rows rowSet, f func(r int32) verdict) error {
	owned := false
	for _, r := range rows.list {
		if isNullAt(n.out.Valid, r) {
			continue
		}
		switch v := f(r); {
		case v == fine:
		case v != noValue:
			return n.rowError(r, string(v))
		default:
			if !owned {
				n.ownValid()
				owned = true
			}
			n.valid[r>>3] &^= 1 << (r & 7)
		}
	}
	return nil
}

// ownValid makes out.Valid a bitmap that the node may write.
func (n *node) ownValid() {
	old := n.out.Valid
	n.valid = resized(n.valid, bitmapBytes(n.out.N))
	if old == nil {
		for i := range n.valid {
			n.valid[i] = 0xff
		}
	} else {
		copy(n.valid, old)
	}
	n.out.Valid = n.valid
}

// intRows computes a bigint, timestamp or the like for each row.
func intRows(f func(in []*Vector, r int32) (int64, verdict)) kernel {
	return strict(func(n *node, rows rowSet) error {
		dst, in := n.outI64(), n.in
		return n.each(rows, func(r int32) (v verdict) { dst[r], v = f(in, r); return v })
	})
}

// smallRows computes an int or a date for each row.
func smallRows(f func(in []*Vector, r int32) (int32, verdict)) kernel {
	return strict(func(n *node, rows rowSet) error {
		dst, in := n.outI32(), n.in
		return n.each(rows, func(r int32) (v verdict) { dst[r], v = f(in, r); return v })
	})
}

// doubleRows computes a double for each row.
func doubleRows(f func(in []*Vector, r int32) (float64, verdict)) kernel {
	return strict(func(n *node, rows rowSet) error {
		dst, in := n.outF64(), n.in
		return n.each(rows, func(r int32) (v verdict) { dst[r], v = f(in, r); return v })
	})
}

// boolRows computes a boolean for each row.
func boolRows(f func(in []*Vector, r int32) (bool, verdict)) kernel {
	return strict(func(n *node, rows rowSet) error {
		dst, in := n.outBits(), n.in
		return n.each(rows, func(r int32) verdict {
			b, v := f(in, r)
			setBitTo(dst, int(r), b)
			return v
		})
	})
}

// textRows appends a string or binary for each row.
func textRows(f func(dst []byte, in []*Vector, r int32) ([]byte, verdict)) kernel {
	return strict(func(n *node, rows rowSet) error {
		out, in := n.outStrings(), n.in
		err := n.each(rows, func(r int32) (v verdict) {
			out.row(r)
			if out.v.Data, v = f(out.v.Data, in, r); len(out.v.Data) > maxTextBytes {
				return textsTooLong
			}
			return v
		})
		out.done()
		return err
	})
}

// define is a function with the given typings, the nearest of which is taken. Some of its values may have no result.
func define(f Function, takes string, k func(*Expr) kernel, list ...overload) *function {
	return &function{Function: f, takes: takes, kernel: k, resolve: overloaded(list...), fails: true}
}

// always is for kernels that keep nothing between batches.
func always(k kernel) func(*Expr) kernel { return func(*Expr) kernel { return k } }

// sig is one typing of a function.
func sig(out Kind, args ...Kind) overload { return overload{args, out} }

// rewritten is a function that is another one with its arguments in other places.
func rewritten(f Function, takes string, to func(s Session, args []*Expr) (*Expr, error), list ...overload) *function {
	typed := overloaded(list...)
	return &function{Function: f, takes: takes, kernel: always(nil), resolve: func(fn *function, args []*Expr) (*Expr, error) {
		e, err := typed(fn, args)
		if err != nil {
			return nil, err
		}
		return to(fn.session, e.Args)
	}}
}

// intLiteral is a bigint.
func intLiteral(v int64) *Expr { return Const(Type{Kind: Int64}, Value{I: v}) }

// textLiteral is a string.
func textLiteral(s string) *Expr { return Const(Type{Kind: String}, Value{S: s}) }

// literal computes an argument that has to be known before any row is read, such as a unit or a pattern. ok is false
// when it depends on columns or on the plan.
func literal(e *Expr) (*Expr, bool) {
	if e.Op == "const" {
		return e, true
	}
	n, err := compileNode(e, &Schema{})
	if err != nil || !n.isConst() {
		return nil, false
	}
	return n.expr, true
}
