package parquettable

import (
	"bytes"
	"encoding/hex"
	"math"
	"reflect"
	"strings"
	"testing"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/deprecated"
	"github.com/parquet-go/parquet-go/format"
)

// annotatedNode is a group with the annotation of a list or a map.
type annotatedNode struct {
	parquet.Node
	typ parquet.Type
}

func (n annotatedNode) Type() parquet.Type { return n.typ }

// GoType implements parquet.Node; rows never pass through Go types here.
func (n annotatedNode) GoType() reflect.Type { return reflect.TypeFor[struct{}]() }

var (
	listType = parquet.List(parquet.Leaf(parquet.Int32Type)).Type()
	mapType  = parquet.Map(parquet.String(), parquet.Leaf(parquet.Int32Type)).Type()
	number   = parquet.Leaf(parquet.Int32Type)
)

func list(fields parquet.Group) parquet.Node {
	return parquet.Optional(annotatedNode{fields, listType})
}

func mapping(fields parquet.Group) parquet.Node {
	return parquet.Optional(annotatedNode{fields, mapType})
}

// oldForm is a column x in a form that no writer of today has, and values of its leaf columns: value, repetition and
// definition level.
type oldForm struct {
	name   string
	x      parquet.Node
	rows   []parquet.Row
	schema string
	want   string
}

// value is one of the first leaf column.
func value(v, repetition, definition int) parquet.Value {
	return leafValue(parquet.Int32Value(int32(v)), repetition, definition, 0)
}

func leafValue(v parquet.Value, repetition, definition, column int) parquet.Value {
	return v.Level(repetition, definition, column)
}

func null(repetition, definition, column int) parquet.Value {
	return leafValue(parquet.Value{}, repetition, definition, column)
}

var twoElements = []parquet.Row{{value(1, 0, 2), value(2, 1, 2)}, {null(0, 0, 0)}, {null(0, 1, 0)}, {value(3, 0, 2)}}

var oldForms = []oldForm{
	{"repeated column", parquet.Repeated(number),
		[]parquet.Row{{value(1, 0, 1), value(2, 1, 1)}, {null(0, 0, 0)}, {value(3, 0, 1)}},
		"x array<int>", "[1, 2]|[]|[3]|"},
	{"repeated group", parquet.Repeated(parquet.Group{"a": number}),
		[]parquet.Row{{value(1, 0, 1), value(2, 1, 1)}, {null(0, 0, 0)}, {value(3, 0, 1)}},
		"x array<struct<a int>>", "[{a: 1}, {a: 2}]|[]|[{a: 3}]|"},
	{"list of two levels", list(parquet.Group{"element": parquet.Repeated(number)}), twoElements, "x array<int>", "[1, 2]|NULL|[]|[3]|"},
	{"group named array is the element", list(parquet.Group{"array": parquet.Repeated(parquet.Group{"a": number})}), twoElements,
		"x array<struct<a int>>", "[{a: 1}, {a: 2}]|NULL|[]|[{a: 3}]|"},
	{"group named x_tuple is the element", list(parquet.Group{"x_tuple": parquet.Repeated(parquet.Group{"a": number})}), twoElements,
		"x array<struct<a int>>", "[{a: 1}, {a: 2}]|NULL|[]|[{a: 3}]|"},
	{"group of two columns is the element", list(parquet.Group{"bag": parquet.Repeated(parquet.Group{"a": number, "b": parquet.Optional(number)})}),
		[]parquet.Row{{value(1, 0, 2), value(2, 1, 2), leafValue(parquet.Int32Value(7), 0, 3, 1), null(1, 2, 1)}, {null(0, 0, 0), null(0, 0, 1)}},
		"x array<struct<a int, b int>>", "[{a: 1, b: 7}, {a: 2, b: NULL}]|NULL|"},
	{"group named bag holds the element", list(parquet.Group{"bag": parquet.Repeated(parquet.Group{"array_element": parquet.Optional(number)})}),
		[]parquet.Row{{value(1, 0, 3), null(1, 2, 0)}, {null(0, 1, 0)}},
		"x array<int>", "[1, NULL]|[]|"},
	{"list of repeated columns", list(parquet.Group{"list": parquet.Repeated(parquet.Group{"element": parquet.Repeated(number)})}),
		[]parquet.Row{{value(1, 0, 3), value(2, 2, 3), null(1, 2, 0), value(3, 1, 3)}, {null(0, 1, 0)}},
		"x array<array<int>>", "[[1, 2], [], [3]]|[]|"},
	{"map with another group", mapping(parquet.Group{"map": parquet.Repeated(parquet.Group{"key": number, "value": parquet.Optional(number)})}),
		[]parquet.Row{{value(1, 0, 2), value(2, 1, 2), leafValue(parquet.Int32Value(7), 0, 3, 1), null(1, 2, 1)}, {null(0, 1, 0), null(0, 1, 1)}},
		"x map<int, int>", "[1=7, 2=NULL]|[]|"},
	{"optional key", mapping(parquet.Group{"map": parquet.Repeated(parquet.Group{"key": parquet.Optional(number), "value": number})}),
		[]parquet.Row{{value(1, 0, 3), leafValue(parquet.Int32Value(7), 0, 2, 1)}, {null(0, 2, 0), leafValue(parquet.Int32Value(7), 0, 2, 1)}},
		"x map<int, int>", `t.parquet: row 2: column "x": NULL is the key of a map`},
	{"key twice", mapping(parquet.Group{"map": parquet.Repeated(parquet.Group{"key": number, "value": number})}),
		[]parquet.Row{{value(1, 0, 2), leafValue(parquet.Int32Value(7), 0, 2, 1)}, {value(1, 0, 2), value(1, 1, 2), leafValue(parquet.Int32Value(7), 0, 2, 1), leafValue(parquet.Int32Value(7), 1, 2, 1)}},
		"x map<int, int>", `t.parquet: row 2: column "x": 1 is twice a key, of type int, in one map`},
}

func writeFile(t testing.TB, x parquet.Node, rows []parquet.Row) []byte {
	t.Helper()
	var out bytes.Buffer
	w := parquet.NewWriter(&out, parquet.NewSchema("old", parquet.Group{"x": x}))
	if _, err := w.WriteRows(rows); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func (o oldForm) file(t testing.TB) []byte { return writeFile(t, o.x, o.rows) }

func TestOldForms(t *testing.T) {
	for _, form := range oldForms {
		t.Run(form.name, func(t *testing.T) {
			data := form.file(t)
			s, err := Schema("t.parquet", data)
			if err != nil || s.String() != form.schema {
				t.Fatalf("columns %v, %v; want %s", s, err, form.schema)
			}
			got := ""
			if b, err := Decode("t.parquet", data, nil); err != nil {
				got = err.Error()
			} else {
				got = strings.ReplaceAll(show(b), "\n", "")
			}
			if got != form.want {
				t.Errorf("got  %s\nwant %s", got, form.want)
			}
		})
	}
}

// TestRareTypes reads the types that Arrow does not write.
func TestRareTypes(t *testing.T) {
	uuid, _ := hex.DecodeString("00112233445566778899aabbccddeeff")
	fixed := func(b ...byte) parquet.Value { return parquet.FixedLenByteArrayValue(b) }
	for _, test := range []struct {
		name   string
		node   parquet.Node
		values []parquet.Value
		want   string
	}{
		{"UINT8", parquet.Uint(8), []parquet.Value{parquet.Int32Value(255)}, "x smallint: 255"},
		{"UINT16", parquet.Uint(16), []parquet.Value{parquet.Int32Value(65535)}, "x int: 65535"},
		{"UINT32", parquet.Uint(32), []parquet.Value{parquet.Int32Value(-1)}, "x bigint: 4294967295"},
		{"UINT64", parquet.Uint(64), []parquet.Value{parquet.Int64Value(-1)}, "x decimal(20,0): 18446744073709551615"},
		{"JSON", parquet.JSON(), []parquet.Value{parquet.ByteArrayValue([]byte("{}"))}, `x string: "{}"`},
		{"BSON", parquet.BSON(), []parquet.Value{parquet.ByteArrayValue([]byte{5})}, `x binary: "\x05"`},
		{"ENUM", parquet.Enum(), []parquet.Value{parquet.ByteArrayValue([]byte("A"))}, `x string: "A"`},
		{"UUID", parquet.UUID(), []parquet.Value{fixed(uuid...)}, `x string: "00112233-4455-6677-8899-aabbccddeeff"`},
		{"FIXED", parquet.Leaf(parquet.FixedLenByteArrayType(2)), []parquet.Value{fixed(1, 2)}, `x binary: "\x01\x02"`},
		{"INT96", parquet.Leaf(parquet.Int96Type), []parquet.Value{parquet.Int96Value(deprecated.Int96{1_999, 0, 2_440_589}),
			parquet.Int96Value(deprecated.Int96{1, 0, 2_440_587})}, "x timestamp: 86400000001 -86400000000"},
		{"MILLIS", parquet.Timestamp(parquet.Millisecond), []parquet.Value{parquet.Int64Value(-5)}, "x timestamp: -5000"},
		{"NANOS", parquet.Timestamp(parquet.Nanosecond), []parquet.Value{parquet.Int64Value(-1), parquet.Int64Value(1999)}, "x timestamp: -1 1"},
		{"too many MILLIS", parquet.Timestamp(parquet.Millisecond), []parquet.Value{parquet.Int64Value(math.MaxInt64 / 999)},
			`x timestamp: t.parquet: row 1: column "x": the value 9232604641496272 is out of range`},
		{"DECIMAL in bytes", parquet.Decimal(1, 20, parquet.ByteArrayType), []parquet.Value{parquet.ByteArrayValue([]byte{0xff, 0x38}),
			parquet.ByteArrayValue([]byte{0x00, 0x80}), parquet.ByteArrayValue(bytes.Repeat([]byte{0xff}, 20))}, "x decimal(20,1): -20.0 12.8 -0.1"},
		{"DECIMAL of 17 bytes", parquet.Decimal(0, 38, parquet.ByteArrayType), []parquet.Value{parquet.ByteArrayValue(append([]byte{1}, make([]byte, 16)...))},
			`x decimal(38,0): t.parquet: row 1: column "x": the value`},
		{"DECIMAL beyond its digits", parquet.Decimal(0, 2, parquet.Int32Type), []parquet.Value{parquet.Int32Value(100)},
			`x decimal(2,0): t.parquet: row 1: column "x": 100 is out of range of decimal(2,0)`},
		{"INT8 beyond its bits", parquet.Int(8), []parquet.Value{parquet.Int32Value(128)},
			`x tinyint: t.parquet: row 1: column "x": 128 is out of range of tinyint`},
		{"TIME", parquet.Time(parquet.Millisecond), []parquet.Value{parquet.Int32Value(1)},
			`t.parquet: column "x": no type is like Parquet's TIME(isAdjustedToUTC=true,unit=MILLIS) stored as INT32; declare the columns that are needed`},
	} {
		t.Run(test.name, func(t *testing.T) {
			var rows []parquet.Row
			for _, v := range test.values {
				rows = append(rows, parquet.Row{leafValue(v, 0, 0, 0)})
			}
			if got := readAll(writeFile(t, test.node, rows)); !strings.HasPrefix(got, test.want) {
				t.Errorf("got  %s\nwant %s", got, test.want)
			}
		})
	}
}

func readAll(data []byte) string {
	s, err := Schema("t.parquet", data)
	if err != nil {
		return err.Error()
	}
	b, err := Decode("t.parquet", data, nil)
	if err != nil {
		return s.String() + ": " + err.Error()
	}
	return s.String() + ": " + strings.TrimSuffix(strings.ReplaceAll(show(b), "|\n", " "), " ")
}

// TestHalfFloats compares with the definition of IEEE 754.
func TestHalfFloats(t *testing.T) {
	for bits, want := range map[uint16]float64{0x0000: 0, 0x3c00: 1, 0xc000: -2, 0x7bff: 65504, 0x0001: math.Ldexp(1, -24), 0x03ff: math.Ldexp(1023, -24),
		0x0400: math.Ldexp(1, -14), 0x7c00: math.Inf(1), 0xfc00: math.Inf(-1), 0x3555: 0.333251953125} {
		v, d := parquet.FixedLenByteArrayValue([]byte{byte(bits), byte(bits >> 8)}), datum{}
		if !readHalf(&v, &d) || d.f != want {
			t.Errorf("%04x is %v, want %v", bits, d.f, want)
		}
	}
	v, d := parquet.FixedLenByteArrayValue([]byte{1, 0x7c}), datum{}
	if !readHalf(&v, &d) || d.f == d.f {
		t.Errorf("7c01 is %v, want NaN", d.f)
	}
}

// TestAnnotationsOfAnotherType checks that an annotation is not believed on a column that cannot have it.
func TestAnnotationsOfAnotherType(t *testing.T) {
	for _, logical := range []format.LogicalTypeValue{&format.StringType{}, &format.UUIDType{}, &format.Float16Type{}, &format.DateType{},
		&format.IntType{BitWidth: 8}, &format.IntType{BitWidth: 7, IsSigned: true}, &format.DecimalType{Precision: 39}, &format.DecimalType{Precision: 2, Scale: 3},
		&format.TimestampType{}, &format.BsonType{}} {
		for _, kind := range []parquet.Kind{parquet.Boolean, parquet.Float, parquet.Int96} {
			l := leaf{kind: kind}
			l.annotated(logical)
			if l.read != nil {
				t.Errorf("%s is read from %s", logical, kind)
			}
		}
	}
}
