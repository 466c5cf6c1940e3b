package columnar

import "math/bits"

// decimalKernel computes +, −, * and % exactly. Where the result's type has room for every result, the loops run over
// all physical rows in 128 bits; else each row is computed in 256 and checked.
func decimalKernel(e *Expr) kernel {
	a, b, t := e.Args[0].Type, e.Args[1].Type, e.Type
	if a.Kind != Decimal || b.Kind != Decimal {
		return nil
	}
	up := [2]uint128{pow10[t.Scale-min(t.Scale, a.Scale)], pow10[t.Scale-min(t.Scale, b.Scale)]}
	switch whole := max(a.Precision-a.Scale, b.Precision-b.Scale); {
	case e.Op == "%":
		return moduloKernel(up)
	case e.Op == "*" && a.Precision+b.Precision <= MaxPrecision:
		return strict(mulDecimals)
	case e.Op == "*":
		return checkedDecimals(func(x, y Int128) int256 {
			m, negative := y.magnitude()
			if negative {
				x = x.Neg()
			}
			return product(x, m)
		})
	case whole+t.Scale < MaxPrecision:
		return strict(func(n *node, _ rowSet) error { addDecimals(n, up, e.Op == "-"); return nil })
	case e.Op == "-":
		return checkedDecimals(func(x, y Int128) int256 { return product(x, up[0]).sub(product(y, up[1])) })
	}
	return checkedDecimals(func(x, y Int128) int256 { return product(x, up[0]).add(product(y, up[1])) })
}

func checkedDecimals(f func(x, y Int128) int256) kernel {
	return strict(func(n *node, rows rowSet) error {
		dst, a, b := n.outWide(), n.in[0].Wide, n.in[1].Wide
		for _, r := range rows.list {
			if isNullAt(n.out.Valid, r) {
				continue
			}
			v, ok := f(a[r], b[r]).within(pow10[n.out.Type.Precision])
			if !ok {
				return n.rowError(r, n.rangeReason(true))
			}
			dst[r] = v
		}
		return nil
	})
}

// times is the product without what exceeds 128 bits.
func (v Int128) times(m uint128) Int128 {
	hi, lo := bits.Mul64(v.Lo, m.lo)
	return Int128{Lo: lo, Hi: int64(hi + uint64(v.Hi)*m.lo + v.Lo*m.hi)}
}

func addDecimals(n *node, up [2]uint128, minus bool) {
	dst, a, b := n.outWide(), n.in[0].Wide[:n.out.N], n.in[1].Wide[:n.out.N]
	for i, x := range a {
		y := b[i].times(up[1])
		if minus {
			y = y.Neg()
		}
		dst[i], _ = x.times(up[0]).Add(y)
	}
}

func mulDecimals(n *node, _ rowSet) error {
	dst, a, b := n.outWide(), n.in[0].Wide[:n.out.N], n.in[1].Wide[:n.out.N]
	for i, x := range a {
		dst[i] = x.times(uint128{lo: b[i].Lo, hi: uint64(b[i].Hi)})
	}
	return nil
}

// moduloKernel takes the sign of the dividend. up brings both sides to one scale.
func moduloKernel(up [2]uint128) kernel {
	return strict(func(n *node, rows rowSet) error {
		dst, a, b := n.outWide(), n.in[0].Wide, n.in[1].Wide
		for _, r := range rows.list {
			if isNullAt(n.out.Valid, r) {
				continue
			}
			x, negative := a[r].magnitude()
			y, _ := b[r].magnitude()
			if y == (uint128{}) {
				return n.rowError(r, zeroDivision)
			}
			rest := remainder(x, up[0], y, up[1])
			if !rest.less(pow10[n.out.Type.Precision]) {
				return n.rowError(r, n.rangeReason(true))
			}
			dst[r] = rest.signed(negative)
		}
		return nil
	})
}

// remainder is x × up mod y × down, powers of ten of which one is 1.
func remainder(x, up, y, down uint128) uint128 {
	divisor := product(y.signed(false), down)
	if divisor[2]|divisor[3] != 0 { // above every x
		return x
	}
	m := uint128{lo: divisor[0], hi: divisor[1]}
	rest := x.mod(m)
	for ; up != pow10[0]; up, _ = up.divWord(10) {
		rest = rest.timesTenMod(m)
	}
	return rest
}

// mod is the remainder by long division, bit by bit, of m below 2^127.
func (m uint128) mod(d uint128) uint128 {
	if m.hi == 0 && d.hi == 0 {
		return uint128{lo: m.lo % d.lo}
	}
	var rest uint128
	for i := 127; i >= 0; i-- {
		rest = uint128{lo: rest.lo << 1, hi: rest.hi<<1 | rest.lo>>63}
		if i >= 64 {
			rest.lo |= m.hi >> (i - 64) & 1
		} else {
			rest.lo |= m.lo >> i & 1
		}
		rest = rest.reduce(d)
	}
	return rest
}

// reduce takes d off once, where that is possible.
func (m uint128) reduce(d uint128) uint128 {
	if m.less(d) {
		return m
	}
	lo, borrow := bits.Sub64(m.lo, d.lo, 0)
	hi, _ := bits.Sub64(m.hi, d.hi, borrow)
	return uint128{lo: lo, hi: hi}
}

// timesTenMod is m × 10 mod d, where m < d < 2^127: d is a decimal.
func (m uint128) timesTenMod(d uint128) uint128 {
	two := m.plusMod(m, d)
	four := two.plusMod(two, d)
	return four.plusMod(four, d).plusMod(two, d)
}

func (m uint128) plusMod(o, d uint128) uint128 {
	lo, carry := bits.Add64(m.lo, o.lo, 0)
	hi, _ := bits.Add64(m.hi, o.hi, carry)
	return uint128{lo: lo, hi: hi}.reduce(d)
}

func negDecimals(n *node, _ rowSet) error {
	dst := n.outWide()
	for i, x := range n.in[0].Wide[:n.out.N] {
		dst[i] = x.Neg()
	}
	return nil
}
