package sql

import (
	"fmt"
	"slices"
	"strings"

	"github.com/millrace/millrace/dstream"
)

// unnamed is what the columns of a query in FROM are qualified by when it has no name: USING needs to tell them from those
// of the table, and messages show it.
const unnamed = "(query)"

// from starts the stream of a SELECT.
func (b *selectBinder) from() (*dstream.Stream, error) {
	from := b.selection.from
	s, name, err := b.relation(from)
	if err != nil {
		return nil, err
	}
	if from.window != nil {
		spec, err := b.windowSpec(from.window)
		if err != nil {
			return nil, err
		}
		s = s.At(from.window.pos).Window(spec)
	}
	if from.alias != "" {
		s, name = s.As(from.alias), from.alias
	}
	return renamed(s, from.columns, from.pos, name)
}

// relation is the stream that FROM names, and what its columns are qualified by.
func (b *selectBinder) relation(from source) (s *dstream.Stream, name string, err error) {
	if from.query != nil {
		s, err := b.query(from.query, b.visible)
		if err != nil {
			return nil, "", err
		}
		return s.As(unnamed), unnamed, nil
	}
	name = from.name.value
	if s := b.visible.find(name); s != nil {
		return s.As(name), name, nil
	}
	s = b.graph.FromAt(name, from.pos)
	if s.Err() != nil {
		return nil, "", b.unknownRelation(name, from.pos, s.Err())
	}
	return s, name, nil
}

// unknownRelation adds the named queries to the names that a mistyped one may mean.
func (b *selectBinder) unknownRelation(name string, pos dstream.Pos, err error) error {
	for _, r := range b.graph.Relations() {
		if strings.EqualFold(r.Name, name) {
			return err
		}
	}
	switch near := dstream.Nearest(name, b.visible.names()); {
	case containsFold(b.unready, name):
		return &dstream.Error{Pos: pos, Msg: fmt.Sprintf("the query %q is not known here", shortened(name)), Hint: "a query of WITH sees those in front of it, and not itself"}
	case near != "":
		return &dstream.Error{Pos: pos, Msg: fmt.Sprintf("unknown source or query %q", shortened(name)), Hint: didYouMeanName(near)}
	}
	return err
}

// step continues the stream by a JOIN or an UNNEST.
func (b *selectBinder) step(s *dstream.Stream, next step) (*dstream.Stream, error) {
	if next.unnest != nil {
		u := *next.unnest
		u.Expr = b.resolve(u.Expr)
		s = s.At(u.Pos).Unnest(u)
		return s, s.Err()
	}
	return b.join(s, next.join)
}

func (b *selectBinder) join(s *dstream.Stream, j *join) (*dstream.Stream, error) {
	if b.visible.find(j.table) != nil {
		return nil, &dstream.Error{Pos: j.tablePos, Msg: fmt.Sprintf("%q is a query; joins of two streams are not supported yet", shortened(j.table)), Hint: "join a static table"}
	}
	on := j.on
	if on == nil {
		using, err := b.using(s, j)
		if err != nil {
			return nil, err
		}
		on = &using
	}
	s = s.At(j.tablePos).Join(j.table, j.alias, j.kind, b.resolve(*on))
	return s, s.Err()
}

// using makes the condition of JOIN … USING. From here on the plain name of a column means the stream's side.
func (b *selectBinder) using(s *dstream.Stream, j *join) (on dstream.Expr, err error) {
	if b.merged == nil {
		b.merged, b.dropped = map[string]string{}, map[string]bool{}
	}
	for i, c := range j.using {
		left, right := b.resolve(c), c
		right.Qualifier = j.alias
		if left.Qualifier == "" {
			if left.Qualifier, err = qualifierOf(s.Columns(), c); err != nil {
				return dstream.Expr{}, err
			}
		}
		b.merged[strings.ToLower(c.Name)] = left.Qualifier
		b.dropped[strings.ToLower(j.alias+"."+c.Name)] = true
		equal := left.Eq(right)
		equal.Pos, equal.Text = c.Pos, c.Text
		if i == 0 {
			on = equal
			continue
		}
		on = on.And(equal)
		on.Pos = j.pos
	}
	return on, nil
}

// qualifierOf is the qualifier of the one visible column with the name of c.
func qualifierOf(columns []dstream.Column, c dstream.Expr) (string, error) {
	var names, qualifiers []string
	for _, o := range columns {
		if o.Hidden {
			continue
		}
		names = append(names, o.Name)
		if strings.EqualFold(o.Name, c.Name) {
			qualifiers = append(qualifiers, o.Qualifier)
		}
	}
	switch len(qualifiers) {
	case 0:
		return "", &dstream.Error{Pos: c.Pos, Msg: fmt.Sprintf("the left side of the join has no column %q", c.Name),
			Hint: didYouMeanName(dstream.Nearest(c.Name, names))}
	case 1:
		return qualifiers[0], nil
	}
	return "", &dstream.Error{Pos: c.Pos, Msg: fmt.Sprintf("column %q is ambiguous: the left side of the join has it from %s", c.Name, strings.Join(qualifiers, " and ")),
		Hint: "write ON"}
}

// resolve gives plain names of merged columns their qualifier.
func (b *selectBinder) resolve(e dstream.Expr) dstream.Expr {
	if len(b.merged) == 0 {
		return e
	}
	return rewrite(e, func(e dstream.Expr) dstream.Expr {
		if q, ok := b.merged[strings.ToLower(e.Name)]; ok && e.Kind == dstream.ColumnRef && e.Qualifier == "" {
			e.Qualifier = q
		}
		return e
	})
}

// rewrite applies f to e and everything below, from the leaves up.
func rewrite(e dstream.Expr, f func(dstream.Expr) dstream.Expr) dstream.Expr {
	e.Args = rewriteAll(e.Args, f)
	e.Replace = rewriteAll(e.Replace, f)
	if e.Filter != nil {
		filter := rewrite(*e.Filter, f)
		e.Filter = &filter
	}
	if len(e.OrderBy) > 0 {
		e.OrderBy = slices.Clone(e.OrderBy)
		for i := range e.OrderBy {
			e.OrderBy[i].Expr = rewrite(e.OrderBy[i].Expr, f)
		}
	}
	return f(e)
}

func rewriteAll(list []dstream.Expr, f func(dstream.Expr) dstream.Expr) []dstream.Expr {
	if len(list) == 0 {
		return list
	}
	out := make([]dstream.Expr, len(list))
	for i, e := range list {
		out[i] = rewrite(e, f)
	}
	return out
}

// walk calls f for e and everything below, until f returns false.
func walk(e dstream.Expr, f func(dstream.Expr) bool) bool {
	if !f(e) {
		return false
	}
	for _, list := range [][]dstream.Expr{e.Args, e.Replace} {
		for _, a := range list {
			if !walk(a, f) {
				return false
			}
		}
	}
	for _, o := range e.OrderBy {
		if !walk(o.Expr, f) {
			return false
		}
	}
	return e.Filter == nil || walk(*e.Filter, f)
}
