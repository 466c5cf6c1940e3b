package dstream

import (
	"fmt"

	"github.com/millrace/millrace/columnar"
)

// SetTimeZone sets the time zone of the job, by its IANA name: calendar functions and texts without a zone of their own
// follow it. It must come before the first stream; the default is UTC. The error, an *[Error], is about the name.
func (g *Graph) SetTimeZone(name string) error {
	if len(g.columns.list) > 0 {
		return &Error{Msg: "the time zone must be set before the first stream"}
	}
	if name == "" || name == "UTC" {
		g.session = columnar.Session{}
		return nil
	}
	if _, err := columnar.LoadZone(name); err != nil {
		return &Error{Msg: err.Error(), Hint: `names are those of the IANA database, such as "Europe/Berlin"`}
	}
	g.session = columnar.Session{Zone: name}
	return nil
}

// TimeZone is the time zone of the job.
func (g *Graph) TimeZone() string {
	if g.session.Zone == "" {
		return "UTC"
	}
	return g.session.Zone
}

// HideLiterals makes the names of operators and columns, which stand in checkpoints, go without secrets: hide takes them
// out of a literal's text. It must come before the first stream.
func (g *Graph) HideLiterals(hide func(text string) string) { g.columns.hide = hide }

// SetBounded says that the input of the job ends: groups without a window, and DISTINCT, are allowed and come out at the
// end. It must come before the streams that make use of it.
func (g *Graph) SetBounded() { g.bounded = true }

// view is a named query.
type view struct {
	name   string
	stream *Stream
}

// AddView makes s known as name: [Graph.From] goes on with it, with name as the qualifier of its columns. However many
// streams go on with it, it is computed once. The name is also part of the names of its aggregations, which their state
// is kept under, so that they stay what they are whatever other queries there are. The error, an *[Error], is about the
// name, or is the mistake in s.
func (g *Graph) AddView(name string, s *Stream, pos Pos) error {
	if s.err != nil {
		return s.err
	}
	if name == "" {
		return &Error{Pos: pos, Msg: "a query has no name"}
	}
	if err := g.checkNew(name, pos); err != nil {
		return err
	}
	if err := s.checkView(name, pos); err != nil {
		return err
	}
	s.node.label(name)
	g.relations = append(g.relations, relation{view: &view{name: name, stream: s}})
	return nil
}

// checkView refuses columns that could not be told apart.
func (s *Stream) checkView(name string, pos Pos) error {
	for i, c := range s.scope.visible() {
		if other := s.scope.visible()[:i].matches(Expr{Name: c.Name}); len(other) > 0 {
			return &Error{Pos: c.at(pos), Msg: fmt.Sprintf("query %q has two columns named %q and %q", name, other[0].Name, c.Name),
				Hint: "name one of them with AS; names of columns ignore case"}
		}
	}
	return nil
}

// label names the aggregations in n after the query, but for those of queries that it reads. Of several queries that go
// on with one stream the first by name counts.
func (n *node) label(name string) {
	for ; n != nil && n.view == nil; n = n.in {
		if n.group != nil && (n.group.query == "" || name < n.group.query) {
			n.group.query = name
		}
		if n.dedup != nil && !n.dedup.ofSource && (n.dedup.group.query == "" || name < n.dedup.group.query) {
			n.dedup.group.query = name
		}
		if n.union != nil {
			for _, in := range n.union.inputs {
				in.label(name)
			}
		}
	}
}

// again is the stream of the query, to go on with.
func (v *view) again() *Stream {
	n := *v.stream
	n.node, n.scope, n.group, n.at = n.node.next(node{view: v}), n.scope.qualified(v.name), nil, Pos{}
	return &n
}

// schema is the columns of the scope.
func (s scope) schema() *columnar.Schema {
	out := &columnar.Schema{}
	for _, c := range s {
		out.Fields = append(out.Fields, columnar.Field{Name: c.Name, Type: c.Type})
	}
	return out
}

// at is the place of the column in a select list, or else pos.
func (c scopeColumn) at(pos Pos) Pos {
	if c.pos != (Pos{}) {
		return c.pos
	}
	return pos
}
