package columnar

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

// randomDocument writes JSON with few keys, so that paths hit, and now and then a key twice.
func randomDocument(r *rand.Rand, depth int) string {
	space := strings.Repeat(" ", r.IntN(2))
	kind := r.IntN(8)
	if depth == 0 {
		kind = r.IntN(6)
	}
	switch kind {
	case 0, 1:
		return space + fmt.Sprint([]any{"-0", "12", "2.50", "1e3", "true", "false", "null"}[r.IntN(7)])
	case 2, 3, 4, 5:
		return space + []string{`""`, `"a"`, `"ü\n"`, `"\u00e9\ud83d\ude00"`, `"say \"x\""`}[r.IntN(5)] + space
	case 6:
		parts := make([]string, r.IntN(4))
		for i := range parts {
			parts[i] = randomDocument(r, depth-1)
		}
		return space + "[" + strings.Join(parts, ",") + space + "]"
	}
	parts := make([]string, r.IntN(4))
	for i := range parts {
		parts[i] = space + []string{`"a"`, `"b"`, `"\u0061"`, `"c d"`}[r.IntN(4)] + ":" + randomDocument(r, depth-1)
	}
	return space + "{" + strings.Join(parts, ",") + space + "}"
}

// lookUp is the oracle: encoding/json, of which the last of two equal keys counts, too.
func lookUp(doc string, path Path) (any, bool) {
	var v any
	dec := json.NewDecoder(strings.NewReader(doc))
	dec.UseNumber()
	if dec.Decode(&v) != nil {
		return nil, false
	}
	for _, step := range path {
		switch x := v.(type) {
		case map[string]any:
			if v = x[step.Key]; step.IsIndex || v == nil {
				if _, there := x[step.Key]; step.IsIndex || !there {
					return nil, false
				}
			}
		case []any:
			if !step.IsIndex || step.Index >= len(x) {
				return nil, false
			}
			v = x[step.Index]
		default:
			return nil, false
		}
	}
	return v, true
}

func TestJSONPathsAgainstOracle(t *testing.T) {
	r := newRand(t)
	hits := 0
	for range cases(8000, 3000) {
		doc := randomDocument(r, 4)
		path := Path{}
		text := "$"
		for range r.IntN(4) {
			if r.IntN(2) == 0 {
				i := r.IntN(3)
				path, text = append(path, PathStep{IsIndex: true, Index: i}), fmt.Sprintf("%s[%d]", text, i)
				continue
			}
			key := []string{"a", "b", "c d"}[r.IntN(3)]
			path, text = append(path, PathStep{Key: key}), text+`["`+key+`"]`
		}
		want, there := lookUp(doc, path)
		got := evalText(t, "json_extract", doc, text)
		if there != !got.Null {
			t.Fatalf("json_extract(%q, %q): got %+v, want %v", doc, text, got, want)
		}
		if there {
			hits++
			checkJSON(t, doc, text, got.S, want)
		}
	}
	if hits < 500 {
		t.Errorf("only %d paths hit", hits)
	}
}

func checkJSON(t *testing.T, doc, path, got string, want any) {
	t.Helper()
	var v any
	dec := json.NewDecoder(strings.NewReader(got))
	dec.UseNumber()
	if err := dec.Decode(&v); err != nil || fmt.Sprint(v) != fmt.Sprint(want) {
		t.Fatalf("json_extract(%q, %q) = %q, want %v", doc, path, got, want)
	}
	plain := evalText(t, "json_extract_string", doc, path)
	if s, ok := want.(string); ok && plain.S != s || (want == nil) != plain.Null {
		t.Fatalf("json_extract_string(%q, %q) = %+v, want %v", doc, path, plain, want)
	}
}

// evalText computes a function of strings over columns.
func evalText(t *testing.T, name string, args ...string) Value {
	t.Helper()
	b := &Batch{Schema: &Schema{}, Rows: 1}
	var cols []*Expr
	for i, a := range args {
		b.Schema.Fields = append(b.Schema.Fields, Field{fmt.Sprint("c", i), Type{Kind: String}})
		b.Cols = append(b.Cols, stringColumn(a))
		cols = append(cols, Col(b.Schema, i))
	}
	e, err := Call(name, cols...)
	if err != nil {
		t.Fatal(err)
	}
	prog, err := Compile(e, b.Schema)
	if err != nil {
		t.Fatal(err)
	}
	v, err := prog.Eval(b)
	if err != nil {
		t.Fatal(err)
	}
	return valueAt(v, 0)
}

func stringColumn(s string) *Vector {
	b := NewBuilder(Type{Kind: String})
	b.AppendString(s)
	return b.Vector()
}

// FuzzJSONValid: json_valid says what encoding/json says, but for texts that the scanner is stricter about.
func FuzzJSONValid(f *testing.F) {
	for _, doc := range []string{`{"a": [1, 2.5, "x", null]}`, `{"a": 01}`, `"\ud800"`, ` [ ] `, `{"a":1,}`, ``} {
		f.Add([]byte(doc))
	}
	f.Fuzz(func(t *testing.T, doc []byte) {
		got := evalText(t, "json_valid", string(doc)).I != 0
		if want := json.Valid(doc); got != want && !(want && (bytes.Contains(doc, []byte(`\u`)) || !validUTF8(doc) || len(doc) > maxJSONDepth)) {
			t.Errorf("%q: got %t, want %t", doc, got, want)
		}
	})
}

func validUTF8(b []byte) bool { return strings.ToValidUTF8(string(b), "") == string(b) }
