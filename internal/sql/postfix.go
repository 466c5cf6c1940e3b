package sql

import (
	"fmt"

	"github.com/millrace/millrace/dstream"
)

// subscript reads a[i], a[key] or a[from:to].
func (p *parser) subscript(left node, op token) node {
	if p.is(":") {
		return p.slice(left, op, p.integer(op, 1))
	}
	index := p.operand(0)
	if p.is(":") {
		return p.slice(left, op, index)
	}
	p.expect("]")
	return p.call(op, left.from, "element_at", left, index)
}

// slice reads the rest of a[from:to], both ends included. An end that is left out is that of the array; −1 is its last
// element.
func (p *parser) slice(left node, op token, from node) node {
	p.next()
	to := p.integer(op, -1)
	if !p.is("]") {
		to = p.operand(0)
	}
	if p.is(":") {
		p.fail(p.peek(), "slices have no step", "")
	}
	p.expect("]")
	return p.call(op, left.from, "array_slice", left, from, to)
}

// field reads the name of a field behind a point: x.name, where x is more than the name of a column.
func (p *parser) field(left node, op token) node {
	if p.is("*") {
		p.fail(p.peek(), "the fields of a struct cannot be taken by .*", "name the fields")
		return node{}
	}
	name := p.newFieldName()
	if p.is("(") && name.kind == wordToken {
		p.refuseMethod(left, name)
	}
	return p.compose(name, left.from, dstream.Expr{Kind: dstream.FieldExpr, Name: name.value}, []node{left})
}

// refuseMethod is about x.f(…).
func (p *parser) refuseMethod(left node, name token) {
	if left.Kind == dstream.ColumnRef {
		p.failAt(left.Pos, fmt.Sprintf("function %s.%s is unknown: functions have no schema", shortened(left.Name), shortened(name.value)), "")
		return
	}
	p.fail(name, "functions are not called behind a point", fmt.Sprintf("write %s(…)", shortened(name.value)))
}

// newFieldName takes the name behind a point. Behind a point reserved words are names too.
func (p *parser) newFieldName() token {
	if t := p.peek(); t.kind == wordToken {
		return p.next()
	}
	return p.newName("the name of a column or field")
}

func (p *parser) colonCast(left node, op token) node {
	to := p.typeName()
	return p.cast(op, left.from, left, to)
}

// atTimeZone reads x AT TIME ZONE zone.
func (p *parser) atTimeZone(left node, op token) node {
	p.next()
	p.next()
	zone := p.operand(powerZone)
	return p.call(op, left.from, "timezone", zone, left)
}
