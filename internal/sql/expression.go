package sql

// Binding powers, as PostgreSQL has them: a higher one binds more tightly.
const (
	powerOr = iota + 1
	powerAnd
	powerNot
	powerIs
	powerCompare
	powerRange // BETWEEN, IN, LIKE
	powerOther // every operator without a place of its own: ||, ->, ~, bits
	powerSum
	powerProduct
	powerPower
	powerZone // AT TIME ZONE
	powerSign
	powerPostfix // [], a field behind a point, ::
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

// infixes are the operators by their keyword or sign.
var infixes map[string]infix

func init() {
	infixes = map[string]infix{
		"OR":      {powerOr, binary("or", powerOr)},
		"AND":     {powerAnd, binary("and", powerAnd)},
		"IS":      {powerIs, (*parser).isTest},
		"ISNULL":  {powerIs, postfixTest("isnull")},
		"NOTNULL": {powerIs, postfixTest("isnotnull")},
		"NOT":     {powerRange, (*parser).notTest},
		"BETWEEN": {powerRange, (*parser).between},
		"IN":      {powerRange, (*parser).inList},
		"LIKE":    {powerRange, matching("like")},
		"ILIKE":   {powerRange, matching("ilike")},
		"RLIKE":   {powerRange, matching("regexp_like")},
		"REGEXP":  {powerRange, matching("regexp_like")},
		"~":       {powerOther, pattern("regexp_like", false)},
		"~*":      {powerOther, pattern("regexp_like", false, "i")},
		"!~":      {powerOther, pattern("regexp_like", true)},
		"!~*":     {powerOther, pattern("regexp_like", true, "i")},
		"~~":      {powerOther, pattern("like", false)},
		"~~*":     {powerOther, pattern("ilike", false)},
		"!~~":     {powerOther, pattern("like", true)},
		"!~~*":    {powerOther, pattern("ilike", true)},
		"AT":      {powerZone, (*parser).atTimeZone},
		"[":       {powerPostfix, (*parser).subscript},
		".":       {powerPostfix, (*parser).field},
		"::":      {powerPostfix, (*parser).colonCast},
	}
	for sign, name := range map[string]string{"=": "=", "==": "=", "<": "<", "<=": "<=", ">": ">", ">=": ">=", "<>": "<>", "!=": "<>"} {
		infixes[sign] = infix{powerCompare, comparison(name)}
	}
	infixes["<=>"] = infix{powerCompare, (*parser).nullSafeEqual}
	for sign, name := range map[string]string{"||": "concat", "->": "->", "->>": "->>", "&": "&", "|": "|", "#": "#", "<<": "<<", ">>": ">>"} {
		infixes[sign] = infix{powerOther, binary(name, powerOther)}
	}
	for sign, power := range map[string]int{"+": powerSum, "-": powerSum, "*": powerProduct, "/": powerProduct, "%": powerProduct} {
		infixes[sign] = infix{power, binary(sign, power)}
	}
	infixes["^"] = infix{powerPower, binary("power", powerPower)}
	infixes["**"] = infixes["^"]
	infixes["//"] = infix{powerProduct, binary("div", powerProduct)}
	infixes["DIV"] = infixes["//"]
}

// infix looks up the present token; power 0 = it does not continue an expression.
func (p *parser) infix() infix {
	switch t := p.peek(); {
	case t.key == "AT" && !p.follows([]string{"AT", "TIME", "ZONE"}):
		return infix{} // a name
	case wordOperators[t.key] && !p.continues():
		return infix{} // a name
	default:
		return infixes[t.key]
	}
}

// wordOperators are operators that are names too.
var wordOperators = wordSet("RLIKE REGEXP DIV ISNULL NOTNULL")

// continues reports whether the present word, which may also be an alias, has to be an operator: most have an operand
// behind them, ISNULL and NOTNULL what may follow a condition.
func (p *parser) continues() bool {
	next := p.ahead(1)
	if p.is("ISNULL") || p.is("NOTNULL") {
		return next.key != "." && next.key != "("
	}
	return next.kind == stringToken || next.number() || next.name() || next.key == "("
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
		if quantifiers[p.peek().key] && p.ahead(1).key == "(" {
			return p.quantified(left, op, name)
		}
		n := binary(name, powerCompare)(p, left, op)
		p.refuseChain()
		return n
	}
}
