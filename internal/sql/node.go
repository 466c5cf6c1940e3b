package sql

import (
	"fmt"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/dstream"
)

// node is an expression under construction. Some SQL forms use an operand twice (CASE x WHEN a … WHEN b … compares x with
// both), so a short text can stand for a huge tree whose parts are shared: size counts it as every walk sees it.
type node struct {
	dstream.Expr
	from         int // byte where its text begins
	size, height int
}

// leaf is an expression without arguments that was read from token t up to the present one.
func (p *parser) leaf(t token, e dstream.Expr) node {
	e.Pos, e.Text = p.pos(t), p.text[t.start:p.end()]
	return node{Expr: e, from: t.start, size: 1, height: 1}
}

// literal is a value that a form implies without spelling it out. Errors about it point at t.
func (p *parser) literal(t token, e dstream.Expr) node {
	e.Pos = p.pos(t)
	return node{Expr: e, from: t.start, size: 1, height: 1}
}

// call applies a function of package columnar, an operator or an aggregate. Errors about it point at t; its text
// begins at byte from and ends with the last token taken.
func (p *parser) call(t token, from int, name string, args ...node) node {
	return p.compose(t, from, dstream.Expr{Kind: dstream.CallExpr, Name: name}, args)
}

func (p *parser) cast(t token, from int, arg node, to columnar.Type) node {
	return p.compose(t, from, dstream.Expr{Kind: dstream.CastExpr, Type: to}, []node{arg})
}

// compose puts args under e, within the limits. The others are parts that stand in e already, such as a FILTER.
func (p *parser) compose(t token, from int, e dstream.Expr, args []node, others ...node) node {
	if p.err != nil {
		return node{}
	}
	n := node{Expr: e, from: from, size: 1}
	n.Args = make([]dstream.Expr, len(args))
	for i, a := range args {
		n.Args[i] = a.Expr
		n.hold(a)
	}
	for _, o := range others {
		n.hold(o)
	}
	n.height++
	p.checkSize(t, n)
	n.Pos, n.Text = p.pos(t), p.text[from:p.end()]
	return n
}

// hold counts a part.
func (n *node) hold(part node) {
	n.size += part.size
	n.height = max(n.height, part.height)
}

func (p *parser) checkSize(t token, n node) {
	switch {
	case n.height > maxHeight:
		p.fail(t, fmt.Sprintf("the expression has more than %d operations on top of each other", maxHeight), "")
	case n.size+p.nodes > maxNodes:
		p.fail(t, fmt.Sprintf("the expressions have more than %d operations, names and values", maxNodes), "")
	}
}
