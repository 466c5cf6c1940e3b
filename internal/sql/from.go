package sql

import (
	"fmt"

	"github.com/millrace/millrace/dstream"
)

// source is what FROM names: a stream or a query, perhaps in windows.
type source struct {
	name    token
	query   *query // instead of a name; may be nil
	pos     dstream.Pos
	alias   string // empty = the name
	columns []token
	window  *windowCall
}

// step is a JOIN or an UNNEST behind the source. Exactly one is set.
type step struct {
	join   *join
	unnest *dstream.UnnestSpec
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

// source reads what stands behind FROM.
func (p *parser) source() source {
	var s source
	switch t := p.peek(); {
	case p.isCall("TABLE"):
		p.next()
		p.next()
		s = p.tableFunction()
		p.expect(")")
	case p.isCall("UNNEST"):
		p.fail(t, "FROM begins with a stream, not with UNNEST", "write FROM stream CROSS JOIN UNNEST(array) AS t(a)")
	case t.name() && t.kind == wordToken && p.ahead(1).key == "(":
		s = p.tableFunction()
	default:
		s = p.relation()
	}
	if alias, ok := p.optionalAlias(); ok {
		s.alias = alias.value
		if p.is("(") {
			s.columns = p.columnNames()
		}
	}
	return s
}

// relation reads the name of a stream, or a query in parentheses.
func (p *parser) relation() source {
	t := p.peek()
	if p.is("(") {
		return p.subselect()
	}
	if t.kind == stringToken {
		p.fail(t, "FROM takes the name of a source, a query or a table, not a file", "declare it in the job file")
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

// subselect reads (query). Parentheses around nothing but a name are taken too.
func (p *parser) subselect() source {
	if !p.enter() {
		return source{}
	}
	defer p.leave()
	open := p.next()
	s := source{name: open, pos: p.pos(open)}
	switch t := p.peek(); {
	case t.key == "VALUES":
		p.fail(t, "VALUES is not supported", "a static table of the job file holds rows")
	case t.name():
		s = p.relation()
	default:
		s.query = p.query()
	}
	p.expect(")")
	return s
}

// steps reads the joins behind the source.
func (p *parser) steps(s *selection) {
	for p.err == nil {
		var next step
		switch t := p.peek(); {
		case p.atUnnest():
			next.unnest = p.unnest()
		case p.is("JOIN"), p.is("INNER"), p.is("LEFT"):
			next.join = p.join()
		case p.is(","):
			p.fail(t, "a list of relations is not supported", "write JOIN … ON")
			return
		default:
			return
		}
		if len(s.steps) == maxJoins {
			p.fail(p.tokens[max(p.at-1, 0)], fmt.Sprintf("the query has more than %d joins", maxJoins), "")
		}
		s.steps = append(s.steps, next)
	}
}

// join reads [INNER | LEFT [OUTER]] JOIN table [[AS] alias] ON condition | USING (…).
func (p *parser) join() *join {
	j := &join{pos: p.pos(p.peek())}
	if p.accept("LEFT") {
		j.kind = dstream.LeftOuter
		p.accept("OUTER")
	} else {
		p.accept("INNER")
	}
	p.expect("JOIN")
	p.refuseJoined()
	table := p.relation()
	j.table, j.alias, j.tablePos = table.name.value, table.name.value, table.pos
	if alias, ok := p.optionalAlias(); ok {
		j.alias = alias.value
		if p.is("(") {
			p.fail(p.peek(), "a list of column names behind the alias of a table is not supported", "name the columns in the select list")
		}
	}
	p.joinCondition(j)
	return j
}

// refuseJoined is about what is no static table.
func (p *parser) refuseJoined() {
	switch t := p.peek(); {
	case t.key == "(":
		p.fail(t, "JOIN takes a static table, not a query", "join the table, and filter by ON and WHERE")
	case t.name() && p.ahead(1).key == "(":
		p.fail(t, "JOIN takes a static table, not a function", "the window function stands behind FROM")
	}
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
	for p.err == nil {
		if len(columns) == maxKeys {
			p.fail(p.peek(), fmt.Sprintf("USING has more than %d columns", maxKeys), "")
		}
		t := p.newName("the name of a column")
		columns = append(columns, p.leaf(t, dstream.Expr{Kind: dstream.ColumnRef, Name: t.value}).Expr)
		if !p.accept(",") {
			break
		}
	}
	p.expect(")")
	return columns
}
