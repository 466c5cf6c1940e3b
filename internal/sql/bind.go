package sql

import (
	"fmt"
	"strings"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/dstream"
)

// binder continues a stream by the clauses of a query, in the order in which SQL evaluates them. It resolves what the
// builder has no notion of: columns merged by USING, and the ordinals and aliases of GROUP BY.
type binder struct {
	graph    *dstream.Graph
	query    *query
	merged   map[string]string // column merged by USING, in lower case → qualifier of the stream's column
	dropped  map[string]bool   // alias.column, in lower case, of the other ones, which * leaves out
	warnings []Warning
}

func (b *binder) bind() (*dstream.Stream, error) {
	s := b.from()
	err := s.Err()
	if err != nil {
		return nil, err
	}
	for _, j := range b.query.joins {
		if s, err = b.join(s, j); err != nil {
			return nil, err
		}
	}
	if w := b.query.where; w != nil {
		s = s.At(b.query.wherePos).Filter(b.resolve(*w))
	}
	if s.Err() != nil {
		return nil, s.Err()
	}
	if s, err = b.output(s); err != nil {
		return nil, err
	}
	return s, s.Err()
}

func (b *binder) from() *dstream.Stream {
	from := b.query.from
	s := b.graph.FromAt(from.name.value, from.pos)
	if from.window != nil {
		s = s.At(from.window.Pos).Window(*from.window)
	}
	if from.alias != "" {
		s = s.As(from.alias)
	}
	return s
}

func (b *binder) join(s *dstream.Stream, j join) (*dstream.Stream, error) {
	on := j.on
	if on == nil {
		using, err := b.using(s, j)
		if err != nil {
			return nil, err
		}
		on = &using
	}
	s = s.At(j.tablePos).Join(j.table, j.alias, j.kind, b.resolve(*on))
	return s, s.Err()
}

// using makes the condition of JOIN … USING. From here on the plain name of a column means the stream's side.
func (b *binder) using(s *dstream.Stream, j join) (on dstream.Expr, err error) {
	if b.merged == nil {
		b.merged, b.dropped = map[string]string{}, map[string]bool{}
	}
	for i, c := range j.using {
		left, right := b.resolve(c), c
		right.Qualifier = j.alias
		if left.Qualifier == "" {
			if left.Qualifier, err = qualifierOf(s.Columns(), c); err != nil {
				return dstream.Expr{}, err
			}
		}
		b.merged[strings.ToLower(c.Name)] = left.Qualifier
		b.dropped[strings.ToLower(j.alias+"."+c.Name)] = true
		equal := left.Eq(right)
		equal.Pos, equal.Text = c.Pos, c.Text
		if i == 0 {
			on = equal
			continue
		}
		on = on.And(equal)
		on.Pos = j.pos
	}
	return on, nil
}

// qualifierOf is the qualifier of the one visible column with the name of c.
func qualifierOf(columns []dstream.Column, c dstream.Expr) (string, error) {
	var names, qualifiers []string
	for _, o := range columns {
		if o.Hidden {
			continue
		}
		names = append(names, o.Name)
		if strings.EqualFold(o.Name, c.Name) {
			qualifiers = append(qualifiers, o.Qualifier)
		}
	}
	switch len(qualifiers) {
	case 0:
		return "", &dstream.Error{Pos: c.Pos, Msg: fmt.Sprintf("the left side of the join has no column %q", c.Name),
			Hint: didYouMean(dstream.Nearest(c.Name, names))}
	case 1:
		return qualifiers[0], nil
	}
	return "", &dstream.Error{Pos: c.Pos, Msg: fmt.Sprintf("column %q is ambiguous: the left side of the join has it from %s", c.Name, strings.Join(qualifiers, " and ")),
		Hint: "write ON"}
}

// resolve gives plain names of merged columns their qualifier.
func (b *binder) resolve(e dstream.Expr) dstream.Expr {
	if len(b.merged) == 0 {
		return e
	}
	return rewrite(e, func(e dstream.Expr) dstream.Expr {
		if q, ok := b.merged[strings.ToLower(e.Name)]; ok && e.Kind == dstream.ColumnRef && e.Qualifier == "" {
			e.Qualifier = q
		}
		return e
	})
}

// rewrite applies f to e and everything below, from the leaves up.
func rewrite(e dstream.Expr, f func(dstream.Expr) dstream.Expr) dstream.Expr {
	if len(e.Args) > 0 {
		args := make([]dstream.Expr, len(e.Args))
		for i, a := range e.Args {
			args[i] = rewrite(a, f)
		}
		e.Args = args
	}
	return f(e)
}

// output applies the select list, and the grouping in front of it.
func (b *binder) output(s *dstream.Stream) (*dstream.Stream, error) {
	q := b.query
	items := b.items(s)
	b.warn(items, s.Columns())
	pos, grouped := b.grouping(items)
	if !grouped {
		return s.At(q.pos).Select(items...), nil
	}
	if err := refuseStars(items); err != nil {
		return nil, err
	}
	aliases := aliasesOf(items, s.Columns())
	keys, err := b.keys(items, aliases)
	if err != nil {
		return nil, err
	}
	s = s.At(pos).GroupBy(keys...).Agg()
	if q.having != nil {
		s = s.At(q.havingPos).Filter(rewrite(b.resolve(*q.having), aliases.expand))
	}
	return s.At(q.pos).Select(items...), nil
}

// items is the select list with merged columns resolved and stars that hide one of them spelled out.
func (b *binder) items(s *dstream.Stream) []dstream.Expr {
	var out []dstream.Expr
	for _, e := range b.query.items {
		if e.Kind == dstream.StarExpr && e.Qualifier == "" && len(b.dropped) > 0 {
			out = append(out, b.star(e, s.Columns())...)
			continue
		}
		out = append(out, b.resolve(e))
	}
	return out
}

func (b *binder) star(star dstream.Expr, columns []dstream.Column) []dstream.Expr {
	var out []dstream.Expr
	for _, c := range columns {
		if !c.Hidden && !b.dropped[strings.ToLower(c.Qualifier+"."+c.Name)] {
			out = append(out, dstream.Expr{Kind: dstream.ColumnRef, Qualifier: c.Qualifier, Name: c.Name, Pos: star.Pos, Text: star.Text})
		}
	}
	return out
}

// grouping reports whether the query aggregates, and the place that says so.
func (b *binder) grouping(items []dstream.Expr) (pos dstream.Pos, grouped bool) {
	if len(b.query.groupBy) > 0 {
		return b.query.groupPos, true
	}
	for _, e := range items {
		if pos, ok := aggregateIn(e); ok {
			return pos, true
		}
	}
	return b.query.havingPos, b.query.having != nil
}

// aggregateIn is the place of the first aggregate in e.
func aggregateIn(e dstream.Expr) (dstream.Pos, bool) {
	if e.Kind == dstream.CallExpr && dstream.IsAggregate(e.Name) {
		return e.Pos, true
	}
	for _, a := range e.Args {
		if pos, ok := aggregateIn(a); ok {
			return pos, true
		}
	}
	return dstream.Pos{}, false
}

func refuseStars(items []dstream.Expr) error {
	for _, e := range items {
		if e.Kind == dstream.StarExpr {
			return &dstream.Error{Pos: e.Pos, Msg: "* cannot stand beside GROUP BY or aggregates", Hint: "list the keys and aggregates"}
		}
	}
	return nil
}

// keys resolves the ordinals and aliases of GROUP BY.
func (b *binder) keys(items []dstream.Expr, aliases aliasSet) ([]dstream.Expr, error) {
	var keys []dstream.Expr
	for _, e := range b.query.groupBy {
		if isOrdinal(e) {
			if e.Value.I < 1 || e.Value.I > int64(len(items)) {
				return nil, &dstream.Error{Pos: e.Pos, Msg: fmt.Sprintf("GROUP BY %d: the select list ends at %d", e.Value.I, len(items))}
			}
			e = items[e.Value.I-1]
		} else {
			e = aliases.expand(b.resolve(e))
		}
		e.Alias = ""
		keys = append(keys, e)
	}
	return keys, nil
}

func isOrdinal(e dstream.Expr) bool {
	return e.Kind == dstream.LiteralExpr && e.Type.Kind == columnar.Int64
}

// aliasSet maps the aliases of the select list, in lower case, to what they stand for. An alias that is also the name
// of a column is not in it: the column wins, as in PostgreSQL.
type aliasSet map[string]dstream.Expr

func aliasesOf(items []dstream.Expr, columns []dstream.Column) aliasSet {
	set := aliasSet{}
	for i := len(items) - 1; i >= 0; i-- {
		if e := items[i]; e.Alias != "" {
			set[strings.ToLower(e.Alias)] = e
		}
	}
	for _, c := range columns {
		delete(set, strings.ToLower(c.Name))
	}
	return set
}

// expand replaces an alias by its expression.
func (s aliasSet) expand(e dstream.Expr) dstream.Expr {
	if e.Kind == dstream.ColumnRef && e.Qualifier == "" {
		if item, ok := s[strings.ToLower(e.Name)]; ok {
			item.Alias = ""
			return item
		}
	}
	return e
}
