package dstream

import (
	"fmt"
	"slices"
	"strings"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/windows"
)

// gather is what an exchange does: it groups the rows of its inputs.
type gather struct {
	group  *grouping // for its window and its query
	inputs []*operator
	outs   [][]*column // for each input: the time if there is a window, keys, arguments; each once
	names  []string    // of the outs
	keys   []int       // positions in the outs
	aggs   []columnar.Agg
	late   []int // by column of late rows: position in the outs, −1 = none; nil when nothing takes them
	name   string
}

// key identifies an exchange.
func (g *gather) key() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%q %s keys %v late %v", g.group.query, g.group.window.spec().Canonical(), g.keys, g.late)
	for i, in := range g.inputs {
		fmt.Fprintf(&b, " from %p:", in)
		for _, c := range g.outs[i] {
			fmt.Fprintf(&b, " %d", c.id)
		}
	}
	for _, a := range g.aggs {
		fmt.Fprintf(&b, " %s", a)
	}
	return b.String()
}

// group sends the branches into one exchange.
func (x *expansion) group(g *grouping, ins []branch) branch {
	p := &gathering{expansion: x, group: g, ins: ins, gather: gather{group: g}}
	op := p.build()
	out := branch{op: op, env: newEnv()}
	hold := func(id int, i int) { out.env.columns[id] = op.columns[i] }
	if g.window != nil {
		hold(g.window.start.id, 0)
	}
	for i, k := range g.keys {
		hold(k.id, 1+i)
	}
	for i, c := range p.aggs {
		hold(c.id, 1+len(g.keys)+i)
	}
	last := 1 + len(g.keys) + len(p.aggs) + len(p.hiddenAggs()) // count(*)
	if c := g.rows(); c != nil {
		hold(c.id, last)
	}
	if g.window != nil && g.window.frame.HasEnd() {
		hold(g.window.end.id, last+1)
	}
	return out
}

// gathering makes the exchange of a group.
type gathering struct {
	*expansion
	gather
	group *grouping
	ins   []branch
	aggs  []*column // of the graph, those in use but for count(*), which every exchange has
}

func (p *gathering) build() *operator {
	p.inputs, p.outs = make([]*operator, len(p.ins)), make([][]*column, len(p.ins))
	for i, b := range p.ins {
		p.inputs[i] = b.op
	}
	if w := p.group.window; w != nil {
		p.place(p.graph.columns.list[w.time].expr())
	}
	for _, k := range p.group.keys {
		p.keys = append(p.keys, p.place(k.expr()))
	}
	var names []string
	for _, c := range p.group.aggs {
		if !c.agg.countsRows() && p.marked.columns[c.id] {
			p.aggs = append(p.aggs, c)
			name, spec := p.aggregate(c.agg)
			names, p.gather.aggs = append(names, name), append(p.gather.aggs, spec)
		}
	}
	p.placeLate()
	p.nameOuts()
	key := p.gather.key()
	if known := p.roots[key]; known != nil {
		return known
	}
	p.name = p.describe(names)
	op := p.root(key, &operator{gather: &p.gather})
	p.addColumns(op, names)
	p.send(op)
	return op
}

// place is the position of the expression, over columns of the graph, among the outs.
func (p *gathering) place(e *columnar.Expr) int {
	columns := make([]*column, len(p.ins))
	for i, b := range p.ins {
		columns[i] = p.define(p.expr(b.env, e))
	}
	n := len(p.outs[0])
	for at := range n {
		if p.standsAt(at, columns) {
			return at
		}
	}
	for i, c := range columns {
		p.outs[i] = append(p.outs[i], c)
	}
	return n
}

func (p *gathering) standsAt(at int, columns []*column) bool {
	for i, c := range columns {
		if p.outs[i][at] != c {
			return false
		}
	}
	return true
}

// aggregate is an aggregate over the outs. Its name is made of the columns of the first input.
func (p *gathering) aggregate(a *aggregate) (name string, spec columnar.Agg) {
	var at []int
	for _, e := range a.Exprs() {
		at = append(at, p.place(e))
	}
	name = a.render(func(e *columnar.Expr) string { return p.columns.render(p.expr(p.ins[0].env, e)) })
	return name, a.spec(at)
}

// nameOuts gives every out a name of its own, because these names stand in checkpoints.
func (p *gathering) nameOuts() {
	taken := []string{windowStart, RowsColumn}
	if w := p.group.window; w != nil && w.frame.HasEnd() {
		taken = append(taken, windowEnd)
	}
	for _, a := range p.hiddenAggs() {
		taken = append(taken, a.Name)
	}
	for _, c := range p.outs[0] {
		name := apart(c.name, taken)
		p.names, taken = append(p.names, name), append(taken, name)
	}
}

// hiddenAggs are the aggregates that the window needs, between those of the query and count(*).
func (g *gather) hiddenAggs() []columnar.Agg {
	if w := g.group.window; w != nil && w.frame.Kind == windows.Session {
		return windows.SessionTimes(0)
	}
	return nil
}

// addColumns adds those of finished groups: window_start, keys, aggregates, hidden ones, count(*), and window_end if it
// needs a column.
func (p *gathering) addColumns(op *operator, names []string) {
	op.add(&p.columns, column{name: windowStart, typ: columnar.Type{Kind: columnar.Timestamp}})
	for _, k := range p.keys {
		c := p.outs[0][k]
		op.add(&p.columns, column{name: c.name, typ: c.typ})
	}
	taken := append(p.names[:len(p.names):len(p.names)], windowStart)
	for i := range p.gather.aggs {
		a := &p.gather.aggs[i]
		a.Name = apart(names[i], taken)
		taken = append(taken, a.Name)
		op.add(&p.columns, column{name: names[i], typ: p.aggs[i].typ})
	}
	for _, a := range p.hiddenAggs() {
		op.add(&p.columns, column{name: a.Name, typ: a.In})
	}
	op.add(&p.columns, column{name: string(columnar.CountStar), typ: columnar.Type{Kind: columnar.Int64}})
	if w := p.group.window; w != nil && w.frame.HasEnd() {
		op.add(&p.columns, column{name: windowEnd, typ: columnar.Type{Kind: columnar.Timestamp}})
	}
	if p.group.emission().Changelog {
		op.add(&p.columns, column{name: windows.OpColumn, typ: columnar.Type{Kind: columnar.String}}) // the last one, see operator.op
	}
}

// send makes the rows of all inputs go into the exchange.
func (p *gathering) send(to *operator) {
	for i, in := range p.inputs {
		e := &end{gather: to}
		for j, c := range p.outs[i] {
			e.outs = append(e.outs, output{column: c, name: p.names[j]})
		}
		in.attach(e)
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
