package sql

import (
	"slices"
	"strings"

	"github.com/millrace/millrace/dstream"
)

// Ref is a relation that a query names.
type Ref struct {
	Name string
	Pos  dstream.Pos
}

// Reads lists the relations that a query takes rows from, in the order of the text: sources, tables and queries of its
// job, but not what it names itself by WITH. file, start and the error are as in [Compile].
func Reads(file, text string, start dstream.Pos) ([]Ref, error) {
	p := newParser(file, text, start)
	q := p.parseQuery()
	if p.err != nil {
		return nil, p.err
	}
	return q.reads(nil, nil), nil
}

// reads appends the relations that are not among the names that WITH has made known around the query.
func (q *query) reads(out []Ref, known []string) []Ref {
	known = slices.Clip(known)
	for _, n := range q.with {
		out = n.query.reads(out, known)
		known = append(known, strings.ToLower(n.name.value))
	}
	for _, part := range q.parts {
		if part.query != nil {
			out = part.query.reads(out, known)
			continue
		}
		out = part.selected.reads(out, known)
	}
	return out
}

func (s *selection) reads(out []Ref, known []string) []Ref {
	switch {
	case s.from.query != nil:
		out = s.from.query.reads(out, known)
	case !slices.Contains(known, strings.ToLower(s.from.name.value)):
		out = append(out, Ref{s.from.name.value, s.from.pos})
	}
	for _, step := range s.steps {
		if step.join != nil {
			out = append(out, Ref{step.join.table, step.join.tablePos})
		}
	}
	return out
}
