package dstream

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/millrace/millrace/columnar"
)

// nameExchanges tells exchanges of one name apart by what comes into them. Two of one query, with the same window, keys
// and aggregates, differ in nothing else; a number would change hands when the query is edited, and with it the state.
func (l *lowering) nameExchanges(x *expansion) {
	same := map[string]int{}
	for _, root := range l.roots {
		if root.gather != nil {
			same[root.gather.name]++
		}
	}
	f := fingerprints{columns: &x.columns, operators: map[*operator]string{}, known: map[int]string{}}
	for _, root := range l.roots {
		if root.gather != nil && same[root.gather.name] > 1 {
			root.gather.name += " #" + f.operator(root)[:12]
		}
	}
}

// fingerprints are digests of what operators and columns are. They hold neither positions nor ids, so nothing that stands
// beside them in the job changes them.
type fingerprints struct {
	columns   *columnSet
	operators map[*operator]string
	known     map[int]string
}

func (f *fingerprints) operator(o *operator) string {
	if known, ok := f.operators[o]; ok {
		return known
	}
	var text string
	switch {
	case o.source != nil:
		text = fmt.Sprintf("source %q", o.source.Name)
	case o.gather != nil:
		text = f.gather(o.gather)
	case o.filter != nil:
		text = "filter " + f.expr(o.filter)
	case o.join != nil:
		text = fmt.Sprintf("join %q %d %v = %v", o.join.table.Name, o.join.kind, f.list(o.join.left), o.join.right)
	case o.mapped != nil:
		text = fmt.Sprintf("map %q %v", o.mapped.mapping.id, f.list(o.mapped.in))
	default:
		text = fmt.Sprintf("unnest %s %t %t", f.column(o.unnest.list), o.unnest.left, o.unnest.ordered)
	}
	if o.in != nil {
		text = f.operator(o.in) + "\n" + text
	}
	f.operators[o] = digest(text)
	return f.operators[o]
}

func (f *fingerprints) gather(g *gather) string {
	var b strings.Builder
	fmt.Fprintf(&b, "gather %s keys %v", g.group.window.spec().Canonical(), g.keys)
	for _, a := range g.aggs {
		fmt.Fprintf(&b, " %s", a)
	}
	for i, in := range g.inputs {
		fmt.Fprintf(&b, "\n%s", f.operator(in))
		for _, c := range g.outs[i] {
			fmt.Fprintf(&b, " %s", f.column(c.id))
		}
	}
	return b.String()
}

func (f *fingerprints) list(ids []int) []string {
	var out []string
	for _, id := range ids {
		out = append(out, f.column(id))
	}
	return out
}

func (f *fingerprints) column(id int) string {
	if known, ok := f.known[id]; ok {
		return known
	}
	c := f.columns.list[id]
	switch {
	case c.def != nil:
		f.known[id] = digest(f.expr(c.def))
	case c.source != nil:
		f.known[id] = digest(fmt.Sprintf("field %q of %s", c.field, f.operator(c.op)))
	default:
		f.known[id] = digest(fmt.Sprintf("column %d of %s", place(c), f.operator(c.op)))
	}
	return f.known[id]
}

// place is the position of the column among those that its operator brings.
func place(c *column) int {
	for i, o := range c.op.columns {
		if o == c {
			return i
		}
	}
	return -1
}

// expr is the canonical text of an expression with fingerprints for columns.
func (f *fingerprints) expr(e *columnar.Expr) string {
	switch e.Op {
	case "col":
		return f.column(e.Col)
	case "const":
		return e.String()
	}
	args := make([]string, len(e.Args))
	for i, a := range e.Args {
		args[i] = f.expr(a)
	}
	return fmt.Sprintf("%s:%s(%s)", e.Op, e.Type, strings.Join(args, ","))
}

func digest(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}
