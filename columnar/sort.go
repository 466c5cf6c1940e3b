package columnar

import (
	"bytes"
	"cmp"
	"slices"
)

// SortRows returns the selected rows of b, physical positions, ascending by the columns: NULLs first, strings bytewise,
// NaN last, intervals by their length with months of 30 days and days of 24 hours, arrays and structs by their first part
// that differs, maps not. Rows that are equal keep their order.
func SortRows(b *Batch, cols []int) []int32 {
	rows := slices.Clone(selectedRows(b))
	if len(rows) < radixRows {
		slices.SortStableFunc(rows, CompareRows(b, cols))
		return rows
	}
	s := rowSorter{b: b, cols: cols}
	s.sort(rows, 0)
	return rows
}

// CompareRows returns the order of [SortRows]: 0 for two rows that are equal, as the keys of a group are.
func CompareRows(b *Batch, cols []int) func(x, y int32) int {
	compare := make([]func(x, y int32) int, len(cols))
	for i, c := range cols {
		compare[i] = nullsFirst(b.Cols[c])
	}
	return func(x, y int32) int {
		for _, c := range compare {
			if d := c(x, y); d != 0 {
				return d
			}
		}
		return 0
	}
}

func nullsFirst(v *Vector) func(x, y int32) int {
	values := comparator(v, v)
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

// comparator orders row x of a against row y of b, neither NULL. The vectors have one type.
func comparator(a, b *Vector) func(x, y int32) int {
	switch a.Type.Kind {
	case Interval:
		return func(x, y int32) int { return intervalLength(a.Wide[x]).Cmp(intervalLength(b.Wide[y])) }
	case Struct:
		return structComparator(a, b)
	case Array:
		return arrayComparator(a, b)
	case Map:
		return mapComparator(a, b)
	}
	switch a.Type.Kind.Storage() {
	case StoredBits:
		return func(x, y int32) int { return int(bit(a.Bool(int(x)))) - int(bit(b.Bool(int(y)))) }
	case StoredI32:
		return func(x, y int32) int { return cmp.Compare(a.I32[x], b.I32[y]) }
	case StoredF64:
		return func(x, y int32) int { return cmp.Compare(orderKey(a.F64[x]), orderKey(b.F64[y])) }
	case StoredWide:
		return func(x, y int32) int { return a.Wide[x].Cmp(b.Wide[y]) }
	case StoredBytes:
		return func(x, y int32) int { return bytes.Compare(a.Str(int(x)), b.Str(int(y))) }
	}
	return func(x, y int32) int { return cmp.Compare(a.I64[x], b.I64[y]) }
}
