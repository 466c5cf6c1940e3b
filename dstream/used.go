package dstream

import "github.com/millrace/millrace/columnar"

// marker finds what the sinks ask for.
type marker struct {
	graph   *Graph
	steps   map[*node]bool
	columns map[int]bool
	views   map[*view]bool
}

// markUsed finds the aggregates that something asks for. Of a named query these are all that its columns are made of: its
// state is its own affair, and stays what it is whoever reads it.
func (g *Graph) markUsed() *marker {
	m := &marker{graph: g, steps: map[*node]bool{}, columns: map[int]bool{}, views: map[*view]bool{}}
	for _, k := range g.sinks {
		m.stream(k.stream)
		for _, p := range k.partitions {
			m.expr(p.expr)
		}
	}
	for m.markViews() {
	}
	return m
}

// markViews marks the columns of named queries that are met for the first time.
func (m *marker) markViews() (found bool) {
	for _, r := range m.graph.relations {
		if v := r.view; v != nil && m.steps[v.stream.node] && !m.views[v] {
			m.views[v], found = true, true
			m.stream(v.stream)
		}
	}
	return found
}

func (m *marker) stream(s *Stream) {
	for _, c := range s.scope.visible() {
		m.column(c.id)
	}
	m.step(s.node)
}

func (m *marker) step(n *node) {
	for ; n != nil && !m.steps[n]; n = n.in {
		m.steps[n] = true
		switch {
		case n.filter != nil:
			m.expr(n.filter)
		case n.join != nil:
			m.list(n.join.left)
		case n.unnest != nil:
			m.column(n.unnest.list)
		case n.mapped != nil:
			m.list(n.mapped.in)
		case n.group != nil:
			m.grouping(n.group)
		case n.dedup != nil:
			m.grouping(n.dedup.group)
		case n.union != nil:
			for _, in := range n.union.inputs {
				m.step(in)
			}
		}
	}
}

func (m *marker) grouping(g *grouping) {
	if g.window != nil {
		m.column(g.window.time)
	}
	for _, k := range g.keys {
		m.column(k.id)
	}
	for _, c := range g.late {
		m.column(c.id)
	}
}

func (m *marker) list(ids []int) {
	for _, id := range ids {
		m.column(id)
	}
}

func (m *marker) expr(e *columnar.Expr) { m.list(references(e, nil)) }

func (m *marker) column(id int) {
	if m.columns[id] {
		return
	}
	m.columns[id] = true
	c := m.graph.columns.list[id]
	if c.def != nil {
		m.expr(c.def)
	}
	for _, e := range c.union {
		m.expr(e)
	}
	if c.agg != nil {
		for _, e := range c.agg.Exprs() {
			m.expr(e)
		}
	}
}
