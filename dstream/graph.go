package dstream

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/windows"
)

// Source is a stream of records that a job may read: how to decode them and which column is the event time.
type Source struct {
	Name       string
	Format     string // "json" or "raw"
	OnBadValue string // "fail" (also "") or "null": what a value does that does not fit its column
	Fields     []columnar.DecodeField
	EventTime  string         // a timestamp column, or a metadata column such as _timestamp; "" = none
	TimeExpr   *Expr          // computes EventTime, then a column of its own, from the others; nil = it is one of them
	Bounds     windows.Bounds // of the event time
	Dedup      *SourceDedup   // nil: rows that come twice are there twice
	Pos        Pos

	timeExpr *columnar.Expr // over allFields
	first    *Stream        // the rows behind Dedup, once a stream has asked for them
}

// Table is a static table that streams may be joined with.
type Table struct {
	Name   string
	Schema *columnar.Schema
	Pos    Pos
}

// Relation is a name that a query may use.
type Relation struct {
	Name   string
	Static bool             // a table
	Schema *columnar.Schema // the declared columns, or those of the query
}

// Graph is a job under construction: its relations, and the streams that end in sinks. It is not safe for concurrent
// use. The zero Graph is not usable; see [NewGraph].
type Graph struct {
	relations []relation
	columns   columnSet
	sinks     []sink
	sides     []side
	maps      []string // ids of functions
	session   columnar.Session
	bounded   bool
	emission  windows.Emission
}

// relation is a source, a table or a named query; exactly one is set.
type relation struct {
	source *Source
	table  *Table
	view   *view
}

func (r relation) name() string {
	switch {
	case r.source != nil:
		return r.source.Name
	case r.table != nil:
		return r.table.Name
	}
	return r.view.name
}

// NewGraph returns a graph without relations.
func NewGraph() *Graph { return &Graph{} }

// AddSource makes a source known. The error, an *[Error], is about its name, its columns or its event time.
func (g *Graph) AddSource(s Source) error {
	if err := g.checkNew(s.Name, s.Pos); err != nil {
		return err
	}
	s.OnBadValue = cmp.Or(s.OnBadValue, "fail")
	if err := checkSource(&s); err != nil {
		return err
	}
	if err := g.bindTimeExpr(&s); err != nil {
		return err
	}
	g.relations = append(g.relations, relation{source: &s})
	return nil
}

// AddTable makes a static table known. The error, an *[Error], is about its name or its columns.
func (g *Graph) AddTable(t Table) error {
	if err := g.checkNew(t.Name, t.Pos); err != nil {
		return err
	}
	if err := checkNames(t.Name, t.Schema.Names(), t.Pos); err != nil {
		return err
	}
	g.relations = append(g.relations, relation{table: &t})
	return nil
}

// Relations lists sources, tables and named queries in the order in which they were added.
func (g *Graph) Relations() []Relation {
	out := make([]Relation, len(g.relations))
	for i, r := range g.relations {
		out[i] = Relation{Name: r.name(), Static: r.table != nil, Schema: r.schema()}
	}
	return out
}

func (r relation) schema() *columnar.Schema {
	switch {
	case r.source != nil && r.source.timeExpr != nil:
		return withTime(declaredSchema(r.source), r.source.EventTime)
	case r.source != nil:
		return declaredSchema(r.source)
	case r.table != nil:
		return r.table.Schema
	}
	return r.view.stream.scope.visible().schema()
}

// find returns the relation with that name: an exact match wins over one that ignores case.
func (g *Graph) find(name string) (relation, bool) {
	var folded relation
	found := false
	for _, r := range g.relations {
		if r.name() == name {
			return r, true
		}
		if strings.EqualFold(r.name(), name) {
			folded, found = r, true
		}
	}
	return folded, found
}

func (g *Graph) names(static bool) []string {
	var out []string
	for _, r := range g.relations {
		if !static || r.table != nil {
			out = append(out, r.name())
		}
	}
	return out
}

func (g *Graph) checkNew(name string, pos Pos) error {
	if name == "" {
		return &Error{Pos: pos, Msg: "a source or table has no name"}
	}
	if r, ok := g.find(name); ok {
		return &Error{Pos: pos, Msg: fmt.Sprintf("the name %q is taken by %q", name, r.name()), Hint: "names of sources and tables ignore case"}
	}
	return nil
}

func checkSource(s *Source) error {
	if s.OnBadValue != "fail" && s.OnBadValue != "null" {
		return &Error{Pos: s.Pos, Msg: fmt.Sprintf("source %q: on a bad value %q", s.Name, s.OnBadValue), Hint: `it is "fail" or "null"`}
	}
	schema := declaredSchema(s)
	if err := checkNames(s.Name, schema.Names(), s.Pos); err != nil {
		return err
	}
	for _, f := range s.Fields {
		if t, ok := columnar.Metadata(f.Name); ok && t != f.Type {
			return &Error{Pos: s.Pos, Msg: fmt.Sprintf("column %q of %q is %s: it describes the record", f.Name, s.Name, t.Article())}
		}
	}
	if s.EventTime == "" || s.TimeExpr != nil {
		return nil
	}
	return checkEventTime(s, schema)
}

// checkEventTime also replaces EventTime by the spelling of the column.
func checkEventTime(s *Source, schema *columnar.Schema) error {
	t, ok := columnar.Metadata(s.EventTime)
	if i := schema.Index(s.EventTime); i >= 0 {
		t, ok = schema.Fields[i].Type, true
		s.EventTime = schema.Fields[i].Name
	}
	if !ok {
		return &Error{Pos: s.Pos, Msg: fmt.Sprintf("source %q has no column %q for its event time", s.Name, s.EventTime),
			Hint: didYouMean(s.EventTime, schema.Names())}
	}
	if t.Kind != columnar.Timestamp {
		return &Error{Pos: s.Pos, Msg: fmt.Sprintf("the event time of source %q, column %q, is %s", s.Name, s.EventTime, t.Article()),
			Hint: "declare it as a timestamp"}
	}
	return nil
}

func checkNames(relation string, names []string, pos Pos) error {
	seen := map[string]string{}
	for _, n := range names {
		folded := strings.ToLower(n)
		if n == "" {
			return &Error{Pos: pos, Msg: fmt.Sprintf("a column of %q has no name", relation)}
		}
		if other, ok := seen[folded]; ok {
			return &Error{Pos: pos, Msg: fmt.Sprintf("%q has two columns named %q and %q", relation, other, n), Hint: "names of columns ignore case"}
		}
		seen[folded] = n
	}
	return nil
}

func declaredSchema(s *Source) *columnar.Schema {
	out := &columnar.Schema{Fields: make([]columnar.Field, len(s.Fields))}
	for i, f := range s.Fields {
		out.Fields[i] = f.Field
	}
	return out
}
