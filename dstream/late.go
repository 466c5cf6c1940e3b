package dstream

import (
	"fmt"
	"slices"
	"strings"

	"github.com/millrace/millrace/columnar"
)

// lateMetadata stand behind the columns of the rows: which operator found the row late, where its record stands (NULL
// behind an aggregation), its time, the operator's watermark at the start of the batch, and the last of the windows that it
// missed. What is not known is NULL.
var lateMetadata = []columnar.Field{
	{Name: "_operator", Type: columnar.Type{Kind: columnar.String}},
	{Name: "_topic", Type: columnar.Type{Kind: columnar.String}},
	{Name: "_partition", Type: columnar.Type{Kind: columnar.Int32}},
	{Name: "_offset", Type: columnar.Type{Kind: columnar.Int64}},
	{Name: "_event_time", Type: columnar.Type{Kind: columnar.Timestamp}},
	{Name: "_watermark", Type: columnar.Type{Kind: columnar.Timestamp}},
	{Name: "_window_start", Type: columnar.Type{Kind: columnar.Timestamp}},
	{Name: "_window_end", Type: columnar.Type{Kind: columnar.Timestamp}},
}

// LateMetadata are the last columns of late rows, see [Graph.LateRows].
func LateMetadata() []columnar.Field { return slices.Clone(lateMetadata) }

// lateColumn is a column of the rows in front of a window that late rows have.
type lateColumn struct {
	id    int // of the graph
	place int // among the columns of the sink
}

// LateRows makes a sink take the rows that all windows of the job find late: the visible columns in front of each window,
// but for those of the window itself, put together by name, then [LateMetadata]. A column that a window does not have is
// NULL in its rows. It must come behind all calls of [Stream.To]; partitions are as there. The error, an *[Error], is
// about the sink, its partitions, or columns of one name and two types.
func (g *Graph) LateRows(name string, pos Pos, partitions ...Expr) error {
	schema := &columnar.Schema{}
	groups := g.groupings()
	if !slices.ContainsFunc(groups, func(g *grouping) bool { return g.window != nil }) {
		return &Error{Pos: pos, Msg: fmt.Sprintf("sink %q is to take late rows, but the job has no window, so no row can be late", name), Hint: "take it out"}
	}
	for _, group := range groups {
		if err := group.lateInto(schema); err != nil {
			return err
		}
	}
	schema.Fields = append(schema.Fields, lateMetadata...)
	return g.addSide(Side{Kind: LateRows, Sink: name}, schema, pos, partitions)
}

// groupings are the aggregations whose rows come to sinks: in the order of the sinks by name, for each from the source on.
func (g *Graph) groupings() []*grouping {
	var out []*grouping
	seen := map[*node]bool{}
	var visit func(n *node)
	visit = func(n *node) {
		if n == nil || seen[n] {
			return
		}
		seen[n] = true
		if n.union != nil {
			for _, in := range n.union.inputs {
				visit(in)
			}
		}
		visit(n.in)
		for _, group := range []*grouping{n.group, n.dedup.grouping()} {
			if group != nil && !slices.Contains(out, group) {
				out = append(out, group)
			}
		}
	}
	for _, k := range g.sinksByName() {
		if k.stream != nil {
			visit(k.stream.node)
		}
	}
	return out
}

// lateInto finds a place in the schema for each visible column in front of the window. Of two columns with one name the
// second is called after its relation too. Columns that are named as metadata give way to it.
func (g *grouping) lateInto(schema *columnar.Schema) *Error {
	g.late = nil
	var pos Pos
	if g.window != nil {
		pos = g.window.pos
	}
	var taken []string
	for _, c := range g.scope.visible() {
		name := strings.ToLower(c.Name)
		if slices.Contains(taken, name) && c.Qualifier != "" {
			c.Name = c.Qualifier + "_" + c.Name
			name = strings.ToLower(c.Name)
		}
		switch {
		case g.window.has(c.id) || g.window.unfinished(&g.graph.columns, c.expr()) || slices.ContainsFunc(lateMetadata, func(f columnar.Field) bool { return f.Name == name }):
			continue
		case slices.Contains(taken, name):
			return &Error{Pos: pos, Msg: fmt.Sprintf("late rows would have two columns %q", c.Name), Hint: "name one of them with AS"}
		}
		taken = append(taken, name)
		place := slices.IndexFunc(schema.Fields, func(f columnar.Field) bool { return strings.EqualFold(f.Name, c.Name) })
		if place < 0 {
			place = len(schema.Fields)
			schema.Fields = append(schema.Fields, columnar.Field{Name: c.Name, Type: c.Type})
		}
		if f := schema.Fields[place]; f.Type != c.Type {
			return &Error{Pos: pos, Msg: fmt.Sprintf("late rows of all windows go to one sink, but column %q is %s in front of this one and %s in front of another", c.Name, c.Type.Article(), f.Type.Article()),
				Hint: "CAST it, or name it with AS"}
		}
		g.late = append(g.late, lateColumn{id: c.id, place: place})
	}
	return nil
}

// lateColumns is how many columns in front of [LateMetadata] late rows have, −1 when no sink takes them.
func (g *Graph) lateColumns() int {
	for _, s := range g.sides {
		if s.Kind == LateRows {
			return len(s.sink.stream.scope) - len(lateMetadata)
		}
	}
	return -1
}

// placeLate makes the columns of late rows go along with the rows of the exchange.
func (p *gathering) placeLate() {
	n := p.graph.lateColumns()
	if n < 0 {
		return
	}
	p.late = slices.Repeat([]int{-1}, n)
	for _, c := range p.group.late {
		p.late[c.place] = p.place(p.graph.columns.list[c.id].expr())
	}
}

// checkLate checks that the rows in front of the exchange have the columns of late rows.
func (p *Plan) checkLate(x *Exchange) error {
	i := p.Side(LateRows)
	if i < 0 {
		if x.Late != nil {
			return fmt.Errorf("no sink takes late rows")
		}
		return nil
	}
	sink := p.sink(p.Sides[i].Sink)
	if sink == nil || len(x.Late) != len(sink.Schema.Fields)-len(lateMetadata) {
		return fmt.Errorf("late rows have %d columns, unlike their sink", len(x.Late))
	}
	for place, c := range x.Late {
		if c < 0 {
			continue
		}
		if t, err := typeAt(x.Assigned, c); err != nil || t != sink.Schema.Fields[place].Type {
			return fmt.Errorf("column %q of late rows is a %s (%v)", sink.Schema.Fields[place].Name, t, err)
		}
	}
	return nil
}

// sink is the sink of that name, nil when there is none.
func (p *Plan) sink(name string) *SinkPlan {
	for i := range p.Sinks {
		if p.Sinks[i].Name == name {
			return &p.Sinks[i]
		}
	}
	return nil
}

// isLateSchema reports whether the last columns are those of late rows.
func isLateSchema(s *columnar.Schema) bool {
	n := len(s.Fields) - len(lateMetadata)
	return n >= 0 && slices.Equal(s.Fields[n:], lateMetadata)
}
