package columnar

import (
	"cmp"
	"slices"
)

// Inside of arrays, structs and maps NULL is a value as any other: equal to itself and above all others, as in
// PostgreSQL and DuckDB.

// nullsLast orders parts of nested values.
func nullsLast(a, b *Vector) func(x, y int32) int {
	values := comparator(a, b)
	return func(x, y int32) int {
		p, q := isNullAt(a.Valid, x), isNullAt(b.Valid, y)
		if p || q {
			return int(bit(p)) - int(bit(q))
		}
		return values(x, y)
	}
}

// structComparator goes by the first field that differs.
func structComparator(a, b *Vector) func(x, y int32) int {
	fields := make([]func(x, y int32) int, len(a.Kids))
	for i := range fields {
		fields[i] = nullsLast(a.Kids[i], b.Kids[i])
	}
	return func(x, y int32) int {
		for _, f := range fields {
			if d := f(x, y); d != 0 {
				return d
			}
		}
		return 0
	}
}

// arrayComparator goes by the first element that differs; what is a beginning of the other comes first.
func arrayComparator(a, b *Vector) func(x, y int32) int {
	element := nullsLast(a.Kids[0], b.Kids[0])
	return func(x, y int32) int {
		p, q := a.Off[x], b.Off[y]
		n, m := a.Off[x+1]-p, b.Off[y+1]-q
		for i := range min(n, m) {
			if d := element(p+i, q+i); d != 0 {
				return d
			}
		}
		return cmp.Compare(n, m)
	}
}

// mapComparator compares the entries in the order of the keys, so that it is 0 where both maps give the same value for
// each key.
func mapComparator(a, b *Vector) func(x, y int32) int {
	keysOfA, keysOfB := nullsLast(a.Kids[0], a.Kids[0]), nullsLast(b.Kids[0], b.Kids[0])
	key, value := nullsLast(a.Kids[0], b.Kids[0]), nullsLast(a.Kids[1], b.Kids[1])
	var p, q []int32
	return func(x, y int32) int {
		p, q = a.elements(p[:0], []int32{x}), b.elements(q[:0], []int32{y})
		slices.SortStableFunc(p, keysOfA)
		slices.SortStableFunc(q, keysOfB)
		for i := range min(len(p), len(q)) {
			if d := cmp.Or(key(p[i], q[i]), value(p[i], q[i])); d != 0 {
				return d
			}
		}
		return cmp.Compare(len(p), len(q))
	}
}
