package dstream

import (
	"cmp"
	"fmt"

	"github.com/millrace/millrace/columnar"
)

// UnnestSpec says how [Stream.Unnest] takes a list apart.
//
// The elements of an array of structs make one column for each field, those of other arrays one column, the entries of a
// map a key and a value. Columns may name them; one name for an array of structs of several fields makes one column of the
// whole element. Without names they are called as the fields, as the alias, or key and value. The whole element of an
// array is also known by the alias.
type UnnestSpec struct {
	Expr       Expr     // an array or a map
	Alias      string   // qualifier of the new columns; "" = unnest
	Columns    []string // their names; may be empty
	Ordinality bool     // the last column is the position, a bigint counted from 1; its name is ordinality when there are no Columns
	Left       bool     // rows without elements stay, with NULLs
	Pos        Pos
}

// unnest is a step that takes a list apart.
type unnest struct {
	list    int // column id
	left    bool
	ordered bool      // the last of columns is the position
	columns []*column // as the operator yields them: element, or key and value; position
}

// Unnest makes one row of every element of an array, or of every entry of a map.
func (s *Stream) Unnest(spec UnnestSpec) *Stream {
	return s.step(func(n *Stream, pos Pos) *Error {
		if spec.Pos != (Pos{}) {
			pos = spec.Pos
		}
		if err := s.takesBack(pos, "UNNEST", frontHint); err != nil {
			return err
		}
		alias := cmp.Or(spec.Alias, "unnest")
		if len(s.scope.under(alias)) > 0 {
			return &Error{Pos: pos, Msg: fmt.Sprintf("the name %q is used twice", alias), Hint: "give one of the two an alias"}
		}
		b := &binder{graph: s.graph, scope: s.scope, window: s.window, pos: pos, clause: "UNNEST"}
		list, err := b.bind(spec.Expr)
		if err != nil {
			return err
		}
		u, err := s.graph.newUnnest(list, spec, b.at(spec.Expr))
		if err != nil {
			return err
		}
		added, err := s.graph.unnestScope(u, list.Type, spec, alias, pos)
		if err != nil {
			return err
		}
		n.scope = append(s.scope[:len(s.scope):len(s.scope)], added...)
		n.node, n.group = s.node.next(node{unnest: u}), nil
		return nil
	})
}

func (g *Graph) newUnnest(list *columnar.Expr, spec UnnestSpec, pos Pos) (*unnest, *Error) {
	types, err := unnestTypes(list.Type, spec.Ordinality)
	if err != nil {
		return nil, &Error{Pos: pos, Msg: fmt.Sprintf("UNNEST takes an array or a map, and %s is %s", g.columns.render(list), list.Type.Article())}
	}
	if list.Type.Untyped() {
		return nil, &Error{Pos: pos, Msg: fmt.Sprintf("UNNEST of %s, which is %s", g.columns.render(list), list.Type.Article()), Hint: "write CAST(… AS type)"}
	}
	text := g.columns.render(list)
	u := &unnest{list: g.columns.define(text, list).id, left: spec.Left, ordered: spec.Ordinality}
	for i, t := range types {
		u.columns = append(u.columns, g.columns.add(column{name: elementName(list.Type, i, text), typ: t}))
	}
	return u, nil
}

// elementName is how the i-th column that comes out of a list shows in plans.
func elementName(list columnar.Type, i int, text string) string {
	names := []string{"element", "ordinality"}
	if list.Kind == columnar.Map {
		names = []string{"key", "value", "ordinality"}
	}
	return shorten(names[i] + " of " + text)
}

// unnestScope names the new columns.
func (g *Graph) unnestScope(u *unnest, list columnar.Type, spec UnnestSpec, alias string, pos Pos) (scope, *Error) {
	columns, names := g.elementColumns(u, list, alias, namesOf(u, spec))
	if u.ordered {
		columns, names = append(columns, u.columns[len(u.columns)-1]), append(names, "ordinality")
	}
	if n := len(spec.Columns); n > 0 && n != len(columns) {
		return nil, &Error{Pos: pos, Msg: fmt.Sprintf("UNNEST of %s makes %s, but there are names for %d", list.Article(), counted(len(columns), "column"), n)}
	} else if n > 0 {
		names = spec.Columns
	}
	var out scope
	for i, c := range columns {
		added := c.in(alias, false)
		added.Name = names[i]
		out = append(out, added)
	}
	if list.Kind == columnar.Array && len(out.matches(Expr{Name: alias})) == 0 {
		whole := u.columns[0].in("", true)
		whole.Name = alias
		out = append(out, whole)
	}
	return out, nil
}

// namesOf is how many of the given names are for the element, 0 when no names are given.
func namesOf(u *unnest, spec UnnestSpec) int {
	n := len(spec.Columns)
	if n > 0 && u.ordered {
		n--
	}
	return n
}

// elementColumns are the columns of an element, and what they are called where no names are given; given is the number of
// names.
func (g *Graph) elementColumns(u *unnest, list columnar.Type, alias string, given int) ([]*column, []string) {
	switch {
	case list.Kind == columnar.Map:
		return u.columns[:2:2], []string{"key", "value"}
	case list.Elem().Kind != columnar.Struct || given == 1 && len(list.Elem().Fields()) > 1:
		return u.columns[:1:1], []string{alias}
	}
	var columns []*column
	var names []string
	for _, f := range list.Elem().Fields() {
		e := fieldOf(u.columns[0].expr(), f)
		columns, names = append(columns, g.columns.define(g.columns.render(e), e)), append(names, f.Name)
	}
	return columns, names
}

// fieldOf is the field of a struct.
func fieldOf(e *columnar.Expr, f columnar.Field) *columnar.Expr {
	name := columnar.Const(columnar.Type{Kind: columnar.String}, columnar.Value{S: f.Name})
	return &columnar.Expr{Op: "field", Type: f.Type, Args: []*columnar.Expr{e, name}}
}
