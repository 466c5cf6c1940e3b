package columnar

import "math"

// The comparison kernels write one bit per row, eight rows to a byte and without a branch on the data. Only <, > and =
// exist; the others are their complements, which is right because every type has a total order (see [orderKey]).

type ordered interface{ ~int32 | ~int64 }

// fixedWidth is what the loops here compare.
type fixedWidth interface{ int32 | int64 | float64 }

// orderKey maps a double to an integer of the same order: −Infinity < … < −0 = 0 < … < Infinity < NaN = NaN, as in
// PostgreSQL.
func orderKey(f float64) int64 {
	if f != f {
		return math.MaxInt64
	}
	b := int64(math.Float64bits(f + 0)) // −0 + 0 is 0
	return b ^ b>>63&math.MaxInt64
}

// comparison says how an operator follows from a primitive one.
type comparison struct {
	op     byte // '=', '<' or '>'
	invert bool
}

var comparisons = map[string]comparison{
	"=": {'=', false}, "<>": {'=', true}, "<": {'<', false}, ">=": {'<', true}, ">": {'>', false}, "<=": {'>', true},
}

// swapped is the comparison with its sides exchanged.
func (c comparison) swapped() comparison {
	switch c.op {
	case '<':
		c.op = '>'
	case '>':
		c.op = '<'
	}
	return c
}

// compareKernel chooses by type, and by whether one side is constant.
func compareKernel(e *Expr) kernel {
	c := comparisons[e.Op]
	if e.Args[0].Type.Kind == Decimal {
		return strict(func(n *node, rows rowSet) error { compareDecimals(n, c, rows); return nil })
	}
	switch e.Args[0].Type.Kind.Storage() {
	case StoredBits:
		return strict(func(n *node, _ rowSet) error { compareBool(n, c); return nil })
	case StoredI32:
		return strict(func(n *node, _ rowSet) error { compareValues(n, c, &fast.int32s, n.in[0].I32, n.in[1].I32); return nil })
	case StoredI64:
		return strict(func(n *node, _ rowSet) error { compareValues(n, c, &fast.int64s, n.in[0].I64, n.in[1].I64); return nil })
	case StoredF64:
		return strict(func(n *node, _ rowSet) error {
			compareValues(n, c, &fast.doubles, n.in[0].F64, n.in[1].F64)
			return nil
		})
	case StoredBytes:
		return func(n *node, f *frame, rows rowSet) error { return compareStrings(n, c, f, rows) }
	case StoredWide, StoredList, StoredStruct:
		return strict(func(n *node, rows rowSet) error {
			compareEach(n, c, rows, comparator(n.in[0], n.in[1]))
			return nil
		})
	}
	return nil
}

func compareValues[T fixedWidth](n *node, c comparison, by *comparer[T], a, b []T) {
	dst, rows := n.outBits(), n.out.N
	switch {
	case rows == 0:
	case n.args[1].isConst() && b[0] == b[0]:
		by.compareConst(dst, c, a[:rows], b[0])
	case n.args[0].isConst() && a[0] == a[0]:
		by.compareConst(dst, c.swapped(), b[:rows], a[0])
	case c.op == '=':
		by.equal(dst, a[:rows], b[:rows])
	case c.op == '<':
		by.less(dst, a[:rows], b[:rows])
	default:
		by.less(dst, b[:rows], a[:rows])
	}
	if c.invert {
		bitNot(dst, dst)
	}
}

func (by *comparer[T]) compareConst(dst []byte, c comparison, a []T, k T) {
	switch c.op {
	case '=':
		by.equalConst(dst, a, k)
	case '<':
		by.lessConst(dst, a, k)
	default:
		by.greaterConst(dst, a, k)
	}
}

// compareBool takes false < true.
func compareBool(n *node, c comparison) {
	dst, a, b := n.outBits(), n.in[0].Bits, n.in[1].Bits
	var flip byte
	if c.invert {
		flip = 0xff
	}
	for i := range dst {
		switch c.op {
		case '=':
			dst[i] = ^(a[i] ^ b[i]) ^ flip
		case '<':
			dst[i] = ^a[i]&b[i] ^ flip
		default:
			dst[i] = a[i]&^b[i] ^ flip
		}
	}
}

func equalInts[T fixedWidth](dst []byte, a, b []T) {
	n := len(a) &^ 7
	for i := 0; i < n; i += 8 {
		x, y := a[i:i+8:i+8], b[i:i+8:i+8]
		dst[i>>3] = bit(x[0] == y[0]) | bit(x[1] == y[1])<<1 | bit(x[2] == y[2])<<2 | bit(x[3] == y[3])<<3 |
			bit(x[4] == y[4])<<4 | bit(x[5] == y[5])<<5 | bit(x[6] == y[6])<<6 | bit(x[7] == y[7])<<7
	}
	for i := n; i < len(a); i++ {
		setBitTo(dst, i, a[i] == b[i])
	}
}

func lessInts[T fixedWidth](dst []byte, a, b []T) {
	n := len(a) &^ 7
	for i := 0; i < n; i += 8 {
		x, y := a[i:i+8:i+8], b[i:i+8:i+8]
		dst[i>>3] = bit(x[0] < y[0]) | bit(x[1] < y[1])<<1 | bit(x[2] < y[2])<<2 | bit(x[3] < y[3])<<3 |
			bit(x[4] < y[4])<<4 | bit(x[5] < y[5])<<5 | bit(x[6] < y[6])<<6 | bit(x[7] < y[7])<<7
	}
	for i := n; i < len(a); i++ {
		setBitTo(dst, i, a[i] < b[i])
	}
}

func equalConst[T fixedWidth](dst []byte, a []T, k T) {
	n := len(a) &^ 7
	for i := 0; i < n; i += 8 {
		x := a[i : i+8 : i+8]
		dst[i>>3] = bit(x[0] == k) | bit(x[1] == k)<<1 | bit(x[2] == k)<<2 | bit(x[3] == k)<<3 |
			bit(x[4] == k)<<4 | bit(x[5] == k)<<5 | bit(x[6] == k)<<6 | bit(x[7] == k)<<7
	}
	for i := n; i < len(a); i++ {
		setBitTo(dst, i, a[i] == k)
	}
}

func lessConst[T fixedWidth](dst []byte, a []T, k T) {
	n := len(a) &^ 7
	for i := 0; i < n; i += 8 {
		x := a[i : i+8 : i+8]
		dst[i>>3] = bit(x[0] < k) | bit(x[1] < k)<<1 | bit(x[2] < k)<<2 | bit(x[3] < k)<<3 |
			bit(x[4] < k)<<4 | bit(x[5] < k)<<5 | bit(x[6] < k)<<6 | bit(x[7] < k)<<7
	}
	for i := n; i < len(a); i++ {
		setBitTo(dst, i, a[i] < k)
	}
}

func greaterConst[T fixedWidth](dst []byte, a []T, k T) {
	n := len(a) &^ 7
	for i := 0; i < n; i += 8 {
		x := a[i : i+8 : i+8]
		dst[i>>3] = bit(x[0] > k) | bit(x[1] > k)<<1 | bit(x[2] > k)<<2 | bit(x[3] > k)<<3 |
			bit(x[4] > k)<<4 | bit(x[5] > k)<<5 | bit(x[6] > k)<<6 | bit(x[7] > k)<<7
	}
	for i := n; i < len(a); i++ {
		setBitTo(dst, i, a[i] > k)
	}
}
