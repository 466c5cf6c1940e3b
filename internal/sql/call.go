package sql

import (
	"fmt"
	"strings"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/dstream"
)

// callParts is a call under construction.
type callParts struct {
	token token
	name  string // in lower case
	expr  dstream.Expr
	args  []node
	parts []node // of FILTER and ORDER BY
}

// function reads a call: name(argument, …), with what aggregates take besides.
func (p *parser) function() node {
	t := p.next()
	c := &callParts{token: t, name: strings.ToLower(t.value)}
	if c.name == "named_struct" {
		c.name = "struct"
	}
	c.expr = dstream.Expr{Kind: dstream.CallExpr, Name: c.name}
	p.refuseFunction(t, c.name)
	p.expect("(")
	if !p.is(")") {
		p.callArguments(c)
	}
	p.expect(")")
	p.bareUnit(c)
	p.callSuffix(c)
	// With two arguments it is quantile_cont under its other name.
	if set := orderedSets[c.name]; set != "" && c.expr.Name != set && len(c.args) < 2 {
		p.fail(t, c.name+" needs WITHIN GROUP (ORDER BY value)", fmt.Sprintf("or write %s(value, fraction)", set))
	}
	n := p.compose(t, t.start, c.expr, c.args, c.parts...)
	if p.is("OVER") {
		p.refuse()
	}
	return n
}

// refuseFunction refuses a function that exists elsewhere and not here.
func (p *parser) refuseFunction(t token, name string) {
	if reason, ok := columnar.RefusedFunction(name); ok {
		p.fail(t, fmt.Sprintf("%s() is refused", name), reason)
		return
	}
	if r, ok := refusedFunctions[name]; ok && !dstream.IsAggregate(name) && !columnar.IsFunction(name) {
		p.fail(t, r.msg, r.hint)
	}
}

// callArguments reads what stands between the parentheses.
func (p *parser) callArguments(c *callParts) {
	if star := p.peek(); star.key == "*" {
		if c.name != "count" {
			p.fail(star, "only count takes *, not "+shortened(c.name), didYouMean(dstream.Nearest(c.name, []string{"count"})))
		}
		c.args = []node{p.leaf(p.next(), dstream.Star())}
		return
	}
	if t := p.peek(); p.accept("DISTINCT") {
		p.onlyAggregates(t, c)
		c.expr.Distinct = true
	} else {
		p.accept("ALL")
	}
	p.refuseSubselect()
	for p.err == nil {
		c.args = append(c.args, p.argument(c))
		if !p.accept(",") {
			break
		}
	}
	p.nullTreatment(c)
	if t := p.peek(); p.accept("ORDER", "BY") {
		p.onlyAggregates(t, c)
		p.callOrder(c)
	}
	p.nullTreatment(c)
}

// argument reads one argument. FLOOR(time TO unit) is date_trunc.
func (p *parser) argument(c *callParts) node {
	n := p.operand(0)
	switch {
	case p.is("=>"), p.is(":="):
		p.fail(p.peek(), c.name+"() takes its arguments by position, without names", "")
	case c.name == "floor" && len(c.args) == 0 && p.accept("TO"):
		unit := p.newName("a unit of time")
		c.expr.Name = "date_trunc"
		c.args = append(c.args, p.literal(unit, dstream.Str(strings.ToLower(unit.value))))
	}
	return n
}

// unitFunctions take a unit of time in front of two arguments, which Flink, Spark and SQL Server write without quotes.
var unitFunctions = map[string]bool{"timestampadd": true, "timestampdiff": true, "timestamp_add": true, "timestamp_diff": true,
	"dateadd": true, "datediff": true, "date_diff": true}

// bareUnit makes a text of a unit without quotes.
func (p *parser) bareUnit(c *callParts) {
	if !unitFunctions[c.name] || len(c.args) != 3 {
		return
	}
	if unit := c.args[0]; unit.Kind == dstream.ColumnRef && unit.Qualifier == "" && isUnit(unit.Text) {
		c.args[0].Expr = dstream.Str(strings.ToLower(unit.Name))
		c.args[0].Pos, c.args[0].Text = unit.Pos, unit.Text
	}
}

// callOrder reads the keys of an ORDER BY inside an aggregate.
func (p *parser) callOrder(c *callParts) {
	for p.err == nil {
		key := p.operand(0)
		o := dstream.Order{Expr: key.Expr}
		if !p.accept("ASC") {
			o.Desc = p.accept("DESC")
		}
		switch {
		case p.accept("NULLS", "FIRST"):
			o.Nulls = dstream.NullsFirst
		case p.accept("NULLS", "LAST"):
			o.Nulls = dstream.NullsLast
		}
		c.expr.OrderBy = append(c.expr.OrderBy, o)
		c.parts = append(c.parts, key)
		if len(c.expr.OrderBy) > maxKeys {
			p.fail(c.token, fmt.Sprintf("ORDER BY has more than %d keys", maxKeys), "")
		}
		if !p.accept(",") {
			return
		}
	}
}

// callSuffix reads what stands behind the parentheses.
func (p *parser) callSuffix(c *callParts) {
	if p.is("WITHIN") && p.ahead(1).key == "GROUP" {
		p.withinGroup(c)
	}
	if t := p.peek(); t.key == "FILTER" && p.ahead(1).key == "(" {
		p.onlyAggregates(t, c)
		p.filter(c)
	}
	p.nullTreatment(c)
}

func (p *parser) filter(c *callParts) {
	p.next()
	p.next()
	p.expect("WHERE")
	condition := p.operand(0)
	p.expect(")")
	p.addFilter(c, condition)
}

// addFilter adds a condition to those that rows have to meet.
func (p *parser) addFilter(c *callParts, condition node) {
	c.parts = append(c.parts, condition)
	if c.expr.Filter != nil {
		condition.Expr = condition.And(*c.expr.Filter)
	}
	c.expr.Filter = &condition.Expr
}

// orderedAggregates are those for which WITHIN GROUP (ORDER BY …) is an ORDER BY inside.
var orderedAggregates = map[string]bool{"listagg": true, "string_agg": true, "group_concat": true, "array_agg": true}

// orderedSets are the aggregates of the standard over WITHIN GROUP (ORDER BY value), and those of the value that they are.
var orderedSets = map[string]string{"percentile_cont": "quantile_cont", "percentile_disc": "quantile_disc", "mode": "mode"}

func (p *parser) withinGroup(c *callParts) {
	t := p.peek()
	set := orderedSets[c.name]
	if !orderedAggregates[c.name] && set == "" {
		p.fail(t, "WITHIN GROUP is not supported for "+shortened(c.name), "approx_quantile(value, fraction) is a quantile")
	}
	p.next()
	p.next()
	p.expect("(")
	p.expect("ORDER")
	p.expect("BY")
	p.callOrder(c)
	p.expect(")")
	if set != "" && p.err == nil {
		p.orderedSet(t, c, set)
	}
}

// orderedSet makes the value that is ordered the first argument.
func (p *parser) orderedSet(t token, c *callParts, name string) {
	keys := c.expr.OrderBy
	if len(keys) > 1 || keys[0].Desc && name != "mode" {
		p.fail(t, c.name+" takes one value in ascending order", "the fraction 0.9 of the descending order is 0.1 of the ascending one")
		return
	}
	value := c.parts[len(c.parts)-1]
	c.expr.Name, c.expr.OrderBy, c.parts = name, nil, nil
	c.args = append([]node{value}, c.args...)
}

// nullTreatment reads IGNORE NULLS, which every aggregate but array_agg does anyway, or RESPECT NULLS, which only
// array_agg does.
func (p *parser) nullTreatment(c *callParts) {
	t := p.peek()
	keeps := c.name == "array_agg" || c.name == "list"
	switch {
	case p.accept("IGNORE", "NULLS"):
		if keeps && len(c.args) > 0 {
			p.addFilter(c, p.call(t, c.token.start, "isnotnull", c.args[0]))
		}
	case p.accept("RESPECT", "NULLS"):
		if !keeps {
			p.fail(t, fmt.Sprintf("%s() skips NULLs; RESPECT NULLS is not supported", c.name), "array_agg keeps them")
		}
	default:
		return
	}
	p.onlyAggregates(t, c)
}

// onlyAggregates refuses what t begins in the call of a function that is known to be no aggregate.
func (p *parser) onlyAggregates(t token, c *callParts) {
	if !dstream.IsAggregate(c.name) && columnar.IsFunction(c.name) {
		what := strings.Replace(t.key, "ORDER", "ORDER BY", 1)
		p.fail(t, fmt.Sprintf("%s belongs in aggregates, and %s is none", what, c.name), "")
	}
}
