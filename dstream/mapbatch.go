package dstream

import (
	"fmt"
	"slices"
	"strings"

	"github.com/millrace/millrace/columnar"
)

// mapping is a step that a function in Go takes.
type mapping struct {
	id      string
	f       columnar.BatchFunc
	in      []int    // column ids
	names   []string // of in, as the function sees them
	types   []columnar.Type
	columns []*column
}

// MapBatch turns the rows into others by a function in Go, which is handed the columns of the stream, hidden ones aside, as
// an Arrow record, and returns a record of the schema out; see [columnar.BatchFunc] for who owns what, and for what f has
// to promise. The columns that f does not return are gone.
//
// A timestamp that f returns under the name that it came with is taken for what it was: a window over the event time may
// stand behind f. Windows over other times that f makes are refused, because no watermark follows them.
//
// id names the function: it is part of the job's identity, because the job cannot look into the function. Whoever changes
// what f computes gives it another id, such as "score v2", and the job is another one.
func (s *Stream) MapBatch(id string, out *columnar.Schema, f columnar.BatchFunc) *Stream {
	return s.step(func(n *Stream, pos Pos) *Error {
		if err := s.mapsHere(pos, id); err != nil {
			return err
		}
		m := &mapping{id: id, f: f}
		for _, c := range s.scope.visible() {
			m.in, m.names, m.types = append(m.in, c.id), append(m.names, c.Name), append(m.types, c.Type)
		}
		if err := checkNames("map "+id, m.names, pos); err != nil {
			return asError(err)
		}
		if err := checkNames("map "+id, out.Names(), pos); err != nil {
			return asError(err)
		}
		if _, err := columnar.NewMapBatch(s.scope.visible().schema(), out, id, f); err != nil {
			return &Error{Pos: pos, Msg: err.Error()}
		}
		n.scope = nil
		for _, field := range out.Fields {
			c := s.graph.columns.add(column{name: field.Name, typ: field.Type})
			m.columns = append(m.columns, c)
			n.scope = append(n.scope, c.in("", false))
		}
		s.graph.maps = append(s.graph.maps, id)
		n.node, n.group = s.node.next(node{mapped: m}), nil
		return nil
	})
}

// handedOn is the column that came in under the name and with the type of the column with that id, −1 when none did.
func (m *mapping) handedOn(id int) int {
	for _, c := range m.columns {
		if c.id != id {
			continue
		}
		for i, of := range m.in {
			if m.names[i] == c.name && m.types[i] == c.typ {
				return of
			}
		}
	}
	return -1
}

// asError is an error of checkNames.
func asError(err error) *Error {
	if e, ok := err.(*Error); ok {
		return e
	}
	return &Error{Msg: err.Error()}
}

// mapsHere refuses a function where none can be.
func (s *Stream) mapsHere(pos Pos, id string) *Error {
	switch {
	case strings.TrimSpace(id) == "":
		return &Error{Pos: pos, Msg: "MapBatch has no id for its function", Hint: "the job is told from others by it"}
	case slices.Contains(s.graph.maps, id):
		return &Error{Pos: pos, Msg: fmt.Sprintf("two functions have the id %q", id), Hint: "give each an id of its own, or go on from the stream that the first one made"}
	case s.window != nil:
		return &Error{Pos: pos, Msg: "MapBatch stands between a window and its GROUP BY", Hint: frontHint}
	}
	return s.takesBack(pos, "MapBatch", frontHint)
}

// mapStep is a mapping as it runs.
type mapStep struct {
	mapping *mapping
	in      []int // column ids of the expansion
}

// Map calls a function in Go for batches of rows, see [Stream.MapBatch].
type Map struct {
	ID   string
	Func columnar.BatchFunc
}

// addMap hands the function the columns that it is declared with, under their names, and goes on with what it returns.
func (b *stageBuilder) addMap(o *operator) {
	m := o.mapped
	b.compute(m.in)
	p, layout := &Projection{Names: m.mapping.names}, []int{}
	for _, id := range m.in {
		p.Exprs = append(p.Exprs, b.positioned(b.columns.list[id].expr()))
	}
	if !b.isCurrent(p) {
		b.project(p)
	}
	out := &columnar.Schema{}
	for _, c := range o.columns {
		layout = append(layout, c.id)
		out.Fields = append(out.Fields, columnar.Field{Name: c.name, Type: c.typ})
	}
	b.layout, b.schema = layout, out
	b.ops = append(b.ops, Op{Map: &Map{ID: m.mapping.id, Func: m.mapping.f}, Out: out})
}

func (m *Map) check(in, out *columnar.Schema) (*columnar.Schema, error) {
	_, err := columnar.NewMapBatch(in, out, m.ID, m.Func)
	return out, err
}

func (m *Map) canonical(w *strings.Builder, out *columnar.Schema) {
	fmt.Fprintf(w, "map %q", m.ID)
	for _, f := range out.Fields {
		fmt.Fprintf(w, " %q:%s", f.Name, f.Type)
	}
}

func (m *Map) explain(in, out *columnar.Schema) string {
	return "a function of (" + in.String() + ") gives " + out.String()
}
