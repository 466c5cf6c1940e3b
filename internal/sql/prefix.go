package sql

import (
	"fmt"
	"slices"
	"strings"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/dstream"
)

// prefix reads an operand: a literal, a name, a call, a sign with its operand, or something in parentheses.
func (p *parser) prefix() node {
	switch t := p.peek(); t.kind {
	case stringToken:
		p.next()
		return p.leaf(t, dstream.Str(t.value))
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
	case "-":
		p.next()
		return p.minus(t)
	case "+":
		p.next()
		n := p.operand(powerSign)
		n.from = t.start
		return n
	}
	p.unexpected("an expression")
	return node{}
}

// minus reads the operand of a minus. A number becomes negative at once: the least bigint has no positive twin.
func (p *parser) minus(t token) node {
	if k := p.peek().kind; (k == integerToken || k == decimalToken) && p.ahead(1).key != "::" {
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
		p.fail(p.peek(), "rows of several values are not supported yet", "")
	}
	p.expect(")")
	n.from = open.start
	return n
}

// wordPrefix reads what begins with an unquoted word.
func (p *parser) wordPrefix() node {
	t := p.peek()
	if r := p.refusal(); (reserved[t.key] || len(r.words) > 1) && p.refuse() { // else it may be a name
		return node{}
	}
	literal := p.ahead(1).kind == stringToken
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
	case p.isCall("CAST"):
		return p.castCall()
	case p.isCall("EXTRACT"):
		return p.extract()
	case t.key == "INTERVAL" && (literal || p.ahead(1).kind == integerToken):
		return p.intervalLiteral()
	case t.key == "TIMESTAMP" && literal, t.key == "DATE" && literal:
		return p.timeLiteral()
	case p.isCall(t.key) && t.name():
		return p.function()
	}
	return p.column()
}

// column reads name or relation.name.
func (p *parser) column() node {
	t := p.peek()
	if !t.name() {
		p.unexpected("an expression")
		return node{}
	}
	e := dstream.Expr{Kind: dstream.ColumnRef, Name: p.next().value}
	if p.accept(".") {
		e.Qualifier, e.Name = e.Name, p.newName("the name of a column").value
	}
	switch {
	case p.is("."):
		p.fail(t, "a name has at most two parts: relation.column", "")
	case p.is("(") && t.kind == wordToken:
		p.fail(t, fmt.Sprintf("function %s.%s is unknown: functions have no schema", e.Qualifier, e.Name), "")
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

// castCall reads CAST(x AS type).
func (p *parser) castCall() node {
	t := p.next()
	p.next()
	arg := p.operand(0)
	p.expect("AS")
	to := p.typeName()
	p.expect(")")
	return p.cast(t, t.start, arg, to)
}

// timeParts are the fields of EXTRACT.
var timeParts = []string{"year", "month", "day", "hour", "minute", "second"}

// extract reads EXTRACT(field FROM x), which is the function of the field's name.
func (p *parser) extract() node {
	t := p.next()
	p.next()
	field := p.next()
	if field.kind != wordToken && field.kind != stringToken {
		p.fail(field, "expected a part of a time such as HOUR, found "+field.describe(), "")
	}
	name := strings.ToLower(field.value)
	if p.err == nil && !slices.Contains(timeParts, name) {
		p.fail(field, fmt.Sprintf("EXTRACT(%s FROM …) is not supported yet", shortened(strings.ToUpper(name))), "EXTRACT takes "+alternatives(timeParts))
	}
	p.expect("FROM")
	arg := p.operand(0)
	p.expect(")")
	return p.call(t, t.start, name, arg)
}

// function reads a call: name(argument, …), or count(*).
func (p *parser) function() node {
	t := p.next()
	name := strings.ToLower(t.value)
	if r := refusedFunctions[name]; r.msg != "" {
		p.fail(t, r.msg, r.hint)
	}
	p.expect("(")
	var args []node
	if !p.is(")") {
		args = p.arguments(name)
	}
	p.expect(")")
	n := p.call(t, t.start, name, args...)
	p.refuse() // FILTER, OVER
	return n
}

func (p *parser) arguments(name string) []node {
	if star := p.peek(); star.key == "*" {
		if name != "count" {
			p.fail(star, "only count takes *, not "+shortened(name), didYouMean(dstream.Nearest(name, []string{"count"})))
		}
		return []node{p.leaf(p.next(), dstream.Star())}
	}
	if p.is("DISTINCT") || p.is("ALL") {
		p.fail(p.peek(), fmt.Sprintf("%s inside %s() is not supported yet", p.peek().key, name), "")
	}
	p.refuseSubselect()
	var args []node
	for {
		args = append(args, p.operand(0))
		if p.is("=>") {
			p.fail(p.peek(), name+"() takes its arguments by position, without names", "")
		}
		if !p.accept(",") {
			return args
		}
	}
}

// typeName reads the type of a cast.
func (p *parser) typeName() columnar.Type {
	t := p.peek()
	if t.kind != wordToken {
		p.unexpected("a type")
		return columnar.Type{}
	}
	name := p.next().value
	for _, more := range [][]string{{"PRECISION"}, {"VARYING"}, {"WITH", "TIME", "ZONE"}, {"WITHOUT", "TIME", "ZONE"}} {
		if p.accept(more...) {
			name += " " + strings.ToLower(strings.Join(more, " "))
		}
	}
	if p.accept("(") {
		name += p.typeArguments()
	}
	to, unit, err := parseType(name)
	if err == nil && unit != columnar.UnitNone {
		err = &dstream.Error{Msg: "a cast to timestamp takes no unit", Hint: "write timestamp"}
	}
	if err != nil {
		p.fail(t, err.Msg, err.Hint)
	}
	return to
}

// typeArguments reads the rest of (…) behind a type.
func (p *parser) typeArguments() string {
	from := p.peek().start
	for p.err == nil && !p.is(")") {
		if k := p.peek().kind; k != wordToken && k != integerToken && !p.is(",") {
			p.unexpected(")")
		}
		p.next()
	}
	text := p.text[from:p.peek().start]
	p.expect(")")
	return "(" + text + ")"
}
