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

// functionTable has a table for each family: signatures and other names of the functions with one description, and it.
func functionTable() string {
	var b strings.Builder
	family := ""
	for _, row := range functionRows() {
		if row.family != family {
			family = row.family
			fmt.Fprintf(&b, "\n### %s\n\n| | |\n|---|---|\n", family)
		}
		fmt.Fprintf(&b, "| %s | %s |\n", strings.Join(row.signatures, "<br>"), row.doc)
	}
	b.WriteString("\n")
	return b.String()
}

type functionRow struct {
	family, doc string
	signatures  []string
}

func functionRows() []*functionRow {
	var rows []*functionRow
	byDoc := map[string]*functionRow{}
	cell := strings.NewReplacer("|", `\|`, "\n", " ").Replace
	for _, f := range columnar.Functions() {
		row := byDoc[f.Family+f.Doc]
		if row == nil {
			row = &functionRow{family: f.Family, doc: cell(f.Doc)}
			byDoc[f.Family+f.Doc] = row
			rows = append(rows, row)
		}
		signature := "`" + cell(f.Signature) + "`"
		if len(f.Aliases) > 0 {
			signature += " also `" + cell(strings.Join(f.Aliases, "`, `")) + "`"
		}
		row.signatures = append(row.signatures, signature)
	}
	return rows
}
