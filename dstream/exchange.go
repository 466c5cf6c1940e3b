package dstream

import (
	"fmt"
	"slices"
	"strings"

	"github.com/millrace/millrace/columnar"
)

// groupInput is what the stage in front of a grouping yields: the time first, then keys, then arguments, each once.
type groupInput struct {
	outs []output
	keys []int     // positions in outs
	aggs []*column // in use; count(*) is not among them, because the exchange has it anyway
	args []int     // positions in outs, one for each of aggs
}

// holds reports whether rows behind the grouping begin with the column.
func (g *grouping) holds(c *column) bool {
	return c == g.window.start || c.agg != nil || slices.Contains(g.keys, c)
}

// input says what the stage in front must yield for the aggregates in use.
func (g *grouping) input(uses map[int]int) *groupInput {
	in := &groupInput{}
	in.place(g.graph.columns.list[g.window.time].expr(), &g.graph.columns)
	for _, k := range g.keys {
		in.keys = append(in.keys, in.place(k.expr(), &g.graph.columns))
	}
	for _, c := range g.aggs {
		if c.agg.arg != nil && uses[c.id] > 0 {
			in.aggs = append(in.aggs, c)
			in.args = append(in.args, in.place(c.agg.arg, &g.graph.columns))
		}
	}
	in.nameApart()
	return in
}

// place is the position of e among the outs. A key and an argument may be the same expression.
func (in *groupInput) place(e *columnar.Expr, columns *columnSet) int {
	text := columns.written(e)
	for i, o := range in.outs {
		if columns.written(o.expr) == text {
			return i
		}
	}
	in.outs = append(in.outs, output{expr: e, name: columns.render(e)})
	return len(in.outs) - 1
}

// written is the canonical text of e, or of its definition when it is a computed column.
func (s *columnSet) written(e *columnar.Expr) string {
	if e.Op == "col" && s.list[e.Col].def != nil {
		return s.list[e.Col].def.String()
	}
	return e.String()
}

// nameApart gives every out a name of its own, because these names stand in checkpoints.
func (in *groupInput) nameApart() {
	taken := []string{windowStart, RowsColumn}
	for i := range in.outs {
		in.outs[i].name = apart(in.outs[i].name, taken)
		taken = append(taken, in.outs[i].name)
	}
}

// apart is name, or name with a number behind it when it is taken.
func apart(name string, taken []string) string {
	out := name
	for n := 2; slices.Contains(taken, out); n++ {
		out = fmt.Sprintf("%s %d", name, n)
	}
	return out
}

// finalIDs is the layout of finished groups: window_start, keys, aggregates, count(*).
func (in *groupInput) finalIDs(g *grouping) []int {
	out := []int{g.window.start.id}
	for _, k := range g.keys {
		out = append(out, k.id)
	}
	for _, c := range in.aggs {
		out = append(out, c.id)
	}
	return append(out, g.rows())
}

// rows is the id of count(*), −1 when no expression asked for it.
func (g *grouping) rows() int {
	for _, c := range g.aggs {
		if c.agg.arg == nil {
			return c.id
		}
	}
	return -1
}

// exchange is the exchange behind a stage that yields in.outs as schema.
func (in *groupInput) exchange(g *grouping, schema *columnar.Schema) *Exchange {
	x := &Exchange{Name: in.name(g), Window: g.window.tumbling, Assigned: &columnar.Schema{Fields: slices.Clone(schema.Fields)}}
	x.Assigned.Fields = append(x.Assigned.Fields, columnar.Field{Name: windowStart, Type: g.window.start.typ})
	x.Spec.Keys = append([]int{len(schema.Fields)}, in.keys...)
	taken := x.Assigned.Names()
	for i, c := range in.aggs {
		name := apart(c.name, taken)
		taken = append(taken, name)
		x.Spec.Aggs = append(x.Spec.Aggs, c.agg.spec(in.args[i], name))
	}
	x.Spec.Aggs = append(x.Spec.Aggs, columnar.Agg{Func: columnar.CountStar, Arg: -1, Name: RowsColumn})
	x.Final = x.Spec.FinalSchema(x.Assigned)
	return x
}

// name derives the name of the operator and its state from what it does, so that it survives changes around it.
func (in *groupInput) name(g *grouping) string {
	var keys, aggs []string
	for _, i := range in.keys {
		keys = append(keys, in.outs[i].name)
	}
	for _, c := range in.aggs {
		aggs = append(aggs, c.name)
	}
	aggs = append(aggs, string(columnar.CountStar))
	w := g.window.tumbling
	out := fmt.Sprintf("tumble(%s, %s", in.outs[0].name, micros(w.Size))
	if w.Offset != 0 {
		out += ", offset " + micros(w.Offset)
	}
	out += ")"
	if len(keys) > 0 {
		out += " by " + strings.Join(keys, ", ")
	}
	return out + ": " + strings.Join(aggs, ", ")
}
