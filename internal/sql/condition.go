package sql

import (
	"fmt"

	"github.com/millrace/millrace/dstream"
)

func (p *parser) refuseChain() {
	if p.err == nil && p.infix().power == powerCompare {
		p.fail(p.peek(), "comparisons cannot be chained", "write a < b AND b < c")
	}
}

// refuseTestChain is about tests such as IN and LIKE, none of which is an operand of another.
func (p *parser) refuseTestChain() {
	if p.err == nil && p.infix().power == powerRange {
		p.fail(p.peek(), fmt.Sprintf("%s cannot follow another test", p.peek().key), "put the first one in parentheses")
	}
}

var quantifiers = wordSet("ANY SOME ALL")

// quantified reads = ANY (array).
func (p *parser) quantified(left node, op token, name string) node {
	t := p.next()
	if name != "=" || t.key == "ALL" {
		p.fail(t, fmt.Sprintf("%s %s (…) is not supported", op.key, t.key), "= ANY (array) is; NOT (a = ANY (array)) is true where none is equal")
	}
	p.next()
	p.refuseSubselect()
	list := p.operand(0)
	p.expect(")")
	return p.call(op, left.from, "array_contains", list, left)
}

// truths are the tests of IS, and those of IS NOT.
var truths = map[string][2]string{
	"NULL": {"isnull", "isnotnull"}, "TRUE": {"istrue", "isnottrue"}, "FALSE": {"isfalse", "isnotfalse"}, "UNKNOWN": {"isunknown", "isnotunknown"},
}

// isTest reads IS [NOT] NULL, TRUE, FALSE, UNKNOWN or DISTINCT FROM.
func (p *parser) isTest(left node, op token) node {
	not := 0
	if p.accept("NOT") {
		not = 1
	}
	if names, ok := truths[p.peek().key]; ok {
		p.next()
		return p.call(op, left.from, names[not], left)
	}
	if !p.accept("DISTINCT") {
		p.unexpected("NULL", "TRUE", "FALSE", "DISTINCT FROM", "NOT")
	}
	p.expect("FROM")
	return p.call(op, left.from, [2]string{"isdistinct", "isnotdistinct"}[not], left, p.operand(powerIs))
}

// nullSafeEqual reads a <=> b, Spark's IS NOT DISTINCT FROM.
func (p *parser) nullSafeEqual(left node, op token) node {
	n := p.call(op, left.from, "isnotdistinct", left, p.operand(powerCompare))
	p.refuseChain()
	return n
}

func (p *parser) negatedIf(not bool, op token, n node) node {
	if !not {
		return n
	}
	return p.call(op, n.from, "not", n)
}

// postfixTest is PostgreSQL's a ISNULL and a NOTNULL.
func postfixTest(name string) func(*parser, node, token) node {
	return func(p *parser, left node, op token) node { return p.call(op, left.from, name, left) }
}

// negatable are the tests that may stand behind NOT.
var negatable = []string{"BETWEEN", "IN", "LIKE", "ILIKE", "RLIKE", "REGEXP"}

// notTest reads NOT BETWEEN, NOT IN, NOT LIKE and so on.
func (p *parser) notTest(left node, op token) node {
	t := p.peek()
	for _, key := range negatable {
		if t.key == key {
			return p.negatedIf(true, op, infixes[key].parse(p, left, p.next()))
		}
	}
	if t.key == "NULL" {
		p.fail(t, "NOT NULL is no test", "write IS NOT NULL")
	}
	p.unexpected(negatable[:4]...)
	return node{}
}

// between reads x BETWEEN low AND high. SYMMETRIC takes the two in either order.
func (p *parser) between(left node, op token) node {
	symmetric := p.accept("SYMMETRIC")
	if !symmetric {
		p.accept("ASYMMETRIC")
	}
	low := p.operand(powerRange)
	p.expect("AND")
	high := p.operand(powerRange)
	n := p.call(op, left.from, "between", left, low, high)
	if symmetric {
		n = p.call(op, left.from, "or", n, p.call(op, left.from, "between", left, high, low))
	}
	p.refuseTestChain()
	return n
}

// inList reads x IN (a, b, …).
func (p *parser) inList(left node, op token) node {
	if !p.is("(") {
		p.fail(p.peek(), "IN takes a list in parentheses, found "+p.peek().describe(), "write IN (1, 2), or = ANY (array) for an array")
		return node{}
	}
	p.next()
	p.refuseSubselect()
	if p.is(")") {
		p.fail(p.peek(), "the list of IN is empty", "")
	}
	args := []node{left}
	for p.err == nil {
		args = append(args, p.operand(0))
		if !p.accept(",") {
			break
		}
	}
	p.expect(")")
	n := p.call(op, left.from, "in", args...)
	p.refuseTestChain()
	return n
}

// matching reads LIKE, ILIKE and the words for regular expressions.
func matching(name string) func(*parser, node, token) node {
	return func(p *parser, left node, op token) node {
		if t := p.peek(); quantifiers[t.key] && p.ahead(1).key == "(" {
			p.fail(t, fmt.Sprintf("%s %s (…) is not supported", op.key, t.key), "write one condition for each pattern, joined by OR or AND")
		}
		args := []node{left, p.operand(powerRange)}
		if p.is("ESCAPE") && name != "regexp_like" {
			p.next()
			args = append(args, p.operand(powerRange))
		}
		n := p.call(op, left.from, name, args...)
		p.refuseTestChain()
		return n
	}
}

// pattern reads the operators of PostgreSQL for regular expressions and for LIKE.
func pattern(name string, not bool, flags ...string) func(*parser, node, token) node {
	return func(p *parser, left node, op token) node {
		args := []node{left, p.operand(powerOther)}
		for _, f := range flags {
			args = append(args, p.literal(op, dstream.Str(f)))
		}
		return p.negatedIf(not, op, p.call(op, left.from, name, args...))
	}
}
