package columnar

import (
	"encoding/binary"
	"errors"
	"math"
	"unsafe"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
)

type arrowWriter struct{ mem memory.Allocator }

var errLongInterval = errors.New("the time of an interval is longer than 292 years, the most that Arrow's interval holds")

// data is n rows of v, from on, as Arrow's array data of type t. The caller releases it.
func (w arrowWriter) data(v *Vector, t arrow.DataType, from, n int) (arrow.ArrayData, error) {
	if n == 0 { // what has computed no rows may have no offsets
		v, from = newVector(v.Type, 0), 0
	}
	valid, nulls := arrowNulls(v, from, n)
	switch v.Type.Kind.Storage() {
	case StoredBytes:
		offsets := w.offsets(v.Off, from, n)
		defer offsets.Release()
		text := memory.NewBufferBytes(v.Data[v.Off[from]:v.Off[from+n]])
		return array.NewData(t, n, []*memory.Buffer{valid, offsets, text}, nil, nulls, 0), nil
	case StoredList:
		return w.list(v, t, from, n, valid, nulls)
	case StoredStruct:
		kids, err := w.kids(v, t.(*arrow.StructType).Fields(), from, n)
		defer release(kids)
		return array.NewData(t, n, []*memory.Buffer{valid}, kids, nulls, 0), err
	}
	values, err := arrowValues(v, t, from, n)
	return array.NewData(t, n, []*memory.Buffer{valid, values}, nil, nulls, 0), err
}

func arrowNulls(v *Vector, from, n int) (valid *memory.Buffer, nulls int) {
	if v.Valid == nil || n == 0 {
		return nil, 0
	}
	bits := bitsFrom(v.Valid, from, n)
	return memory.NewBufferBytes(bits), n - onesUpTo(bits, n)
}

// arrowValues are the values of fixed width.
func arrowValues(v *Vector, t arrow.DataType, from, n int) (*memory.Buffer, error) {
	switch v.Type.Kind {
	case Bool:
		if n == 0 {
			return memory.NewBufferBytes([]byte{}), nil
		}
		return memory.NewBufferBytes(bitsFrom(v.Bits, from, n)), nil
	case Int8:
		return memory.NewBufferBytes(arrow.Int8Traits.CastToBytes(narrowed[int8](v.I32[from : from+n]))), nil
	case Int16:
		return memory.NewBufferBytes(arrow.Int16Traits.CastToBytes(narrowed[int16](v.I32[from : from+n]))), nil
	case Float32:
		return memory.NewBufferBytes(arrow.Float32Traits.CastToBytes(narrowed[float32](v.F64[from : from+n]))), nil
	case Interval:
		if t.ID() == arrow.INTERVAL_MONTH_DAY_NANO {
			return arrowIntervals(v, from, n)
		}
	}
	switch v.Type.Kind.Storage() {
	case StoredI32:
		return memory.NewBufferBytes(arrow.Int32Traits.CastToBytes(v.I32[from : from+n])), nil
	case StoredF64:
		return memory.NewBufferBytes(arrow.Float64Traits.CastToBytes(v.F64[from : from+n])), nil
	case StoredWide:
		return memory.NewBufferBytes(wideBytes(v.Wide[from : from+n])), nil
	}
	return memory.NewBufferBytes(arrow.Int64Traits.CastToBytes(v.I64[from : from+n])), nil
}

func narrowed[To int8 | int16 | float32, From int32 | float64](src []From) []To {
	dst := make([]To, len(src))
	for i, x := range src {
		dst[i] = To(x)
	}
	return dst
}

// wideBytes is the memory of s: little-endian, low half first, on every machine that Arrow runs on.
func wideBytes(s []Int128) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(s))), 16*len(s))
}

// arrowIntervals writes months, days and nanoseconds.
func arrowIntervals(v *Vector, from, n int) (*memory.Buffer, error) {
	buf := make([]byte, 0, 16*n)
	for i := from; i < from+n; i++ {
		months, days, micros := v.Wide[i].Interval()
		if v.IsNull(i) {
			months, days, micros = 0, 0, 0
		}
		if micros > math.MaxInt64/1000 || micros < math.MinInt64/1000 {
			return memory.NewBufferBytes(buf), errLongInterval
		}
		buf = binary.LittleEndian.AppendUint32(buf, uint32(months))
		buf = binary.LittleEndian.AppendUint32(buf, uint32(days))
		buf = binary.LittleEndian.AppendUint64(buf, uint64(micros*1000))
	}
	return memory.NewBufferBytes(buf), nil
}

// offsets are n + 1 offsets that begin at zero.
func (w arrowWriter) offsets(off []int32, from, n int) *memory.Buffer {
	off = off[from : from+n+1]
	if off[0] == 0 {
		return memory.NewBufferBytes(arrow.Int32Traits.CastToBytes(off))
	}
	buf := memory.NewResizableBuffer(w.mem)
	buf.Resize(4 * len(off))
	for i, o := range off {
		arrow.Int32Traits.CastFromBytes(buf.Bytes())[i] = o - off[0]
	}
	return buf
}

// list writes an array, or a map as a list of entries.
func (w arrowWriter) list(v *Vector, t arrow.DataType, from, n int, valid *memory.Buffer, nulls int) (arrow.ArrayData, error) {
	offsets := w.offsets(v.Off, from, n)
	defer offsets.Release()
	first, last := int(v.Off[from]), int(v.Off[from+n])
	var fields []arrow.Field
	if m, ok := t.(*arrow.MapType); ok {
		fields = m.Elem().(*arrow.StructType).Fields()
	} else {
		fields = []arrow.Field{t.(*arrow.ListType).ElemField()}
	}
	kids, err := w.kids(v, fields, first, last-first)
	defer release(kids)
	if m, ok := t.(*arrow.MapType); ok && err == nil {
		entries := array.NewData(m.Elem(), last-first, []*memory.Buffer{nil}, kids, 0, 0)
		defer entries.Release()
		return array.NewData(t, n, []*memory.Buffer{valid, offsets}, []arrow.ArrayData{entries}, nulls, 0), nil
	}
	return array.NewData(t, n, []*memory.Buffer{valid, offsets}, kids, nulls, 0), err
}

// kids writes n rows of each part.
func (w arrowWriter) kids(v *Vector, fields []arrow.Field, from, n int) (kids []arrow.ArrayData, err error) {
	for i, kid := range v.Kids {
		if !fields[i].Nullable { // keys of maps: what is NULL belongs to no row
			kid = withoutNulls(kid)
		}
		data, err := w.data(kid, fields[i].Type, from, n)
		kids = append(kids, data)
		if err != nil {
			return kids, err
		}
	}
	return kids, nil
}

func withoutNulls(v *Vector) *Vector {
	out := *v
	out.Valid = nil
	return &out
}

func release(list []arrow.ArrayData) {
	for _, data := range list {
		data.Release()
	}
}
