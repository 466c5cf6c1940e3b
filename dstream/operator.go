package dstream

import (
	"fmt"

	"github.com/millrace/millrace/columnar"
)

// operator is a step as it runs: a source, an exchange, or a row operator over the operator in front of it. Unlike the
// steps of the graph, row operators form trees: none stands behind a UNION ALL, because each of its inputs has operators
// of its own up to the next exchange or sink. Equal operators over equal inputs are one, whoever asked for them.
//
// Expressions are over ids of the columns of the expansion.
type operator struct {
	in      *operator // nil for sources and exchanges, the roots
	key     string    // of row operators: what tells it from the others behind the same one; see identity
	depth   int       // operators in front of it
	source  *Source
	gather  *gather
	filter  *columnar.Expr
	join    *joinStep
	unnest  *unnestStep
	mapped  *mapStep
	columns []*column // that it brings, in the order of the rows; of a source as they are asked for

	behind []consumer
}

// joinStep is a join with a static table.
type joinStep struct {
	table *Table
	kind  JoinKind
	left  []int // column ids
	right []int // positions in the table's schema
}

// unnestStep takes a list apart.
type unnestStep struct {
	list    int // column id
	left    bool
	ordered bool
}

// consumer is what stands behind an operator: exactly one is set.
type consumer struct {
	next *operator
	end  *end
}

// end is where rows leave a tree: an exchange, or sinks that take the same rows.
type end struct {
	outs   []output
	gather *operator // the root behind the exchange
	sinks  []string
}

// output is a column that leaves.
type output struct {
	column *column
	name   string
}

// root is the source or the exchange that the operator's rows come from.
func (o *operator) root() *operator {
	for o.in != nil {
		o = o.in
	}
	return o
}

// add appends a column that the operator brings.
func (o *operator) add(set *columnSet, c column) *column {
	c.op, c.depth = o, o.depth
	added := set.add(c)
	o.columns = append(o.columns, added)
	return added
}

// attach makes the rows of the operator leave. Rows that leave in the same form elsewhere leave once, unless they would
// get to the same place twice: then they are there twice.
func (o *operator) attach(e *end) {
	for _, c := range o.behind {
		if c.end != nil && c.end.takes(e) {
			c.end.sinks = append(c.end.sinks, e.sinks...)
			if e.gather != nil {
				c.end.gather = e.gather
			}
			return
		}
	}
	o.behind = append(o.behind, consumer{end: e})
}

// takes reports whether the rows of o can leave together with those of e.
func (e *end) takes(o *end) bool {
	if len(e.outs) != len(o.outs) || e.gather != nil && o.gather != nil {
		return false
	}
	for i := range e.outs {
		if e.outs[i] != o.outs[i] {
			return false
		}
	}
	for _, name := range o.sinks {
		for _, other := range e.sinks {
			if name == other {
				return false
			}
		}
	}
	return true
}

// identity tells row operators behind the same one apart. Most have nothing to be told from, so it is made when asked for.
func (o *operator) identity() string {
	switch {
	case o.key != "":
	case o.filter != nil:
		o.key = "filter " + o.filter.String()
	case o.join != nil:
		o.key = fmt.Sprintf("join %q %d %v %v", o.join.table.Name, o.join.kind, o.join.left, o.join.right)
	case o.mapped != nil:
		o.key = fmt.Sprintf("map %q %v", o.mapped.mapping.id, o.mapped.in)
	default:
		o.key = fmt.Sprintf("unnest %+v", *o.unnest)
	}
	return o.key
}
