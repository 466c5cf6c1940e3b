package jobspec

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strconv"
	"strings"

	"github.com/millrace/millrace/internal/yaml"
)

// Schema is the JSON Schema (draft 7, which editors know) of job files, made of the tags of [Spec]. It describes a file as
// it is written: a variable may stand for any value, so it can only refuse what no variable would mend.
func Schema() []byte {
	root := structSchema(reflect.TypeFor[Spec](), &field{})
	root = append(object{
		{"$schema", "http://json-schema.org/draft-07/schema#"},
		{"title", "Millrace job file"},
	}, root...)
	root = append(root,
		member{"patternProperties", object{{"^x-", object{{"description", "Left out; a place for YAML anchors."}}}}},
		member{"definitions", object{{"variable", object{{"type", "string"}, {"pattern", `\$\{`}}}}},
	)
	data, err := json.Marshal(root)
	if err != nil {
		panic(err) // of the tags' author
	}
	var out bytes.Buffer
	if err := json.Indent(&out, data, "", "  "); err != nil {
		panic(err)
	}
	out.WriteByte('\n')
	return out.Bytes()
}

// object is a JSON object whose members keep their order.
type object []member

type member struct {
	key string
	val any
}

// MarshalJSON keeps the order.
func (o object) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	b.WriteByte('{')
	for i, m := range o {
		separate(&b, i)
		writeString(&b, m.key)
		b.WriteByte(':')
		e := json.NewEncoder(&b)
		e.SetEscapeHTML(false)
		if err := e.Encode(m.val); err != nil {
			return nil, err
		}
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

// describer is a type with a form of its own in the file; see [reader].
type describer interface{ schema() object }

var anyVariable = object{{"$ref", "#/definitions/variable"}}

func anyOf(of ...object) object { return object{{"anyOf", of}} }

// schemaOf describes what decoder.read takes.
func schemaOf(t reflect.Type, f *field) object {
	if d, ok := reflect.New(t).Interface().(describer); ok {
		return d.schema()
	}
	switch {
	case t == durationType:
		return durationSchema(f)
	case isNamed(t):
		return namedSchema(t)
	case t.Kind() == reflect.Pointer:
		return schemaOf(t.Elem(), f)
	case t.Kind() == reflect.Struct:
		return structSchema(t, f)
	case t.Kind() == reflect.Bool:
		return anyOf(object{{"type", "boolean"}}, anyVariable)
	case t.Kind() == reflect.Int, t.Kind() == reflect.Int64:
		return wholeSchema(f)
	}
	return textSchema(f)
}

// structSchema describes a mapping, and its short form.
func structSchema(t reflect.Type, _ *field) object {
	fs := fieldsOf(t)
	properties, required := object{}, []string{}
	for i := range fs.list {
		f := &fs.list[i]
		properties = append(properties, member{f.key, described(schemaOf(t.FieldByIndex(f.index).Type, f), f)})
		if f.need {
			required = append(required, f.key)
		}
	}
	types := any("object")
	if len(required) == 0 && len(fs.ones()) == 0 {
		types = []string{"object", "null"}
	}
	out := object{{"type", types}, {"properties", properties}, {"additionalProperties", false}}
	if len(required) > 0 {
		out = append(out, member{"required", required})
	}
	if ones := fs.ones(); len(ones) > 0 {
		var each []object
		for _, key := range ones {
			each = append(each, object{{"required", []string{key}}})
		}
		out = append(out, member{"oneOf", each})
	}
	if fs.short != nil {
		return anyOf(schemaOf(t.FieldByIndex(fs.short.index).Type, fs.short), out)
	}
	return out
}

// described adds what the tags say for people.
func described(s object, f *field) object {
	out := object{{"description", f.doc}}
	if f.def != "" {
		n, err := yaml.Parse(f.def)
		if err != nil {
			panic(err) // of the tags' author
		}
		out = append(out, member{"default", plainValue(n)})
	}
	return append(out, s...)
}

// plainValue is a YAML value as JSON has it.
func plainValue(n *yaml.Node) any {
	switch n.Kind {
	case yaml.Mapping:
		out := object{}
		for _, e := range n.Entries {
			out = append(out, member{e.Key, plainValue(e.Value)})
		}
		return out
	case yaml.List:
		out := []any{}
		for _, i := range n.Items {
			out = append(out, plainValue(i))
		}
		return out
	case yaml.Null:
		return nil
	}
	if n.Style != yaml.Plain {
		return n.Text
	}
	if v, err := strconv.ParseInt(n.Text, 10, 64); err == nil {
		return v
	}
	if v, err := strconv.ParseFloat(n.Text, 64); err == nil {
		return v
	}
	switch strings.ToLower(n.Text) {
	case "true":
		return true
	case "false":
		return false
	}
	return n.Text
}

func namedSchema(t reflect.Type) object {
	pattern := `^[A-Za-z_][A-Za-z0-9_.-]{0,99}$`
	if t.Elem() == reflect.TypeFor[Column]() {
		pattern = `^[^_]`
	}
	return object{
		{"type", "object"}, {"minProperties", 1},
		{"propertyNames", object{{"pattern", pattern}}},
		{"additionalProperties", schemaOf(t.Elem(), &field{})},
	}
}

func textSchema(f *field) object {
	if len(f.words) > 0 {
		words, numbers := []any{}, []any{}
		for _, w := range f.words {
			words = append(words, w)
			if w == "null" {
				words = append(words, nil)
			}
			if n, err := strconv.ParseFloat(w, 64); err == nil {
				numbers = append(numbers, n) // as YAML reads it without quotes
			}
		}
		if len(numbers) > 0 {
			return anyOf(object{{"enum", words}}, object{{"enum", numbers}}, anyVariable)
		}
		return anyOf(object{{"enum", words}}, anyVariable)
	}
	text := object{{"type", []string{"string", "number", "boolean"}}}
	switch f.is {
	case "name":
		text = object{{"type", "string"}, {"pattern", `^[A-Za-z_][A-Za-z0-9_.-]{0,99}$`}}
	case "topic":
		text = append(text, member{"pattern", `^[a-zA-Z0-9._-]{1,249}$`})
	case "type":
		text = anyOf(object{{"enum", typeNames}}, object{{"type", "string"}, {"pattern", `^\s*[A-Za-z]`}})
	case "cron":
		text = object{{"type", "string"}, {"pattern", `^\s*(\S+\s+){4,5}\S+\s*$|^\s*(C?R?O?N?_?TZ=\S+\s+)?@`}}
	case "zone":
		text = object{{"type", "string"}, {"pattern", `^[A-Za-z]`}}
	default:
		return text
	}
	return anyOf(text, anyVariable)
}

// typeNames are what an editor offers for a column; there are more.
var typeNames = []string{"string", "boolean", "int", "bigint", "double", "decimal(18,4)", "date", "timestamp", "timestamp(s)", "timestamp(ms)",
	"timestamp(us)", "timestamp(ns)", "binary", "array<string>"}

func wholeSchema(f *field) object {
	out := object{{"type", "integer"}}
	if n, err := strconv.ParseInt(f.least, 10, 64); err == nil {
		out = append(out, member{"minimum", n})
	}
	if n, err := strconv.ParseInt(f.most, 10, 64); err == nil {
		out = append(out, member{"maximum", n})
	}
	return anyOf(out, anyVariable)
}

func durationSchema(f *field) object {
	out := []object{{{"type", "string"}, {"pattern", `^(\d+d)?(\d+(\.\d+)?(ns|us|µs|ms|s|m|h))+$|^\d+d$`}}}
	if len(f.words) > 0 {
		out = append(out, object{{"enum", f.words}})
	}
	return anyOf(append(out, anyVariable)...)
}

func (*Size) schema() object {
	return anyOf(object{{"type", "integer"}, {"minimum", 1}}, object{{"type", "string"}, {"pattern", `^\d+ *(KiB|MiB|GiB|kB|KB|MB|GB|B)?$`}}, anyVariable)
}

func (*Number) schema() object {
	return anyOf(object{{"type", "number"}, {"minimum", 0}, {"maximum", mostNumber}}, anyVariable)
}

func (*Share) schema() object {
	return anyOf(object{{"type", "string"}, {"pattern", `^\d+(\.\d+)? *%$`}}, anyVariable)
}

func (*Path) schema() object {
	return object{{"type", "string"}, {"minLength", 1}}
}

func (*Partitions) schema() object {
	text := object{{"type", "string"}}
	return anyOf(text, object{{"type", "array"}, {"items", text}})
}

func (*Query) schema() object {
	path := object{{"query_file", object{{"description", "A file with the SELECT; relative paths count from the job file."}, {"type", "string"}, {"minLength", 1}}}}
	return anyOf(object{{"type", "string"}, {"minLength", 1}},
		object{{"type", "object"}, {"properties", path}, {"additionalProperties", false}, {"required", []string{"query_file"}}})
}

func (*QueryFile) schema() object {
	return object{{"type", "string"}, {"minLength", 1}}
}
