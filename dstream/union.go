package dstream

import (
	"fmt"

	"github.com/millrace/millrace/columnar"
)

// union is UNION ALL.
type union struct {
	inputs  []*node
	columns []*column
}

// maxBranches bounds how often the operators behind a UNION ALL are planned: once for each of its inputs, so that a
// union of unions of unions would make plans without end.
const maxBranches = 64

// Union appends the rows of o, by position: UNION ALL. The columns have the names of s, and types that both agree on.
func (s *Stream) Union(o *Stream) *Stream {
	return s.step(func(n *Stream, pos Pos) *Error {
		if o.err != nil {
			return o.err
		}
		if o.graph != s.graph {
			return &Error{Pos: pos, Msg: "UNION ALL of streams of two graphs"}
		}
		for _, w := range []*window{s.window, o.window} {
			if err := w.checkPlaced(); err != nil {
				return err
			}
		}
		for _, in := range []*Stream{s, o} {
			if err := in.takesBack(pos, "UNION ALL", "give each stream a sink of its own"); err != nil {
				return err
			}
		}
		a, b := s.scope.visible(), o.scope.visible()
		if len(a) != len(b) {
			return &Error{Pos: pos, Msg: fmt.Sprintf("UNION ALL of %s and %s", counted(len(a), "column"), counted(len(b), "column")),
				Hint: "both sides need the same number of columns"}
		}
		u := &union{inputs: []*node{s.node, o.node}}
		n.scope, n.window, n.group = nil, nil, nil
		for i := range a {
			c, err := s.graph.unite(a[i], b[i], i+1, pos)
			if err != nil {
				return err
			}
			u.columns = append(u.columns, c)
			n.scope = append(n.scope, a[i].renamed(c))
		}
		n.node = &node{union: u, branches: s.node.branches + o.node.branches}
		if n.node.branches > maxBranches {
			return &Error{Pos: pos, Msg: fmt.Sprintf("UNION ALL puts %d streams together, and what follows would be planned for each; %d are the most", n.node.branches, maxBranches),
				Hint: "aggregate before the union, or run several jobs"}
		}
		return nil
	})
}

// unite makes a column of two.
func (g *Graph) unite(a, b scopeColumn, place int, pos Pos) (*column, *Error) {
	both, err := g.session.Call("coalesce", g.columns.operand(a), g.columns.operand(b))
	if err != nil {
		return nil, &Error{Pos: b.at(pos), Msg: fmt.Sprintf("column %d of UNION ALL is %s, %s, on one side and %s, %s, on the other", place, a.Name, a.Type.Article(), b.Name, b.Type.Article()),
			Hint: "CAST one of the two"}
	}
	return g.columns.add(column{name: g.columns.list[a.id].name, typ: both.Type, union: both.Args}), nil
}

// operand is the column, or the literal that it is: a literal takes on the type of its neighbour, a NULL above all.
func (s *columnSet) operand(c scopeColumn) *columnar.Expr {
	if def := s.list[c.id].def; def != nil && def.Op == "const" {
		return def
	}
	return c.expr()
}

// renamed is the column c under the name of the scope column.
func (c scopeColumn) renamed(to *column) scopeColumn {
	out := to.in("", false)
	out.Name, out.pos = c.Name, c.pos
	return out
}

func counted(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
