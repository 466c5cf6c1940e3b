package sql

import (
	"fmt"
	"strings"

	"github.com/millrace/millrace/dstream"
)

// binder continues streams by the clauses of a text, in the order in which SQL evaluates them. It resolves what the
// builder has no notion of: named queries, columns merged by USING, the ordinals and aliases of GROUP BY.
type binder struct {
	graph    *dstream.Graph
	warnings []Warning
	nodes    int      // of expressions that stand for an alias or an ordinal
	lookups  int      // see maxLookups
	unready  []string // names of WITH that are not known yet where the present query stands
}

// scope is the named queries that a query can see, the nearest first. nil is none.
type scope struct {
	outer  *scope
	name   string
	stream *dstream.Stream
}

// find looks a name up; case is ignored.
func (s *scope) find(name string) *dstream.Stream {
	for ; s != nil; s = s.outer {
		if strings.EqualFold(s.name, name) {
			return s.stream
		}
	}
	return nil
}

func (s *scope) names() []string {
	var out []string
	for ; s != nil; s = s.outer {
		out = append(out, s.name)
	}
	return out
}

// query makes the stream of a query.
func (b *binder) query(q *query, visible *scope) (*dstream.Stream, error) {
	visible, err := b.with(q.with, visible)
	if err != nil {
		return nil, err
	}
	var all *dstream.Stream
	for _, part := range q.parts {
		s, err := b.part(part, visible)
		if err != nil {
			return nil, err
		}
		if all == nil {
			all = s
			continue
		}
		all = all.At(part.unionPos).Union(s)
	}
	return all, all.Err()
}

func (b *binder) part(part queryPart, visible *scope) (*dstream.Stream, error) {
	if part.query != nil {
		return b.query(part.query, visible)
	}
	return (&selectBinder{binder: b, selection: part.selected, visible: visible}).bind()
}

// with binds named queries; each sees those before it.
func (b *binder) with(list []namedQuery, visible *scope) (*scope, error) {
	for i, n := range list {
		for _, other := range list[:i] {
			if strings.EqualFold(other.name.value, n.name.value) {
				return nil, &dstream.Error{Pos: n.pos, Msg: fmt.Sprintf("WITH has two queries named %q", shortened(n.name.value)), Hint: "names ignore case"}
			}
		}
		s, err := b.named(list[i:], visible)
		if err != nil {
			return nil, err
		}
		if s, err = renamed(s.As(n.name.value), n.columns, n.pos, n.name.value); err != nil {
			return nil, err
		}
		visible = &scope{outer: visible, name: n.name.value, stream: s}
	}
	return visible, nil
}

// named binds the first query of the rest of a WITH.
func (b *binder) named(rest []namedQuery, visible *scope) (*dstream.Stream, error) {
	known := len(b.unready)
	for _, n := range rest {
		b.unready = append(b.unready, n.name.value)
	}
	defer func() { b.unready = b.unready[:known] }()
	return b.query(rest[0].query, visible)
}

// renamed gives the first columns of a stream the names of a list such as t(a, b).
func renamed(s *dstream.Stream, names []token, pos dstream.Pos, relation string) (*dstream.Stream, error) {
	if len(names) == 0 || s.Err() != nil {
		return s, s.Err()
	}
	var list []dstream.Expr
	for _, c := range s.Columns() {
		if c.Hidden {
			continue
		}
		e := dstream.Expr{Kind: dstream.ColumnRef, Qualifier: c.Qualifier, Name: c.Name, Pos: pos}
		if len(list) < len(names) {
			e.Alias = names[len(list)].value
		}
		list = append(list, e)
	}
	if len(names) > len(list) {
		return nil, &dstream.Error{Pos: pos, Msg: fmt.Sprintf("%q has %d column%s, and there are %d names for them", shortened(relation), len(list), plural(len(list)), len(names))}
	}
	s = s.At(pos).Select(list...).As(relation)
	return s, s.Err()
}
