package sql

import (
	"fmt"

	"github.com/millrace/millrace/dstream"
)

// Limits of the work that a text asks for. A star stands for many columns, and each name is looked for among all of
// them, so short texts could ask for much.
const (
	maxColumns = 3000      // of one SELECT, stars spelled out
	maxLookups = 4_000_000 // names of the text, each times the columns that it may be
)

// checkWork refuses a SELECT over so many columns that resolving its names would take long.
func (b *selectBinder) checkWork(columns int) error {
	q := b.selection
	out, names := 0, len(q.groupBy)
	count := func(e dstream.Expr) {
		walk(e, func(e dstream.Expr) bool {
			if e.Kind == dstream.ColumnRef {
				names++
			}
			return true
		})
	}
	for _, e := range q.items {
		out++
		if e.Kind == dstream.StarExpr {
			out += columns
			names += len(e.Except) + len(e.Replace)
		}
		count(e)
	}
	for _, e := range q.groupBy {
		count(e)
	}
	for _, e := range []*dstream.Expr{q.where, q.having} {
		if e != nil {
			count(*e)
		}
	}
	if out > maxColumns {
		return &dstream.Error{Pos: q.pos, Msg: fmt.Sprintf("the SELECT has more than %d columns", maxColumns)}
	}
	if b.lookups += names * columns; b.lookups > maxLookups {
		return &dstream.Error{Pos: q.pos, Msg: "the query has too many names for so many columns", Hint: "split it into named queries of the job file"}
	}
	return nil
}
