package sql_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
)

// A random query in two spellings, with the kinds of its columns.
type randomQuery struct {
	ours, duck string
	kinds      []byte
}

// calm keeps out what has no result for some values: whole queries are compared here, and an error ends them.
func calm(p production) bool {
	for _, word := range []string{" / ", " % ", "AS int)", "* ", "1 MONTH"} {
		if strings.Contains(p.ours, word) {
			return false
		}
	}
	return true
}

// calmExpr is a random expression of calm productions over the columns of names.
func calmExpr(r *rand.Rand, kind byte, depth int, names map[byte][]string) spelled {
	if depth <= 1 {
		if cols := names[kind]; len(cols) > 0 && r.IntN(5) > 0 {
			c := cols[r.IntN(len(cols))]
			return spelled{ours: c, duck: c, depth: 1}
		}
		return constants[kind][r.IntN(len(constants[kind])-1)]
	}
	var list []production
	for _, p := range productions[kind] {
		if calm(p) {
			list = append(list, p)
		}
	}
	p := list[r.IntN(len(list))]
	parts := make([]spelled, len(p.parts))
	out := spelled{}
	for i := range parts {
		parts[i] = calmExpr(r, p.parts[i], depth-1-r.IntN(2)*(depth-2), names)
		out.depth = max(out.depth, parts[i].depth)
	}
	out.depth++
	out.ours = filled(p.ours, parts, func(s spelled) string { return s.ours })
	out.duck = out.ours
	if p.duck != "" {
		out.duck = p.duck
	}
	if p.duck != "" || out.ours != filled(p.ours, parts, func(s spelled) string { return s.duck }) {
		template := p.duck
		if template == "" {
			template = p.ours
		}
		out.duck = filled(template, parts, func(s spelled) string { return s.duck })
	}
	return out
}

// aggregate is a random aggregate: its text over an argument, and the kinds of argument and result.
type randomAggregate struct {
	text     string // @ is the argument
	arg, out byte
}

var aggregates = []randomAggregate{
	{"count(*)", 0, 'i'}, {"count(@)", 's', 'i'}, {"count(@)", 'b', 'i'}, {"count(DISTINCT @)", 's', 'i'}, {"count(DISTINCT @)", 'i', 'i'}, {"count(DISTINCT @)", 'd', 'i'},
	{"sum(@)", 'i', 'i'}, {"sum(@)", 'p', 'p'}, {"sum(DISTINCT @)", 'i', 'i'}, {"avg(@)", 'i', 'x'}, {"min(@)", 'i', 'i'}, {"max(@)", 'i', 'i'}, {"min(@)", 'x', 'x'}, {"max(@)", 'x', 'x'},
	{"min(@)", 's', 's'}, {"max(@)", 's', 's'}, {"min(@)", 'd', 'd'}, {"max(@)", 't', 't'}, {"min(@)", 'p', 'p'}, {"max(@)", 'b', 'b'}, {"bool_and(@)", 'b', 'b'}, {"bool_or(@)", 'b', 'b'},
	{"string_agg(DISTINCT @, ',' ORDER BY @)", 's', 's'}, {"arg_min(@, @)", 'i', 'i'}, {"arg_max(@, @)", 's', 's'},
}

// newQuery makes a query over the table r.
func newQuery(r *rand.Rand) randomQuery {
	switch r.IntN(6) {
	case 0:
		return selection(r, "r", "r", columnsOf)
	case 1:
		a, b := selection(r, "r", "r", columnsOf), randomQuery{}
		b = sameKinds(r, a.kinds)
		return randomQuery{a.ours + " UNION ALL " + b.ours, a.duck + " UNION ALL " + b.duck, a.kinds}
	case 2: // an aggregation over another
		inner := grouped(r, "r", "r", columnsOf, 1+r.IntN(2))
		return grouped(r, "("+inner.ours+") q", "("+inner.duck+") q", inner.names(), r.IntN(2))
	case 3:
		inner := selection(r, "r", "r", columnsOf)
		return grouped(r, "("+inner.ours+") q", "("+inner.duck+") q", inner.names(), r.IntN(3))
	case 4:
		q := selection(r, "r", "r", columnsOf)
		return randomQuery{strings.Replace(q.ours, "SELECT", "SELECT DISTINCT", 1), strings.Replace(q.duck, "SELECT", "SELECT DISTINCT", 1), q.kinds}
	}
	return grouped(r, "r", "r", columnsOf, r.IntN(3))
}

// names are the columns of the query, c1, c2, …, by kind.
func (q randomQuery) names() map[byte][]string {
	out := map[byte][]string{}
	for i, k := range q.kinds {
		out[k] = append(out[k], fmt.Sprintf("c%d", i+1))
	}
	return out
}

// selection computes columns of some rows.
func selection(r *rand.Rand, ours, duck string, names map[byte][]string) randomQuery {
	var list []byte
	for range 1 + r.IntN(4) {
		list = append(list, kinds[r.IntN(len(kinds))])
	}
	return selectionOf(r, ours, duck, names, list)
}

func sameKinds(r *rand.Rand, list []byte) randomQuery {
	return selectionOf(r, "r", "r", columnsOf, list)
}

func selectionOf(r *rand.Rand, ours, duck string, names map[byte][]string, list []byte) randomQuery {
	q := randomQuery{kinds: slices.Clone(list)}
	var mine, theirs []string
	for i, k := range list {
		e := calmExpr(r, k, 2+r.IntN(3), names)
		mine, theirs = append(mine, cast(k, e.ours, i)), append(theirs, cast(k, e.duck, i))
	}
	where := calmExpr(r, 'b', 1+r.IntN(4), names)
	q.ours = "SELECT " + strings.Join(mine, ", ") + " FROM " + ours + " WHERE " + where.ours
	q.duck = "SELECT " + strings.Join(theirs, ", ") + " FROM " + duck + " WHERE " + where.duck
	return q
}

// cast gives decimals one type, so that UNION ALL has no other one in DuckDB than here.
func cast(kind byte, text string, i int) string {
	if kind == 'p' {
		text = "CAST(" + text + " AS decimal(30,4))"
	}
	return fmt.Sprintf("%s AS c%d", text, i+1)
}

// grouped aggregates by so many keys.
func grouped(r *rand.Rand, ours, duck string, names map[byte][]string, keys int) randomQuery {
	q := randomQuery{}
	var mine, theirs, by []string
	for i := range keys {
		k := "bisdb"[r.IntN(5)]
		e := calmExpr(r, k, 1+r.IntN(3), names)
		if e.depth == 1 && len(names[k]) == 0 {
			e = calmExpr(r, k, 2, names)
		}
		q.kinds = append(q.kinds, k)
		mine, theirs, by = append(mine, cast(k, e.ours, i)), append(theirs, cast(k, e.duck, i)), append(by, fmt.Sprint(i+1))
	}
	for range 1 + r.IntN(3) {
		a := aggregates[r.IntN(len(aggregates))]
		var x spelled
		if a.arg != 0 {
			x = calmExpr(r, a.arg, 1+r.IntN(3), names)
		}
		filter, theirFilter := "", ""
		if r.IntN(3) == 0 {
			f := calmExpr(r, 'b', 1+r.IntN(3), names)
			filter, theirFilter = " FILTER (WHERE "+f.ours+")", " FILTER (WHERE "+f.duck+")"
		}
		i := len(q.kinds)
		q.kinds = append(q.kinds, a.out)
		mine = append(mine, cast(a.out, strings.ReplaceAll(a.text, "@", x.ours)+filter, i))
		theirs = append(theirs, cast(a.out, strings.ReplaceAll(a.text, "@", x.duck)+theirFilter, i))
	}
	where := calmExpr(r, 'b', 1+r.IntN(3), names)
	q.ours = "SELECT " + strings.Join(mine, ", ") + " FROM " + ours + " WHERE " + where.ours
	q.duck = "SELECT " + strings.Join(theirs, ", ") + " FROM " + duck + " WHERE " + where.duck
	if keys > 0 {
		having := ""
		if r.IntN(3) == 0 {
			having = " HAVING count(*) > 1"
		}
		q.ours += " GROUP BY " + strings.Join(by, ", ") + having
		q.duck += " GROUP BY " + strings.Join(by, ", ") + having
	}
	return q
}
