package columnar

import "math"

// tooMuch is the error of a column that 32-bit offsets cannot count.
func (in *aggInput) tooMuch() error {
	return in.fault(0, "more than 2 GiB of values in one shard")
}

// hasRoom reports whether the rows of v can be appended: 32-bit offsets count no more bytes or elements.
func (b *Builder) hasRoom(v *Vector, rows []int32) bool {
	if b.vec.N > math.MaxInt32-len(rows) {
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
		return size <= math.MaxInt32
	case StoredList:
		return b.kidsHaveRoom(v, nil, v.elements(nil, rows))
	}
	return b.kidsHaveRoom(v, v.Valid, rows)
}

func (b *Builder) kidsHaveRoom(v *Vector, valid []byte, rows []int32) bool {
	for i, kid := range b.kids {
		if !kid.hasRoom(v.Kids[i].masked(valid), rows) {
			return false
		}
	}
	return true
}
