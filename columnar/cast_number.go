package columnar

import (
	"math"
	"strconv"
)

// convert casts where every value fits.
func convert[To, From int32 | int64 | float64](dst []To, src []From) {
	src = src[:len(dst)]
	for i, x := range src {
		dst[i] = To(x)
	}
}

func castBoolInt32(n *node, _ rowSet) error {
	dst, src := n.outI32(), n.in[0].Bits
	for i := range dst {
		dst[i] = int32(src[i>>3] >> (i & 7) & 1)
	}
	return nil
}

func castBoolInt64(n *node, _ rowSet) error {
	dst, src := n.outI64(), n.in[0].Bits
	for i := range dst {
		dst[i] = int64(src[i>>3] >> (i & 7) & 1)
	}
	return nil
}

// castIntBool takes 0 as FALSE, all else as TRUE.
func castIntBool[T ordered](n *node, src []T) {
	dst := n.outBits()
	equalConst(dst, src[:n.out.N], 0)
	bitNot(dst, dst)
}

func castInt64Int32(n *node, rows rowSet) error {
	dst, src := n.outI32(), n.in[0].I64[:n.out.N]
	var lost int64
	for i, x := range src {
		dst[i] = int32(x)
		lost |= x - int64(int32(x))
	}
	if lost == 0 {
		return nil
	}
	return n.firstBad(rows, func(r int32) string {
		if src[r] == int64(int32(src[r])) {
			return ""
		}
		return strconv.FormatInt(src[r], 10) + " is out of range for int"
	})
}

func castDoubleInt64(n *node, rows rowSet) error {
	return castDouble(n, rows, n.outI64(), -0x1p63, 0x1p63)
}

func castDoubleInt32(n *node, rows rowSet) error {
	return castDouble(n, rows, n.outI32(), -0x1p31, 0x1p31)
}

// castDouble rounds to the nearest integer, halves to even, as PostgreSQL does, and refuses what lies outside
// [least, limit).
func castDouble[T ordered](n *node, rows rowSet, dst []T, least, limit float64) error {
	src := n.in[0].F64
	for _, r := range rows.list {
		f := math.RoundToEven(src[r])
		if f >= least && f < limit {
			dst[r] = T(f)
		} else if !isNullAt(n.out.Valid, r) {
			return n.rowError(r, string(appendDouble(nil, src[r]))+" is out of range for "+n.out.Type.String())
		}
	}
	return nil
}

func appendInt(dst []byte, v int64) []byte { return strconv.AppendInt(dst, v, 10) }

func appendBool(dst []byte, v bool) []byte { return strconv.AppendBool(dst, v) }

// appendDouble writes the shortest text that reads back as the same double, in PostgreSQL's form.
func appendDouble(dst []byte, f float64) []byte {
	abs := math.Abs(f)
	switch {
	case math.IsInf(f, 1):
		return append(dst, "Infinity"...)
	case math.IsInf(f, -1):
		return append(dst, "-Infinity"...)
	case f == 0 || abs >= 1e-4 && abs < 1e15 || f != f:
		return strconv.AppendFloat(dst, f, 'f', -1, 64)
	}
	return strconv.AppendFloat(dst, f, 'e', -1, 64)
}
