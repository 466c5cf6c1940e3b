package jobspec

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/millrace/millrace/dstream"
)

// decoder fills structs from a tree, by their tags. Every read returns the value in its normal form as well: with
// defaults filled in, paths absolute, in the order of the fields.
type decoder struct {
	file string
	dir  string // relative paths count from here
	text []byte
}

// reader is a type with a form of its own in the file.
type reader interface {
	read(d *decoder, t *tree, where string) (*tree, error)
}

func fail(pos dstream.Pos, hint, format string, args ...any) error {
	return &dstream.Error{Pos: pos, Msg: fmt.Sprintf(format, args...), Hint: hint}
}

// read reads one value. f has the tags of the field that it is for.
func (d *decoder) read(t *tree, v reflect.Value, f *field, where string) (*tree, error) {
	if r, ok := v.Addr().Interface().(reader); ok {
		return r.read(d, t, where)
	}
	switch {
	case v.Type() == durationType:
		return d.duration(t, v, f, where)
	case isNamed(v.Type()):
		return d.named(t, v, where)
	}
	switch v.Kind() {
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		return d.read(t, v.Elem(), f, where)
	case reflect.Struct:
		return d.structure(t, v, f, where)
	case reflect.String:
		return d.str(t, v, f, where)
	case reflect.Bool:
		return d.boolean(t, v, where)
	case reflect.Int, reflect.Int64:
		return d.whole(t, v, f, where)
	}
	panic(fmt.Sprintf("jobspec: no way to read a %s", v.Type())) // of the tags' author
}

// structure reads a mapping whose keys are fields.
func (d *decoder) structure(t *tree, v reflect.Value, f *field, where string) (*tree, error) {
	fs := fieldsOf(v.Type())
	if p := v.FieldByName("Pos"); p.IsValid() && p.IsZero() {
		p.Set(reflect.ValueOf(t.pos))
	}
	short := t.kind == scalarTree && fs.short != nil
	switch {
	case short:
		t = &tree{kind: mapTree, pos: t.pos, entries: []entry{{key: fs.short.key, pos: t.pos, val: t}}}
	case t.kind == nullTree:
		t = &tree{kind: mapTree, pos: t.pos}
	case t.kind != mapTree:
		return nil, fail(t.pos, f.write, "%s is %s, want a mapping", where, t.kind)
	}
	if err := d.checkKeys(t, fs, where); err != nil {
		return nil, err
	}
	out := &tree{kind: mapTree, pos: t.pos}
	for i := range fs.list {
		inner := child(where, fs.list[i].key)
		if short && fs.list[i].short {
			inner = where
		}
		if err := d.field(t, out, v, &fs.list[i], where, inner); err != nil {
			return nil, err
		}
	}
	if err := d.checkOne(t, v, fs, f, where); err != nil {
		return nil, err
	}
	if fs.short != nil && len(out.entries) == 1 {
		return out.entries[0].val, nil
	}
	return out, nil
}

// field reads the value of one key, which messages call inner, or its default.
func (d *decoder) field(t, out *tree, v reflect.Value, f *field, where, inner string) error {
	val := t.get(f.key)
	switch {
	case val == nil && f.need, val != nil && val.kind == nullTree && f.need && len(f.words) == 0 && v.FieldByIndex(f.index).Kind() != reflect.String:
		return fail(t.pos, "", "%s: %s is missing", where, f.key)
	case val == nil && f.def == "":
		return nil
	case val == nil:
		def, err := parseTree("", []byte(f.def))
		if err != nil {
			panic(err) // of the tags' author
		}
		def.moveTo(t.pos)
		val = def
	}
	normal, err := d.read(val, v.FieldByIndex(f.index), f, inner)
	if err != nil {
		return err
	}
	if f.place != nil {
		v.FieldByIndex(f.place).Set(reflect.ValueOf(val.textPos()))
	}
	out.entries = append(out.entries, entry{key: f.key, val: normal, reach: f.reach})
	return nil
}

// child is the path of a key. The keys of the file itself have no path in front.
func child(where, key string) string {
	if where == top {
		return key
	}
	return where + "." + key
}

// top is what messages call the file itself.
const top = "job"

// checkKeys refuses keys that the struct does not have, in the order of the file.
func (d *decoder) checkKeys(t *tree, fs *fields, where string) error {
	for _, e := range t.entries {
		switch {
		case fs.find(e.key) != nil:
		case slices.Contains(fs.later, e.key):
			return fail(e.pos, "", "%s: %s is not supported yet in this version", where, e.key)
		default:
			return unknownKey(e, where, fs)
		}
	}
	return nil
}

func unknownKey(e entry, where string, fs *fields) error {
	words := slices.Sorted(slices.Values(fs.keys()))
	hint := didYouMean(e.key, slices.Sorted(slices.Values(slices.Concat(words, fs.later))))
	switch {
	case len(words) == 0:
		hint = "it takes none: {}"
	case hint == "":
		hint = "known here: " + strings.Join(words, ", ")
	}
	return fail(e.pos, hint, "%s: unknown key %q", where, shortened(e.key))
}

// didYouMean is the hint for an unknown word; empty when nothing is near.
func didYouMean(word string, among []string) string {
	if len(word) > 100 || len(among) > 1000 {
		return ""
	}
	if near := dstream.Nearest(word, among); near != "" {
		return fmt.Sprintf("did you mean %q?", near)
	}
	return ""
}

// checkOne looks at the keys of which exactly one has to be there.
func (d *decoder) checkOne(t *tree, v reflect.Value, fs *fields, of *field, where string) error {
	ones := fs.ones()
	if len(ones) == 0 {
		return nil
	}
	var given []*entry
	for i := range t.entries {
		f := fs.find(t.entries[i].key)
		if f != nil && f.one && !v.FieldByIndex(f.index).IsZero() {
			given = append(given, &t.entries[i])
		}
	}
	switch len(given) {
	case 0:
		return fail(t.pos, of.write, "%s: one of %s is missing", where, enumerated(ones, "and"))
	case 1:
		return nil
	}
	return fail(given[1].pos, "", "%s: want one of %s, found %s and %s", where, enumerated(ones, "and"), given[0].key, given[1].key)
}

// enumerated is "a, b and c".
func enumerated(words []string, last string) string {
	if len(words) == 1 {
		return words[0]
	}
	n := len(words) - 1
	return strings.Join(words[:n], ", ") + " " + last + " " + words[n]
}

// Bounds keep the work small that a job file can ask for.
const (
	mostNamed      = 500     // sources, tables, queries and sinks: of each
	mostColumns    = 2000    // of a source or table
	mostPartitions = 32      // levels of directories
	mostQuery      = 1 << 18 // bytes of one query
	mostText       = 1 << 12 // bytes of any other text
)

// elementHints say what to write for something that has a name.
var elementHints = map[reflect.Type]string{
	reflect.TypeFor[Source](): "write {kafka: {brokers: 'localhost:9092', topic: events}, columns: {…}}",
	reflect.TypeFor[Table]():  "write {csv: FILE, columns: {…}} or {parquet: FILE}",
	reflect.TypeFor[Column](): "write a type, or {type: TYPE, path: PATH, required: true}",
	reflect.TypeFor[Sink]():   "write {parquet: {path: DIRECTORY}}, {kafka: {brokers: 'localhost:9092', topic: alerts}} or {stdout: {}}",
}

// named reads a mapping from names of the user's own to structs.
func (d *decoder) named(t *tree, v reflect.Value, where string) (*tree, error) {
	what := where[strings.LastIndexByte(where, '.')+1:]
	switch {
	case t.kind != mapTree:
		return nil, fail(t.pos, "write NAME: …", "%s is %s, want a mapping from names to %s", where, t.kind, what)
	case len(t.entries) == 0:
		return nil, fail(t.pos, "", "%s is empty, want a mapping from names to %s", where, what)
	}
	most := mostNamed
	if v.Type().Elem() == reflect.TypeFor[Column]() {
		most = mostColumns
	}
	if len(t.entries) > most {
		return nil, fail(t.entries[most].pos, "", "%s: more than %d", where, most)
	}
	of := &field{write: elementHints[v.Type().Elem()]}
	out := &tree{kind: mapTree, pos: t.pos}
	v.Set(reflect.MakeSlice(v.Type(), len(t.entries), len(t.entries)))
	for i, e := range t.entries {
		item := v.Index(i)
		item.FieldByName("Name").SetString(e.key)
		item.FieldByName("Pos").Set(reflect.ValueOf(e.pos))
		if err := checkName(e, where, v.Type().Elem()); err != nil {
			return nil, err
		}
		normal, err := d.read(e.val, item, of, child(where, e.key))
		if err != nil {
			return nil, err
		}
		out.entries = append(out.entries, entry{key: e.key, pos: e.pos, val: normal})
	}
	return out, nil
}

// checkName looks at a name of the user's own. Columns are called as the data has them.
func checkName(e entry, where string, of reflect.Type) error {
	switch {
	case of == reflect.TypeFor[Column]() && strings.HasPrefix(e.key, "_"):
		return fail(e.pos, "", "%s: %q begins with an underscore, as only metadata columns do", where, shortened(e.key))
	case of == reflect.TypeFor[Column]():
		return nil
	case !validIdent(e.key):
		return fail(e.pos, nameRule, "%s: %q is not a name", where, shortened(e.key))
	}
	return nil
}

const nameRule = "a letter or _, then letters, digits, _ - and ., at most 100"

// validIdent reports whether a name of a job, source, table, query or sink can be told from everything around it.
func validIdent(s string) bool {
	if s == "" || len(s) > 100 {
		return false
	}
	for i, c := range s {
		letter := c == '_' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
		if !letter && (i == 0 || c != '-' && c != '.' && (c < '0' || c > '9')) {
			return false
		}
	}
	return true
}
