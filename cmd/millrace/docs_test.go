package main

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/millrace/millrace/columnar"
)

// The table of functions in docs/sql.md is what the program has. -rewrite writes it.
func TestFunctionTable(t *testing.T) {
	const file, from, to = "../../docs/sql.md", "-rewrite -->\n", "<!-- end -->"
	text, err := os.ReadFile(file)
	check(t, err)
	before, rest, ok := strings.Cut(string(text), from)
	old, after, ok2 := strings.Cut(rest, to)
	if !ok || !ok2 {
		t.Fatalf("%s has no place for the table", file)
	}
	table := functionTable()
	switch {
	case old == table:
	case flag.Lookup("rewrite").Value.String() == "true":
		check(t, os.WriteFile(file, []byte(before+from+table+to+after), 0o644))
	default:
		t.Errorf("%s is out of date; run go test ./cmd/millrace -rewrite\n%s", file, table)
	}
}

func functionTable() string {
	var docs []string
	signatures := map[string][]string{} // of the functions with one description
	cell := strings.NewReplacer("|", `\|`, "\n", " ").Replace
	for _, f := range columnar.Functions() {
		if signatures[f.Doc] == nil {
			docs = append(docs, f.Doc)
		}
		signatures[f.Doc] = append(signatures[f.Doc], "`"+cell(f.Signature)+"`")
	}
	var b strings.Builder
	b.WriteString("\n| | |\n|---|---|\n")
	for _, doc := range docs {
		fmt.Fprintf(&b, "| %s | %s |\n", strings.Join(signatures[doc], "<br>"), cell(doc))
	}
	b.WriteString("\n")
	return b.String()
}
