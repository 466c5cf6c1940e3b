package jobspec

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/millrace/millrace/internal/yaml"
)

const schemaFile = "../../docs/job.schema.json"

// The schema that editors use is that of the code. -rewrite writes it.
func TestSchemaIsCurrent(t *testing.T) {
	want := Schema()
	if flag.Lookup("rewrite").Value.String() == "true" {
		if err := os.WriteFile(schemaFile, want, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(schemaFile)
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("%s is out of date (%v); run go test ./internal/jobspec -rewrite", schemaFile, err)
	}
}

func compiledSchema(t testing.TB) *jsonschema.Schema {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(Schema()))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("job.schema.json", doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("job.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// bySchema is what an editor says about a text; yaml.Error for what is not YAML.
func bySchema(t testing.TB, s *jsonschema.Schema, text string) error {
	t.Helper()
	n, err := yaml.Parse(text)
	if err != nil {
		return err
	}
	data, err := json.Marshal(plainValue(n))
	if err != nil {
		t.Fatal(err)
	}
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	return s.Validate(value)
}

// The examples, as they are written, are what the schema says.
func TestSchemaOfExamples(t *testing.T) {
	s := compiledSchema(t)
	files, err := filepath.Glob("../../examples/*/job*.yaml")
	if err != nil || len(files) < 3 {
		t.Fatalf("examples: %v, %v", files, err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if err := bySchema(t, s, string(text)); err != nil {
			t.Errorf("%s: %v", file, err)
		}
	}
}

// verdicts compares what the schema says with what the program says.
type verdicts struct {
	t                  *testing.T
	schema             *jsonschema.Schema
	broken, underlined int
}

// see checks that the schema refuses no file that the program takes.
func (v *verdicts) see(text string, loadErr error) {
	v.t.Helper()
	err := bySchema(v.t, v.schema, text)
	switch {
	case loadErr == nil && err != nil:
		v.t.Errorf("the schema refuses\n%s\n%v", text, err)
	case loadErr != nil:
		v.broken++
		if err != nil {
			v.underlined++
		}
	}
}
