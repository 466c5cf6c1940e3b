package columnar

import (
	"fmt"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
)

// ArrowSchema is s in Arrow's types: boolean, int32, int64, float64, utf8, binary, date32 and timestamp[us, UTC], all
// nullable.
func ArrowSchema(s *Schema) (*arrow.Schema, error) {
	fields := make([]arrow.Field, len(s.Fields))
	for i, f := range s.Fields {
		t := arrowTypes[f.Type.Kind]
		if t == nil {
			return nil, fmt.Errorf("column %q: Arrow has no column of type %s", f.Name, f.Type)
		}
		fields[i] = arrow.Field{Name: f.Name, Type: t, Nullable: true}
	}
	return arrow.NewSchema(fields, nil), nil
}

var arrowTypes = map[Kind]arrow.DataType{
	Bool: arrow.FixedWidthTypes.Boolean, Int32: arrow.PrimitiveTypes.Int32, Int64: arrow.PrimitiveTypes.Int64,
	Float64: arrow.PrimitiveTypes.Float64, String: arrow.BinaryTypes.String, Binary: arrow.BinaryTypes.Binary,
	Date: arrow.FixedWidthTypes.Date32, Timestamp: &arrow.TimestampType{Unit: arrow.Microsecond, TimeZone: "UTC"},
}

// ToArrow wraps the columns of b as an Arrow record. Nothing is copied unless b has a selection, so the record is valid
// as long as b is; the caller releases it. mem serves string offsets that have to be moved to begin at zero.
func ToArrow(b *Batch, mem memory.Allocator) (arrow.Record, error) {
	schema, err := ArrowSchema(b.Schema)
	if err != nil {
		return nil, err
	}
	b = Compact(b)
	cols := make([]arrow.Array, len(b.Cols))
	for i, v := range b.Cols {
		cols[i] = toArray(v, schema.Field(i).Type, mem)
		defer cols[i].Release()
	}
	return array.NewRecord(schema, cols, int64(b.Rows)), nil
}

func toArray(v *Vector, t arrow.DataType, mem memory.Allocator) arrow.Array {
	buffers := append(make([]*memory.Buffer, 0, 3), nil)
	nulls := 0
	if v.Valid != nil {
		buffers[0] = memory.NewBufferBytes(v.Valid[:bitmapBytes(v.N)])
		nulls = v.N - onesUpTo(v.Valid, v.N)
	}
	switch v.Type.Kind {
	case Bool:
		buffers = append(buffers, memory.NewBufferBytes(v.Bits[:bitmapBytes(v.N)]))
	case Int32, Date:
		buffers = append(buffers, memory.NewBufferBytes(arrow.Int32Traits.CastToBytes(v.I32[:v.N])))
	case Float64:
		buffers = append(buffers, memory.NewBufferBytes(arrow.Float64Traits.CastToBytes(v.F64[:v.N])))
	case String, Binary:
		offsets := arrowOffsets(v, mem)
		defer offsets.Release()
		buffers = append(buffers, offsets, memory.NewBufferBytes(v.Data[v.Off[0]:v.Off[v.N]]))
	default:
		buffers = append(buffers, memory.NewBufferBytes(arrow.Int64Traits.CastToBytes(v.I64[:v.N])))
	}
	data := array.NewData(t, v.N, buffers, nil, nulls, 0)
	defer data.Release()
	return array.MakeFromData(data)
}

// arrowOffsets are the offsets into Data from the first string on.
func arrowOffsets(v *Vector, mem memory.Allocator) *memory.Buffer {
	off := v.Off[:v.N+1]
	if off[0] == 0 {
		return memory.NewBufferBytes(arrow.Int32Traits.CastToBytes(off))
	}
	buf := memory.NewResizableBuffer(mem)
	buf.Resize(4 * len(off))
	for i, o := range off {
		arrow.Int32Traits.CastFromBytes(buf.Bytes())[i] = o - off[0]
	}
	return buf
}

// FromArrow copies an Arrow record to a canonical batch (see [Take]). It takes the types of [ArrowSchema]; the error
// names the column with another one.
func FromArrow(rec arrow.Record) (*Batch, error) {
	schema, err := fromArrowSchema(rec.Schema())
	if err != nil {
		return nil, err
	}
	if len(schema.Fields) == 0 && rec.NumRows() > 0 {
		return nil, fmt.Errorf("a record of %d rows has no columns", rec.NumRows())
	}
	view := &Batch{Schema: schema, Rows: int(rec.NumRows()), Cols: make([]*Vector, len(schema.Fields))}
	for i, f := range schema.Fields {
		if view.Cols[i], err = arrowView(f.Type, rec.Column(i).Data()); err != nil {
			return nil, fmt.Errorf("read column %q: %w", f.Name, err)
		}
	}
	return Take(view, selectedRows(view)), nil
}

func fromArrowSchema(s *arrow.Schema) (*Schema, error) {
	out := &Schema{}
	for _, f := range s.Fields() {
		t, ok := fromArrowType(f.Type)
		if !ok {
			return nil, fmt.Errorf("column %q has the Arrow type %s, which no column type stands for", f.Name, f.Type)
		}
		out.Fields = append(out.Fields, Field{Name: f.Name, Type: t})
	}
	return out, nil
}

func fromArrowType(t arrow.DataType) (Type, bool) {
	for k := Bool; k <= Timestamp; k++ {
		if arrow.TypeEqual(arrowTypes[k], t) {
			return Type{Kind: k}, true
		}
	}
	return Type{}, false
}

// arrowView is a vector over the buffers of an Arrow array.
func arrowView(t Type, data arrow.ArrayData) (*Vector, error) {
	from, n := data.Offset(), data.Len()
	if n == 0 {
		return newVector(t, 0), nil
	}
	bufs := data.Buffers()
	v := &Vector{Type: t, N: n, Valid: arrowValid(data)}
	switch values := bufs[1].Bytes(); t.Kind {
	case Bool:
		v.Bits = bitsFrom(values, from, n)
	case Int32, Date:
		v.I32 = arrow.Int32Traits.CastFromBytes(values)[from : from+n]
	case Float64:
		v.F64 = arrow.Float64Traits.CastFromBytes(values)[from : from+n]
	case String, Binary:
		v.Off = arrow.Int32Traits.CastFromBytes(values)[from : from+n+1]
		if bufs[2] != nil {
			v.Data = bufs[2].Bytes()
		}
		return v, checkOffsets(v)
	default:
		v.I64 = arrow.Int64Traits.CastFromBytes(values)[from : from+n]
	}
	return v, nil
}

func arrowValid(data arrow.ArrayData) []byte {
	buf := data.Buffers()[0]
	if buf == nil || buf.Len() == 0 {
		return nil
	}
	return bitsFrom(buf.Bytes(), data.Offset(), data.Len())
}

// bitsFrom is a bitmap of n bits from position from of m on.
func bitsFrom(m []byte, from, n int) []byte {
	if from&7 == 0 {
		return m[from>>3 : from>>3+bitmapBytes(n)]
	}
	return packBits(nil, n, func(i int) bool { return bitSet(m, from+i) })
}

// checkOffsets refuses offsets that do not ascend inside Data.
func checkOffsets(v *Vector) error {
	last := int32(0)
	for i, o := range v.Off {
		if o < last {
			return fmt.Errorf("offset %d is %d behind %d", i, o, last)
		}
		last = o
	}
	if int(last) > len(v.Data) {
		return fmt.Errorf("offsets end at %d of %d bytes", last, len(v.Data))
	}
	return nil
}
