package columnar

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// The tables of docs/job-file.md are test cases: every row is run, and what it says must come out.

// docTable returns the cells of the rows of the table whose head line begins with head.
func docTable(t *testing.T, head string) (rows [][]string) {
	t.Helper()
	text, err := os.ReadFile("../docs/job-file.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, found := strings.Cut(string(text), "\n| "+head)
	if !found {
		t.Fatalf("no table %q", head)
	}
	table, _, _ = strings.Cut(table, "\n\n")
	for i, line := range strings.Split(table, "\n") {
		if i >= 2 && line != "" {
			rows = append(rows, strings.Split(strings.Trim(line, "| "), " | "))
		}
	}
	return rows
}

var codeSpan = regexp.MustCompile("`[^`]*`")

func codeSpans(cell string) []string {
	spans := codeSpan.FindAllString(cell, -1)
	for i, s := range spans {
		spans[i] = s[1 : len(s)-1]
	}
	return spans
}

// docTypes are the types that "every type" stands for.
var docTypes = []string{"boolean", "tinyint", "smallint", "int", "bigint", "float", "double", "decimal(6,2)", "string", "binary", "date", "timestamp",
	"timestamp(ms)", "timestamp_ntz", "array<int>", "struct<a int, b string>", "map<string, int>"}

// docCase is one row: columns, JSON values of the key v (absent stands for none), and what becomes of each.
type docCase struct {
	fields []DecodeField
	zone   *Zone
	values []string
	want   []string
}

const absent = "no such key"

func readDocCase(t *testing.T, cells []string) (c docCase) {
	t.Helper()
	if len(cells) != 3 {
		t.Fatalf("%d cells in %q", len(cells), cells)
	}
	types, options := []string(nil), ""
	for _, span := range codeSpans(cells[0]) {
		name, value, option := strings.Cut(span, ": ")
		switch {
		case !option:
			types = append(types, span)
		case name == "timezone":
			var err error
			if c.zone, err = LoadZone(value); err != nil {
				t.Fatal(err)
			}
		case name == "path":
			options += " path=" + value
		case span == "required: true":
			options += " required"
		default:
			t.Fatalf("unknown option %q", span)
		}
	}
	if strings.HasPrefix(cells[0], "every type") {
		types = docTypes
	}
	for _, typ := range types {
		c.fields = append(c.fields, parseFields(t, "v "+typ+options)[0])
	}
	c.values = codeSpans(cells[1])
	if strings.HasSuffix(cells[1], absent) {
		c.values = append(c.values, absent)
	}
	if c.want = codeSpans(cells[2]); len(c.want) == 0 {
		c.want = slices.Repeat([]string{cells[2]}, len(c.values))
	}
	if len(c.fields) == 0 || len(c.values) == 0 || len(c.want) != len(c.values) {
		t.Fatalf("%d columns, %d values, %d results in %q", len(c.fields), len(c.values), len(c.want), cells)
	}
	return c
}

func TestJSONToColumnTable(t *testing.T) {
	rows := docTable(t, "column | JSON value")
	for _, cells := range rows {
		t.Run(cells[0]+" "+cells[1], func(t *testing.T) {
			c := readDocCase(t, cells)
			for _, f := range c.fields {
				for i, v := range c.values {
					c.check(t, f, v, c.want[i])
				}
			}
		})
	}
	covered := map[Kind]bool{}
	for _, cells := range rows {
		for _, f := range readDocCase(t, cells).fields {
			covered[f.Type.Kind] = covered[f.Type.Kind] || !strings.HasPrefix(cells[0], "every")
		}
	}
	for k := Bool; k <= Map; k++ {
		if !covered[k] && k != Interval && k != Null {
			t.Errorf("no row of the table is about %s", k)
		}
	}
}

// check decodes the value by both tiers and under both policies. The name of a fault stands for what each makes of it.
func (c docCase) check(t *testing.T, f DecodeField, value, want string) {
	t.Helper()
	record := `{"v":` + value + `}`
	if value == absent {
		record = `{"u":1}`
	}
	strict, lenient := want, want
	switch want {
	case "NULL":
		strict, lenient = `\N`, `\N`
	case "bad value":
		strict, lenient = "bad", `\N (nulled 1)`
	case "bad record":
		strict, lenient = "bad", "bad"
	}
	for _, nulls := range []bool{false, true} {
		want := map[bool]string{false: strict, true: lenient}[nulls]
		for _, careful := range []bool{false, true} {
			d := newDecoderWith(t, []DecodeField{f}, DecodeOptions{NullBadValues: nulls, Zone: c.zone})
			d.careful = careful
			d.Append(recordsOf(record))
			got := strings.TrimSuffix(showFlush(d), "\n")
			if strings.HasPrefix(got, "bad: ") && want == "bad" {
				continue
			}
			if got != want {
				t.Errorf("%s as %s (NULL for bad values: %v, careful: %v): got %s, want %s", value, f.Type, nulls, careful, got, want)
			}
		}
	}
}

func TestRecordTable(t *testing.T) {
	results := map[string]func(d *JSONDecoder) bool{
		"a row":      func(d *JSONDecoder) bool { return d.counts.Out == 1 },
		"bad record": func(d *JSONDecoder) bool { return d.counts.Bad == 1 },
		"no row: skipped, counted as `tombstone`": func(d *JSONDecoder) bool { return d.counts.Tombstone == 1 },
	}
	said := map[string][]string{
		"invalid UTF-8":           {"{\"u\":\"\xff\"}"},
		"more than 1,000 levels":  {`{"u":` + strings.Repeat("[", 1000) + strings.Repeat("]", 1000) + `}`},
		"a tombstone (a record w": {"TOMBSTONE"},
	}
	for _, cells := range docTable(t, "record | becomes") {
		t.Run(cells[0], func(t *testing.T) {
			is := results[cells[1]]
			if len(cells) != 2 || is == nil {
				t.Fatalf("cells %q", cells)
			}
			records := codeSpans(cells[0])
			for words, more := range said {
				if strings.Contains(cells[0], words) {
					records = append(records, more...)
				}
			}
			if len(records) == 0 {
				t.Fatal("no records")
			}
			for _, record := range records {
				d := newDecoder(t, []DecodeField{{Field: Field{"v", Type{Kind: Int64}}}})
				d.Append(recordOf(record))
				if !is(d) {
					t.Errorf("record %.80s: counts %+v", record, d.counts)
				}
			}
		})
	}
}

func TestMetadataTable(t *testing.T) {
	var want []string
	for _, f := range MetadataFields(FormatRaw) {
		want = append(want, f.Name+" "+f.Type.String())
	}
	var got []string
	for _, cells := range docTable(t, "column | type") {
		types := codeSpans(cells[1])
		for i, name := range codeSpans(cells[0]) {
			got = append(got, name+" "+types[i])
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("described %q\nwant %q", got, want)
	}
}
