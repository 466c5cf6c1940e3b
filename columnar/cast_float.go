package columnar

import (
	"math"
	"strconv"
)

// floatCasts are those between the binary floating-point kinds, and from and to integers and booleans.
func floatCasts() map[castPair]castRule {
	casts := map[castPair]castRule{
		{Float32, Float64}: casting(strict(func(n *node, _ rowSet) error { n.out.F64 = n.in[0].F64; return nil })),
		{Float64, Float32}: checkedCast(strict(castDoubleFloat)),
	}
	for _, float := range []Kind{Float32, Float64} {
		casts[castPair{Bool, float}] = casting(strict(castBoolFloat))
		casts[castPair{float, Bool}] = casting(strict(castFloatBool))
		for _, k := range integerKinds {
			casts[castPair{k, float}] = casting(strict(castIntFloat))
			casts[castPair{float, k}] = checkedCast(strict(castFloatInt))
		}
	}
	return casts
}

func castBoolFloat(n *node, _ rowSet) error {
	dst, src := n.outF64(), n.in[0].Bits
	for i := range dst {
		dst[i] = float64(src[i>>3] >> (i & 7) & 1)
	}
	return nil
}

// castFloatBool takes 0 as FALSE, all else as TRUE.
func castFloatBool(n *node, _ rowSet) error {
	dst := n.outBits()
	for i, x := range n.in[0].F64[:n.out.N] {
		setBitTo(dst, i, x != 0)
	}
	return nil
}

// castIntFloat takes the nearest float.
func castIntFloat(n *node, _ rowSet) error {
	dst, v := n.outF64(), n.in[0]
	if v.I64 != nil {
		convert(dst, v.I64)
	} else {
		convert(dst, v.I32)
	}
	if n.out.Type.Kind != Float32 {
		return nil
	}
	for i := range dst { // an integer has 64 bits: rounded to 53 first, it could be rounded twice
		if v.I64 != nil {
			dst[i] = float64(float32(v.I64[i]))
		} else {
			dst[i] = float64(float32(v.I32[i]))
		}
	}
	return nil
}

// castDoubleFloat takes the nearest float; a number too large for one is refused.
func castDoubleFloat(n *node, rows rowSet) error {
	dst, src := n.outF64(), n.in[0].F64[:n.out.N]
	bad := false
	for i, x := range src {
		dst[i] = float64(float32(x))
		bad = bad || math.IsInf(dst[i], 0)
	}
	if !bad {
		return nil
	}
	return n.refuseBad(rows, func(r int32) string {
		if math.IsInf(dst[r], 0) && !math.IsInf(src[r], 0) {
			return outOfRangeOf(string(appendDouble(nil, src[r])), n.out.Type)
		}
		return ""
	})
}

// castFloatInt rounds to the nearest integer, halves to even, as PostgreSQL does.
func castFloatInt(n *node, rows rowSet) error {
	limits := integerRange[n.out.Type.Kind]
	least, limit := float64(limits[0]), -float64(limits[0])
	if n.out.Type.Kind == Int64 {
		return castDouble(n, rows, n.outI64(), least, limit)
	}
	return castDouble(n, rows, n.outI32(), least, limit)
}

// castDouble refuses what lies outside [least, limit).
func castDouble[T ordered](n *node, rows rowSet, dst []T, least, limit float64) error {
	src := n.in[0].F64
	for _, r := range rows.list {
		f := math.RoundToEven(src[r])
		if f >= least && f < limit {
			dst[r] = T(f)
		} else if !isNullAt(n.out.Valid, r) && !n.nullInstead(r) {
			return n.rowError(r, outOfRangeOf(string(appendFloat(nil, src[r], n.in[0].Type)), n.out.Type))
		}
	}
	return nil
}

func appendInt(dst []byte, v int64) []byte { return strconv.AppendInt(dst, v, 10) }

func appendBool(dst []byte, v bool) []byte { return strconv.AppendBool(dst, v) }

// appendFloat writes a float or a double.
func appendFloat(dst []byte, f float64, t Type) []byte {
	if t.Kind == Float32 {
		return appendShortest(dst, f, 32, 1e6)
	}
	return appendShortest(dst, f, 64, 1e15)
}

func appendDouble(dst []byte, f float64) []byte { return appendShortest(dst, f, 64, 1e15) }

// appendShortest writes the shortest text that reads back as the same number, in PostgreSQL's form: with an exponent
// below 0.0001 and from the limit on.
func appendShortest(dst []byte, f float64, bitSize int, limit float64) []byte {
	abs := math.Abs(f)
	switch {
	case math.IsInf(f, 1):
		return append(dst, "Infinity"...)
	case math.IsInf(f, -1):
		return append(dst, "-Infinity"...)
	case f == 0 || abs >= 1e-4 && abs < limit || f != f:
		return strconv.AppendFloat(dst, f, 'f', -1, bitSize)
	}
	return strconv.AppendFloat(dst, f, 'e', -1, bitSize)
}
