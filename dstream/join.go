package dstream

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/millrace/millrace/columnar"
)

// JoinKind says what happens to rows of the stream without a match.
type JoinKind uint8

// The kinds of joins with a static table.
const (
	Inner     JoinKind = iota // the row is dropped
	LeftOuter                 // the row stays, the columns of the table are NULL
)

// join is a join of a stream with a static table; left and right pair up.
type join struct {
	table   *Table
	kind    JoinKind
	left    []int     // column ids of the stream
	right   []int     // positions in the table's schema
	columns []*column // of the table, one for each of its fields
}

// Join adds the columns of a static table, under alias or else the table's name. on is an equality between an
// expression over the stream and a column of the table, or several, joined by AND. NULL matches nothing.
func (s *Stream) Join(table, alias string, kind JoinKind, on Expr) *Stream {
	return s.step(func(n *Stream, pos Pos) *Error {
		if err := s.takesBack(pos, "JOIN", frontHint+": by the time a row is taken back the table may be another one"); err != nil {
			return err
		}
		t, err := s.graph.joinable(table, pos)
		if err != nil {
			return err
		}
		if alias == "" {
			alias = t.Name
		}
		if len(s.scope.under(alias)) > 0 {
			return &Error{Pos: pos, Msg: fmt.Sprintf("the name %q is used twice", alias), Hint: "give one of the two an alias"}
		}
		j := &join{table: t, kind: kind}
		n.scope = append(s.scope[:len(s.scope):len(s.scope)], s.graph.joinScope(j, alias)...)
		b := &binder{graph: s.graph, scope: n.scope, window: s.window, pos: pos, clause: "JOIN"}
		if err := j.bindKeys(s.graph, b, on); err != nil {
			return err
		}
		n.node, n.group = s.node.next(node{join: j}), nil
		return nil
	})
}

func (g *Graph) joinable(name string, pos Pos) (*Table, *Error) {
	r, ok := g.find(name)
	switch {
	case !ok:
		return nil, &Error{Pos: pos, Msg: quoted("unknown table", name), Hint: cmp.Or(hintAmong(name, g.names(true)), "the job declares no static table; declare it under tables")}
	case r.table == nil:
		return nil, &Error{Pos: pos, Msg: fmt.Sprintf("%q is a stream; joins of two streams are not supported in this version", r.name()),
			Hint: "join a static table"}
	}
	return r.table, nil
}

func (g *Graph) joinScope(j *join, alias string) scope {
	var out scope
	for _, f := range j.table.Schema.Fields {
		c := g.columns.add(column{name: f.Name, typ: f.Type, field: f.Name, join: j})
		j.columns = append(j.columns, c)
		out = append(out, c.in(alias, false))
	}
	return out
}

func (j *join) bindKeys(g *Graph, b *binder, on Expr) *Error {
	for _, e := range conjuncts(on, nil) {
		l, r, err := j.key(g, b, e)
		if err != nil {
			return err
		}
		j.left, j.right = append(j.left, l), append(j.right, r)
	}
	return nil
}

// conjuncts appends the operands of nested ANDs to out.
func conjuncts(e Expr, out []Expr) []Expr {
	if e.Kind == CallExpr && strings.EqualFold(e.Name, "and") && len(e.Args) == 2 {
		return conjuncts(e.Args[1], conjuncts(e.Args[0], out))
	}
	return append(out, e)
}

// key binds one equality: the id of a column of the stream and the position of one of the table.
func (j *join) key(g *Graph, b *binder, e Expr) (left, right int, err *Error) {
	if e.Kind != CallExpr || e.Name != "=" || len(e.Args) != 2 {
		return 0, 0, j.notEqui(b, e)
	}
	args, err := b.args(e)
	if err != nil {
		return 0, 0, err
	}
	if j.position(args[0]) >= 0 {
		args[0], args[1] = args[1], args[0]
	}
	right = j.position(args[1])
	if right < 0 || !g.columns.ofStream(args[0], j) {
		return 0, 0, j.notEqui(b, e)
	}
	both, err := b.call(e, args)
	if err != nil {
		return 0, 0, err
	}
	if both.Args[1].Op != "col" {
		return 0, 0, &Error{Pos: b.at(e), Msg: fmt.Sprintf("the join compares %s with column %q of table %q, %s", args[0].Type.Article(), args[1].Name, j.table.Name, args[1].Type.Article()),
			Hint: fmt.Sprintf("declare the table's column as %s, or CAST the other side", args[0].Type.Article())}
	}
	return g.columns.define(g.columns.render(both.Args[0]), both.Args[0]).id, right, nil
}

func (j *join) notEqui(b *binder, e Expr) *Error {
	return &Error{Pos: b.at(e), Msg: fmt.Sprintf("JOIN with table %q needs equalities between the stream and a column of the table, joined by AND", j.table.Name),
		Hint: "other conditions belong in WHERE"}
}

// position is the place of e in the table, −1 when it is no column of it.
func (j *join) position(e *columnar.Expr) int {
	if e.Op == "col" {
		for i, c := range j.columns {
			if c.id == e.Col {
				return i
			}
		}
	}
	return -1
}

// ofStream reports whether e has columns, and all of them come from the stream that j joins.
func (s *columnSet) ofStream(e *columnar.Expr, j *join) bool {
	refs := references(e, nil)
	for _, id := range refs {
		if s.list[id].join == j {
			return false
		}
	}
	return len(refs) > 0
}
