package sql

import (
	"fmt"
	"strings"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/dstream"
)

// prefix reads an operand: a literal, a name, a call, a sign with its operand, or something in brackets.
func (p *parser) prefix() node {
	switch t := p.peek(); t.kind {
	case stringToken:
		p.next()
		return p.leaf(t, dstream.Str(t.value))
	case bytesToken:
		p.next()
		return p.leaf(t, dstream.Expr{Kind: dstream.LiteralExpr, Type: columnar.Type{Kind: columnar.Binary}, Value: columnar.Value{S: t.value}})
	case integerToken, decimalToken:
		return p.number(t, p.next().value)
	case quotedToken:
		return p.column()
	case signToken:
		return p.signed()
	default:
		return p.wordPrefix()
	}
}

func (p *parser) signed() node {
	switch t := p.peek(); t.key {
	case "(":
		return p.parenthesis()
	case "[":
		return p.array(t)
	case "{":
		if p.atStructLiteral() {
			return p.structLiteral()
		}
	case "-":
		p.next()
		return p.minus(t)
	case "+":
		p.next()
		n := p.operand(powerSign)
		n.from = t.start
		return n
	case "~":
		p.next()
		return p.call(t, t.start, "~", p.operand(powerOther))
	case "@":
		p.next()
		return p.call(t, t.start, "abs", p.operand(powerOther))
	}
	p.unexpected("an expression")
	return node{}
}

// minus reads the operand of a minus. A number becomes negative at once: the least bigint has no positive twin.
func (p *parser) minus(t token) node {
	if next := infixes[p.ahead(1).key]; p.peek().number() && next.power != powerPostfix {
		return p.number(t, "-"+p.next().value)
	}
	arg := p.operand(powerSign)
	return p.call(t, t.start, "neg", arg)
}

func (p *parser) parenthesis() node {
	open := p.next()
	p.refuseSubselect()
	n := p.operand(0)
	if p.is(",") {
		p.fail(p.peek(), "rows of several values in parentheses are not supported", "write a = 1 AND b = 2, joined by OR for a list of rows, or ROW(a, b) for a struct")
	}
	p.expect(")")
	n.from = open.start
	return n
}

// wordPrefix reads what begins with an unquoted word.
func (p *parser) wordPrefix() node {
	t := p.peek()
	if n, ok := p.special(t); ok {
		return n
	}
	if p.isCall("LEFT") || p.isCall("RIGHT") {
		return p.function()
	}
	if p.refuseReserved() {
		return node{}
	}
	if r := p.refusal(); (reserved[t.key] || len(r.words) > 1) && p.refuse() { // else it may be a name
		return node{}
	}
	switch {
	case p.accept("NULL"):
		return p.leaf(t, dstream.Null())
	case p.accept("TRUE"):
		return p.leaf(t, dstream.Bool(true))
	case p.accept("FALSE"):
		return p.leaf(t, dstream.Bool(false))
	case p.accept("NOT"):
		arg := p.operand(powerNot - 1)
		return p.call(t, t.start, "not", arg)
	case p.accept("CASE"):
		return p.caseOf(t)
	case t.key == "INTERVAL" && p.atInterval():
		return p.intervalLiteral()
	case t.key == "INTERVAL" && (p.ahead(1).key == "(" || p.ahead(1).name() && isUnit(p.ahead(2).key)):
		return p.computedInterval()
	case p.atTypedLiteral():
		return p.typedLiteral()
	case p.isCall(t.key) && t.name():
		return p.function()
	}
	return p.column()
}

// behindNames are the words and signs that may stand behind the name of a column, but not behind the keywords that
// are reserved.
var behindNames = wordSet(", ) . = <> != < <= > >= + / % || :: -> ->> IS FROM AS")

// refuseReserved refuses a reserved word in the place of a column.
func (p *parser) refuseReserved() bool {
	t := p.peek()
	if t.kind != wordToken || !reserved[t.key] || !behindNames[p.ahead(1).key] || reservedOperands[t.key] {
		return false
	}
	p.fail(t, fmt.Sprintf("%s is a reserved word", t.key), fmt.Sprintf("a column of that name is written %q, in double quotes", t.value))
	return true
}

// reservedOperands are the reserved words that are, or begin, an operand.
var reservedOperands = wordSet("NULL TRUE FALSE NOT CASE FROM DISTINCT ALL")

// atInterval reports whether INTERVAL begins a literal here, and is not a name.
func (p *parser) atInterval() bool {
	next, behind := p.ahead(1), p.ahead(2)
	return next.kind == stringToken || next.number() || next.key == "-" && behind.number() && isUnit(p.ahead(3).key)
}

// column reads name or relation.name; further names are fields.
func (p *parser) column() node {
	t := p.peek()
	if !t.name() {
		p.unexpected("an expression")
		return node{}
	}
	e := dstream.Expr{Kind: dstream.ColumnRef, Name: p.next().value}
	if p.is(".") && p.ahead(1).key != "*" && p.ahead(2).key != "(" {
		p.next()
		e.Qualifier, e.Name = e.Name, p.newFieldName().value
	}
	return p.leaf(t, e)
}

// caseOf reads both forms of CASE into case(condition, value, …, else). The simple form compares its operand with =.
func (p *parser) caseOf(t token) node {
	var subject *node
	if !p.is("WHEN") {
		n := p.operand(0)
		subject = &n
	}
	var args []node
	for p.accept("WHEN") {
		args = append(args, p.when(subject)...)
	}
	if len(args) == 0 {
		p.unexpected("WHEN")
	}
	otherwise := node{Expr: dstream.Null(), size: 1, height: 1}
	if p.accept("ELSE") {
		otherwise = p.operand(0)
	}
	if !p.accept("END") {
		p.unexpected("WHEN", "ELSE", "END")
	}
	return p.call(t, t.start, "case", append(args, otherwise)...)
}

// when reads condition THEN value.
func (p *parser) when(subject *node) []node {
	t := p.peek()
	condition := p.operand(0)
	if subject != nil {
		condition = p.call(t, t.start, "=", *subject, condition)
	}
	p.expect("THEN")
	return []node{condition, p.operand(0)}
}

// bareFunctions are called without parentheses. A number in parentheses would be a precision.
var bareFunctions = wordSet("CURRENT_DATE CURRENT_TIMESTAMP LOCALTIMESTAMP")

// special reads the functions whose arguments are not a list.
func (p *parser) special(t token) (node, bool) {
	if bareFunctions[t.key] && p.ahead(1).key != "." {
		return p.bareFunction(t), true
	}
	if read := specialForms[t.key]; read != nil && p.ahead(1).key == "(" {
		p.next()
		p.next()
		n := read(p, t)
		p.expect(")")
		if p.err == nil {
			n.Text = p.text[t.start:p.end()]
		}
		return n, true
	}
	if read := constructors[t.key]; read != nil && constructed(p.ahead(1).key, t.key) {
		p.next()
		return read(p, t), true
	}
	return node{}, false
}

func (p *parser) bareFunction(t token) node {
	p.next()
	if p.accept("(") {
		if digits := p.peek(); digits.kind == integerToken {
			p.next()
			if digits.value != "6" {
				p.fail(digits, t.key+" counts microseconds and has no other precision", "write "+t.key)
			}
		}
		p.expect(")")
	}
	return p.call(t, t.start, strings.ToLower(t.key))
}
