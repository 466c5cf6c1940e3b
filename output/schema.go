package output

import (
	"fmt"
	"reflect"

	"github.com/parquet-go/parquet-go"

	"github.com/millrace/millrace/columnar"
)

// parquetSchema keeps the order of the fields, which parquet.Group would sort by name.
func parquetSchema(s *columnar.Schema) (*parquet.Schema, error) {
	root, err := groupNode(s.Fields)
	if err != nil {
		return nil, err
	}
	return parquet.NewSchema("millrace", root), nil
}

// groupNode is a required group of optional fields.
func groupNode(fields []columnar.Field) (orderedGroup, error) {
	out := orderedGroup{Group: parquet.Group{}}
	for _, f := range fields {
		node, err := parquetNode(f.Type)
		if err != nil {
			return out, fmt.Errorf("column %q: %w", f.Name, err)
		}
		out.Group[f.Name] = node
		out.fields = append(out.fields, namedNode{node, f.Name})
	}
	return out, nil
}

// nestedNode is the optional column of a type that holds other values, in the forms of Parquet's LogicalTypes.md: three
// levels for lists and maps.
func nestedNode(t columnar.Type) (parquet.Node, error) {
	if t.Kind == columnar.Struct {
		group, err := groupNode(t.Fields())
		return parquet.Optional(group), err
	}
	elem, err := parquetNode(t.Elem())
	if err != nil {
		return nil, err
	}
	if t.Kind == columnar.Array {
		return parquet.Optional(parquet.List(elem)), nil
	}
	key, err := parquetNode(t.KeyType())
	if err != nil {
		return nil, err
	}
	return parquet.Optional(parquet.Map(key, elem)), nil
}

// parquetNode is the optional Parquet column of a type.
func parquetNode(t columnar.Type) (parquet.Node, error) {
	switch t.Kind {
	case columnar.Bool:
		return parquet.Optional(parquet.Leaf(parquet.BooleanType)), nil
	case columnar.Int8:
		return parquet.Optional(parquet.Int(8)), nil
	case columnar.Int16:
		return parquet.Optional(parquet.Int(16)), nil
	case columnar.Int32:
		return parquet.Optional(parquet.Int(32)), nil
	case columnar.Int64:
		return parquet.Optional(parquet.Int(64)), nil
	case columnar.Float32:
		return parquet.Optional(parquet.Leaf(parquet.FloatType)), nil
	case columnar.Float64:
		return parquet.Optional(parquet.Leaf(parquet.DoubleType)), nil
	case columnar.String:
		return parquet.Optional(parquet.Encoded(parquet.String(), &parquet.RLEDictionary)), nil
	case columnar.Binary:
		return parquet.Optional(parquet.Encoded(parquet.Leaf(parquet.ByteArrayType), &parquet.RLEDictionary)), nil
	case columnar.Date:
		return parquet.Optional(parquet.Date()), nil
	case columnar.Timestamp:
		return parquet.Optional(parquet.Timestamp(parquet.Microsecond)), nil
	case columnar.LocalTimestamp:
		return parquet.Optional(parquet.TimestampAdjusted(parquet.Microsecond, false)), nil
	case columnar.Decimal:
		return parquet.Optional(decimalNode(t)), nil
	case columnar.Array, columnar.Struct, columnar.Map:
		return nestedNode(t)
	}
	return nil, fmt.Errorf("%s cannot be stored in Parquet", t.Article())
}

// orderedGroup is a group whose fields have an order of their own.
type orderedGroup struct {
	parquet.Group
	fields []parquet.Field
}

// Fields implements parquet.Node.
func (g orderedGroup) Fields() []parquet.Field { return g.fields }

// GoType implements parquet.Node. Values never pass through Go types here, and names that make no struct tag (with a
// comma in them) must do, so it is the empty struct.
func (g orderedGroup) GoType() reflect.Type { return reflect.TypeFor[struct{}]() }

type namedNode struct {
	parquet.Node
	name string
}

// Name implements parquet.Field.
func (n namedNode) Name() string { return n.name }

// Value implements parquet.Field; rows are not written as Go values.
func (n namedNode) Value(reflect.Value) reflect.Value { return reflect.Value{} }
