package batch

import (
	"bytes"
	"encoding"
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"sync"
)

// A start decodes hundreds of records, and half of it went into the general reader of JSON, which goes through the text twice and
// looks up each key. What [Encode] writes is a small part of JSON: no spaces, keys in the order of the fields, mostly plain text
// and short numbers. That much is read here. Whatever else there is, encoding/json reads, the whole record anew: so this may refuse
// what it likes, and must read what it takes as that would.

// readRecord fills an empty record from the text of an envelope without spaces, and returns the lengths of its attachments. ok is
// false where there is something that this does not read; the record is then in any state.
func readRecord(text []byte, r Record) (attachments []int, ok bool) {
	t := &recordText{rest: text}
	v := reflect.ValueOf(r).Elem()
	if !t.skip(string(recordFirst)) || !fillerOf(v.Type())(t, v) {
		return nil, false
	}
	if t.skip(`,"attachments":`) && !fillerOf(reflect.TypeFor[[]int]())(t, reflect.ValueOf(&attachments).Elem()) {
		return nil, false
	}
	return attachments, t.skip("}") && len(t.rest) == 0
}

// recordText is what is left of a text.
type recordText struct{ rest []byte }

// skip goes behind what must come next.
func (t *recordText) skip(what string) bool {
	if len(t.rest) < len(what) || string(t.rest[:len(what)]) != what {
		return false
	}
	t.rest = t.rest[len(what):]
	return true
}

// plain is a string of printable ASCII without escapes; it points into the text.
func (t *recordText) plain() (s []byte, ok bool) {
	if !t.skip(`"`) {
		return nil, false
	}
	end := bytes.IndexByte(t.rest, '"')
	if end < 0 {
		return nil, false
	}
	s, t.rest = t.rest[:end], t.rest[end+1:]
	for _, c := range s {
		if c < ' ' || c == '\\' || c > '~' {
			return nil, false
		}
	}
	return s, true
}

// whole is an integer.
func (t *recordText) whole() (n int64, ok bool) {
	const digitsMax = 19 // which fit into 64 bits without a sign
	negative := t.skip("-")
	size, digits := uint64(0), 0
	for ; digits < len(t.rest) && t.rest[digits] >= '0' && t.rest[digits] <= '9'; digits++ {
		if digits == digitsMax {
			return 0, false
		}
		size = size*10 + uint64(t.rest[digits]-'0')
	}
	if digits == 0 || t.rest[0] == '0' && digits > 1 {
		return 0, false
	}
	t.rest = t.rest[digits:]
	if negative {
		return -int64(size), size <= 1<<63 // of which the negative is itself
	}
	return int64(size), size < 1<<63
}

// list goes through what stands between two brackets; each reads one of the values.
func (t *recordText) list(open, end string, each func() bool) bool {
	if !t.skip(open) {
		return false
	}
	if t.skip(end) {
		return true
	}
	for each() {
		if t.skip(end) {
			return true
		}
		if !t.skip(",") {
			return false
		}
	}
	return false
}

// filler reads a value into one that is zero; false: it does not.
type filler func(*recordText, reflect.Value) bool

func fillNothing(*recordText, reflect.Value) bool { return false }

// fillers are made once for each type.
var fillers sync.Map // reflect.Type → filler

func fillerOf(t reflect.Type) filler {
	if f, ok := fillers.Load(t); ok {
		return f.(filler)
	}
	f := newFiller(t)
	fillers.Store(t, f)
	return f
}

var (
	unmarshalsJSON = reflect.TypeFor[json.Unmarshaler]()
	unmarshalsText = reflect.TypeFor[encoding.TextUnmarshaler]()
)

func newFiller(t reflect.Type) filler {
	switch pointer := reflect.PointerTo(t); {
	case pointer.Implements(unmarshalsJSON):
		return fillNothing
	case pointer.Implements(unmarshalsText):
		return fillByText
	}
	switch t.Kind() {
	case reflect.Struct:
		return structFiller(t)
	case reflect.Slice:
		return sliceFiller(t)
	case reflect.Array:
		return arrayFiller(t)
	case reflect.Map:
		return mapFiller(t)
	case reflect.Pointer:
		return pointerFiller(t)
	case reflect.String:
		return fillString
	case reflect.Bool:
		return fillBool
	case reflect.Int, reflect.Int32, reflect.Int64:
		return fillInt
	case reflect.Uint8, reflect.Uint32, reflect.Uint64:
		return fillUint
	}
	return fillNothing
}

func fillByText(t *recordText, v reflect.Value) bool {
	s, ok := t.plain()
	return ok && v.Addr().Interface().(encoding.TextUnmarshaler).UnmarshalText(s) == nil
}

func fillString(t *recordText, v reflect.Value) bool {
	s, ok := t.plain()
	if ok {
		v.SetString(string(s))
	}
	return ok
}

func fillBool(t *recordText, v reflect.Value) bool {
	if t.skip("true") {
		v.SetBool(true)
		return true
	}
	return t.skip("false")
}

func fillInt(t *recordText, v reflect.Value) bool {
	n, ok := t.whole()
	if !ok || v.OverflowInt(n) {
		return false
	}
	v.SetInt(n)
	return true
}

func fillUint(t *recordText, v reflect.Value) bool {
	if bytes.HasPrefix(t.rest, []byte("-")) { // also of zero, which encoding/json refuses
		return false
	}
	n, ok := t.whole()
	if !ok || v.OverflowUint(uint64(n)) {
		return false
	}
	v.SetUint(uint64(n))
	return true
}

func pointerFiller(t reflect.Type) filler {
	fill := fillerOf(t.Elem())
	return func(r *recordText, v reflect.Value) bool {
		if r.skip("null") {
			return true
		}
		v.Set(reflect.New(t.Elem()))
		return fill(r, v.Elem())
	}
}

func sliceFiller(t reflect.Type) filler {
	if t.Elem().Kind() == reflect.Uint8 { // which is text in base64
		return fillNothing
	}
	fill := fillerOf(t.Elem())
	return func(r *recordText, v reflect.Value) bool {
		if r.skip("null") {
			return true
		}
		v.Set(reflect.MakeSlice(t, 0, 0))
		return r.list("[", "]", func() bool {
			n := v.Len()
			v.Grow(1)
			v.SetLen(n + 1)
			v.Index(n).SetZero()
			return fill(r, v.Index(n))
		})
	}
}

func arrayFiller(t reflect.Type) filler {
	fill := fillerOf(t.Elem())
	return func(r *recordText, v reflect.Value) bool {
		n := 0
		return r.list("[", "]", func() bool {
			n++
			return n <= t.Len() && fill(r, v.Index(n-1))
		}) && n == t.Len()
	}
}

func mapFiller(t reflect.Type) filler {
	if t.Key() != reflect.TypeFor[string]() {
		return fillNothing
	}
	fill := fillerOf(t.Elem())
	return func(r *recordText, v reflect.Value) bool {
		if r.skip("null") {
			return true
		}
		v.Set(reflect.MakeMap(t))
		return r.list("{", "}", func() bool {
			key, ok := r.plain()
			if !ok || !r.skip(":") {
				return false
			}
			value := reflect.New(t.Elem()).Elem() // for each: what an earlier one of that key held must not show through
			if !fill(r, value) {
				return false
			}
			v.SetMapIndex(reflect.ValueOf(string(key)), value)
			return true
		})
	}
}

// recordField is one field of a struct.
type recordField struct {
	key  string // with quotes and colon
	at   []int
	fill filler
}

func structFiller(t reflect.Type) filler {
	var fields []recordField
	for _, f := range reflect.VisibleFields(t) {
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case f.Anonymous && name == "": // its fields are among those that are visible
			continue
		case !f.IsExported() || f.Tag.Get("json") == "-":
			continue
		case f.Anonymous || name == "" || options != "" && options != "omitempty" || throughPointer(t, f.Index):
			return fillNothing
		}
		key := `"` + name + `":`
		if slices.ContainsFunc(fields, func(o recordField) bool { return strings.EqualFold(o.key, key) }) {
			return fillNothing
		}
		fields = append(fields, recordField{key, f.Index, fillerOf(f.Type)})
	}
	return func(r *recordText, v reflect.Value) bool {
		left := fields
		return r.list("{", "}", func() bool {
			for i, f := range left {
				if r.skip(f.key) {
					left = left[i+1:]
					return f.fill(r, v.FieldByIndex(f.at))
				}
			}
			return false
		})
	}
}

// throughPointer reports whether a field is in an embedded struct that may be nil.
func throughPointer(t reflect.Type, index []int) bool {
	for _, i := range index[:len(index)-1] {
		if t = t.Field(i).Type; t.Kind() == reflect.Pointer {
			return true
		}
	}
	return false
}
