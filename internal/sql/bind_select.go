package sql

import (
	"fmt"
	"strings"

	"github.com/millrace/millrace/dstream"
)

// selectBinder binds one SELECT.
type selectBinder struct {
	*binder
	selection *selection
	visible   *scope
	merged    map[string]string // column merged by USING, in lower case → qualifier of the stream's column
	dropped   map[string]bool   // alias.column, in lower case, of the other ones, which * leaves out
}

func (b *selectBinder) bind() (*dstream.Stream, error) {
	s, err := b.from()
	if err != nil {
		return nil, err
	}
	for _, next := range b.selection.steps {
		if s, err = b.step(s, next); err != nil {
			return nil, err
		}
	}
	if err := b.checkWork(len(s.Columns())); err != nil {
		return nil, err
	}
	if w := b.selection.where; w != nil {
		if err := refuseAlias(*w, aliasesOf(b.selection.items, s.Columns()), "WHERE"); err != nil {
			return nil, err
		}
		s = s.At(b.selection.wherePos).Filter(b.resolve(*w))
	}
	if s.Err() != nil {
		return nil, s.Err()
	}
	if s, err = b.first(s); err != nil {
		return nil, err
	}
	if s, err = b.output(s); err != nil {
		return nil, err
	}
	s = b.selection.distinct.deduplicated(s)
	return s, s.Err()
}

// output applies the select list, and the grouping in front of it.
func (b *selectBinder) output(s *dstream.Stream) (*dstream.Stream, error) {
	q := b.selection
	items, err := b.items(s)
	if err != nil {
		return nil, err
	}
	pos, grouped := b.grouping(items)
	if !grouped {
		return b.ungrouped(s, items)
	}
	if err := refuseStars(items); err != nil {
		return nil, err
	}
	g, err := b.groups(s, items)
	if err != nil {
		return nil, err
	}
	b.warn(g.items, g.stream.Columns())
	s = g.stream.At(pos).GroupBy(g.keys...).Agg()
	if g.having != nil {
		s = s.At(q.havingPos).Filter(*g.having)
	}
	return s.At(q.pos).Select(g.items...), nil
}

// ungrouped applies a select list without aggregates.
func (b *selectBinder) ungrouped(s *dstream.Stream, items []dstream.Expr) (*dstream.Stream, error) {
	aliases := aliasesOf(items, s.Columns())
	for _, e := range items {
		if err := refuseAlias(e, aliases, "the same select list"); err != nil {
			return nil, err
		}
		if err := refuseGroupWindow(e); err != nil {
			return nil, err
		}
	}
	b.warn(items, s.Columns())
	return s.At(b.selection.pos).Select(items...), nil
}

// items is the select list with merged columns resolved and stars that hide one of them spelled out.
func (b *selectBinder) items(s *dstream.Stream) ([]dstream.Expr, error) {
	var out []dstream.Expr
	for _, e := range b.selection.items {
		if e.Kind != dstream.StarExpr || e.Qualifier != "" || len(b.dropped) == 0 {
			out = append(out, b.resolve(e))
			continue
		}
		spelled, err := b.star(e, s.Columns())
		if err != nil {
			return nil, err
		}
		out = append(out, spelled...)
	}
	return out, nil
}

// star spells out a star over columns of which some are merged, with its EXCLUDE and REPLACE.
func (b *selectBinder) star(star dstream.Expr, columns []dstream.Column) ([]dstream.Expr, error) {
	var out []dstream.Expr
	var names []string
	used := map[string]bool{}
	for _, c := range columns {
		if c.Hidden || b.dropped[strings.ToLower(c.Qualifier+"."+c.Name)] {
			continue
		}
		names = append(names, c.Name)
		e := dstream.Expr{Kind: dstream.ColumnRef, Qualifier: c.Qualifier, Name: c.Name, Pos: star.Pos, Text: star.Text}
		for _, r := range star.Replace {
			if strings.EqualFold(r.Alias, c.Name) {
				e, used[strings.ToLower(c.Name)] = b.resolve(r), true
			}
		}
		if containsFold(star.Except, c.Name) {
			used[strings.ToLower(c.Name)] = true
			continue
		}
		out = append(out, e)
	}
	return out, unusedInStar(star, used, names)
}

func unusedInStar(star dstream.Expr, used map[string]bool, names []string) error {
	wanted := star.Except
	for _, r := range star.Replace {
		wanted = append(wanted, r.Alias)
	}
	for _, name := range wanted {
		if !used[strings.ToLower(name)] {
			return &dstream.Error{Pos: star.Pos, Msg: fmt.Sprintf("* has no column %q", shortened(name)), Hint: didYouMeanName(dstream.Nearest(name, names))}
		}
	}
	return nil
}

func containsFold(list []string, s string) bool {
	for _, x := range list {
		if strings.EqualFold(x, s) {
			return true
		}
	}
	return false
}

// refuseAlias explains that an alias of the select list is not known where it is used. clause says where that is.
func refuseAlias(e dstream.Expr, aliases aliasSet, clause string) error {
	if len(aliases) == 0 {
		return nil
	}
	var err error
	walk(e, func(e dstream.Expr) bool {
		item, ok := aliases[strings.ToLower(e.Name)]
		if ok && e.Kind == dstream.ColumnRef && e.Qualifier == "" {
			err = &dstream.Error{Pos: e.Pos, Msg: fmt.Sprintf("%q is an alias of the select list, which %s does not know", shortened(e.Name), clause),
				Hint: fmt.Sprintf("repeat %s, or put the SELECT with the alias in FROM (…)", oneLine(item.Text))}
		}
		return err == nil
	})
	return err
}

// grouping reports whether the query aggregates, and the place that says so.
func (b *selectBinder) grouping(items []dstream.Expr) (pos dstream.Pos, grouped bool) {
	if len(b.selection.groupBy) > 0 || b.selection.groupAll {
		return b.selection.groupPos, true
	}
	for _, e := range items {
		if pos, ok := aggregateIn(e); ok {
			return pos, true
		}
	}
	return b.selection.havingPos, b.selection.having != nil
}

// aggregateIn is the place of the first aggregate in e.
func aggregateIn(e dstream.Expr) (pos dstream.Pos, found bool) {
	walk(e, func(e dstream.Expr) bool {
		if e.Kind == dstream.CallExpr && dstream.IsAggregate(e.Name) {
			pos, found = e.Pos, true
		}
		return !found
	})
	return pos, found
}

func refuseStars(items []dstream.Expr) error {
	for _, e := range items {
		if e.Kind == dstream.StarExpr {
			return &dstream.Error{Pos: e.Pos, Msg: "* cannot stand beside GROUP BY or aggregates", Hint: "list the keys and aggregates"}
		}
	}
	return nil
}
