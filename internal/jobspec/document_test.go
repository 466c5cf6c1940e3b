package jobspec

import (
	"flag"
	"fmt"
	"os"
	"reflect"
	"strings"
	"testing"
)

const documentFile = "../../docs/job-file.md"

// The table of keys in docs/job-file.md is that of the tags. -rewrite writes it.
func TestKeyTable(t *testing.T) {
	const from, to = "-rewrite -->\n", "<!-- end -->"
	text, err := os.ReadFile(documentFile)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(text), from)
	old, after, ok2 := strings.Cut(rest, to)
	if !ok || !ok2 {
		t.Fatalf("%s has no place for the table", documentFile)
	}
	var b strings.Builder
	b.WriteString("\n| key | default | meaning |\n|---|---|---|\n")
	keyRows(&b, reflect.TypeFor[Spec](), "")
	b.WriteString("\n")
	switch {
	case old == b.String():
	case flag.Lookup("rewrite").Value.String() == "true":
		check(t, os.WriteFile(documentFile, []byte(before+from+b.String()+to+after), 0o644))
	default:
		t.Errorf("%s is out of date; run go test ./internal/jobspec -rewrite\n%s", documentFile, b.String())
	}
}

// keyRows has a row for each key that holds a value.
func keyRows(b *strings.Builder, t reflect.Type, path string) {
	fs := fieldsOf(t)
	for i := range fs.list {
		f := &fs.list[i]
		of := t.FieldByIndex(f.index).Type
		def := "`" + f.def + "`"
		if f.def == "" {
			def = ""
		}
		key := path + f.key
		fmt.Fprintf(b, "| `%s` | %s | %s |\n", key, def, strings.ReplaceAll(f.doc, "|", `\|`))
		if of.Kind() == reflect.Pointer {
			of = of.Elem()
		}
		switch {
		case reflect.PointerTo(of).Implements(readerType):
		case isNamed(of) && !reflect.PointerTo(of.Elem()).Implements(readerType):
			keyRows(b, of.Elem(), key+".NAME.")
		case of.Kind() == reflect.Struct && of != posType:
			keyRows(b, of, key+".")
		}
	}
}

// The examples of docs/job-file.md are job files.
func TestDocument(t *testing.T) {
	text, err := os.ReadFile(documentFile)
	if err != nil {
		t.Fatal(err)
	}
	workDir(t)
	s := compiledSchema(t)
	examples := strings.Split(string(text), "```yaml\n")[1:]
	if len(examples) < 2 {
		t.Fatalf("%d examples", len(examples))
	}
	for _, example := range examples {
		example, _, _ = strings.Cut(example, "```")
		if _, err := load(t, example); err != nil {
			t.Error(Explain(err))
		}
		if err := bySchema(t, s, example); err != nil {
			t.Error(err)
		}
	}
}

// The examples of docs/kafka.md are job files, or, one behind the other, what stands under kafka in one.
func TestKafkaDocument(t *testing.T) {
	text, err := os.ReadFile("../../docs/kafka.md")
	check(t, err)
	workDir(t)
	s := compiledSchema(t)
	env := func(name string) (string, bool) { return "a-value", true }
	whole, parts := 0, 0
	for _, example := range strings.Split(string(text), "```yaml\n")[1:] {
		example, _, _ = strings.Cut(example, "```")
		var jobs []string
		switch {
		case strings.HasPrefix(example, "name:"):
			whole++
			jobs = []string{example}
		case strings.HasPrefix(example, "tls:"):
			for part := range strings.SplitSeq(example, "---\n") {
				parts++
				part = strings.ReplaceAll(part, "${file:/run/secrets/kafka}", "${file:password}")
				jobs = append(jobs, "name: x\nsources:\n  s:\n    columns: {a: string}\n    kafka:\n      brokers: a:1\n      topic: t\n      "+
					strings.ReplaceAll(strings.TrimSpace(part), "\n", "\n      ")+"\nquery: SELECT a FROM s\nsinks: {out: {stdout: {}}}\ncheckpoint: cp\n")
			}
		}
		for _, job := range jobs {
			write(t, "job.yaml", job)
			spec, err := Load("job.yaml", Options{Env: env})
			if err == nil {
				_, _, err = spec.Job()
			}
			if err != nil {
				t.Errorf("%s\n%s", Explain(err), job)
			}
			if err := bySchema(t, s, job); err != nil {
				t.Errorf("%v\n%s", err, job)
			}
		}
	}
	if whole < 1 || parts < 7 {
		t.Errorf("%d jobs and %d parts", whole, parts)
	}
}
