package dstream

import (
	"slices"
	"strings"

	"github.com/millrace/millrace/columnar"
)

// exchange is the exchange that the groups of g go through.
func (g *gather) exchange() Exchange {
	x := Exchange{Name: g.name, Window: g.group.window.spec(), Emit: g.group.emission(), TimeColumn: -1, Late: g.late, Assigned: &columnar.Schema{}}
	if g.group.window != nil {
		x.TimeColumn = 0
	}
	for i, c := range g.outs[0] {
		x.Assigned.Fields = append(x.Assigned.Fields, columnar.Field{Name: g.names[i], Type: c.typ})
	}
	x.Assigned.Fields = append(x.Assigned.Fields, columnar.Field{Name: windowStart, Type: columnar.Type{Kind: columnar.Timestamp}})
	x.Spec.Keys = append([]int{len(g.names)}, g.keys...)
	x.Spec.Aggs = append(slices.Concat(g.aggs, g.hiddenAggs()), columnar.Agg{Func: columnar.CountStar, Arg: -1, Name: RowsColumn})
	x.Final = x.Operator().Final()
	return x
}

// describe derives the name of an exchange and its state from what it does, so that it survives changes around it, and
// from the query that it stands in, so that it survives other queries.
func (g *gather) describe(aggs []string) string {
	var keys []string
	for _, i := range g.keys {
		keys = append(keys, g.names[i])
	}
	var parts []string
	if w := g.group.window; w != nil {
		parts = append(parts, callText(w.frame, g.names[0], micros))
	} else {
		parts = append(parts, "group")
	}
	if len(keys) > 0 {
		parts = append(parts, "by "+strings.Join(keys, ", "))
	}
	name := strings.Join(parts, " ") + ": " + strings.Join(append(aggs, string(columnar.CountStar)), ", ")
	if g.group.query != "" {
		return g.group.query + ": " + name
	}
	return name
}
