package sql

import (
	"fmt"

	"github.com/millrace/millrace/dstream"
)

// Limits of a query. They keep the work of name resolution small.
const (
	maxItems = 2000 // of the select list
	maxKeys  = 64   // of GROUP BY
	maxJoins = 32
)

// query is one SELECT as it was written.
type query struct {
	pos     dstream.Pos
	items   []dstream.Expr // with aliases; stars as StarExpr
	from    source
	joins   []join
	where   *dstream.Expr
	groupBy []dstream.Expr
	having  *dstream.Expr

	groupPos, wherePos, havingPos dstream.Pos
}

// source is what FROM names: a stream, perhaps in windows.
type source struct {
	name   token
	pos    dstream.Pos
	alias  string // empty = the name
	window *dstream.WindowSpec
}

// join is one JOIN: either on or using is set.
type join struct {
	table    string
	alias    string // never empty
	kind     dstream.JoinKind
	on       *dstream.Expr
	using    []dstream.Expr // column references
	pos      dstream.Pos    // of the word JOIN or the word in front of it
	tablePos dstream.Pos
}

// parseQuery reads one SELECT and nothing behind it.
func (p *parser) parseQuery() *query {
	p.refuseStatement()
	q := &query{pos: p.pos(p.peek())}
	p.expect("SELECT")
	q.items = p.selectList()
	if !p.accept("FROM") {
		p.unexpected(",", "FROM")
	}
	q.from = p.source()
	for p.err == nil && p.atJoin() {
		q.joins = append(q.joins, p.join(len(q.joins)))
	}
	next := []string{"JOIN", "WHERE", "GROUP BY", "HAVING"}
	q.where, q.wherePos, next = p.clause("WHERE", next)
	if q.groupPos = p.pos(p.peek()); p.accept("GROUP") {
		p.expect("BY")
		q.groupBy = p.groupBy()
		next = []string{",", "HAVING"}
	}
	q.having, q.havingPos, next = p.clause("HAVING", next)
	p.finish(next)
	return q
}

// clause reads a keyword and a condition, if the keyword follows. next is what could follow before, and after.
func (p *parser) clause(keyword string, next []string) (*dstream.Expr, dstream.Pos, []string) {
	pos := p.pos(p.peek())
	if !p.accept(keyword) {
		return nil, pos, next
	}
	condition := p.expression().Expr
	if keyword == "WHERE" {
		return &condition, pos, []string{"AND", "OR", "GROUP BY", "HAVING"}
	}
	return &condition, pos, []string{"AND", "OR"}
}

// finish demands the end, behind a semicolon at most.
func (p *parser) finish(next []string) {
	if p.err != nil {
		return
	}
	if p.is(",") && next[0] == "JOIN" {
		p.fail(p.peek(), "a list of relations is not supported", "write JOIN … ON")
		return
	}
	if p.accept(";") {
		if t := p.peek(); t.kind != endToken {
			p.fail(t, "a job has one SELECT; something follows its end", "")
		}
		return
	}
	if p.peek().kind != endToken {
		p.unexpected(append(next, "the end of the query")...)
	}
}

func (p *parser) selectList() []dstream.Expr {
	var items []dstream.Expr
	for {
		if len(items) == maxItems {
			p.fail(p.peek(), fmt.Sprintf("the select list has more than %d columns", maxItems), "")
		}
		items = append(items, p.item())
		if !p.accept(",") {
			return items
		}
	}
}

// item reads *, relation.*, or expression [AS alias].
func (p *parser) item() dstream.Expr {
	t := p.peek()
	switch {
	case p.accept("*"):
		p.refuseStarModifier()
		return p.leaf(t, dstream.Star()).Expr
	case t.name() && p.ahead(1).key == "." && p.ahead(2).key == "*":
		p.next()
		p.next()
		p.next()
		p.refuseStarModifier()
		return p.leaf(t, dstream.Expr{Kind: dstream.StarExpr, Qualifier: t.value}).Expr
	}
	e := p.expression().Expr
	if alias, ok := p.optionalAlias(); ok {
		e.Alias = alias.value
	}
	return e
}

func (p *parser) refuseStarModifier() {
	t := p.peek()
	switch t.key {
	case "EXCLUDE", "EXCEPT", "REPLACE", "RENAME":
		if p.ahead(1).key == "(" {
			p.fail(t, "* "+t.key+" is not supported yet", "list the columns")
		}
	}
}

// groupBy reads the list behind GROUP BY.
func (p *parser) groupBy() []dstream.Expr {
	var keys []dstream.Expr
	for {
		if len(keys) == maxKeys {
			p.fail(p.peek(), fmt.Sprintf("GROUP BY has more than %d keys", maxKeys), "")
		}
		keys = append(keys, p.expression().Expr)
		if !p.accept(",") {
			return keys
		}
	}
}

// source reads what stands behind FROM.
func (p *parser) source() source {
	var s source
	switch t := p.peek(); {
	case p.isCall("TABLE"):
		p.next()
		p.next()
		s = p.tableFunction()
		p.expect(")")
	case t.name() && t.kind == wordToken && p.ahead(1).key == "(":
		s = p.tableFunction()
	default:
		s = p.relation()
	}
	if alias, ok := p.optionalAlias(); ok {
		s.alias = alias.value
		p.refuseColumnList()
	}
	return s
}

// relation reads the name of a stream or a table.
func (p *parser) relation() source {
	t := p.peek()
	if p.is("(") {
		p.fail(t, "sub-selects in FROM are not supported yet", "")
	}
	if !t.name() {
		p.unexpected("the name of a stream or table")
		return source{name: t}
	}
	p.next()
	if p.is(".") {
		p.fail(t, "sources and tables have names of one part", "")
	}
	return source{name: t, pos: p.pos(t)}
}

func (p *parser) refuseColumnList() {
	if p.is("(") {
		p.fail(p.peek(), "a list of column names behind an alias is not supported yet", "")
	}
}

func (p *parser) atJoin() bool {
	return p.is("JOIN") || p.is("INNER") || p.is("LEFT")
}

// join reads [INNER | LEFT [OUTER]] JOIN table [[AS] alias] ON condition | USING (…). before is how many there were.
func (p *parser) join(before int) join {
	t := p.peek()
	j := join{pos: p.pos(t)}
	switch {
	case before == maxJoins:
		p.fail(t, fmt.Sprintf("the query has more than %d joins", maxJoins), "")
	case p.accept("LEFT"):
		j.kind = dstream.LeftOuter
		p.accept("OUTER")
	default:
		p.accept("INNER")
	}
	p.expect("JOIN")
	if p.peek().name() && p.ahead(1).key == "(" {
		p.fail(p.peek(), "JOIN takes a table, not a function", "the window function stands behind FROM")
	}
	table := p.relation()
	j.table, j.alias, j.tablePos = table.name.value, table.name.value, table.pos
	if alias, ok := p.optionalAlias(); ok {
		j.alias = alias.value
		p.refuseColumnList()
	}
	p.joinCondition(&j)
	return j
}

func (p *parser) joinCondition(j *join) {
	switch {
	case p.accept("ON"):
		on := p.expression().Expr
		j.on = &on
	case p.accept("USING"):
		j.using = p.usingList()
	default:
		p.unexpected("ON", "USING")
	}
}

func (p *parser) usingList() []dstream.Expr {
	p.expect("(")
	var columns []dstream.Expr
	for {
		if len(columns) == maxKeys {
			p.fail(p.peek(), fmt.Sprintf("USING has more than %d columns", maxKeys), "")
		}
		t := p.newName("the name of a column")
		columns = append(columns, p.leaf(t, dstream.Expr{Kind: dstream.ColumnRef, Name: t.value}).Expr)
		if !p.accept(",") {
			p.expect(")")
			return columns
		}
	}
}
