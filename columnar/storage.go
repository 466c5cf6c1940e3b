package columnar

// Storage is which slices of a [Vector] hold the values of a kind. Loops are written once for each storage.
type Storage uint8

// The storages.
const (
	StoredNot    Storage = iota
	StoredBits           // Bits
	StoredI32            // I32
	StoredI64            // I64
	StoredF64            // F64
	StoredWide           // Wide
	StoredBytes          // Off, Data
	StoredList           // Off, Kids: arrays, and maps with two Kids of equal length
	StoredStruct         // Kids, one of N rows for each field
)

// storages by kind. A column of bare NULLs, as the elements of an empty array, is stored as booleans that do not count.
var storages = [...]Storage{
	Null: StoredBits, Bool: StoredBits,
	Int8: StoredI32, Int16: StoredI32, Int32: StoredI32, Date: StoredI32,
	Int64: StoredI64, Timestamp: StoredI64, LocalTimestamp: StoredI64,
	Float32: StoredF64, Float64: StoredF64,
	Decimal: StoredWide, Interval: StoredWide,
	String: StoredBytes, Binary: StoredBytes,
	Array: StoredList, Map: StoredList, Struct: StoredStruct,
}

// Storage is how values of the kind are stored.
func (k Kind) Storage() Storage {
	if int(k) < len(storages) {
		return storages[k]
	}
	return StoredNot
}

// kids are new vectors for the parts of a nested type, each of n rows.
func (t Type) kids(n int) []*Vector {
	kids := make([]*Vector, len(t.nested.fields))
	for i, f := range t.nested.fields {
		kids[i] = newVector(f.Type, n)
	}
	return kids
}

// masked is v with NULL also where valid, which may be nil, has no bit. A field of a struct that is NULL holds nothing
// that counts, so whoever looks at fields alone looks at them masked.
func (v *Vector) masked(valid []byte) *Vector {
	if valid == nil {
		return v
	}
	out := *v
	if v.Valid == nil {
		out.Valid = valid
		return &out
	}
	out.Valid = make([]byte, bitmapBytes(v.N))
	bitAnd(out.Valid, v.Valid, valid)
	return &out
}

// elements appends the positions in the Kids of a list that its rows reach over, row by row; NULL reaches over none.
func (v *Vector) elements(dst, rows []int32) []int32 {
	for _, r := range rows {
		if !isNullAt(v.Valid, r) {
			for e := v.Off[r]; e < v.Off[r+1]; e++ {
				dst = append(dst, e)
			}
		}
	}
	return dst
}
