package columnar

import (
	"fmt"
	"strings"
)

// Kind is a physical and logical column kind. The numbers stand in checkpoints and must not change.
type Kind uint8

// The kinds and how a [Vector] stores them. Small integers and floats share the storage of a larger kind, so that one set
// of kernels serves them; their narrow form exists in files and in Arrow only.
const (
	Invalid   Kind = 0
	Bool      Kind = 1  // Bits, least significant bit first
	Int32     Kind = 2  // I32
	Int64     Kind = 3  // I64
	Float64   Kind = 4  // F64
	String    Kind = 5  // Off, Data; UTF-8
	Binary    Kind = 6  // Off, Data
	Date      Kind = 7  // I32: days since 1970-01-01
	Timestamp Kind = 8  // I64: an instant, microseconds since the epoch, UTC
	Interval  Kind = 9  // Wide: microseconds in Lo, months and days in Hi, see [MakeInterval]
	Null      Kind = 10 // the type of a bare NULL literal before it meets another type

	Int8           Kind = 11 // I32
	Int16          Kind = 12 // I32
	Float32        Kind = 13 // F64, every value exact as a float32
	Decimal        Kind = 14 // Wide: the number without its point
	LocalTimestamp Kind = 15 // I64: wall time without a zone, microseconds since 1970-01-01 00:00
	Array          Kind = 16 // Off into Kids[0]
	Struct         Kind = 17 // Kids: one vector of N rows for each field
	Map            Kind = 18 // Off into Kids[0], the keys, and Kids[1], the values
)

var kindNames = [...]string{"invalid", "boolean", "int", "bigint", "double", "string", "binary", "date", "timestamp", "interval", "null",
	"tinyint", "smallint", "float", "decimal", "timestamp_ntz", "array", "struct", "map"}

// Type is a column type. Types are equal by ==: the nested ones are interned, see [ArrayOf], [StructOf] and [MapOf].
type Type struct {
	Kind      Kind
	Precision uint8 // of a Decimal: digits in all, 1 to 38
	Scale     uint8 // of a Decimal: digits behind the point, 0 to Precision
	nested    *nested
}

// Article returns the SQL name with its article, e.g. a bigint or an int, for messages.
func (t Type) Article() string { return article(t.String()) }

// article puts a or an in front of the name of a type.
func article(name string) string {
	if strings.HasPrefix(name, "i") || strings.HasPrefix(name, "array") {
		return "an " + name
	}
	return "a " + name
}

// String returns the SQL name of the kind.
func (k Kind) String() string {
	if int(k) < len(kindNames) {
		return kindNames[k]
	}
	return fmt.Sprintf("kind(%d)", uint8(k))
}

// MarshalText implements encoding.TextMarshaler.
func (k Kind) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (k *Kind) UnmarshalText(text []byte) error {
	for i, n := range kindNames {
		if n == string(text) {
			*k = Kind(i)
			return nil
		}
	}
	return fmt.Errorf("unknown type %q", text)
}

// Numeric reports whether arithmetic is defined on the type.
func (t Type) Numeric() bool { return t.Integer() || t.Float() || t.Kind == Decimal }

// Integer reports whether the type is an integer of some width.
func (t Type) Integer() bool {
	return t.Kind == Int8 || t.Kind == Int16 || t.Kind == Int32 || t.Kind == Int64
}

// Float reports whether the type is a binary floating-point number.
func (t Type) Float() bool { return t.Kind == Float32 || t.Kind == Float64 }

// Field is a named, typed column. Every column may be NULL.
type Field struct {
	Name string `json:"name"`
	Type Type   `json:"type"`
}

// Schema is an ordered list of columns.
type Schema struct {
	Fields []Field `json:"fields"`
}

// NewSchema returns a schema of the fields.
func NewSchema(fields ...Field) *Schema { return &Schema{Fields: fields} }

// Index returns the position of the column with that name: an exact match wins, else a match that ignores case;
// −1 when there is none.
func (s *Schema) Index(name string) int {
	folded := -1
	for i, f := range s.Fields {
		if f.Name == name {
			return i
		}
		if folded < 0 && strings.EqualFold(f.Name, name) {
			folded = i
		}
	}
	return folded
}

// Names returns the column names in order.
func (s *Schema) Names() []string {
	out := make([]string, len(s.Fields))
	for i, f := range s.Fields {
		out[i] = f.Name
	}
	return out
}

// Equal reports whether both have the same names and types in the same order.
func (s *Schema) Equal(o *Schema) bool {
	if len(s.Fields) != len(o.Fields) {
		return false
	}
	for i := range s.Fields {
		if s.Fields[i] != o.Fields[i] {
			return false
		}
	}
	return true
}

// String returns "name type, name type".
func (s *Schema) String() string {
	var b strings.Builder
	for i, f := range s.Fields {
		if i > 0 {
			b.WriteString(", ")
		}
		fmt.Fprintf(&b, "%s %s", f.Name, f.Type)
	}
	return b.String()
}
