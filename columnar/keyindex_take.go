package columnar

import "errors"

// Columns is the number of key columns.
func (x *KeyIndex) Columns() int { return len(x.table.cols) }

// Retake is [KeyIndex.Take] in the memory of columns that an earlier call has returned, or of none.
func (x *KeyIndex) Retake(dst []*Vector, numbers []int32) ([]*Vector, error) {
	for len(dst) < len(x.table.cols) {
		dst = append(dst, &Vector{Type: x.table.cols[len(dst)].own.vec.Type})
	}
	for i := range dst {
		v := x.Column(i)
		if !NewBuilder(v.Type).hasRoomForRows(v, numbers) {
			return nil, errors.New("the keys of a GROUP BY: " + tooMuchText)
		}
		if v.Type.IsNested() {
			dst[i] = takeVector(v, numbers)
			continue
		}
		dst[i].empty(len(numbers))
		dst[i].put(0, v, numbers)
		dst[i].finish()
	}
	return dst, nil
}

// empty makes a column that is not nested one of n rows to be filled by put, front to back, as [newVector] does, in the
// memory that it has.
func (v *Vector) empty(n int) {
	v.N, v.Valid = n, make([]byte, bitmapBytes(n))
	switch v.Type.Kind.Storage() {
	case StoredBits:
		v.Bits = extended(v.Bits[:0], bitmapBytes(n))
	case StoredI32:
		v.I32 = extended(v.I32[:0], n)
	case StoredI64:
		v.I64 = extended(v.I64[:0], n)
	case StoredF64:
		v.F64 = extended(v.F64[:0], n)
	case StoredWide:
		v.Wide = extended(v.Wide[:0], n)
	case StoredBytes:
		v.Off, v.Data = extended(v.Off[:0], n+1), v.Data[:0]
	}
}
