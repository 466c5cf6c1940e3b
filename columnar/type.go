package columnar

import (
	"fmt"
	"strings"
)

// Kind is a physical and logical column kind. The numbers stand in checkpoints and must not change.
type Kind uint8

// The kinds and how a [Vector] stores them.
const (
	Invalid   Kind = 0
	Bool      Kind = 1  // Bits, least significant bit first
	Int32     Kind = 2  // I32
	Int64     Kind = 3  // I64
	Float64   Kind = 4  // F64
	String    Kind = 5  // Off, Data; UTF-8
	Binary    Kind = 6  // Off, Data
	Date      Kind = 7  // I32: days since 1970-01-01
	Timestamp Kind = 8  // I64: microseconds since the epoch, UTC
	Interval  Kind = 9  // literals only: microseconds in I64
	Null      Kind = 10 // the type of a bare NULL literal before it meets another type
)

var kindNames = [...]string{"invalid", "boolean", "int", "bigint", "double", "string", "binary", "date", "timestamp", "interval", "null"}

// Type is a column type.
type Type struct {
	Kind Kind `json:"kind"`
}

// String returns the SQL name, e.g. bigint.
func (t Type) String() string { return t.Kind.String() }

// Article returns the SQL name with its article, e.g. a bigint or an int, for messages.
func (t Type) Article() string { return article(t.String()) }

// article puts a or an in front of the name of a type; those in i are the only ones in a vowel.
func article(name string) string {
	if strings.HasPrefix(name, "i") {
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
func (t Type) Numeric() bool { return t.Kind == Int32 || t.Kind == Int64 || t.Kind == Float64 }

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
