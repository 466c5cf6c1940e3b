package jobspec

import (
	"reflect"
	"strings"
	"sync"
	"time"

	"github.com/millrace/millrace/dstream"
)

// field is one key of a struct, as its tags describe it; see [Spec].
type field struct {
	index                   int
	place                   int // the field that takes the place of the value, −1 for none
	key, doc, def, is       string
	write                   string
	least, most             string
	words, later            []string
	need, one, short, reach bool
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
	for i := range t.NumField() {
		f := t.Field(i)
		if f.Name == "_" {
			out.later = strings.Fields(f.Tag.Get("later"))
		}
		if f.Tag.Get("key") != "" {
			out.list = append(out.list, readTags(t, f, i))
		}
	}
	for i := range out.list {
		if out.list[i].short {
			out.short = &out.list[i]
		}
	}
	f, _ := fieldsByType.LoadOrStore(t, out)
	return f.(*fields)
}

func readTags(t reflect.Type, f reflect.StructField, i int) field {
	tag := f.Tag.Get
	out := field{
		index: i, place: -1, key: tag("key"), doc: tag("doc"), def: tag("default"), is: tag("is"), write: tag("write"), least: tag("least"), most: tag("most"),
		words: strings.Fields(tag("words")), later: strings.Fields(tag("later")),
		need: tag("need") != "", one: tag("one") != "", short: tag("short") != "", reach: tag("reach") != "",
	}
	if p, ok := t.FieldByName(f.Name + "Pos"); ok && p.Type == posType {
		out.place = p.Index[0]
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
