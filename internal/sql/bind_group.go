package sql

import (
	"fmt"
	"strings"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/dstream"
)

// groups is a grouping with its names resolved.
type groups struct {
	stream *dstream.Stream // with the window that GROUP BY may have asked for
	keys   []dstream.Expr
	items  []dstream.Expr
	having *dstream.Expr
}

// groups resolves GROUP BY, HAVING and the select list.
func (b *selectBinder) groups(s *dstream.Stream, items []dstream.Expr) (*groups, error) {
	aliases := aliasesOf(items, s.Columns())
	keys, err := b.keys(items, aliases)
	if err != nil {
		return nil, err
	}
	g := &groups{stream: s, keys: keys, items: items}
	if h := b.selection.having; h != nil {
		condition, err := b.expand(b.resolve(*h), aliases)
		if err != nil {
			return nil, err
		}
		g.having = &condition
	}
	return g, b.groupWindow(g)
}

// keys resolves the ordinals and aliases of GROUP BY, and GROUP BY ALL.
func (b *selectBinder) keys(items []dstream.Expr, aliases aliasSet) ([]dstream.Expr, error) {
	if b.selection.groupAll {
		return b.allKeys(items)
	}
	var keys []dstream.Expr
	for _, e := range b.selection.groupBy {
		var err error
		switch {
		case isOrdinal(e) && (e.Value.I < 1 || e.Value.I > int64(len(items))):
			return nil, &dstream.Error{Pos: e.Pos, Msg: fmt.Sprintf("GROUP BY %d: the select list ends at %d", e.Value.I, len(items))}
		case isOrdinal(e):
			e, err = b.counted(items[e.Value.I-1], e.Pos)
		default:
			e, err = b.expand(b.resolve(e), aliases)
		}
		if err != nil {
			return nil, err
		}
		if pos, ok := aggregateIn(e); ok {
			return nil, &dstream.Error{Pos: pos, Msg: "an aggregate cannot be a key of GROUP BY", Hint: "aggregate in a sub-select, and group its result in a second window"}
		}
		e.Alias = ""
		keys = append(keys, e)
	}
	return keys, nil
}

// allKeys are the items of the select list that hold no aggregate.
func (b *selectBinder) allKeys(items []dstream.Expr) ([]dstream.Expr, error) {
	var keys []dstream.Expr
	for _, e := range items {
		if _, ok := aggregateIn(e); ok {
			continue
		}
		if len(keys) == maxKeys {
			return nil, &dstream.Error{Pos: e.Pos, Msg: fmt.Sprintf("GROUP BY ALL has more than %d keys", maxKeys)}
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

// expand replaces aliases by their expressions.
func (b *binder) expand(e dstream.Expr, aliases aliasSet) (dstream.Expr, error) {
	if len(aliases) == 0 {
		return e, nil
	}
	var err error
	out := rewrite(e, func(e dstream.Expr) dstream.Expr {
		if e.Kind != dstream.ColumnRef || e.Qualifier != "" || err != nil {
			return e
		}
		item, ok := aliases[strings.ToLower(e.Name)]
		if !ok {
			return e
		}
		item.Alias = ""
		item, err = b.counted(item, e.Pos)
		return item
	})
	return out, err
}

// counted keeps the expressions that an alias or ordinal at pos stands for within the limit of the text.
func (b *binder) counted(item dstream.Expr, pos dstream.Pos) (dstream.Expr, error) {
	walk(item, func(dstream.Expr) bool {
		b.nodes++
		return b.nodes <= maxNodes
	})
	if b.nodes > maxNodes {
		return item, &dstream.Error{Pos: pos, Msg: fmt.Sprintf("with the aliases spelled out, the expressions have more than %d operations, names and values", maxNodes)}
	}
	return item, nil
}
