package columnar

import (
	"errors"
	"fmt"
	"unsafe"

	"github.com/apache/arrow/go/v17/arrow"
)

// maxTypeDepth is how deep types may be nested in what is read; Arrow's own limit is the same.
const maxTypeDepth = 64

func (in dialect) fromSchema(s *arrow.Schema) (*Schema, error) {
	out := &Schema{}
	for _, f := range s.Fields() {
		t, ok := in.fromType(f.Type, maxTypeDepth)
		if !ok {
			return nil, fmt.Errorf("column %q has the Arrow type %s, which no column type stands for", f.Name, f.Type)
		}
		out.Fields = append(out.Fields, Field{Name: f.Name, Type: t})
	}
	return out, nil
}

// fromType is the inverse of arrowType.
func (in dialect) fromType(t arrow.DataType, depth int) (Type, bool) {
	if depth == 0 {
		return Type{}, false
	}
	for k, flat := range flatTypes {
		if arrow.TypeEqual(flat, t) {
			return Type{Kind: k}, true
		}
	}
	switch t := t.(type) {
	case *arrow.Decimal128Type:
		ok := t.Precision >= 1 && t.Precision <= MaxPrecision && t.Scale >= 0 && t.Scale <= t.Precision
		return DecimalOf(int(t.Precision), int(t.Scale)), ok
	case *arrow.ListType:
		elem, ok := in.fromType(t.Elem(), depth-1)
		return typeIf(ok, ArrayOf, elem)
	case *arrow.MapType:
		key, ok1 := in.fromType(t.KeyType(), depth-1)
		value, ok2 := in.fromType(t.ItemType(), depth-1)
		return typeIf(ok1 && ok2, func(v Type) Type { return MapOf(key, v) }, value)
	case *arrow.StructType:
		return in.fromStruct(t, depth)
	}
	return Type{Kind: Interval}, arrow.TypeEqual(in.interval, t)
}

func typeIf(ok bool, of func(Type) Type, t Type) (Type, bool) {
	if !ok {
		return Type{}, false
	}
	return of(t), true
}

// fromStruct refuses a struct without fields: its rows take no memory, so that a few bytes could stand for any number.
func (in dialect) fromStruct(t *arrow.StructType, depth int) (Type, bool) {
	fields := make([]Field, t.NumFields())
	for i, f := range t.Fields() {
		part, ok := in.fromType(f.Type, depth-1)
		if !ok {
			return Type{}, false
		}
		fields[i] = Field{Name: f.Name, Type: part}
	}
	return StructOf(fields...), len(fields) > 0
}

// view is a vector over n rows of Arrow's buffers, from on.
func (in dialect) view(t Type, data arrow.ArrayData, from, n int) (*Vector, error) {
	if n == 0 {
		return newVector(t, 0), nil
	}
	v := &Vector{Type: t, N: n, Valid: arrowValid(data, from, n)}
	switch t.Kind.Storage() {
	case StoredStruct:
		return v, in.viewKids(v, data.Children(), from, n)
	case StoredList:
		v.Off = arrow.Int32Traits.CastFromBytes(data.Buffers()[1].Bytes())[from : from+n+1]
		return v, in.viewList(v, data.Children()[0])
	case StoredBytes:
		v.Off = arrow.Int32Traits.CastFromBytes(data.Buffers()[1].Bytes())[from : from+n+1]
		if text := data.Buffers()[2]; text != nil {
			v.Data = text.Bytes()
		}
		return v, checkOffsets(v.Off, len(v.Data))
	}
	return v, in.viewValues(v, data.Buffers()[1].Bytes(), from, n)
}

func (in dialect) viewKids(v *Vector, kids []arrow.ArrayData, from, n int) error {
	for i, f := range v.Type.nested.fields {
		if n > kids[i].Len()-from {
			return fmt.Errorf("field %q ends before row %d", f.Name, n)
		}
		kid, err := in.view(f.Type, kids[i], kids[i].Offset()+from, n)
		if err != nil {
			return err
		}
		v.Kids = append(v.Kids, kid)
	}
	return nil
}

// viewList adds the elements of an array, or the keys and values of a map.
func (in dialect) viewList(v *Vector, elements arrow.ArrayData) error {
	if err := checkOffsets(v.Off, elements.Len()); err != nil {
		return err
	}
	if v.Type.Kind == Map {
		if err := in.viewKids(v, elements.Children(), elements.Offset(), elements.Len()); err != nil {
			return err
		}
		return checkMapKeys(v)
	}
	return in.viewKids(v, []arrow.ArrayData{elements}, 0, elements.Len())
}

func checkMapKeys(v *Vector) error {
	for i := range v.N {
		for e := v.Off[i]; e < v.Off[i+1] && !v.IsNull(i); e++ {
			if v.Kids[0].IsNull(int(e)) {
				return errors.New("a key of a map is NULL")
			}
		}
	}
	return nil
}

// viewValues sets values of fixed width.
func (in dialect) viewValues(v *Vector, values []byte, from, n int) error {
	switch v.Type.Kind {
	case Int8:
		v.I32 = widened[int32](arrow.Int8Traits.CastFromBytes(values)[from : from+n])
		return nil
	case Int16:
		v.I32 = widened[int32](arrow.Int16Traits.CastFromBytes(values)[from : from+n])
		return nil
	case Float32:
		v.F64 = widened[float64](arrow.Float32Traits.CastFromBytes(values)[from : from+n])
		return nil
	case Decimal:
		v.Wide = wideValues(values)[from : from+n]
		return checkDigits(v)
	case Interval:
		if in.interval.ID() == arrow.INTERVAL_MONTH_DAY_NANO {
			return viewIntervals(v, arrow.MonthDayNanoIntervalTraits.CastFromBytes(values)[from:from+n])
		}
	}
	switch v.Type.Kind.Storage() {
	case StoredBits:
		v.Bits = bitsFrom(values, from, n)
	case StoredI32:
		v.I32 = arrow.Int32Traits.CastFromBytes(values)[from : from+n]
	case StoredI64:
		v.I64 = arrow.Int64Traits.CastFromBytes(values)[from : from+n]
	case StoredF64:
		v.F64 = arrow.Float64Traits.CastFromBytes(values)[from : from+n]
	case StoredWide:
		v.Wide = wideValues(values)[from : from+n]
	}
	return nil
}

func widened[To int32 | float64, From int8 | int16 | float32](src []From) []To {
	dst := make([]To, len(src))
	for i, x := range src {
		dst[i] = To(x)
	}
	return dst
}

// wideValues is the inverse of wideBytes. Memory that is not aligned to words is copied.
func wideValues(b []byte) []Int128 {
	n := len(b) / 16
	if uintptr(unsafe.Pointer(unsafe.SliceData(b)))%8 != 0 {
		out := make([]Int128, n)
		copy(wideBytes(out), b)
		return out
	}
	return unsafe.Slice((*Int128)(unsafe.Pointer(unsafe.SliceData(b))), n)
}

// checkDigits refuses numbers with more digits than the type has.
func checkDigits(v *Vector) error {
	for i, x := range v.Wide {
		if !v.IsNull(i) && !x.fitsDigits(v.Type.Precision) {
			return fmt.Errorf("row %d has more digits than a %s", i, v.Type)
		}
	}
	return nil
}

func viewIntervals(v *Vector, src []arrow.MonthDayNanoInterval) error {
	v.Wide = make([]Int128, len(src))
	for i, x := range src {
		if !v.IsNull(i) && x.Nanoseconds%1000 != 0 {
			return fmt.Errorf("the interval in row %d is finer than a microsecond", i)
		}
		v.Wide[i] = MakeInterval(x.Months, x.Days, x.Nanoseconds/1000)
	}
	return nil
}

func arrowValid(data arrow.ArrayData, from, n int) []byte {
	buf := data.Buffers()[0]
	if buf == nil || buf.Len() == 0 {
		return nil
	}
	return bitsFrom(buf.Bytes(), from, n)
}

// bitsFrom is a bitmap of n bits from position from of m on.
func bitsFrom(m []byte, from, n int) []byte {
	if own := m[from>>3:]; from&7 == 0 && (n&7 == 0 || own[n>>3]>>(n&7) == 0) {
		return own[:bitmapBytes(n)]
	}
	return packBits(nil, n, func(i int) bool { return bitSet(m, from+i) })
}

// checkOffsets refuses offsets that do not ascend to size at most.
func checkOffsets(off []int32, size int) error {
	last := int32(0)
	for i, o := range off {
		if o < last {
			return fmt.Errorf("offset %d is %d behind %d", i, o, last)
		}
		last = o
	}
	if int(last) > size {
		return fmt.Errorf("offsets end at %d of %d", last, size)
	}
	return nil
}
