package columnar

import (
	"bytes"
	"cmp"
	"slices"
)

// SortRows returns the selected rows of b, physical positions, ascending by the columns: NULLs first, strings bytewise,
// NaN last. Rows that are equal keep their order.
func SortRows(b *Batch, cols []int) []int32 {
	rows := slices.Clone(selectedRows(b))
	compare := make([]func(x, y int32) int, len(cols))
	for i, c := range cols {
		compare[i] = comparator(b.Cols[c])
	}
	slices.SortStableFunc(rows, func(x, y int32) int {
		for _, c := range compare {
			if d := c(x, y); d != 0 {
				return d
			}
		}
		return 0
	})
	return rows
}

func comparator(v *Vector) func(x, y int32) int {
	values := valueComparator(v)
	if v.Valid == nil {
		return values
	}
	return func(x, y int32) int {
		a, b := isNullAt(v.Valid, x), isNullAt(v.Valid, y)
		if a || b {
			return int(bit(b)) - int(bit(a))
		}
		return values(x, y)
	}
}

func valueComparator(v *Vector) func(x, y int32) int {
	switch v.Type.Kind {
	case Bool:
		return func(x, y int32) int { return int(bit(v.Bool(int(x)))) - int(bit(v.Bool(int(y)))) }
	case Int32, Date:
		return func(x, y int32) int { return cmp.Compare(v.I32[x], v.I32[y]) }
	case Float64:
		return func(x, y int32) int { return cmp.Compare(orderKey(v.F64[x]), orderKey(v.F64[y])) }
	case String, Binary:
		return func(x, y int32) int { return bytes.Compare(v.Str(int(x)), v.Str(int(y))) }
	}
	return func(x, y int32) int { return cmp.Compare(v.I64[x], v.I64[y]) }
}
