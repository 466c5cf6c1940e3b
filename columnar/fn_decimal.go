package columnar

import "fmt"

// Functions on numbers compute decimals exactly, in loops of their own.

// rounding is how digits are taken off a decimal.
type rounding uint8

const (
	roundHalf rounding = iota // to the nearest, halves away from zero
	roundZero
	roundFloor
	roundCeil
)

// roundDecimal takes the last digits off.
func roundDecimal(v Int128, digits int, how rounding) Int128 {
	if digits <= 0 {
		return v
	}
	m, negative := v.magnitude()
	if how == roundHalf {
		return m.rounded(digits).signed(negative)
	}
	exact := true
	for digits > 0 {
		step := min(digits, 19)
		var rest uint64
		m, rest = m.divWord(pow10[step].lo)
		exact = exact && rest == 0
		digits -= step
	}
	if !exact && (how == roundFloor && negative || how == roundCeil && !negative) {
		m = m.plusOne()
	}
	return m.signed(negative)
}

// rounded is the type of a decimal that is rounded to so many digits behind the point, and the digits that are taken off.
func roundedType(t Type, digits int64) (out Type, off int) {
	whole := int64(t.Precision - t.Scale)
	switch {
	case digits >= int64(t.Scale):
		return t, 0
	case digits <= 0:
		return DecimalOf(int(min(whole+1, MaxPrecision)), 0), int(int64(t.Scale) - max(digits, -MaxPrecision-1))
	}
	return DecimalOf(int(min(whole+1+digits, MaxPrecision)), int(digits)), int(int64(t.Scale) - digits)
}

// resolveRounding lets decimals keep their exactness and hands other numbers to floats.
func resolveRounding(floats func(fn *function, args []*Expr) (*Expr, error)) func(fn *function, args []*Expr) (*Expr, error) {
	return func(fn *function, args []*Expr) (*Expr, error) {
		if len(args) == 0 || len(args) > 2 || args[0].Type.Kind != Decimal {
			return floats(fn, args)
		}
		digits := int64(0)
		if len(args) == 2 {
			c, ok := literal(args[1])
			if !ok || !c.Type.Integer() || c.Value.Null {
				return nil, fmt.Errorf("%s of a decimal takes the number of digits as a literal, because it decides the type", fn.Name)
			}
			digits = c.Value.I
		}
		t, off := roundedType(args[0].Type, digits)
		if off == 0 {
			return args[0], nil
		}
		return &Expr{Op: fn.Name, Type: t, Args: []*Expr{args[0], intLiteral(digits)}}, nil
	}
}

// decimalRounding is the kernel of rounding decimals; nil for other types.
func decimalRounding(e *Expr, how rounding) kernel {
	if len(e.Args) != 2 || e.Args[1].Op != "const" {
		return nil
	}
	t, off := roundedType(e.Args[0].Type, e.Args[1].Value.I)
	if t != e.Type {
		return nil
	}
	up := 0 // zeros in front of the point
	if t.Scale == 0 && off > int(e.Args[0].Type.Scale) {
		up = min(off-int(e.Args[0].Type.Scale), MaxPrecision)
	}
	return strict(func(n *node, rows rowSet) error {
		dst, src := n.outWide(), n.in[0].Wide
		return n.each(rows, func(r int32) verdict {
			v := roundDecimal(src[r], off, how)
			if up > 0 {
				v = product(v, pow10[up]).low()
			}
			if dst[r] = v; !v.fitsDigits(t.Precision) {
				return "decimal out of range"
			}
			return fine
		})
	})
}

// low is the number without what exceeds 128 bits.
func (x int256) low() Int128 { return Int128{Lo: x[0], Hi: int64(x[1])} }

// absDecimal is abs for decimals.
var absDecimal = strict(func(n *node, _ rowSet) error {
	dst, src := n.outWide(), n.in[0].Wide[:n.out.N]
	for i, v := range src {
		m, _ := v.magnitude()
		dst[i] = m.signed(false)
	}
	return nil
})

// signDecimal is sign for decimals.
var signDecimal = strict(func(n *node, _ rowSet) error {
	dst, src := n.outI64(), n.in[0].Wide[:n.out.N]
	for i, v := range src {
		dst[i] = int64(v.Cmp(Int128{}))
	}
	return nil
})
