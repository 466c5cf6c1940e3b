package sql

// Binding powers, as PostgreSQL has them: a higher one binds more tightly.
const (
	powerOr = iota + 1
	powerAnd
	powerNot
	powerIs
	powerCompare
	powerRange // BETWEEN, IN
	powerConcat
	powerSum
	powerProduct
	powerSign
	powerCast
)

// infix is what may stand behind an operand: how tightly it binds, and the function that reads it.
type infix struct {
	power int
	parse func(p *parser, left node, op token) node
}

// expression reads a whole expression, such as an item of the select list.
func (p *parser) expression() node {
	n := p.operand(0)
	p.nodes += n.size
	return n
}

// operand reads an expression whose operators bind more tightly than power (Pratt's method: a prefix, then as many
// operators as are strong enough).
func (p *parser) operand(power int) node {
	if !p.enter() {
		return node{}
	}
	defer p.leave()
	left := p.prefix()
	for p.err == nil {
		in := p.infix()
		if in.power <= power {
			break
		}
		left = in.parse(p, left, p.next())
	}
	return left
}

// infix looks up the present token; power 0 = it does not continue an expression.
func (p *parser) infix() infix {
	switch p.peek().key {
	case "OR":
		return infix{powerOr, binary("or", powerOr)}
	case "AND":
		return infix{powerAnd, binary("and", powerAnd)}
	case "IS":
		return infix{powerIs, (*parser).isTest}
	case "=", "<", "<=", ">", ">=", "<>":
		return infix{powerCompare, comparison(p.peek().key)}
	case "!=":
		return infix{powerCompare, comparison("<>")}
	case "NOT":
		return infix{powerRange, (*parser).notTest}
	case "BETWEEN":
		return infix{powerRange, (*parser).between}
	case "IN":
		return infix{powerRange, (*parser).inList}
	case "||":
		return infix{powerConcat, binary("concat", powerConcat)}
	case "+", "-":
		return infix{powerSum, binary(p.peek().key, powerSum)}
	case "*", "/", "%":
		return infix{powerProduct, binary(p.peek().key, powerProduct)}
	case "::":
		return infix{powerCast, (*parser).colonCast}
	}
	return infix{}
}

// binary reads the right side of an operator that groups to the left.
func binary(name string, power int) func(*parser, node, token) node {
	return func(p *parser, left node, op token) node {
		right := p.operand(power)
		return p.call(op, left.from, name, left, right)
	}
}

func comparison(name string) func(*parser, node, token) node {
	return func(p *parser, left node, op token) node {
		n := binary(name, powerCompare)(p, left, op)
		if p.err == nil && p.infix().power == powerCompare {
			p.fail(p.peek(), "comparisons cannot be chained", "write a < b AND b < c")
		}
		return n
	}
}

// isTest reads IS [NOT] NULL, TRUE, FALSE or UNKNOWN. x IS TRUE is x AND x IS NOT NULL.
func (p *parser) isTest(left node, op token) node {
	not := p.accept("NOT")
	var n node
	switch {
	case p.accept("NULL"), p.accept("UNKNOWN"):
		if not {
			return p.call(op, left.from, "isnotnull", left)
		}
		return p.call(op, left.from, "isnull", left)
	case p.accept("TRUE"):
		n = p.call(op, left.from, "and", left, p.call(op, left.from, "isnotnull", left))
	case p.accept("FALSE"):
		n = p.call(op, left.from, "and", p.call(op, left.from, "not", left), p.call(op, left.from, "isnotnull", left))
	case p.is("DISTINCT"):
		p.fail(p.peek(), "IS DISTINCT FROM is not supported yet", "")
	default:
		p.unexpected("NULL", "TRUE", "FALSE", "NOT")
	}
	return p.negatedIf(not, op, n)
}

func (p *parser) negatedIf(not bool, op token, n node) node {
	if !not {
		return n
	}
	return p.call(op, n.from, "not", n)
}

// notTest reads NOT BETWEEN and NOT IN.
func (p *parser) notTest(left node, op token) node {
	switch t := p.peek(); t.key {
	case "BETWEEN":
		return p.negatedIf(true, op, p.between(left, p.next()))
	case "IN":
		return p.negatedIf(true, op, p.inList(left, p.next()))
	default:
		p.unexpected("BETWEEN", "IN")
	}
	return node{}
}

// between spells out x BETWEEN low AND high.
func (p *parser) between(left node, op token) node {
	if p.is("SYMMETRIC") {
		p.fail(p.peek(), "BETWEEN SYMMETRIC is not supported yet", "")
	}
	low := p.operand(powerRange)
	p.expect("AND")
	high := p.operand(powerRange)
	return p.call(op, left.from, "and",
		p.call(op, left.from, ">=", left, low), p.call(op, left.from, "<=", left, high))
}

// inList spells out x IN (a, b, …) as a disjunction of equalities.
func (p *parser) inList(left node, op token) node {
	if !p.expect("(") {
		return node{}
	}
	p.refuseSubselect()
	var tests []node
	for {
		tests = append(tests, p.call(op, left.from, "=", left, p.operand(0)))
		if !p.accept(",") {
			break
		}
	}
	p.expect(")")
	n := p.anyOf(op, left.from, tests)
	n.Text = p.text[left.from:p.end()]
	return n
}

func (p *parser) colonCast(left node, op token) node {
	to := p.typeName()
	return p.cast(op, left.from, left, to)
}
