package parquetfile

import (
	"fmt"
	"slices"

	"github.com/parquet-go/parquet-go/deprecated"
	"github.com/parquet-go/parquet-go/encoding/thrift"
	"github.com/parquet-go/parquet-go/format"

	"github.com/millrace/millrace/columnar"
)

// The widest decimals that Parquet keeps in an INT32 and in an INT64; wider ones take 16 bytes.
const (
	decimalInt32 = 9
	decimalInt64 = 18
	decimalBytes = 16
)

// leaf is one Parquet column: a column of the schema, or one of the values inside a nested column.
type leaf struct {
	column int      // of the schema
	path   []int    // which of Kids at each struct, list and map on the way; nil for a column that is not nested
	names  []string // Parquet's path
	typ    columnar.Type
	phys   format.Type
	maxDef int
	maxRep int
}

// schemaOf lists the elements of the file's schema, and its leaves, depth first.
func schemaOf(s *columnar.Schema) ([]format.SchemaElement, []leaf, error) {
	b := &schemaBuilder{elements: []format.SchemaElement{{Name: "millrace", NumChildren: thrift.New(int32(len(s.Fields)))}}}
	for i, f := range s.Fields {
		if err := b.add(f.Name, f.Type, leaf{column: i}, format.Optional); err != nil {
			return nil, nil, fmt.Errorf("column %q: %w", f.Name, err)
		}
	}
	return b.elements, b.leaves, nil
}

// Check returns an error for a type that Parquet cannot hold.
func Check(t columnar.Type) error {
	return new(schemaBuilder).add("", t, leaf{}, format.Optional)
}

type schemaBuilder struct {
	elements []format.SchemaElement
	leaves   []leaf
}

// add appends a field; at is the way to it.
func (b *schemaBuilder) add(name string, t columnar.Type, at leaf, rep format.FieldRepetitionType) error {
	at = at.down(name, rep)
	switch t.Kind {
	case columnar.Struct:
		b.group(name, rep, len(t.Fields()), nil)
		for i, f := range t.Fields() {
			if err := b.add(f.Name, f.Type, at.kid(i), format.Optional); err != nil {
				return err
			}
		}
		return nil
	case columnar.Array:
		b.group(name, rep, 1, &format.ListType{})
		b.group("list", format.Repeated, 1, nil)
		return b.add("element", t.Elem(), at.down("list", format.Repeated).kid(0), format.Optional)
	case columnar.Map:
		b.group(name, rep, 1, &format.MapType{})
		b.group("key_value", format.Repeated, 2, nil)
		at = at.down("key_value", format.Repeated)
		if err := b.add("key", t.KeyType(), at.kid(0), format.Required); err != nil {
			return err
		}
		return b.add("value", t.Elem(), at.kid(1), format.Optional)
	}
	return b.leaf(name, t, at, rep)
}

// down is the way one name further.
func (l leaf) down(name string, rep format.FieldRepetitionType) leaf {
	l.names = append(slices.Clone(l.names), name)
	if rep != format.Required {
		l.maxDef++
	}
	if rep == format.Repeated {
		l.maxRep++
	}
	return l
}

// kid is the way into one of the vectors inside.
func (l leaf) kid(i int) leaf {
	l.path = append(slices.Clone(l.path), i)
	return l
}

func (b *schemaBuilder) group(name string, rep format.FieldRepetitionType, kids int, logical format.LogicalTypeValue) {
	e := format.SchemaElement{Name: name, RepetitionType: thrift.New(rep), NumChildren: thrift.New(int32(kids)), LogicalType: format.LogicalType{Value: logical}}
	switch logical.(type) {
	case *format.ListType:
		e.ConvertedType = thrift.New(deprecated.List)
	case *format.MapType:
		e.ConvertedType = thrift.New(deprecated.Map)
	}
	b.elements = append(b.elements, e)
}

func (b *schemaBuilder) leaf(name string, t columnar.Type, at leaf, rep format.FieldRepetitionType) error {
	e := format.SchemaElement{Name: name, RepetitionType: thrift.New(rep)}
	logical := func(phys format.Type, v format.LogicalTypeValue, converted deprecated.ConvertedType) {
		at.phys, e.LogicalType.Value, e.ConvertedType = phys, v, thrift.New(converted)
	}
	micros := format.TimeUnit{Value: &format.MicroSeconds{}}
	switch t.Kind {
	case columnar.Bool:
		at.phys = format.Boolean
	case columnar.Int8:
		logical(format.Int32, &format.IntType{BitWidth: 8, IsSigned: true}, deprecated.Int8)
	case columnar.Int16:
		logical(format.Int32, &format.IntType{BitWidth: 16, IsSigned: true}, deprecated.Int16)
	case columnar.Int32:
		logical(format.Int32, &format.IntType{BitWidth: 32, IsSigned: true}, deprecated.Int32)
	case columnar.Int64:
		logical(format.Int64, &format.IntType{BitWidth: 64, IsSigned: true}, deprecated.Int64)
	case columnar.Float32:
		at.phys = format.Float
	case columnar.Float64:
		at.phys = format.Double
	case columnar.String:
		logical(format.ByteArray, &format.StringType{}, deprecated.UTF8)
	case columnar.Binary:
		at.phys = format.ByteArray
	case columnar.Date:
		logical(format.Int32, &format.DateType{}, deprecated.Date)
	case columnar.Timestamp:
		logical(format.Int64, &format.TimestampType{IsAdjustedToUTC: true, Unit: micros}, deprecated.TimestampMicros)
	case columnar.LocalTimestamp:
		logical(format.Int64, &format.TimestampType{Unit: micros}, deprecated.TimestampMicros)
	case columnar.Decimal:
		precision, scale := int32(t.Precision), int32(t.Scale)
		logical(decimalType(t), &format.DecimalType{Scale: scale, Precision: precision}, deprecated.Decimal)
		e.Precision, e.Scale = thrift.New(precision), thrift.New(scale)
	default:
		return fmt.Errorf("%s cannot be stored in Parquet", t.Article())
	}
	if at.phys == format.FixedLenByteArray {
		e.TypeLength = thrift.New(int32(decimalBytes))
	}
	e.Type, at.typ = thrift.New(at.phys), t
	b.elements, b.leaves = append(b.elements, e), append(b.leaves, at)
	return nil
}

func decimalType(t columnar.Type) format.Type {
	switch {
	case t.Precision <= decimalInt32:
		return format.Int32
	case t.Precision <= decimalInt64:
		return format.Int64
	}
	return format.FixedLenByteArray
}
