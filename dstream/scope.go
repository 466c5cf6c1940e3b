package dstream

import (
	"fmt"
	"slices"
	"strings"

	"github.com/millrace/millrace/columnar"
)

// column is a column of the graph, or of the operators that the graph is expanded to. Its id is its position in its
// [columnSet]; bound expressions over ids carry it in columnar.Expr.Col until lowering turns ids into positions.
type column struct {
	id     int
	name   string // of the thing itself, never an alias: it shows in plans
	typ    columnar.Type
	source *Source        // that it is decoded from
	field  string         // of the source, or of a joined table
	join   *join          // that brings it
	def    *columnar.Expr // computed from other columns
	agg    *aggregate
	union  []*columnar.Expr // of UNION ALL: what it is in each of the inputs

	op    *operator // of an expansion: what brings it, nil when it is computed
	depth int       // of an expansion: of the last operator that it needs
}

// columnSet owns the columns of a graph.
type columnSet struct {
	list []*column
	hide func(literal string) string // takes secrets out; nil: there are none
}

func (s *columnSet) add(c column) *column {
	c.id = len(s.list)
	s.list = append(s.list, &c)
	return &c
}

// define adds a column computed by e. A plain column keeps its id, so that renaming leaves no trace in plans.
func (s *columnSet) define(name string, e *columnar.Expr) *column {
	if e.Op == "col" {
		return s.list[e.Col]
	}
	return s.add(column{name: shorten(name), typ: e.Type, def: e})
}

// shorten keeps names of computed columns readable: they are made of the names of others, which may be computed too.
func shorten(name string) string {
	const limit = 60
	if runes := []rune(name); len(runes) > limit {
		return string(runes[:limit-1]) + "…"
	}
	return name
}

// leaves are the columns that e comes down to when columns are replaced by their definitions.
func (s *columnSet) leaves(e *columnar.Expr, definition func(*column) *columnar.Expr) []*column {
	var out []*column
	seen := references(e, nil)
	for i := 0; i < len(seen); i++ {
		c := s.list[seen[i]]
		if def := definition(c); def != nil {
			seen = references(def, seen)
		} else {
			out = append(out, c)
		}
	}
	return out
}

func (c *column) expr() *columnar.Expr {
	return &columnar.Expr{Op: "col", Type: c.typ, Col: c.id, Name: c.name}
}

func (c *column) in(qualifier string, hidden bool) scopeColumn {
	return scopeColumn{Column: Column{Qualifier: qualifier, Name: c.name, Type: c.typ, Hidden: hidden}, id: c.id}
}

// scope is what names can mean at one place, in the order of *.
type scope []scopeColumn

type scopeColumn struct {
	Column
	id  int
	pos Pos // of the expression in the select list
}

func (c scopeColumn) String() string {
	if c.Qualifier == "" {
		return c.Name
	}
	return c.Qualifier + "." + c.Name
}

func (c scopeColumn) expr() *columnar.Expr {
	return &columnar.Expr{Op: "col", Type: c.Type, Col: c.id, Name: c.Name}
}

// resolve finds the column that ref names. Case is ignored; a visible column hides hidden ones of its name.
func (s scope) resolve(ref Expr, pos Pos) (scopeColumn, *Error) {
	found := s.matches(ref)
	if len(found) == 0 {
		return scopeColumn{}, s.unknown(ref, pos)
	}
	for _, c := range found[1:] {
		if c.id != found[0].id {
			return scopeColumn{}, ambiguous(ref, found, pos)
		}
	}
	return found[0], nil
}

// matches lists the visible columns that ref may mean, or the hidden ones when there are no visible ones.
func (s scope) matches(ref Expr) scope {
	var visible, hidden scope
	for _, c := range s {
		switch {
		case !strings.EqualFold(c.Name, ref.Name) || ref.Qualifier != "" && !strings.EqualFold(c.Qualifier, ref.Qualifier):
		case c.Hidden:
			hidden = append(hidden, c)
		default:
			visible = append(visible, c)
		}
	}
	if len(visible) > 0 {
		return visible
	}
	return hidden
}

func ambiguous(ref Expr, found scope, pos Pos) *Error {
	names := make([]string, len(found))
	for i, c := range found {
		names[i] = c.String()
	}
	return &Error{Pos: pos, Msg: fmt.Sprintf("column %q is ambiguous: it may be %s", refName(ref), strings.Join(names, " or ")), Hint: "write which one"}
}

func (s scope) unknown(ref Expr, pos Pos) *Error {
	among := s
	if ref.Qualifier != "" {
		if among = s.under(ref.Qualifier); len(among) == 0 {
			return &Error{Pos: pos, Msg: quoted("unknown table or alias", ref.Qualifier), Hint: hintAmong(ref.Qualifier, append(s.qualifiers(), s.structs()...))}
		}
	}
	hint := hintAmong(ref.Name, among.names())
	if strings.HasPrefix(ref.Text, `"`) && didYouMean(ref.Name, among.names()) == "" {
		hint = fmt.Sprintf("double quotes make a name; a text stands in single quotes: '%s'", strings.ReplaceAll(ref.Name, "'", "''"))
	}
	return &Error{Pos: pos, Msg: quoted("unknown column", refName(ref)), Hint: hint}
}

// under is the part of the scope with that qualifier.
func (s scope) under(qualifier string) scope {
	var out scope
	for _, c := range s {
		if strings.EqualFold(c.Qualifier, qualifier) {
			out = append(out, c)
		}
	}
	return out
}

func (s scope) qualified(alias string) scope {
	out := slices.Clone(s)
	for i := range out {
		out[i].Qualifier = alias
	}
	return out
}

func (s scope) visible() scope {
	var out scope
	for _, c := range s {
		if !c.Hidden {
			out = append(out, c)
		}
	}
	return out
}

// without is the scope minus the columns with those names.
func (s scope) without(names ...string) scope {
	var out scope
	for _, c := range s {
		if !slices.ContainsFunc(names, func(n string) bool { return strings.EqualFold(n, c.Name) }) {
			out = append(out, c)
		}
	}
	return out
}

// qualifierOf is the qualifier under which the scope knows the column, "" when it does not.
func (s scope) qualifierOf(id int) string {
	for _, c := range s {
		if c.id == id {
			return c.Qualifier
		}
	}
	return ""
}

// names lists the names in order, each once, visible ones first.
func (s scope) names() []string {
	var out []string
	seen := map[string]bool{}
	for _, hidden := range []bool{false, true} {
		for _, c := range s {
			if c.Hidden == hidden && !seen[c.Name] {
				seen[c.Name] = true
				out = append(out, c.Name)
			}
		}
	}
	return out
}

func (s scope) qualifiers() []string {
	var out []string
	for _, c := range s {
		if c.Qualifier != "" && !slices.Contains(out, c.Qualifier) {
			out = append(out, c.Qualifier)
		}
	}
	return out
}

// structs are the columns that have fields.
func (s scope) structs() []string {
	var out []string
	for _, c := range s {
		if c.Type.Kind == columnar.Struct && !c.Hidden {
			out = append(out, c.Name)
		}
	}
	return out
}

// hintAmong names the nearest word, or a few of the words that there are.
func hintAmong(word string, among []string) string {
	const few = 12
	if hint := didYouMean(word, among); hint != "" {
		return hint
	}
	switch {
	case len(among) == 0:
		return ""
	case len(among) > few:
		return fmt.Sprintf("there are %s and %d more", strings.Join(among[:few], ", "), len(among)-few)
	}
	return "there are " + strings.Join(among, ", ")
}

func refName(ref Expr) string {
	if ref.Qualifier == "" {
		return ref.Name
	}
	return ref.Qualifier + "." + ref.Name
}

func quoted(what, name string) string { return fmt.Sprintf("%s %q", what, name) }
