package dstream

import (
	"slices"

	"github.com/millrace/millrace/columnar"
)

// expansion turns the steps in front of the sinks into operators. It follows the sinks by name, so that neither the order
// in which a job is written nor the names inside it leave a trace.
type expansion struct {
	graph    *Graph
	columns  columnSet
	computed map[string]*column // by name and definition
	roots    map[string]*operator
	branches map[*node][]branch
	ends     []*operator // those whose rows go into sinks
	marked   *marker     // what something asks for
}

// branch is one of the streams that a step stands for.
type branch struct {
	op  *operator
	env *env
}

// env says what the columns of the graph are in a branch. Ids of the graph never mean two things on one way through it,
// but for those of a UNION ALL, behind which an env of its own begins for each input.
type env struct {
	columns map[int]*column // by id in the graph
	outer   *env            // in front of the union
	union   *union
	input   int // of the union
}

func (g *Graph) expand() *expansion {
	x := &expansion{graph: g, columns: columnSet{hide: g.columns.hide}, computed: map[string]*column{}, roots: map[string]*operator{}, branches: map[*node][]branch{}, marked: g.markUsed()}
	for _, group := range g.sinkGroups() {
		for _, b := range x.expand(group.node) {
			e := &end{sinks: group.sinks}
			for _, o := range group.outs {
				e.outs = append(e.outs, output{column: x.column(b.env, o.id), name: o.Name})
			}
			if op := b.op.op(); op != nil {
				e.outs = append(e.outs, output{column: op, name: op.name})
			}
			b.op.attach(e)
			x.ends = append(x.ends, b.op)
		}
	}
	return x
}

// expand gives the branches of a step.
func (x *expansion) expand(n *node) []branch {
	if done, ok := x.branches[n]; ok {
		return done
	}
	var out []branch
	switch {
	case n.source != nil:
		out = []branch{{op: x.source(n.source), env: newEnv()}}
	case n.view != nil:
		out = x.expand(n.in)
	case n.union != nil:
		for i, in := range n.union.inputs {
			for _, b := range x.expand(in) {
				out = append(out, branch{op: b.op, env: &env{columns: map[int]*column{}, outer: b.env, union: n.union, input: i}})
			}
		}
	case n.group != nil:
		out = []branch{x.group(n.group, x.expand(n.in))}
	case n.dedup != nil:
		out = []branch{x.dedup(n.dedup, x.expand(n.in))}
	default:
		for _, b := range x.expand(n.in) {
			out = append(out, branch{op: x.step(n, b), env: b.env})
		}
	}
	x.branches[n] = out
	return out
}

func newEnv() *env { return &env{columns: map[int]*column{}} }

func (x *expansion) root(key string, op *operator) *operator {
	if known := x.roots[key]; known != nil {
		return known
	}
	x.roots[key] = op
	return op
}

func (x *expansion) source(src *Source) *operator {
	return x.root("source "+src.Name, &operator{source: src})
}

// step is the operator of a filter, a join, an unnest or a function.
func (x *expansion) step(n *node, b branch) *operator {
	var op *operator
	var graphColumns []*column
	switch {
	case n.filter != nil:
		op = b.op.then(&operator{filter: x.expr(b.env, n.filter)})
	case n.join != nil:
		step := &joinStep{table: n.join.table, kind: n.join.kind, right: n.join.right}
		for _, id := range n.join.left {
			step.left = append(step.left, x.column(b.env, id).id)
		}
		op, graphColumns = b.op.then(&operator{join: step}), n.join.columns
	case n.mapped != nil:
		step := &mapStep{mapping: n.mapped}
		for _, id := range n.mapped.in {
			step.in = append(step.in, x.column(b.env, id).id)
		}
		op, graphColumns = b.op.then(&operator{mapped: step}), n.mapped.columns
	default:
		step := &unnestStep{list: x.column(b.env, n.unnest.list).id, left: n.unnest.left, ordered: n.unnest.ordered}
		op, graphColumns = b.op.then(&operator{unnest: step}), n.unnest.columns
	}
	for i, c := range graphColumns {
		if i == len(op.columns) {
			op.add(&x.columns, column{name: c.name, typ: c.typ, field: c.field})
		}
		b.env.columns[c.id] = op.columns[i]
	}
	return op
}

// then is the operator behind o that does what op does, op itself if there is none yet.
func (o *operator) then(op *operator) *operator {
	for _, c := range o.behind {
		if c.next != nil && c.next.identity() == op.identity() {
			return c.next
		}
	}
	op.in, op.depth = o, o.depth+1
	o.behind = append(o.behind, consumer{next: op})
	return op
}

// column is what the column of the graph is in a branch.
func (x *expansion) column(e *env, id int) *column {
	for s := e; s != nil; s = s.outer {
		if c := s.columns[id]; c != nil {
			return c
		}
		if i := s.place(id); i >= 0 {
			s.columns[id] = x.define(x.expr(s.outer, s.union.columns[i].union[s.input]))
			return s.columns[id]
		}
	}
	c := x.graph.columns.list[id]
	switch {
	case c.def != nil && (c.name == windowEnd || c.name == windowTime):
		e.columns[id] = x.named(c.name, x.expr(e, c.def))
	case c.def != nil:
		e.columns[id] = x.define(x.expr(e, c.def))
	default:
		e.columns[id] = x.field(c)
	}
	return e.columns[id]
}

// place is the place of the column in the union that e stands behind, −1 when it is not there.
func (e *env) place(id int) int {
	if e.union == nil {
		return -1
	}
	return slices.IndexFunc(e.union.columns, func(c *column) bool { return c.id == id })
}

// expr is an expression of the graph over the columns of a branch.
func (x *expansion) expr(e *env, over *columnar.Expr) *columnar.Expr {
	return substitute(over, func(c *columnar.Expr) *columnar.Expr { return x.column(e, c.Col).expr() })
}

// define is the column computed by e, called by what it is.
func (x *expansion) define(e *columnar.Expr) *column {
	if e.Op == "col" {
		return x.columns.list[e.Col]
	}
	return x.named(shorten(x.columns.render(e)), e)
}

// named is the column of that name computed by e: the same one for equal expressions.
func (x *expansion) named(name string, e *columnar.Expr) *column {
	key := name + " " + e.String()
	if known := x.computed[key]; known != nil {
		return known
	}
	c := column{name: name, typ: e.Type, def: e}
	for _, id := range references(e, nil) {
		c.depth = max(c.depth, x.columns.list[id].depth)
	}
	x.computed[key] = x.columns.add(c)
	return x.computed[key]
}

// field is a field of a source.
func (x *expansion) field(c *column) *column {
	op := x.source(c.source)
	for _, known := range op.columns {
		if known.field == c.field {
			return known
		}
	}
	return op.add(&x.columns, column{name: c.name, typ: c.typ, source: c.source, field: c.field})
}
