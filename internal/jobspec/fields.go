package jobspec

import (
	"reflect"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/millrace/millrace/dstream"
)

// field is one key of a struct, as its tags describe it; see [Spec].
type field struct {
	index                   []int
	place                   []int // the field that takes the place of the value, nil for none
	key, doc, def, is       string
	write                   string
	least, most             string
	words, later            []string
	need, one, short, reach bool
	secret                  bool
}

// fields are those of a struct, with the keys that this version cannot do yet.
type fields struct {
	list  []field
	later []string
	short *field
}

var (
	durationType = reflect.TypeFor[time.Duration]()
	posType      = reflect.TypeFor[dstream.Pos]()
	readerType   = reflect.TypeFor[reader]()
)

var fieldsByType sync.Map // reflect.Type → *fields

// fieldsOf reads the tags of a struct.
func fieldsOf(t reflect.Type) *fields {
	if f, ok := fieldsByType.Load(t); ok {
		return f.(*fields)
	}
	out := &fields{}
	out.add(t, nil)
	for i := range out.list {
		if out.list[i].short {
			out.short = &out.list[i]
		}
	}
	f, _ := fieldsByType.LoadOrStore(t, out)
	return f.(*fields)
}

// add reads the tags of the fields of t, which is reached by at. The fields of an embedded struct are the struct's own.
func (fs *fields) add(t reflect.Type, at []int) {
	for i := range t.NumField() {
		f, index := t.Field(i), append(slices.Clone(at), i)
		switch {
		case f.Name == "_":
			fs.later = append(fs.later, strings.Fields(f.Tag.Get("later"))...)
		case f.Anonymous && f.Type.Kind() == reflect.Struct:
			fs.add(f.Type, index)
		case f.Tag.Get("key") != "":
			fs.list = append(fs.list, readTags(t, f, at, index))
		}
	}
}

func readTags(t reflect.Type, f reflect.StructField, at, index []int) field {
	tag := f.Tag.Get
	out := field{
		index: index, key: tag("key"), doc: tag("doc"), def: tag("default"), is: tag("is"), write: tag("write"), least: tag("least"), most: tag("most"),
		words: strings.Fields(tag("words")), later: strings.Fields(tag("later")),
		need: tag("need") != "", one: tag("one") != "", short: tag("short") != "", reach: tag("reach") != "",
		secret: tag("secret") != "",
	}
	if p, ok := t.FieldByName(f.Name + "Pos"); ok && p.Type == posType {
		out.place = append(slices.Clone(at), p.Index...)
	}
	return out
}

func (f *fields) keys() []string {
	var out []string
	for i := range f.list {
		out = append(out, f.list[i].key)
	}
	return out
}

func (f *fields) find(key string) *field {
	for i := range f.list {
		if f.list[i].key == key {
			return &f.list[i]
		}
	}
	return nil
}

// ones are the keys of which exactly one has to be there.
func (f *fields) ones() []string {
	var out []string
	for i := range f.list {
		if f.list[i].one {
			out = append(out, f.list[i].key)
		}
	}
	return out
}

// isNamed reports whether t is a slice of structs that the file writes as a mapping from names.
func isNamed(t reflect.Type) bool {
	if t.Kind() != reflect.Slice || t.Elem().Kind() != reflect.Struct || reflect.PointerTo(t).Implements(readerType) {
		return false
	}
	_, ok := t.Elem().FieldByName("Name")
	return ok
}
