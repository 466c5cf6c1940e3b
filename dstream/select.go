package dstream

import (
	"fmt"
	"slices"
	"strings"

	"github.com/millrace/millrace/columnar"
)

// Select makes a stream of the given columns. An expression is named by its alias, else after the column or field that it
// is, else col<N> by its place, counted from 1. [Star] takes all columns that are not hidden. Directly behind an
// aggregation, expressions may hold aggregates, and the columns that were not grouped by are refused.
func (s *Stream) Select(exprs ...Expr) *Stream {
	return s.step(func(n *Stream, pos Pos) *Error {
		b := s.binder(pos, "SELECT")
		n.scope = nil
		for _, e := range exprs {
			cols, err := s.selected(b, e, len(n.scope))
			if err != nil {
				return err
			}
			n.scope = append(n.scope, cols...)
		}
		if len(n.scope) == 0 {
			return &Error{Pos: pos, Msg: "SELECT has no columns"}
		}
		n.group = nil
		return nil
	})
}

// selected is what one element of a select list adds behind the before columns ahead of it.
func (s *Stream) selected(b *binder, e Expr, before int) (scope, *Error) {
	if e.Kind == StarExpr {
		return s.star(b, e)
	}
	bound, err := b.bind(e)
	if err != nil {
		return nil, err
	}
	return scope{s.graph.output(b, e, bound, before+1)}, nil
}

// output is the column that e, bound, makes at that place of a select list.
func (g *Graph) output(b *binder, e Expr, bound *columnar.Expr, place int) scopeColumn {
	c := g.columns.define(g.columns.render(bound), bound)
	out := c.in("", false)
	out.pos = b.at(e)
	switch {
	case e.Alias != "":
		out.Name = e.Alias
	case bound.Op == "field":
		out.Name = bound.Args[1].Value.S
	case e.Kind == ColumnRef || e.Kind == FieldExpr:
		out.Name = bound.Name // as declared, not as written
		out.Qualifier = b.scope.qualifierOf(c.id)
	default:
		out.Name = fmt.Sprintf("col%d", place)
	}
	return out
}

// star is * or alias.*, without some columns, and with expressions in the place of others.
func (s *Stream) star(b *binder, e Expr) (scope, *Error) {
	from := s.scope
	if e.Qualifier != "" {
		if from = s.scope.under(e.Qualifier); len(from) == 0 {
			if _, err := s.scope.resolve(Expr{Name: e.Qualifier}, b.at(e)); err == nil {
				return nil, &Error{Pos: b.at(e), Msg: fmt.Sprintf("%q is a column, whose fields cannot be taken by .*", e.Qualifier), Hint: "name the fields"}
			}
			return nil, &Error{Pos: b.at(e), Msg: quoted("unknown table or alias", e.Qualifier), Hint: hintAmong(e.Qualifier, s.scope.qualifiers())}
		}
	}
	out := from.visible()
	for _, name := range e.Except {
		left := out.without(name)
		if len(left) == len(out) {
			return nil, &Error{Pos: b.at(e), Msg: quoted("* has no column to exclude named", name), Hint: hintAmong(name, out.names())}
		}
		out = left
	}
	out = slices.Clone(out)
	for i := range out {
		out[i].pos = b.at(e)
	}
	for _, r := range e.Replace {
		if err := s.replace(b, out, r); err != nil {
			return nil, err
		}
	}
	if len(out) == 0 {
		return nil, b.errorf(e, "* without the excluded columns is nothing")
	}
	return out, nil
}

// replace puts an expression in the place of the column that has its alias as its name.
func (s *Stream) replace(b *binder, out scope, r Expr) *Error {
	var places []int
	for i, c := range out {
		if strings.EqualFold(c.Name, r.Alias) {
			places = append(places, i)
		}
	}
	if len(places) != 1 {
		return &Error{Pos: b.at(r), Msg: fmt.Sprintf("* has %s to replace named %q", counted(len(places), "column"), r.Alias), Hint: hintAmong(r.Alias, out.names())}
	}
	bound, err := b.bind(r)
	if err != nil {
		return err
	}
	c := s.graph.output(b, r, bound, places[0]+1)
	c.Name, c.Qualifier = out[places[0]].Name, out[places[0]].Qualifier
	out[places[0]] = c
	return nil
}
