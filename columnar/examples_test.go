package columnar

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"
)

// exampleNow is the plan time of the examples: 2024-02-29 12:30:45.678901 UTC.
const exampleNow = 1_709_209_845_678_901

// TestExamples runs testdata/functions, the examples of the documents: each line of a "call" is an expression in SQL.
// The argument zone gives the session's time zone. Each is computed once by folding, once with columns in place of its
// literals over a batch with NULLs and rows that are not selected; both must agree.
func TestExamples(t *testing.T) { testExamples(t, "testdata/functions") }

// The results in testdata/oracle were computed by other systems; -rewrite would lose that.
func TestOracleExamples(t *testing.T) { testExamples(t, "testdata/oracle") }

func testExamples(t *testing.T, folder string) {
	datadriven.Walk(t, folder, func(t *testing.T, path string) {
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			s := Session{}
			d.MaybeScanArgs(t, "zone", &s.Zone)
			var out strings.Builder
			for _, line := range strings.Split(d.Input, "\n") {
				fmt.Fprintln(&out, runExample(t, s, line))
			}
			return out.String()
		})
	})
}

func runExample(t *testing.T, s Session, line string) string {
	e, _, err := parseExample(line, s)
	if err != nil {
		return "error: " + err.Error()
	}
	got := evalExample(e, &Batch{Schema: &Schema{}, Rows: 1})
	if c, b := columned(e); len(b.Cols) > 0 {
		over := evalExample(c, b)
		if refusesNull(over) {
			b.Sel = []int32{9}
			over = evalExample(c, b)
		}
		if over != got {
			t.Errorf("%s\nof literals: %s\nof columns:  %s", line, got, over)
		}
	}
	return got
}

// refusesNull reports whether an error is about the NULLs that the batch adds: few functions refuse NULL.
func refusesNull(result string) bool {
	return strings.HasPrefix(result, "error: a key of ") && strings.HasSuffix(result, " is NULL")
}

// evalExample is the text of the last selected row.
func evalExample(e *Expr, b *Batch) string {
	prog, err := Compile(e, b.Schema)
	if err != nil {
		return "error: " + err.Error()
	}
	b.Env = &Env{Now: exampleNow}
	var last string
	for range 2 { // the second time with used buffers
		v, err := prog.Eval(b)
		if row := (*RowError)(nil); errors.As(err, &row) {
			last = "error: " + row.Reason
		} else if err != nil {
			last = "error: " + err.Error()
		} else {
			last = shownRow(v, b.Rows-1)
		}
	}
	return last
}

// columned puts columns in place of the literals of e, where the functions take columns, and gives a batch for them:
// nine rows of NULL, which are selected but for one, and one row of the literals.
func columned(e *Expr) (*Expr, *Batch) {
	b := &Batch{Schema: &Schema{}, Rows: 10, Sel: []int32{0, 1, 2, 3, 5, 6, 7, 8, 9}}
	return columnedArgs(e, b), b
}

func columnedArgs(e *Expr, b *Batch) *Expr {
	if e.Op == "const" || e.Op == "col" {
		return e
	}
	out := *e
	out.Args = slices.Clone(e.Args)
	for i, a := range e.Args {
		if a.Op != "const" {
			out.Args[i] = columnedArgs(a, b)
			continue
		}
		b.Schema.Fields = append(b.Schema.Fields, Field{Name: fmt.Sprint("c", len(b.Cols)), Type: a.Type})
		out.Args[i] = Col(b.Schema, len(b.Cols))
		if _, err := Compile(&out, b.Schema); err != nil { // this argument has to be a literal
			b.Schema.Fields = b.Schema.Fields[:len(b.Cols)]
			out.Args[i] = a
			continue
		}
		b.Cols = append(b.Cols, nullsAnd(a))
	}
	return &out
}

// nullsAnd is a column of NULLs whose last row is the literal.
func nullsAnd(c *Expr) *Vector {
	n := &node{expr: c, out: Vector{Type: c.Type}}
	v := *n.broadcast(10)
	valid := make([]byte, 2)
	if !c.Value.Null {
		valid[1] = 2
	}
	v.Valid = valid
	return &v
}

func shownRow(v *Vector, i int) string { return valueAt(v, i).literal(v.Type) }

// Each function has two examples or more, one of them with a NULL.
func TestFunctionsHaveExamples(t *testing.T) {
	examples := map[string][]string{}
	files, err := filepath.Glob("testdata/functions/*.txt")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		for _, line := range exampleLines(t, file) {
			_, called, _ := parseExample(line, Session{})
			for name := range called {
				if fn, ok := lookup(name); ok {
					examples[fn.Name] = append(examples[fn.Name], line)
				}
			}
		}
	}
	for _, f := range Functions() {
		lines := examples[f.Name]
		withNull := slices.ContainsFunc(lines, func(l string) bool { return strings.Contains(l, "NULL") })
		if len(lines) < 2 && !strings.Contains(f.Signature, "() →") || !withNull && strings.Contains(f.Signature, "(") && !strings.Contains(f.Signature, "() →") {
			t.Errorf("%s has %d examples in testdata/functions, want 2 and one with NULL", f.Name, len(lines))
		}
	}
}

// exampleLines are the expressions of a file.
func exampleLines(t *testing.T, file string) (out []string) {
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	in := false
	for _, line := range strings.Split(string(data), "\n") {
		switch {
		case line == "call" || strings.HasPrefix(line, "call ") || line == "cast" || strings.HasPrefix(line, "cast "):
			in = true
		case line == "----":
			in = false
		case in:
			out = append(out, line)
		}
	}
	return out
}
