package dstream

import (
	"slices"
	"strings"

	"github.com/millrace/millrace/columnar"
)

// Query is a query of the job as it was described, for people. It is no part of what the plan is.
type Query struct {
	Name  string   // of a named query; empty for a stream that only ends in sinks
	Sinks []string // that take the rows of the query as they are
	Steps []Step
}

// Step is one step of a query.
type Step struct {
	Text   string
	Inputs [][]Step // of a UNION ALL: the steps of each of the streams that it puts together
}

// describeQueries lists the queries that a sink depends on, those whose steps are reached: named ones as they were added,
// then the others by sink.
func (g *Graph) describeQueries(reached map[*node]bool) []Query {
	var out []Query
	for _, r := range g.relations {
		if r.view != nil && reached[r.view.stream.node] {
			out = append(out, Query{Name: r.view.name, Steps: g.describe(r.view.stream)})
		}
	}
	for _, k := range g.sinksByName() {
		i := slices.IndexFunc(out, func(q Query) bool { return g.isWhole(k.stream, q) })
		if i < 0 {
			i, out = len(out), append(out, Query{Steps: g.describe(k.stream)})
		}
		out[i].Sinks = append(out[i].Sinks, k.name)
	}
	return out
}

// isWhole reports whether s is the query and nothing more.
func (g *Graph) isWhole(s *Stream, q Query) bool {
	if v := s.node.view; v != nil && v.name == q.Name {
		return slices.EqualFunc(s.scope.visible(), v.stream.scope.visible(), sameColumn)
	}
	return q.Name == "" && slices.EqualFunc(q.Steps, g.describe(s), Step.equal)
}

func (s Step) equal(o Step) bool {
	return s.Text == o.Text && slices.EqualFunc(s.Inputs, o.Inputs, func(a, b []Step) bool { return slices.EqualFunc(a, b, Step.equal) })
}

// describe is the steps of a stream: those in front of its end, and the columns.
func (g *Graph) describe(s *Stream) []Step {
	return append(g.describeSteps(s.node), Step{Text: "select " + g.selectList(s.scope.visible())})
}

func (g *Graph) selectList(columns scope) string {
	var parts []string
	for _, c := range columns {
		text := g.columns.shown(g.columns.list[c.id])
		if text != c.Name {
			text += " as " + c.Name
		}
		parts = append(parts, text)
	}
	return strings.Join(parts, ", ")
}

// describeSteps is the steps up to n, from a source or the query that the stream goes on with.
func (g *Graph) describeSteps(n *node) []Step {
	var out []Step
	for ; n != nil; n = n.in {
		out = append(out, g.describeStep(n))
		if n.view != nil {
			break
		}
	}
	slices.Reverse(out)
	return out
}

func (g *Graph) describeStep(n *node) Step {
	switch {
	case n.source != nil:
		return Step{Text: "from " + n.source.Name}
	case n.view != nil:
		return Step{Text: "from " + n.view.name}
	case n.filter != nil:
		return Step{Text: "filter " + g.columns.renderOuter(n.filter)}
	case n.join != nil:
		return Step{Text: g.describeJoin(n.join)}
	case n.unnest != nil:
		text := "unnest " + g.columns.shown(g.columns.list[n.unnest.list])
		if n.unnest.left {
			text += ", rows without elements stay"
		}
		return Step{Text: text}
	case n.mapped != nil:
		return Step{Text: "map " + n.mapped.id}
	case n.group != nil:
		return Step{Text: g.describeGroup(n.group)}
	case n.dedup != nil:
		return Step{Text: g.describeDedup(n.dedup)}
	}
	out := Step{Text: "union all"}
	for i, in := range n.union.inputs {
		var columns []string
		for _, c := range n.union.columns {
			columns = append(columns, g.columns.renderOuter(c.union[i]))
		}
		out.Inputs = append(out.Inputs, append(g.describeSteps(in), Step{Text: "select " + strings.Join(columns, ", ")}))
	}
	return out
}

func (g *Graph) describeJoin(j *join) string {
	var on []string
	for i, id := range j.left {
		on = append(on, g.columns.shown(g.columns.list[id])+" = "+j.table.Name+"."+j.table.Schema.Fields[j.right[i]].Name)
	}
	kind := "join "
	if j.kind == LeftOuter {
		kind = "left join "
	}
	return kind + j.table.Name + " on " + strings.Join(on, " and ")
}

func (g *Graph) describeGroup(group *grouping) string {
	var keys, aggs []string
	if w := group.window; w != nil {
		keys = append(keys, callText(w.frame, g.columns.shown(g.columns.list[w.time]), duration))
	}
	for _, k := range group.keys {
		keys = append(keys, g.columns.shown(k))
	}
	for _, c := range group.aggs {
		aggs = append(aggs, c.name)
	}
	out := "group"
	if len(keys) > 0 {
		out += " by " + strings.Join(keys, ", ")
	}
	if len(aggs) > 0 {
		out += ": " + strings.Join(aggs, ", ")
	}
	return out
}

func (s *columnSet) renderOuter(e *columnar.Expr) string {
	return outer(e, s.render(e))
}

// shown is a column with its definition in the place of its name.
func (s *columnSet) shown(c *column) string {
	if c.def != nil && c.name != windowStart && c.name != windowEnd && c.name != windowTime {
		return s.renderOuter(c.def)
	}
	return c.name
}
