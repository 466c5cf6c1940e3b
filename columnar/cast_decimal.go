package columnar

// decimalCasts are those between decimals, and from and to other numbers and booleans.
func decimalCasts() map[castPair]castRule {
	casts := map[castPair]castRule{
		{Decimal, Decimal}: checkedCast(strict(castDecimal)),
		{Bool, Decimal}:    checkedCast(strict(castBoolDecimal)),
		{Decimal, Bool}:    casting(strict(castDecimalBool)),
	}
	for _, k := range integerKinds {
		casts[castPair{k, Decimal}] = checkedCast(strict(castIntDecimal))
		casts[castPair{Decimal, k}] = checkedCast(strict(castDecimalInt))
	}
	for _, k := range []Kind{Float32, Float64} {
		casts[castPair{k, Decimal}] = checkedCast(strict(castFloatDecimal))
		casts[castPair{Decimal, k}] = casting(strict(castDecimalFloat))
	}
	return casts
}

// eachWide computes a decimal for each row that counts; ok is false where it does not fit, then text is the value.
func (n *node) eachWide(rows rowSet, value func(r int32) (v Int128, ok bool), text func(r int32) []byte) error {
	dst := n.outWide()
	for _, r := range rows.list {
		if isNullAt(n.out.Valid, r) {
			continue
		}
		v, ok := value(r)
		if !ok && !n.nullInstead(r) {
			return n.rowError(r, outOfRangeOf(string(text(r)), n.out.Type))
		}
		dst[r] = v
	}
	return nil
}

// castDecimal changes the scale: halves are rounded away from zero.
func castDecimal(n *node, rows rowSet) error {
	src, from, to := n.in[0].Wide, n.in[0].Type, n.out.Type
	return n.eachWide(rows, func(r int32) (Int128, bool) { return rescaled(src[r], from.Scale, to) },
		func(r int32) []byte { return src[r].AppendDecimal(nil, int(from.Scale)) })
}

// rescaled is v, of that scale, as a decimal of type t.
func rescaled(v Int128, scale uint8, t Type) (Int128, bool) {
	if scale <= t.Scale {
		return product(v, pow10[t.Scale-scale]).within(pow10[t.Precision])
	}
	m, negative := v.magnitude()
	m = m.rounded(int(scale - t.Scale))
	return m.signed(negative), m.less(pow10[t.Precision])
}

func castBoolDecimal(n *node, rows rowSet) error {
	src, t := n.in[0], n.out.Type
	return n.eachWide(rows, func(r int32) (Int128, bool) { return rescaled(Int128Of(int64(bit(src.Bool(int(r))))), 0, t) },
		func(r int32) []byte { return appendBool(nil, src.Bool(int(r))) })
}

func castDecimalBool(n *node, _ rowSet) error {
	dst := n.outBits()
	for i, x := range n.in[0].Wide[:n.out.N] {
		setBitTo(dst, i, x != Int128{})
	}
	return nil
}

func castIntDecimal(n *node, rows rowSet) error {
	integer, t := integerAt(n.in[0]), n.out.Type
	return n.eachWide(rows, func(r int32) (Int128, bool) { return rescaled(Int128Of(integer(r)), 0, t) },
		func(r int32) []byte { return appendInt(nil, integer(r)) })
}

// integerAt reads an integer column of any width.
func integerAt(v *Vector) func(r int32) int64 {
	if v.I64 != nil {
		return func(r int32) int64 { return v.I64[r] }
	}
	return func(r int32) int64 { return int64(v.I32[r]) }
}

// castDecimalInt rounds halves away from zero, as PostgreSQL does.
func castDecimalInt(n *node, rows rowSet) error {
	src, scale, limits := n.in[0].Wide, n.in[0].Type.Scale, integerRange[n.out.Type.Kind]
	store := n.storeInt()
	for _, r := range rows.list {
		if isNullAt(n.out.Valid, r) {
			continue
		}
		m, negative := src[r].magnitude()
		v := m.rounded(int(scale)).signed(negative)
		if x := int64(v.Lo); v == Int128Of(x) && x >= limits[0] && x <= limits[1] {
			store(r, x)
		} else if !n.nullInstead(r) {
			return n.rowError(r, outOfRangeOf(string(src[r].AppendDecimal(nil, int(scale))), n.out.Type))
		}
	}
	return nil
}

// storeInt writes to an integer result of any width.
func (n *node) storeInt() func(r int32, x int64) {
	if n.out.Type.Kind == Int64 {
		dst := n.outI64()
		return func(r int32, x int64) { dst[r] = x }
	}
	dst := n.outI32()
	return func(r int32, x int64) { dst[r] = int32(x) }
}

// castFloatDecimal takes the shortest text of the number and rounds that, halves away from zero.
func castFloatDecimal(n *node, rows rowSet) error {
	src, t, size := n.in[0].F64, n.out.Type, floatBits(n.in[0].Type)
	return n.eachWide(rows, func(r int32) (Int128, bool) {
		v, fault := floatDecimal(src[r], size, t)
		return v, fault == textOK
	}, func(r int32) []byte { return appendFloat(nil, src[r], n.in[0].Type) })
}

func castDecimalFloat(n *node, rows rowSet) error {
	dst, src, scale, size := n.outF64(), n.in[0].Wide, int(n.in[0].Type.Scale), floatBits(n.out.Type)
	for _, r := range rows.list {
		if isNullAt(n.out.Valid, r) {
			continue
		}
		dst[r] = decimalFloat(src[r], scale, size)
	}
	return nil
}

func floatBits(t Type) int {
	if t.Kind == Float32 {
		return 32
	}
	return 64
}
