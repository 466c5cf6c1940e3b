package parquettable

import (
	"fmt"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/deprecated"
	"github.com/parquet-go/parquet-go/format"

	"github.com/millrace/millrace/columnar"
)

// maxDepth is how deep columns may be nested.
const maxDepth = 32

// natural is the type that holds all values of the column.
func (n *node) natural(depth int) (columnar.Type, error) {
	switch shape, err := n.shape(); {
	case err != nil:
		return columnar.Type{}, err
	case depth > maxDepth:
		return columnar.Type{}, fmt.Errorf("nested more than %d deep", maxDepth)
	case shape == shapeLeaf:
		l, err := n.leaf()
		return l.typ, err
	case shape == shapeList:
		elem, err := n.one().natural(depth + 1)
		return columnar.ArrayOf(elem), err
	case shape == shapeMap:
		return n.naturalMap(depth)
	}
	return n.naturalStruct(depth)
}

func (n *node) naturalMap(depth int) (columnar.Type, error) {
	key, err := n.kids[0].kids[0].natural(depth + 1)
	if err != nil {
		return columnar.Type{}, err
	}
	value, err := n.kids[0].kids[1].natural(depth + 1)
	return columnar.MapOf(key, value), err
}

func (n *node) naturalStruct(depth int) (columnar.Type, error) {
	var fields []columnar.Field
	for _, k := range n.kids {
		t, err := k.natural(depth + 1)
		if err != nil {
			return columnar.Type{}, fmt.Errorf("%s: %w", k.Name(), err)
		}
		fields = append(fields, columnar.Field{Name: k.Name(), Type: t})
	}
	return columnar.StructOf(fields...), nil
}

// shape is what a column is made of.
type shape uint8

const (
	shapeLeaf shape = iota
	shapeStruct
	shapeList // also a repeated column outside of a list: then it is its own element
	shapeMap
)

// asOne is a repeated column looked at as one of its elements.
func (n *node) asOne() *node {
	one := *n
	element := *n.element
	element.RepetitionType.V = format.Required
	one.element = &element
	return &one
}

// repeats reports whether the column is repeated and is not looked at as one element.
func (n *node) repeats() bool { return n.element.RepetitionType.V == format.Repeated }

func (n *node) shape() (shape, error) {
	list, mapping := n.annotated(deprecated.List), n.annotated(deprecated.Map) || n.annotated(deprecated.MapKeyValue)
	_, logicalList := n.element.LogicalType.Value.(*format.ListType)
	_, logicalMap := n.element.LogicalType.Value.(*format.MapType)
	switch {
	case n.repeats():
		return shapeList, nil
	case n.Leaf():
		return shapeLeaf, nil
	case len(n.kids) == 0:
		return shapeLeaf, fmt.Errorf("a group without columns")
	case (list || logicalList) && (len(n.kids) != 1 || !n.kids[0].Repeated()):
		return shapeLeaf, fmt.Errorf("a list without the repeated column that lists have")
	case list || logicalList:
		return shapeList, nil
	case (mapping || logicalMap) && (len(n.kids) != 1 || !n.kids[0].Repeated() || len(n.kids[0].kids) != 2):
		return shapeLeaf, fmt.Errorf("a map without the repeated key and value that maps have")
	case mapping || logicalMap:
		return shapeMap, nil
	case n.element.LogicalType.Value != nil:
		return shapeLeaf, fmt.Errorf("no type is like Parquet's %s", n.element.LogicalType.Value)
	}
	return shapeStruct, nil
}

func (n *node) annotated(t deprecated.ConvertedType) bool {
	return n.element.ConvertedType.Valid && n.element.ConvertedType.V == t
}

// one is what one element of a list is read from, by the rules for old forms in LogicalTypes.md: the column in the
// repeated group, or the repeated column itself where it is no group, has several columns, or has a name that says so.
func (n *node) one() *node {
	if n.repeats() {
		return n.asOne()
	}
	repeated := n.kids[0]
	if repeated.Leaf() || len(repeated.kids) != 1 || repeated.Name() == "array" || repeated.Name() == n.Name()+"_tuple" {
		return repeated.asOne()
	}
	return repeated.kids[0]
}

// repeated is the column whose levels count the elements of a list or a map.
func (n *node) repeated() *node {
	if n.repeats() {
		return n
	}
	return n.kids[0]
}

// leaf is what a column without others below it holds: a type, and how its values are stored.
type leaf struct {
	typ    columnar.Type
	kind   parquet.Kind
	length int // of FIXED_LEN_BYTE_ARRAY
	read   func(v *parquet.Value, d *datum) bool
}

func scalar(k columnar.Kind) columnar.Type { return columnar.Type{Kind: k} }

// leaf says how to read the column's values, or that no type is like the column's.
func (n *node) leaf() (leaf, error) {
	e := n.element
	l := leaf{kind: parquet.Kind(e.Type.V), length: int(e.TypeLength.V)}
	if !e.Type.Valid || l.kind != n.Type().Kind() || l.kind == parquet.FixedLenByteArray && (l.length < 0 || l.length > 1<<20) {
		return l, fmt.Errorf("%w: no column of type %s is %s", errDamaged, n.Type(), e.Type.V)
	}
	logical, known := logicalType(e)
	if !known {
		return l, fmt.Errorf("no type is like Parquet's %s", unknownTypes[e.ConvertedType.V])
	}
	if logical == nil {
		l.physical()
	} else {
		l.annotated(logical)
	}
	if l.read == nil {
		return l, fmt.Errorf("no type is like Parquet's %s stored as %s", logical, l.kind)
	}
	return l, nil
}

// unknownTypes are the old annotations of columns that no type is like.
var unknownTypes = map[deprecated.ConvertedType]string{
	deprecated.TimeMillis: "TIME_MILLIS", deprecated.TimeMicros: "TIME_MICROS", deprecated.Interval: "INTERVAL",
	deprecated.List: "LIST without elements", deprecated.Map: "MAP without entries", deprecated.MapKeyValue: "MAP without entries",
}

// logicalType brings the old annotations to the form of the new ones. It is nil for a column without any.
func logicalType(e *format.SchemaElement) (logical format.LogicalTypeValue, known bool) {
	if e.LogicalType.Value != nil || !e.ConvertedType.Valid {
		return e.LogicalType.Value, true
	}
	integer := func(bits int8, signed bool) (format.LogicalTypeValue, bool) {
		return &format.IntType{BitWidth: bits, IsSigned: signed}, true
	}
	switch e.ConvertedType.V {
	case deprecated.UTF8:
		return &format.StringType{}, true
	case deprecated.Enum:
		return &format.EnumType{}, true
	case deprecated.Json:
		return &format.JsonType{}, true
	case deprecated.Bson:
		return &format.BsonType{}, true
	case deprecated.Decimal:
		return &format.DecimalType{Precision: e.Precision.V, Scale: e.Scale.V}, true
	case deprecated.Date:
		return &format.DateType{}, true
	case deprecated.TimestampMillis:
		return &format.TimestampType{IsAdjustedToUTC: true, Unit: format.TimeUnit{Value: &format.MilliSeconds{}}}, true
	case deprecated.TimestampMicros:
		return &format.TimestampType{IsAdjustedToUTC: true, Unit: format.TimeUnit{Value: &format.MicroSeconds{}}}, true
	case deprecated.Int8:
		return integer(8, true)
	case deprecated.Int16:
		return integer(16, true)
	case deprecated.Int32:
		return integer(32, true)
	case deprecated.Int64:
		return integer(64, true)
	case deprecated.Uint8:
		return integer(8, false)
	case deprecated.Uint16:
		return integer(16, false)
	case deprecated.Uint32:
		return integer(32, false)
	case deprecated.Uint64:
		return integer(64, false)
	}
	return nil, false
}

// physical sets the type of a column without annotation.
func (l *leaf) physical() {
	switch l.kind {
	case parquet.Boolean:
		l.typ, l.read = scalar(columnar.Bool), readBool
	case parquet.Int32:
		l.typ, l.read = scalar(columnar.Int32), readInt32
	case parquet.Int64:
		l.typ, l.read = scalar(columnar.Int64), readInt64
	case parquet.Int96:
		l.typ, l.read = scalar(columnar.Timestamp), readInt96
	case parquet.Float:
		l.typ, l.read = scalar(columnar.Float32), readFloat
	case parquet.Double:
		l.typ, l.read = scalar(columnar.Float64), readDouble
	case parquet.ByteArray, parquet.FixedLenByteArray:
		l.typ, l.read = scalar(columnar.Binary), readBytes
	}
}

// annotated sets the type of a column with an annotation. read stays nil where they do not go together.
func (l *leaf) annotated(logical format.LogicalTypeValue) {
	bytes, fixed := l.kind == parquet.ByteArray, l.kind == parquet.FixedLenByteArray
	switch t := logical.(type) {
	case *format.StringType, *format.EnumType, *format.JsonType:
		if bytes {
			l.typ, l.read = scalar(columnar.String), readBytes
		}
	case *format.BsonType:
		if bytes {
			l.typ, l.read = scalar(columnar.Binary), readBytes
		}
	case *format.UUIDType:
		if fixed && l.length == 16 {
			l.typ, l.read = scalar(columnar.String), readUUID
		}
	case *format.Float16Type:
		if fixed && l.length == 2 {
			l.typ, l.read = scalar(columnar.Float32), readHalf
		}
	case *format.DateType:
		if l.kind == parquet.Int32 {
			l.typ, l.read = scalar(columnar.Date), readInt32
		}
	case *format.IntType:
		l.integer(t)
	case *format.DecimalType:
		l.decimal(t)
	case *format.TimestampType:
		l.timestamp(t)
	}
}

func (l *leaf) integer(t *format.IntType) {
	switch wide := l.kind == parquet.Int64; {
	case wide != (t.BitWidth == 64) || !wide && l.kind != parquet.Int32:
	case wide && t.IsSigned:
		l.typ, l.read = scalar(columnar.Int64), readInt64
	case wide:
		l.typ, l.read = columnar.DecimalOf(20, 0), readUint64
	case t.IsSigned:
		l.typ, l.read = scalar(map[int8]columnar.Kind{8: columnar.Int8, 16: columnar.Int16, 32: columnar.Int32}[t.BitWidth]), readInt32
	default:
		l.typ, l.read = scalar(map[int8]columnar.Kind{8: columnar.Int16, 16: columnar.Int32, 32: columnar.Int64}[t.BitWidth]), readUint32
	}
	if l.typ.Kind == columnar.Invalid {
		l.read = nil
	}
}

func (l *leaf) decimal(t *format.DecimalType) {
	if t.Precision < 1 || t.Precision > columnar.MaxPrecision || t.Scale < 0 || t.Scale > t.Precision {
		return
	}
	l.typ = columnar.DecimalOf(int(t.Precision), int(t.Scale))
	switch l.kind {
	case parquet.Int32:
		l.read = readDecimal32
	case parquet.Int64:
		l.read = readDecimal64
	case parquet.ByteArray, parquet.FixedLenByteArray:
		l.read = readDecimalBytes
	}
}

func (l *leaf) timestamp(t *format.TimestampType) {
	if l.kind != parquet.Int64 {
		return
	}
	l.typ = scalar(columnar.LocalTimestamp)
	if t.IsAdjustedToUTC {
		l.typ = scalar(columnar.Timestamp)
	}
	switch t.Unit.Value.(type) {
	case *format.MilliSeconds:
		l.read = readMillis
	case *format.MicroSeconds:
		l.read = readInt64
	case *format.NanoSeconds:
		l.read = readNanos
	}
}
