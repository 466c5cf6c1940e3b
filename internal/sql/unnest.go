package sql

import (
	"fmt"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/dstream"
)

// unnestForms are the words in front of UNNEST( in its spellings, by their number; LATERAL may stand in between.
var unnestForms = [][]string{{","}, {"CROSS", "JOIN"}, {"JOIN"}, {"INNER", "JOIN"}, {"LEFT", "JOIN"}, {"LEFT", "OUTER", "JOIN"}}

// atUnnest reports whether an UNNEST in one of its spellings begins here.
func (p *parser) atUnnest() bool {
	return p.is("LATERAL") && p.ahead(1).key == "VIEW" || p.unnestForm() != nil
}

// unnestForm is the spelling that begins here, or nil.
func (p *parser) unnestForm() []string {
	for _, words := range unnestForms {
		n := len(words)
		if !p.follows(words) {
			continue
		}
		if p.ahead(n).key == "LATERAL" {
			n++
		}
		if p.ahead(n).key == "UNNEST" && p.ahead(n+1).key == "(" {
			return words
		}
	}
	return nil
}

// unnest reads [LEFT] JOIN UNNEST(array) [WITH ORDINALITY] [AS] t(a) ON TRUE, or one of the other spellings.
func (p *parser) unnest() *dstream.UnnestSpec {
	if p.is("LATERAL") {
		return p.lateralView()
	}
	form := p.unnestForm()
	p.accept(form...)
	p.accept("LATERAL")
	u := &dstream.UnnestSpec{Pos: p.pos(p.next()), Left: form[0] == "LEFT"}
	p.next()
	u.Expr = p.expression().Expr
	if p.is(",") {
		p.fail(p.peek(), "UNNEST takes one array", "write one UNNEST for each")
	}
	p.expect(")")
	p.unnestNames(u)
	if form[0] != "," && form[0] != "CROSS" {
		p.expect("ON")
		t := p.peek()
		if on := p.expression(); p.err == nil && (on.Kind != dstream.LiteralExpr || on.Type.Kind != columnar.Bool || on.Value.I != 1) {
			p.fail(t, "the condition of a join with UNNEST is TRUE", "write ON TRUE, and filter by WHERE")
		}
	}
	return u
}

// unnestNames reads [WITH ORDINALITY | WITH OFFSET] [AS] t [(a, …)].
func (p *parser) unnestNames(u *dstream.UnnestSpec) {
	if p.is("WITH") && p.ahead(1).key == "OFFSET" {
		p.fail(p.peek(), "WITH OFFSET, which counts from 0, is not supported", "write WITH ORDINALITY AS t(a, n); n counts from 1")
	}
	u.Ordinality = p.accept("WITH", "ORDINALITY")
	alias, ok := p.optionalAlias()
	if !ok {
		return
	}
	u.Alias = alias.value
	if p.is("(") {
		for _, c := range p.columnNames() {
			u.Columns = append(u.Columns, c.value)
		}
	}
}

// lateralView reads Spark's LATERAL VIEW [OUTER] explode(array) t [AS a].
func (p *parser) lateralView() *dstream.UnnestSpec {
	p.next()
	p.next()
	u := &dstream.UnnestSpec{Left: p.accept("OUTER")}
	t := p.peek()
	u.Pos = p.pos(t)
	if !p.isCall("EXPLODE") {
		p.fail(t, fmt.Sprintf("LATERAL VIEW takes explode(array), found %s", t.describe()), "CROSS JOIN UNNEST(array) WITH ORDINALITY AS t(a, n) counts the elements from 1")
		return u
	}
	p.next()
	p.next()
	u.Expr = p.expression().Expr
	p.expect(")")
	if !p.is("AS") {
		u.Alias = p.newName("a name").value
	}
	if p.accept("AS") {
		u.Columns = append(u.Columns, p.newName("the name of a column").value)
		for p.accept(",") {
			u.Columns = append(u.Columns, p.newName("the name of a column").value)
		}
	}
	return u
}
