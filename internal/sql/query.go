package sql

import (
	"fmt"

	"github.com/millrace/millrace/dstream"
)

// Limits of a text. They keep the work of name resolution small.
const (
	maxItems   = 2000 // of a select list
	maxKeys    = 64   // of GROUP BY
	maxJoins   = 32   // of a SELECT, UNNEST counts too
	maxSelects = 200  // of the text
	maxQueries = 50   // inside each other
)

// query is what stands in parentheses or makes the whole text: named queries, and SELECTs joined by UNION ALL.
type query struct {
	pos   dstream.Pos
	with  []namedQuery
	parts []queryPart
}

// namedQuery is name [(column, …)] AS (query).
type namedQuery struct {
	name    token
	pos     dstream.Pos
	columns []token
	query   *query
}

// queryPart is a SELECT, or a query in parentheses. Exactly one is set.
type queryPart struct {
	unionPos dstream.Pos // of the UNION ALL in front
	selected *selection
	query    *query
}

// parseQuery reads one query and nothing behind it.
func (p *parser) parseQuery() *query {
	p.refuseStatement()
	q := p.query()
	p.finish()
	return q
}

// query reads [WITH …] SELECT … [UNION ALL SELECT …] ….
func (p *parser) query() *query {
	q := &query{pos: p.pos(p.peek())}
	if p.queries == maxQueries {
		p.fail(p.peek(), fmt.Sprintf("queries are nested more than %d deep", maxQueries), "")
		return q
	}
	p.queries++
	defer func() { p.queries-- }()
	if p.is("WITH") {
		q.with = p.with()
	}
	var union dstream.Pos
	for p.err == nil {
		part := p.queryPart()
		part.unionPos = union
		q.parts = append(q.parts, part)
		union = p.pos(p.peek())
		if !p.union() {
			break
		}
	}
	return q
}

// union takes UNION ALL.
func (p *parser) union() bool {
	t := p.peek()
	if p.err != nil || !p.accept("UNION") {
		return false
	}
	if !p.accept("ALL") {
		p.fail(t, "UNION without ALL is not supported: it would keep every row for ever to find those that are equal", "write UNION ALL")
	}
	if p.is("BY") {
		p.fail(p.peek(), "UNION ALL BY NAME is not supported", "list the columns in the same order on both sides")
	}
	return true
}

func (p *parser) queryPart() queryPart {
	if p.is("(") {
		p.next()
		q := p.query()
		p.expect(")")
		return queryPart{query: q}
	}
	p.selects++
	if p.selects > maxSelects {
		p.fail(p.peek(), fmt.Sprintf("the text has more than %d SELECTs", maxSelects), "")
	}
	return queryPart{selected: p.selection()}
}

// with reads the named queries in front of a query.
func (p *parser) with() []namedQuery {
	p.next()
	if t := p.peek(); t.key == "RECURSIVE" && p.ahead(1).name() {
		p.fail(t, "WITH RECURSIVE is not supported: a query cannot read its own result", "a static table can hold the pairs of a hierarchy")
	}
	var list []namedQuery
	for p.err == nil {
		t := p.newName("the name of a query")
		n := namedQuery{name: t, pos: p.pos(t)}
		if p.is("(") {
			n.columns = p.columnNames()
		}
		p.expect("AS")
		if !p.accept("MATERIALIZED") {
			p.accept("NOT", "MATERIALIZED") // both are about how it is computed
		}
		if p.expect("(") {
			n.query = p.query()
			p.expect(")")
		}
		list = append(list, n)
		if !p.accept(",") {
			break
		}
	}
	return list
}

// columnNames reads (name, …).
func (p *parser) columnNames() []token {
	p.expect("(")
	var names []token
	for p.err == nil {
		if len(names) == maxItems {
			p.fail(p.peek(), fmt.Sprintf("the list has more than %d columns", maxItems), "")
		}
		names = append(names, p.newName("the name of a column"))
		if !p.accept(",") {
			break
		}
	}
	p.expect(")")
	return names
}

// finish demands the end, behind a semicolon at most.
func (p *parser) finish() {
	if p.err != nil {
		return
	}
	if p.accept(";") {
		if t := p.peek(); t.kind != endToken {
			p.fail(t, "a query has one SELECT; something follows its end", "several queries of a job have names in the job file")
		}
		return
	}
	if p.peek().kind != endToken {
		p.unexpected(append(p.mayFollow, "the end of the query")...)
	}
}
