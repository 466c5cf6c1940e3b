package columnar

import "math"

// roomMax is what 32-bit offsets can count, of bytes or elements. Tests lower it.
var roomMax = math.MaxInt32

// tooMuch is the error of a column that 32-bit offsets cannot count.
func (in *aggInput) tooMuch() error { return in.fault(0, tooMuchText) }

const tooMuchText = "more than 2 GiB of values in one shard"

// hasRoom reports whether the rows of v can be appended.
func (b *Builder) hasRoom(v *Vector, rows []int32) bool {
	return b.hasRoomForAll(v) || b.hasRoomForRows(v, rows)
}

// hasRoomForAll reports whether all of v would fit, which is found without looking at rows.
func (b *Builder) hasRoomForAll(v *Vector) bool {
	if b.vec.N+v.N > roomMax || len(b.vec.Data)+len(v.Data) > roomMax {
		return false
	}
	for i, kid := range b.kids {
		if !kid.hasRoomForAll(v.Kids[i]) {
			return false
		}
	}
	return true
}

func (b *Builder) hasRoomForRows(v *Vector, rows []int32) bool {
	if b.vec.N+len(rows) > roomMax {
		return false
	}
	switch b.vec.Type.Kind.Storage() {
	case StoredBytes:
		size := len(b.vec.Data)
		for _, r := range rows {
			if !isNullAt(v.Valid, r) {
				size += int(v.Off[r+1] - v.Off[r])
			}
		}
		return size <= roomMax
	case StoredList:
		return b.kidsHaveRoom(v, nil, v.elements(nil, rows))
	}
	return b.kidsHaveRoom(v, v.Valid, rows)
}

// hasRoomForKeys is hasRoom for a column that may be one of references.
func (b *Builder) hasRoomForKeys(v *Vector, rows []int32) bool {
	if v.Values == nil {
		return b.hasRoom(v, rows)
	}
	size := int64(len(b.vec.Data)) + int64(len(rows))*int64(len(v.Values.Data))
	if size > int64(roomMax) {
		size = int64(len(b.vec.Data)) + partsSizeOf(v, rows)
	}
	return b.vec.N+len(rows) <= roomMax && size <= int64(roomMax)
}

func (b *Builder) kidsHaveRoom(v *Vector, valid []byte, rows []int32) bool {
	for i, kid := range b.kids {
		if !kid.hasRoomForRows(v.Kids[i].masked(valid), rows) {
			return false
		}
	}
	return true
}

// roomForKeys refuses rows whose keys do not fit behind those that are there.
func (t *keyTable) roomForKeys(b *Batch, keys []int, rows []int32) error {
	for i, k := range keys {
		if len(rows) > 0 && !t.hasRoomForKeys(i, b.Cols[k], rows) {
			return &RowError{Row: int(rows[0]), Reason: tooMuchText, Expr: "the keys of a GROUP BY"}
		}
	}
	return nil
}

// hasRoomForKeys is about the i-th column. Records have room for more, but become columns at last.
func (t *keyTable) hasRoomForKeys(i int, v *Vector, rows []int32) bool {
	if t.records == nil {
		return t.cols[i].own.hasRoomForKeys(v, rows)
	}
	return (t.n+len(rows))*max(t.records.fields[i].width, 1) <= roomMax
}
