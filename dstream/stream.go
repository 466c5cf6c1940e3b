package dstream

import (
	"path/filepath"
	"runtime"
	"slices"

	"github.com/millrace/millrace/columnar"
)

// Stream is a sequence of rows under description. Its methods return new streams and leave the receiver as it is, so
// that a stream may be continued in several ways. The first mistake sticks: later steps do nothing, [Stream.Err] and
// [Graph.Plan] return it.
type Stream struct {
	graph  *Graph
	node   *node
	scope  scope
	window *window   // assigned and not yet grouped by
	group  *grouping // the aggregation whose result this is, until the next Select, As, Join or Window
	at     Pos       // blamed for the next step; zero = the Go caller
	err    *Error
}

// node is one step of a stream, linked to the step before. Exactly one of source, view, filter, join, unnest, mapped,
// union, group and dedup is set.
type node struct {
	in     *node // nil for source and union
	source *Source
	view   *view          // goes on with the query that in is the end of
	filter *columnar.Expr // over column ids
	join   *join
	unnest *unnest
	mapped *mapping
	union  *union
	group  *grouping
	dedup  *dedup

	branches int // row operators behind it are planned this many times: once for every stream that UNION ALL puts together
}

// next is a step behind n, which may be nil.
func (n *node) next(step node) *node {
	step.in, step.branches = n, 1
	if n != nil && step.group == nil && step.dedup == nil {
		step.branches = n.branches
	}
	return &step
}

// beneath is the step that n goes on with, where n only names a query.
func (n *node) beneath() *node {
	for n.view != nil {
		n = n.in
	}
	return n
}

// Column is what an expression may refer to.
type Column struct {
	Qualifier string // alias, or name of the relation; may be empty
	Name      string
	Type      columnar.Type
	Hidden    bool // found by name, but not part of *
}

// Columns lists the columns in order, hidden ones too.
func (s *Stream) Columns() []Column {
	out := make([]Column, len(s.scope))
	for i, c := range s.scope {
		out[i] = c.Column
	}
	return out
}

// Err is the first mistake in the steps so far, an *[Error], or nil.
func (s *Stream) Err() error {
	if s.err != nil {
		return s.err
	}
	return nil
}

// From starts a stream at the source with that name, or goes on with a named query, see [Graph.AddView]. The columns of a
// source are the declared ones and, hidden, the metadata columns of the record.
func (g *Graph) From(name string) *Stream {
	return g.from(name, callerPos(1))
}

// FromAt is From with the position that is blamed when there is no such source.
func (g *Graph) FromAt(name string, p Pos) *Stream { return g.from(name, p) }

func (g *Graph) from(name string, pos Pos) *Stream {
	s := &Stream{graph: g}
	r, ok := g.find(name)
	switch {
	case !ok:
		s.err = &Error{Pos: pos, Msg: quoted(g.unknownStream(), name), Hint: didYouMean(name, g.names(false))}
	case r.view != nil:
		return r.view.again()
	case r.table != nil:
		s.err = &Error{Pos: pos, Msg: quoted("a stream can't start at the static table", r.table.Name), Hint: "start at a source and join the table"}
	case r.source.Dedup != nil:
		return g.deduplicated(r.source)
	default:
		s.node = s.node.next(node{source: r.source})
		s.scope = g.sourceScope(r.source)
	}
	return s
}

// unknownStream says what a name should have been.
func (g *Graph) unknownStream() string {
	if slices.ContainsFunc(g.relations, func(r relation) bool { return r.view != nil }) {
		return "unknown source or query"
	}
	return "unknown source"
}

// sourceScope makes columns of the declared fields and of the metadata that no field declares, which are not part of *
// but for the value of a raw record.
func (g *Graph) sourceScope(src *Source) scope {
	var out scope
	schema := declaredSchema(src)
	for _, f := range schema.Fields {
		out = append(out, g.columns.add(column{name: f.Name, typ: f.Type, source: src, field: f.Name}).in(src.Name, false))
	}
	if src.timeExpr != nil {
		out = append(out, g.columns.add(column{name: src.EventTime, typ: src.timeExpr.Type, source: src, field: src.EventTime}).in(src.Name, false))
	}
	for _, f := range columnar.MetadataFields(src.Format) {
		if schema.Index(f.Name) < 0 {
			out = append(out, g.columns.add(column{name: f.Name, typ: f.Type, source: src, field: f.Name}).in(src.Name, f.Name != columnar.ValueColumn))
		}
	}
	return out
}

// As makes alias the qualifier of all columns.
func (s *Stream) As(alias string) *Stream {
	return s.step(func(n *Stream, _ Pos) *Error {
		n.scope = s.scope.qualified(alias)
		n.group = nil
		return nil
	})
}

// At sets the position that is blamed for a mistake in the next step, unless the expression at fault has its own.
func (s *Stream) At(p Pos) *Stream {
	n := *s
	n.at = p
	return &n
}

// step applies do to a copy of s. It must be called by exported methods directly: their caller is blamed.
func (s *Stream) step(do func(n *Stream, pos Pos) *Error) *Stream {
	if s.err != nil {
		return s
	}
	pos := s.at
	if pos == (Pos{}) {
		pos = callerPos(2)
	}
	n := *s
	n.at = Pos{}
	n.err = do(&n, pos)
	return &n
}

// callerPos is the Go source line that called the function depth frames above this one.
func callerPos(depth int) Pos {
	_, file, line, ok := runtime.Caller(depth + 1)
	if !ok {
		return Pos{}
	}
	return Pos{File: filepath.Base(file), Line: line}
}
