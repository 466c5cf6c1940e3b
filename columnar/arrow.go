package columnar

import (
	"fmt"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
)

// ArrowSchema is s in Arrow's types, all columns, elements and fields nullable but for the keys of maps: boolean, int8 to
// int64, float32, float64, decimal128, utf8, binary, date32, timestamp[us, UTC] for instants and timestamp[us] for wall
// time, month_day_nano_interval, list, struct and map.
func ArrowSchema(s *Schema) (*arrow.Schema, error) { return arrowSchema(s, arrowTypes) }

// dialect is how values that Arrow cannot hold as they are stand in it.
type dialect struct{ interval arrow.DataType }

var (
	// arrowTypes is for others to read. The microseconds of an interval have to fit as nanoseconds.
	arrowTypes = dialect{interval: arrow.FixedWidthTypes.MonthDayNanoInterval}
	// ipcTypes is for our own blocks: an interval is what it is in memory, see [Int128].
	ipcTypes = dialect{interval: &arrow.FixedSizeBinaryType{ByteWidth: 16}}
)

func arrowSchema(s *Schema, in dialect) (*arrow.Schema, error) {
	fields := make([]arrow.Field, len(s.Fields))
	for i, f := range s.Fields {
		t, err := in.arrowType(f.Type)
		if err != nil {
			return nil, fmt.Errorf("column %q: %w", f.Name, err)
		}
		fields[i] = arrow.Field{Name: f.Name, Type: t, Nullable: true}
	}
	return arrow.NewSchema(fields, nil), nil
}

// flatTypes are Arrow's types for the kinds that are no more than their kind.
var flatTypes = map[Kind]arrow.DataType{
	Bool: arrow.FixedWidthTypes.Boolean, Int8: arrow.PrimitiveTypes.Int8, Int16: arrow.PrimitiveTypes.Int16,
	Int32: arrow.PrimitiveTypes.Int32, Int64: arrow.PrimitiveTypes.Int64,
	Float32: arrow.PrimitiveTypes.Float32, Float64: arrow.PrimitiveTypes.Float64,
	String: arrow.BinaryTypes.String, Binary: arrow.BinaryTypes.Binary, Date: arrow.FixedWidthTypes.Date32,
	Timestamp:      &arrow.TimestampType{Unit: arrow.Microsecond, TimeZone: "UTC"},
	LocalTimestamp: &arrow.TimestampType{Unit: arrow.Microsecond},
}

func (in dialect) arrowType(t Type) (arrow.DataType, error) {
	switch t.Kind {
	case Decimal:
		return &arrow.Decimal128Type{Precision: int32(t.Precision), Scale: int32(t.Scale)}, nil
	case Interval:
		return in.interval, nil
	case Array, Struct, Map:
		return in.nestedType(t)
	}
	if flat, ok := flatTypes[t.Kind]; ok {
		return flat, nil
	}
	return nil, fmt.Errorf("Arrow has no column of type %s", t)
}

func (in dialect) nestedType(t Type) (arrow.DataType, error) {
	fields := make([]arrow.Field, len(t.nested.fields))
	for i, f := range t.nested.fields {
		part, err := in.arrowType(f.Type)
		if err != nil {
			return nil, err
		}
		fields[i] = arrow.Field{Name: f.Name, Type: part, Nullable: true}
	}
	switch t.Kind {
	case Array:
		return arrow.ListOf(fields[0].Type), nil
	case Map:
		return arrow.MapOf(fields[0].Type, fields[1].Type), nil
	}
	return arrow.StructOf(fields...), nil
}

// ToArrow wraps the columns of b as an Arrow record. Nothing is copied unless b has a selection, or a column that is
// narrower in Arrow (tinyint, smallint, float) or has another form there (interval), so the record is valid as long as b
// is; the caller releases it. mem serves offsets that have to be moved to begin at zero.
func ToArrow(b *Batch, mem memory.Allocator) (arrow.Record, error) {
	b = Compact(b)
	return toArrow(b, 0, b.Rows, mem, arrowTypes)
}

// toArrow wraps n rows of b, from on, which has no selection.
func toArrow(b *Batch, from, n int, mem memory.Allocator, in dialect) (arrow.Record, error) {
	schema, err := arrowSchema(b.Schema, in)
	if err != nil {
		return nil, err
	}
	w := arrowWriter{mem: mem}
	cols := make([]arrow.Array, len(b.Cols))
	for i, v := range b.Cols {
		data, err := w.data(v, schema.Field(i).Type, from, n)
		if err != nil {
			return nil, fmt.Errorf("column %q: %w", b.Schema.Fields[i].Name, err)
		}
		cols[i] = array.MakeFromData(data)
		data.Release()
		defer cols[i].Release()
	}
	return array.NewRecord(schema, cols, int64(n)), nil
}

// FromArrow copies an Arrow record to a canonical batch (see [Take]). It takes the types of [ArrowSchema]; the error
// names the column with another one.
func FromArrow(rec arrow.Record) (*Batch, error) { return fromArrow(rec, arrowTypes) }

func fromArrow(rec arrow.Record, in dialect) (*Batch, error) {
	schema, err := in.fromSchema(rec.Schema())
	if err != nil {
		return nil, err
	}
	if len(schema.Fields) == 0 && rec.NumRows() > 0 {
		return nil, fmt.Errorf("a record of %d rows has no columns", rec.NumRows())
	}
	view := &Batch{Schema: schema, Rows: int(rec.NumRows()), Cols: make([]*Vector, len(schema.Fields))}
	for i, f := range schema.Fields {
		data := rec.Column(i).Data()
		if view.Cols[i], err = in.view(f.Type, data, data.Offset(), data.Len()); err != nil {
			return nil, fmt.Errorf("read column %q: %w", f.Name, err)
		}
	}
	return Take(view, selectedRows(view)), nil
}
