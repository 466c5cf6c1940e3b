package sql

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"
	"github.com/millrace/millrace/dstream"
)

// Commands: expr = an expression on each line, query = one query. Both print what was parsed.
func TestParse(t *testing.T) {
	datadriven.Walk(t, "testdata/parse", func(t *testing.T, path string) {
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			switch d.Cmd {
			case "expr":
				var out strings.Builder
				for _, line := range strings.Split(d.Input, "\n") {
					out.WriteString(parsedExpr(line) + "\n")
				}
				return out.String()
			case "query":
				p := newParser("q.sql", d.Input, dstream.Pos{})
				q := p.parseQuery()
				if p.err != nil {
					return p.err.Error() + "\n"
				}
				return sexprQuery(q, "")
			}
			d.Fatalf(t, "unknown command %q", d.Cmd)
			return ""
		})
	})
}

func parsedExpr(text string) string {
	e, err := ParseExpr("q.sql", text, dstream.Pos{})
	if err != nil {
		return err.Error()
	}
	return sexpr(e)
}

// Every expression keeps the piece of text that it was read from, and the place where its mistakes are shown.
func TestTextAndPosition(t *testing.T) {
	for _, c := range []struct{ text, want, at string }{
		{"a + b", "a + b", "7:5"},
		{"  ( a+b ) * 2 ", "( a+b ) * 2", "7:13"},
		{"x in (1,\n 2)", "x in (1,\n 2)", "7:5"},
		{"x between 1 and 2", "x between 1 and 2", "7:5"},
		{"\n  lower( s )", "lower( s )", "8:5"},
		{"- (a)", "- (a)", "7:3"},
		{"'ü' || b", "'ü' || b", "7:7"},
		{"a::int", "a::int", "7:4"},
		{"case when a then b end as c", "case when a then b end", "7:3"},
		{"e.x", "e.x", "7:3"},
	} {
		e, err := ParseExpr("job.yaml", c.text, dstream.Pos{Line: 7, Column: 3})
		if err != nil {
			t.Fatal(err)
		}
		if e.Text != c.want || e.Pos.String() != "job.yaml:"+c.at {
			t.Errorf("%q: text %q at %s, want %q at %s", c.text, e.Text, e.Pos, c.want, c.at)
		}
	}
}

// A random tree is written twice: with all parentheses, and with only those that PostgreSQL's table of precedence
// asks for. Both must be read as the tree.
func TestPrecedence(t *testing.T) {
	seed := rand.Uint64()
	r := rand.New(rand.NewPCG(seed, 0))
	for range 2000 {
		e := randomTree(r, 5)
		full, lean := e.write(true), e.write(false)
		if got := parsedExpr(full); got != e.sexpr() {
			t.Fatalf("seed %d: %s\nread as %s\nwant    %s", seed, full, got, e.sexpr())
		}
		if got := parsedExpr(lean); got != e.sexpr() {
			t.Fatalf("seed %d: %s\nread as %s\nwant    %s", seed, lean, got, e.sexpr())
		}
	}
}

// tree is an operator with operands, or a leaf.
type tree struct {
	op   string
	args []*tree
}

// precedence is the table in the PostgreSQL manual, "Operator Precedence", lowest first.
var precedence = map[string]int{
	"or": 1, "and": 2, "not": 3, "isnull": 4, "isnotnull": 4, "=": 5, "<>": 5, "<": 5, "<=": 5, ">": 5, ">=": 5,
	"concat": 7, "+": 8, "-": 8, "*": 9, "/": 9, "%": 9, "power": 10, "neg": 12, "cast": 13,
}

func randomTree(r *rand.Rand, depth int) *tree {
	if depth == 0 || r.IntN(4) == 0 {
		return &tree{op: []string{"a", "b", "t.c"}[r.IntN(3)]}
	}
	unary := []string{"not", "isnull", "isnotnull", "neg", "cast"}
	binary := []string{"or", "and", "=", "<>", "<", "<=", ">", ">=", "concat", "+", "-", "*", "/", "%"}
	if r.IntN(3) == 0 {
		return &tree{unary[r.IntN(len(unary))], []*tree{randomTree(r, depth-1)}}
	}
	return &tree{binary[r.IntN(len(binary))], []*tree{randomTree(r, depth-1), randomTree(r, depth-1)}}
}

func (e *tree) sexpr() string {
	switch {
	case len(e.args) == 0:
		return e.op
	case e.op == "cast":
		return fmt.Sprintf("(cast %s bigint)", e.args[0].sexpr())
	}
	parts := []string{e.op}
	for _, a := range e.args {
		parts = append(parts, a.sexpr())
	}
	return "(" + strings.Join(parts, " ") + ")"
}

func (e *tree) write(full bool) string {
	if len(e.args) == 0 {
		return e.op
	}
	power := precedence[e.op]
	left := e.args[0].inside(full, power, e.op != "not" && power == 5 || power == 4)
	switch e.op {
	case "not":
		return "NOT " + left
	case "neg":
		return "- " + left
	case "isnull":
		return left + " IS NULL"
	case "isnotnull":
		return left + " IS NOT NULL"
	case "cast":
		return left + "::bigint"
	case "concat":
		return left + " || " + e.args[1].inside(full, power, true)
	}
	return left + " " + e.op + " " + e.args[1].inside(full, power, true)
}

// inside writes e as an operand of an operator; strictly = it must bind more tightly, not just as tightly.
func (e *tree) inside(full bool, power int, strictly bool) string {
	s := e.write(full)
	own := precedence[e.op]
	prefix := e.op == "not" || e.op == "neg"
	if len(e.args) > 0 && (full || prefix || own < power || own == power && strictly) {
		return "(" + s + ")"
	}
	return s
}
