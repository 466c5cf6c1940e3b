package batch

import (
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestJournalDoc compares the tables of fields in the format's document with the structs: a field that is written but
// not described, or described but not written, fails.
func TestJournalDoc(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "docs", "formats", "journal.md"))
	if err != nil {
		t.Fatal(err)
	}
	described, written := fieldTables(string(text)), map[string][]string{}
	jsonFields(reflect.TypeFor[envelope](), written)
	for _, r := range sampleRecords() {
		jsonFields(reflect.TypeOf(r), written)
	}
	if len(written) < 15 {
		t.Fatalf("found %d structs only", len(written))
	}
	for _, name := range slices.Sorted(maps.Keys(written)) {
		if !slices.Equal(slices.Sorted(slices.Values(described[name])), slices.Sorted(slices.Values(written[name]))) {
			t.Errorf("%s: described %q, written %q", name, described[name], written[name])
		}
		delete(described, name)
	}
	for name := range described {
		t.Errorf("%s is described but not written", name)
	}
}

// jsonFields adds the JSON names of a struct's fields to out, by the struct's name, and those of structs inside it.
func jsonFields(t reflect.Type, out map[string][]string) {
	for slices.Contains([]reflect.Kind{reflect.Pointer, reflect.Slice, reflect.Array, reflect.Map}, t.Kind()) {
		t = t.Elem()
	}
	name := strings.ToUpper(t.Name()[:1]) + t.Name()[1:]
	if _, done := out[name]; done || t.Kind() != reflect.Struct {
		return
	}
	out[name] = nil
	for _, f := range reflect.VisibleFields(t) {
		if tag, ok := f.Tag.Lookup("json"); ok {
			field, _, _ := strings.Cut(tag, ",")
			out[name] = append(out[name], field)
			jsonFields(f.Type, out)
		}
	}
}

var codeWord = regexp.MustCompile("`([^`]+)`")

// fieldTables returns the names in the first column of every table below a heading of the third level.
func fieldTables(doc string) map[string][]string {
	out, heading := map[string][]string{}, ""
	for _, line := range strings.Split(doc, "\n") {
		if strings.HasPrefix(line, "#") {
			heading, _ = strings.CutPrefix(line, "### ")
			if heading == line {
				heading = ""
			}
		}
		if heading == "" || !strings.HasPrefix(line, "| `") {
			continue
		}
		for _, m := range codeWord.FindAllStringSubmatch(strings.Split(line, "|")[1], -1) {
			out[heading] = append(out[heading], m[1])
		}
	}
	return out
}
