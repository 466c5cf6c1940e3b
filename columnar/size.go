package columnar

import (
	"fmt"
	"math"
)

// partsSize counts what the offsets of rows from, …, to−1 of a column count: bytes of texts, elements, and those in them.
func partsSize(v *Vector, from, to int32) int64 {
	size := int64(0)
	switch v.Type.Kind.Storage() {
	case StoredBytes:
		return int64(v.Off[to] - v.Off[from])
	case StoredList:
		from, to = v.Off[from], v.Off[to]
		size = int64(to - from)
		fallthrough
	case StoredStruct:
		for _, kid := range v.Kids {
			size += partsSize(kid, from, to)
		}
	}
	return size
}

// hasOffsets reports whether values of a type have parts of no fixed number.
func (t Type) hasOffsets() bool { return t.Kind.Storage() == StoredBytes || t.IsNested() }

// checkPartsSize refuses more text, or more elements, than offsets of 32 bits can count, before rows of v are copied; −1
// is no row.
func checkPartsSize(name string, v *Vector, rows []int32) error {
	if !v.Type.hasOffsets() {
		return nil
	}
	size := partsSizeOf(v, rows)
	if size > math.MaxInt32 {
		what := "bytes and elements"
		if !v.Type.IsNested() {
			what = "bytes of text"
		}
		return fmt.Errorf("column %q would hold %d %s, more than %d: read fewer rows at a time", name, size, what, math.MaxInt32)
	}
	return nil
}

// partsSizeOf is the sum over rows of v. Texts, which every join copies, are summed up by their offsets.
func partsSizeOf(v *Vector, rows []int32) (size int64) {
	if v.Values != nil {
		off := v.Values.Off
		for _, r := range rows {
			if r >= 0 && !isNullAt(v.Valid, r) {
				size += int64(off[v.I32[r]+1]) - int64(off[v.I32[r]])
			}
		}
		return size
	}
	if v.Type.Kind.Storage() == StoredBytes {
		off := v.Off
		for _, r := range rows {
			if r >= 0 {
				size += int64(off[r+1]) - int64(off[r])
			}
		}
		return size
	}
	for _, r := range rows {
		if r >= 0 {
			size += partsSize(v, r, r+1)
		}
	}
	return size
}

// repeat is a literal in every row of a batch. One that is too large for that is refused, or NULL where no row counts.
func (n *node) repeat(literal *node, rows rowSet, of int) (*Vector, error) {
	val := literal.expr.Value
	size := int64(len(val.S))
	if val.Vec != nil {
		size = partsSize(val.Vec, 0, 1)
	}
	switch {
	case size*int64(of) <= maxTextBytes:
		return literal.broadcast(of), nil
	case len(rows.list) > 0:
		return nil, n.rowError(rows.list[0], string(textsTooLong))
	}
	t := literal.expr.Type
	return (&node{expr: Const(t, Value{Null: true}), out: Vector{Type: t}}).broadcast(of), nil
}
