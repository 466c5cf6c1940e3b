package columnar

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// nested is what an array, a struct or a map is made of. There is one nested for each type in a process, so that types
// compare by their pointers.
type nested struct {
	text   string  // the SQL name
	fields []Field // array: element; map: key, value; struct: its fields
}

var internedTypes intern[*nested] // by text

// DecimalOf is an exact number of that many digits, scale of them behind the point.
func DecimalOf(precision, scale int) Type {
	return Type{Kind: Decimal, Precision: uint8(precision), Scale: uint8(scale)}
}

// ArrayOf is a list of elements of type elem. Elements may be NULL.
func ArrayOf(elem Type) Type {
	return internType(Array, "array<"+elem.String()+">", []Field{{Name: "element", Type: elem}})
}

// MapOf is a map of keys, which are not NULL and differ from each other, to values.
func MapOf(key, value Type) Type {
	return internType(Map, "map<"+key.String()+", "+value.String()+">", []Field{{Name: "key", Type: key}, {Name: "value", Type: value}})
}

// StructOf is a row of named fields.
func StructOf(fields ...Field) Type {
	parts := make([]string, len(fields))
	for i, f := range fields {
		parts[i] = quoteField(f.Name) + " " + f.Type.String()
	}
	return internType(Struct, "struct<"+strings.Join(parts, ", ")+">", fields)
}

func internType(k Kind, text string, fields []Field) Type {
	n := internedTypes.keep(text, &nested{text: text, fields: slices.Clone(fields)})
	return Type{Kind: k, nested: n}
}

// quoteField writes a field's name so that no two structs have the same text.
func quoteField(name string) string {
	plain := name != ""
	for i, c := range name {
		plain = plain && (c == '_' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || i > 0 && c >= '0' && c <= '9')
	}
	if plain {
		return name
	}
	return `"` + strings.ReplaceAll(name, `"`, `""`) + `"`
}

// Elem is the type of the elements of an array, or of the values of a map.
func (t Type) Elem() Type { return t.nested.fields[len(t.nested.fields)-1].Type }

// KeyType is the type of the keys of a map.
func (t Type) KeyType() Type { return t.nested.fields[0].Type }

// Fields are the fields of a struct. The caller does not change them.
func (t Type) Fields() []Field { return t.nested.fields }

// FieldIndex is the position of a struct's field: an exact match wins, else one that ignores case; −1 for none.
func (t Type) FieldIndex(name string) int { return (&Schema{Fields: t.nested.fields}).Index(name) }

// IsNested reports whether values of the type hold other values.
func (t Type) IsNested() bool { return t.nested != nil }

// Untyped reports whether the type, or a part of it, is that of a bare NULL or of nothing, as the elements of ARRAY[] have it: no column
// can have it.
func (t Type) Untyped() bool { return t.holds(Null) || t.holds(Invalid) }

// HoldsInterval reports whether the type, or a part of it, is an interval.
func (t Type) HoldsInterval() bool { return t.holds(Interval) }

// holds reports whether the type, or a part of it, is of that kind.
func (t Type) holds(k Kind) bool {
	if t.nested == nil {
		return t.Kind == k
	}
	return slices.ContainsFunc(t.nested.fields, func(f Field) bool { return f.Type.holds(k) })
}

// String returns the SQL name, e.g. bigint, decimal(18,4), array<string>, struct<a bigint, b string>.
func (t Type) String() string {
	switch {
	case t.nested != nil:
		return t.nested.text
	case t.Kind == Decimal:
		return fmt.Sprintf("decimal(%d,%d)", t.Precision, t.Scale)
	}
	return t.Kind.String()
}

// typeJSON is how a type stands in journals and recorded jobs.
type typeJSON struct {
	Kind      Kind    `json:"kind"`
	Precision uint8   `json:"precision,omitempty"`
	Scale     uint8   `json:"scale,omitempty"`
	Fields    []Field `json:"fields,omitempty"`
}

// MarshalJSON implements json.Marshaler.
func (t Type) MarshalJSON() ([]byte, error) {
	out := typeJSON{Kind: t.Kind, Precision: t.Precision, Scale: t.Scale}
	if t.nested != nil {
		out.Fields = t.nested.fields
	}
	return json.Marshal(out)
}

// UnmarshalJSON implements json.Unmarshaler.
func (t *Type) UnmarshalJSON(data []byte) error {
	var in typeJSON
	if err := json.Unmarshal(data, &in); err != nil {
		return err
	}
	fields := map[Kind]int{Array: 1, Map: 2}
	if want, ok := fields[in.Kind]; ok && len(in.Fields) != want {
		return fmt.Errorf("type %s with %d fields", in.Kind, len(in.Fields))
	}
	switch in.Kind {
	case Array:
		*t = ArrayOf(in.Fields[0].Type)
	case Map:
		*t = MapOf(in.Fields[0].Type, in.Fields[1].Type)
	case Struct:
		*t = StructOf(in.Fields...)
	default:
		*t = Type{Kind: in.Kind, Precision: in.Precision, Scale: in.Scale}
	}
	return nil
}
