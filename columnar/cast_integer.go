package columnar

import (
	"math"
	"strconv"
)

// integerKinds by width; all but the last are stored in I32.
var integerKinds = []Kind{Int8, Int16, Int32, Int64}

// integerRange is the least and the greatest value of each integer kind.
var integerRange = map[Kind][2]int64{
	Int8: {math.MinInt8, math.MaxInt8}, Int16: {math.MinInt16, math.MaxInt16},
	Int32: {math.MinInt32, math.MaxInt32}, Int64: {math.MinInt64, math.MaxInt64},
}

// integerCasts are those between integers, and between integers and booleans.
func integerCasts() map[castPair]castRule {
	casts := map[castPair]castRule{}
	for i, from := range integerKinds {
		casts[castPair{Bool, from}] = casting(strict(castBoolInt))
		casts[castPair{from, Bool}] = casting(strict(castIntBool))
		for j, to := range integerKinds {
			switch {
			case i < j && to == Int64:
				casts[castPair{from, to}] = casting(strict(func(n *node, _ rowSet) error { convert(n.outI64(), n.in[0].I32); return nil }))
			case i < j:
				casts[castPair{from, to}] = casting(strict(sameI32))
			case i > j:
				casts[castPair{from, to}] = checkedCast(strict(castNarrow))
			}
		}
	}
	return casts
}

// convert casts where every value fits.
func convert[To, From int32 | int64 | float64](dst []To, src []From) {
	src = src[:len(dst)]
	for i, x := range src {
		dst[i] = To(x)
	}
}

func castBoolInt(n *node, _ rowSet) error {
	if n.out.Type.Kind == Int64 {
		unpackBits(n.outI64(), n.in[0].Bits)
	} else {
		unpackBits(n.outI32(), n.in[0].Bits)
	}
	return nil
}

func unpackBits[T ordered](dst []T, src []byte) {
	for i := range dst {
		dst[i] = T(src[i>>3] >> (i & 7) & 1)
	}
}

// castIntBool takes 0 as FALSE, all else as TRUE.
func castIntBool(n *node, _ rowSet) error {
	dst := n.outBits()
	if v := n.in[0]; v.I64 != nil {
		equalConst(dst, v.I64[:n.out.N], 0)
	} else {
		equalConst(dst, v.I32[:n.out.N], 0)
	}
	bitNot(dst, dst)
	return nil
}

// sameI32 shares the values: a wider kind of the same storage.
func sameI32(n *node, _ rowSet) error {
	n.out.I32 = n.in[0].I32
	return nil
}

// castNarrow checks that the values fit into fewer bits.
func castNarrow(n *node, rows rowSet) error {
	limits := integerRange[n.out.Type.Kind]
	if src := n.in[0].I64; src != nil {
		return narrow(n, rows, src[:n.out.N], limits)
	}
	return narrow(n, rows, n.in[0].I32[:n.out.N], limits)
}

func narrow[T ordered](n *node, rows rowSet, src []T, limits [2]int64) error {
	dst := n.outI32()
	bad := false
	for i, x := range src {
		dst[i] = int32(x)
		bad = bad || int64(x) < limits[0] || int64(x) > limits[1]
	}
	if !bad {
		return nil
	}
	return n.refuseBad(rows, func(r int32) string {
		if x := int64(src[r]); x < limits[0] || x > limits[1] {
			return outOfRangeOf(strconv.FormatInt(x, 10), n.out.Type)
		}
		return ""
	})
}
