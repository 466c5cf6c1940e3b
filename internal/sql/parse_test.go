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
		want := fmt.Sprintf("(as %s z)", e.sexpr())
		for _, text := range []string{e.write(true), e.write(false)} {
			if got := parsedExpr(text + " AS z"); got != want {
				t.Fatalf("seed %d: %s\nread as %s\nwant    %s", seed, text, got, want)
			}
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
	"or": 1, "and": 2, "not": 3, "isnull": 4, "isnotnull": 4, "=": 5, "<>": 5, "<": 5, "<=": 5, ">": 5, ">=": 5, "like": 6, "ilike": 6,
	"concat": 7, "->": 7, "->>": 7, "&": 7, "|": 7, "#": 7, "<<": 7, ">>": 7, "regexp_like": 7,
	"+": 8, "-": 8, "*": 9, "/": 9, "%": 9, "power": 10, "timezone": 11, "neg": 12, "cast": 13, "element_at": 13, ".": 13,
}

// spelled are the operators that are written in another way than they are called.
var spelled = map[string]string{"concat": "||", "power": "^", "like": "LIKE", "ilike": "ILIKE", "regexp_like": "~"}

func randomTree(r *rand.Rand, depth int) *tree {
	if depth == 0 || r.IntN(4) == 0 {
		return &tree{op: []string{"a", "b", "t.c"}[r.IntN(3)]}
	}
	unary := []string{"not", "isnull", "isnotnull", "neg", "cast", "."}
	binary := []string{"or", "and", "=", "<>", "<", "<=", ">", ">=", "like", "ilike", "concat", "->", "->>", "&", "|", "#", "<<", ">>", "regexp_like",
		"+", "-", "*", "/", "%", "power", "timezone", "element_at"}
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
	case e.op == ".":
		return fmt.Sprintf("(. %s x)", e.args[0].sexpr())
	case e.op == "timezone":
		return fmt.Sprintf("(timezone %s %s)", e.args[1].sexpr(), e.args[0].sexpr())
	}
	parts := []string{e.op}
	for _, a := range e.args {
		parts = append(parts, a.sexpr())
	}
	return "(" + strings.Join(parts, " ") + ")"
}

// alone reports whether the operator stands only once between parentheses.
func (e *tree) alone() bool { return precedence[e.op] == 5 || precedence[e.op] == 6 }

func (e *tree) write(full bool) string {
	if len(e.args) == 0 {
		return e.op
	}
	power := precedence[e.op]
	left := e.args[0].inside(full, power, e.alone() || power == 4)
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
	case ".":
		if len(e.args[0].args) == 0 { // else it would be part of the name
			left = "(" + left + ")"
		}
		return left + ".x"
	case "element_at":
		if e.args[0].op == "cast" && !full { // else the brackets would be part of the type
			left = "(" + left + ")"
		}
		return left + "[" + e.args[1].write(full) + "]"
	case "timezone":
		return left + " AT TIME ZONE " + e.args[1].inside(full, power, true)
	}
	sign := e.op
	if s, ok := spelled[e.op]; ok {
		sign = s
	}
	return left + " " + sign + " " + e.args[1].inside(full, power, true)
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
