package dstream

import (
	"slices"
	"strings"

	"github.com/millrace/millrace/columnar"
)

// sinkGroup is the sinks that take the same columns of the same stream.
type sinkGroup struct {
	node  *node
	outs  scope // the visible columns, then the hidden ones that partitions use
	sinks []string
}

// sinkGroups are all sinks, by name.
func (g *Graph) sinkGroups() []*sinkGroup {
	var out []*sinkGroup
	for _, k := range g.sinksByName() {
		visible := k.stream.scope.visible()
		i := slices.IndexFunc(out, func(s *sinkGroup) bool {
			return s.node == k.stream.node.beneath() && len(s.outs) >= len(visible) && slices.EqualFunc(s.outs[:len(visible)], visible, sameColumn)
		})
		if i < 0 {
			i, out = len(out), append(out, &sinkGroup{node: k.stream.node.beneath(), outs: visible})
		}
		out[i].sinks = append(out[i].sinks, k.name)
		out[i].addHidden(g, k)
	}
	return out
}

func (g *Graph) sinksByName() []*sink {
	var out []*sink
	for i := range g.sinks {
		out = append(out, &g.sinks[i])
	}
	slices.SortFunc(out, func(a, b *sink) int { return strings.Compare(a.name, b.name) })
	return out
}

func sameColumn(a, b scopeColumn) bool { return a.id == b.id && a.Name == b.Name }

func (s *sinkGroup) addHidden(g *Graph, k *sink) {
	for _, p := range k.partitions {
		for _, id := range references(p.expr, nil) {
			if s.position(id) < 0 {
				s.outs = append(s.outs, g.columns.list[id].in("", true))
			}
		}
	}
}

// position is the first place of a column among the outs, −1 when it is not there.
func (s *sinkGroup) position(id int) int {
	return slices.IndexFunc(s.outs, func(c scopeColumn) bool { return c.id == id })
}

// sinkPlans are in the order of the To calls.
func (l *lowering) sinkPlans() {
	groups := map[string]*sinkGroup{}
	for _, s := range l.graph.sinkGroups() {
		for _, name := range s.sinks {
			groups[name] = s
		}
	}
	for _, k := range l.graph.sinks {
		fed := l.plan.stages(func(s *Stage) bool { return slices.Contains(s.Sinks, k.name) })
		l.plan.Sinks = append(l.plan.Sinks, k.plan(l.plan.Stages[fed[0]].Out, groups[k.name]))
	}
}

func (k *sink) plan(schema *columnar.Schema, group *sinkGroup) SinkPlan {
	out := SinkPlan{Name: k.name, Schema: schema, Columns: k.fileColumns(), Changelog: k.changelog(schema, group)}
	for _, id := range k.result {
		out.Key = append(out.Key, group.position(id))
	}
	for _, p := range k.partitions {
		e := substitute(p.expr, func(c *columnar.Expr) *columnar.Expr { return columnar.Col(schema, group.position(c.Col)) })
		out.Partitions = append(out.Partitions, Partition{Name: p.name, Expr: e})
	}
	return out
}
