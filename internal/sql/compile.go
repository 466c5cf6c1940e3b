package sql

import "github.com/millrace/millrace/dstream"

// Result is a compiled query.
type Result struct {
	Stream   *dstream.Stream // without sinks
	Warnings []Warning       // in the order of the text
}

// Warning is about a query that runs, but perhaps not as meant.
type Warning struct {
	Pos dstream.Pos
	Msg string
}

// String returns file:line:column: message.
func (w Warning) String() string { return w.Pos.String() + ": warning: " + w.Msg }

// Compile reads one query and continues it with the builder of g, whose sources and tables the query may name. The
// text begins at start in the file; start.File is ignored. Where text is an indented block of another file,
// start.Column is the column of the block, which every line counts from. The zero start is 1:1.
//
// The error is a [dstream.Error] with its place in the file.
func Compile(g *dstream.Graph, file, text string, start dstream.Pos) (Result, error) {
	p := newParser(file, text, start)
	q := p.parseQuery()
	if p.err != nil {
		return Result{}, p.err
	}
	b := &binder{graph: g}
	s, err := b.query(q, nil)
	if err != nil {
		return Result{}, err
	}
	return Result{Stream: s, Warnings: b.warnings}, nil
}

// ParseExpr reads a lone expression with an optional alias, such as date(window_start) AS dt. Its names are not yet
// resolved. file, start and the error are as in [Compile].
func ParseExpr(file, text string, start dstream.Pos) (dstream.Expr, error) {
	p := newParser(file, text, start)
	e := p.item()
	if p.err == nil && p.peek().kind != endToken {
		p.unexpected("the end of the text")
	}
	if p.err != nil {
		return dstream.Expr{}, p.err
	}
	return e, nil
}
