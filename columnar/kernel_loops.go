package columnar

// loops are the innermost loops of comparison and arithmetic. There is one set for the processor, chosen at the start; all
// sets give the same bits.
type loops struct {
	int32s  comparer[int32]
	int64s  comparer[int64]
	doubles comparer[float64]

	addInts, subInts                               func(dst, a, b []int64) (overflow bool)
	mulConst                                       func(dst, a []int64, c int64) (overflow bool) // beyond −1 and 1
	addDoubles, subDoubles, mulDoubles, quoDoubles func(dst, a, b []float64)
}

// comparer compares two values of one type, and writes one bit a row. The constant of a double is not NaN.
type comparer[T fixedWidth] struct {
	equalConst, lessConst, greaterConst func(dst []byte, a []T, k T)
	equal, less                         func(dst []byte, a, b []T)
}

var fast = fastLoops()

// plainLoops are the loops in Go.
func plainLoops() loops {
	return loops{
		int32s:  comparer[int32]{equalConst[int32], lessConst[int32], greaterConst[int32], equalInts[int32], lessInts[int32]},
		int64s:  comparer[int64]{equalConst[int64], lessConst[int64], greaterConst[int64], equalInts[int64], lessInts[int64]},
		doubles: comparer[float64]{equalConst[float64], lessConst[float64], greaterDoubleConst, equalDoubles, lessDoubles},
		addInts: addChecked, subInts: subChecked, mulConst: mulConst,
		addDoubles: addFloats, subDoubles: subFloats, mulDoubles: mulFloats, quoDoubles: quoFloats,
	}
}

// greaterDoubleConst takes NaN for the greatest.
func greaterDoubleConst(dst []byte, a []float64, k float64) {
	n := len(a) &^ 7
	for i := 0; i < n; i += 8 {
		x := a[i : i+8 : i+8]
		dst[i>>3] = ^(bit(x[0] <= k) | bit(x[1] <= k)<<1 | bit(x[2] <= k)<<2 | bit(x[3] <= k)<<3 |
			bit(x[4] <= k)<<4 | bit(x[5] <= k)<<5 | bit(x[6] <= k)<<6 | bit(x[7] <= k)<<7)
	}
	for i := n; i < len(a); i++ {
		setBitTo(dst, i, !(a[i] <= k))
	}
}

// equalDoubles takes NaN for equal to itself.
func equalDoubles(dst []byte, a, b []float64) {
	for i := 0; i < len(a); i += 8 {
		var m byte
		for j := range min(8, len(a)-i) {
			x, y := a[i+j], b[i+j]
			m |= (bit(x == y) | bit(x != x)&bit(y != y)) << j
		}
		dst[i>>3] = m
	}
}

// lessDoubles takes NaN for the greatest.
func lessDoubles(dst []byte, a, b []float64) {
	for i := 0; i < len(a); i += 8 {
		var m byte
		for j := range min(8, len(a)-i) {
			x, y := a[i+j], b[i+j]
			m |= (bit(x < y) | bit(x == x)&bit(y != y)) << j
		}
		dst[i>>3] = m
	}
}
