package sql

import (
	"fmt"

	"github.com/millrace/millrace/dstream"
)

// selection is one SELECT as it was written.
type selection struct {
	pos      dstream.Pos
	distinct distinct
	items    []dstream.Expr // with aliases; stars as StarExpr
	from     source
	steps    []step
	where    *dstream.Expr
	groupBy  []dstream.Expr
	groupAll bool // GROUP BY ALL
	having   *dstream.Expr

	groupPos, wherePos, havingPos dstream.Pos
}

// selection reads SELECT up to HAVING.
func (p *parser) selection() *selection {
	s := &selection{pos: p.pos(p.peek())}
	p.expect("SELECT")
	p.distinct(s)
	s.items = p.selectList()
	if !p.accept("FROM") {
		p.missingFrom()
	}
	s.from = p.source()
	p.steps(s)
	p.mayFollow = []string{"JOIN", "WHERE", "GROUP BY", "HAVING"}
	s.where, s.wherePos = p.clause("WHERE", "AND", "OR", "GROUP BY", "HAVING")
	if s.groupPos = p.pos(p.peek()); p.accept("GROUP") {
		p.expect("BY")
		p.groupBy(s)
		p.mayFollow = []string{",", "HAVING"}
	}
	s.having, s.havingPos = p.clause("HAVING", "AND", "OR")
	p.within(s)
	p.mayFollow = append(p.mayFollow, "UNION ALL")
	return s
}

// missingFrom fails at what stands in the place of FROM.
func (p *parser) missingFrom() {
	switch t := p.peek(); {
	case t.kind == endToken, t.key == ")", t.key == ";", t.key == "WHERE", t.key == "GROUP", t.key == "UNION":
		p.fail(t, `expected "," or FROM, found `+t.describe(), "a query reads a source, or another query")
	default:
		p.unexpected(",", "FROM")
	}
}

// clause reads a keyword and a condition, if the keyword follows. next is what may follow then.
func (p *parser) clause(keyword string, next ...string) (*dstream.Expr, dstream.Pos) {
	pos := p.pos(p.peek())
	if !p.accept(keyword) {
		return nil, pos
	}
	condition := p.expression().Expr
	p.mayFollow = next
	return &condition, pos
}

func (p *parser) selectList() []dstream.Expr {
	var items []dstream.Expr
	for p.err == nil {
		if len(items) == maxItems {
			p.fail(p.peek(), fmt.Sprintf("the select list has more than %d columns", maxItems), "")
		}
		items = append(items, p.item())
		if !p.accept(",") {
			break
		}
		if p.is("FROM") {
			p.fail(p.peek(), `expected an expression, found "FROM"`, "the comma in front of FROM is one too many")
		}
	}
	return items
}

// item reads *, relation.*, or expression [AS alias]. A field of a struct is called like itself.
func (p *parser) item() dstream.Expr {
	t := p.peek()
	switch {
	case p.accept("*"):
		return p.star(t, dstream.Star())
	case t.name() && p.ahead(1).key == "." && p.ahead(2).key == "*":
		p.next()
		p.next()
		p.next()
		return p.star(t, dstream.Expr{Kind: dstream.StarExpr, Qualifier: t.value})
	}
	e := p.expression().Expr
	if alias, ok := p.optionalLabel(); ok {
		e.Alias = alias.value
	} else if e.Kind == dstream.FieldExpr {
		e.Alias = e.Name
	}
	return e
}

// star reads what may follow a star: EXCLUDE or EXCEPT, and REPLACE.
func (p *parser) star(t token, e dstream.Expr) dstream.Expr {
	for _, word := range []string{"EXCLUDE", "EXCEPT"} {
		if p.is(word) && (p.ahead(1).key == "(" || word == "EXCLUDE") {
			p.next()
			e.Except = p.excluded()
		}
	}
	if p.isCall("REPLACE") {
		p.next()
		p.next()
		e.Replace = p.replaced()
	}
	if p.is("RENAME") || p.is("LIKE") || p.is("ILIKE") {
		p.fail(p.peek(), fmt.Sprintf("* %s is not supported", p.peek().key), "write * EXCLUDE (a), a AS b, or list the columns")
	}
	return p.leaf(t, e).Expr
}

// excluded reads (column, …), or one column.
func (p *parser) excluded() []string {
	if !p.is("(") {
		return []string{p.newName("the name of a column").value}
	}
	var names []string
	for _, n := range p.columnNames() {
		names = append(names, n.value)
	}
	return names
}

// replaced reads (expression AS column, …).
func (p *parser) replaced() []dstream.Expr {
	var list []dstream.Expr
	for p.err == nil {
		if len(list) == maxItems {
			p.fail(p.peek(), fmt.Sprintf("REPLACE has more than %d columns", maxItems), "")
		}
		e := p.expression().Expr
		p.accept("AS")
		e.Alias = p.newName("the name of a column").value
		list = append(list, e)
		if !p.accept(",") {
			break
		}
	}
	p.expect(")")
	return list
}

// groupBy reads the list behind GROUP BY.
func (p *parser) groupBy(s *selection) {
	if p.accept("ALL") {
		s.groupAll = true
		return
	}
	for p.err == nil {
		if len(s.groupBy) == maxKeys {
			p.fail(p.peek(), fmt.Sprintf("GROUP BY has more than %d keys", maxKeys), "")
		}
		s.groupBy = append(s.groupBy, p.expression().Expr)
		if !p.accept(",") {
			return
		}
	}
}
