package main

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/millrace/millrace/columnar"
)

// The tables of functions, of aggregates and of casts in docs/sql.md are what the program has. -rewrite writes them.
func TestFunctionTable(t *testing.T) {
	rewriteTable(t, "<!-- functions: written by go test ./cmd/millrace -rewrite -->\n", "<!-- end -->", functionTable())
}

func TestAggregateTable(t *testing.T) {
	rewriteTable(t, "<!-- aggregates: written by go test ./cmd/millrace -rewrite -->\n", "<!-- end of aggregates -->", aggregateTable(t))
}

func TestCastTable(t *testing.T) {
	rewriteTable(t, "<!-- casts: written by go test ./cmd/millrace -rewrite -->\n", "<!-- end -->", castTable())
}

func rewriteTable(t *testing.T, from, to, table string) {
	t.Helper()
	const file = "../../docs/sql.md"
	text, err := os.ReadFile(file)
	check(t, err)
	before, rest, ok := strings.Cut(string(text), from)
	old, after, ok2 := strings.Cut(rest, to)
	if !ok || !ok2 {
		t.Fatalf("%s has no place for the table of %s", file, from)
	}
	switch {
	case old == table:
	case flag.Lookup("rewrite").Value.String() == "true":
		check(t, os.WriteFile(file, []byte(before+from+table+to+after), 0o644))
	default:
		t.Errorf("%s is out of date; run go test ./cmd/millrace -rewrite\n%s", file, table)
	}
}

// castTable has a row for each type that is cast, and a column for each that it becomes.
func castTable() string {
	kinds := columnar.CastKinds()
	cells := map[[2]columnar.Kind]string{}
	for _, r := range columnar.CastRules() {
		cell := "yes"
		switch {
		case r.Implicit:
			cell = "auto"
		case r.Fails:
			cell = "check"
		}
		if r.Zone {
			cell += " z"
		}
		cells[[2]columnar.Kind{r.From, r.To}] = cell
	}
	var b strings.Builder
	b.WriteString("\n| from, to |")
	for _, k := range kinds {
		fmt.Fprintf(&b, " %s |", k)
	}
	b.WriteString("\n|---|" + strings.Repeat("---|", len(kinds)) + "\n")
	for _, from := range kinds {
		fmt.Fprintf(&b, "| **%s** |", from)
		for _, to := range kinds {
			cell := cells[[2]columnar.Kind{from, to}]
			if cell == "" && from == to {
				cell = "="
			}
			fmt.Fprintf(&b, " %s |", cell)
		}
		b.WriteString("\n")
	}
	b.WriteString("\n")
	return b.String()
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
	for _, f := range columnar.Functions() {
		row := byDoc[f.Family+f.Doc]
		if row == nil {
			row = &functionRow{family: f.Family, doc: tableCell(f.Doc)}
			byDoc[f.Family+f.Doc] = row
			rows = append(rows, row)
		}
		row.signatures = append(row.signatures, signatureCell(f))
	}
	return rows
}

var tableCell = strings.NewReplacer("|", `\|`, "\n", " ").Replace

func signatureCell(f columnar.Function) string {
	cell := "`" + tableCell(f.Signature) + "`"
	if len(f.Aliases) > 0 {
		cell += " also `" + tableCell(strings.Join(f.Aliases, "`, `")) + "`"
	}
	return cell
}

// aggregateTable has the aggregates with an example of each, which is a test of package columnar.
func aggregateTable(t *testing.T) string {
	t.Helper()
	data, err := os.ReadFile("../../columnar/testdata/aggregates/examples.txt")
	check(t, err)
	examples := strings.Split(string(data), "\nagg\n")[1:]
	functions := columnar.AggregateFunctions()
	if len(examples) != len(functions) {
		t.Fatalf("%d examples of %d aggregates", len(examples), len(functions))
	}
	var b strings.Builder
	b.WriteString("\n| | | example |\n|---|---|---|\n")
	for i, f := range functions {
		if !strings.HasPrefix(examples[i], f.Name+"(") {
			t.Fatalf("the example of %s is %s", f.Name, examples[i])
		}
		fmt.Fprintf(&b, "| %s | %s | %s |\n", signatureCell(f), tableCell(f.Doc), exampleCell(examples[i]))
	}
	b.WriteString("\n")
	return b.String()
}

// exampleCell is a test case, call, columns, rows and result, in one line.
func exampleCell(text string) string {
	in, out, _ := strings.Cut(text, "\n----\n")
	lines := strings.Split(in, "\n")
	rows := lines[2:]
	if strings.Contains(lines[1], ",") {
		for i := range rows {
			rows[i] = "(" + strings.ReplaceAll(rows[i], " ", ", ") + ")"
		}
	}
	result, _, _ := strings.Cut(out, "\n")
	result = result[:strings.LastIndex(result, " ")] // without the type
	return fmt.Sprintf("`%s` of `%s` is `%s`", tableCell(lines[0]), tableCell(strings.ReplaceAll(strings.Join(rows, ", "), "null", "NULL")), tableCell(result))
}
