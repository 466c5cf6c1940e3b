package dstream

import (
	"fmt"
)

// This file computes the steps of the builder, as they were written.

// fact is a row by column id. Columns with a definition are computed whenever they are asked for.
type fact map[int]value

func (f fact) column(set *columnSet) func(int) value {
	return func(id int) value {
		if v, ok := f[id]; ok {
			return v
		}
		return evaluate(set.list[id].def, f.column(set))
	}
}

// history computes streams step by step, in the order of the builder calls.
type history struct {
	set  *columnSet
	data dataset
	done map[*node][]fact
}

func (h *history) run(n *node) []fact {
	if done, ok := h.done[n]; ok {
		return done
	}
	h.done[n] = h.step(n)
	return h.done[n]
}

func (h *history) step(n *node) []fact {
	switch {
	case n.source != nil:
		return sourceFacts(h.set, n.source, h.data)
	case n.view != nil:
		return h.run(n.in)
	case n.union != nil:
		return h.unionFacts(n.union)
	case n.group != nil:
		return groupFacts(h.set, n.group, h.run(n.in))
	}
	var out []fact
	for _, f := range h.run(n.in) {
		switch {
		case n.join != nil:
			out = append(out, joinFacts(h.set, n.join, f, h.data)...)
		case n.unnest != nil:
			for _, added := range elements(f.column(h.set)(n.unnest.list), n.unnest.left, n.unnest.ordered) {
				out = append(out, f.with(n.unnest.columns, added))
			}
		case evaluate(n.filter, f.column(h.set)) == truth(true):
			out = append(out, f)
		}
	}
	return out
}

func (h *history) unionFacts(u *union) []fact {
	var out []fact
	for i, in := range u.inputs {
		for _, f := range h.run(in) {
			united := fact{}
			for _, c := range u.columns {
				united[c.id] = evaluate(c.union[i], f.column(h.set))
			}
			out = append(out, united)
		}
	}
	return out
}

// with is f and further columns.
func (f fact) with(columns []*column, values []value) fact {
	out := fact{}
	for id, v := range f {
		out[id] = v
	}
	for i, v := range values {
		out[columns[i].id] = v
	}
	return out
}

func sourceFacts(set *columnSet, src *Source, data dataset) []fact {
	var out []fact
	for _, r := range data[src.Name] {
		f := fact{}
		for _, c := range set.list {
			if v, ok := r[c.field]; ok && c.source == src {
				f[c.id] = v
			}
		}
		out = append(out, f)
	}
	return out
}

func joinFacts(set *columnSet, j *join, f fact, data dataset) []fact {
	with := func(t map[string]value) fact { return f.with(j.columns, pick(t, j.table.Schema.Names())) }
	var out []fact
	for _, t := range data[j.table.Name] {
		match := true
		for k, id := range j.left {
			l := f.column(set)(id)
			match = match && !l.null && l == t[j.table.Schema.Fields[j.right[k]].Name]
		}
		if match {
			out = append(out, with(t))
		}
	}
	if len(out) == 0 && j.kind == LeftOuter {
		out = append(out, with(nil))
	}
	return out
}

func groupFacts(set *columnSet, g *grouping, in []fact) []fact {
	var order []string
	groups := map[string][]fact{}
	for _, f := range in {
		key := fmt.Sprint(g.startOf(set, f))
		for _, k := range g.all {
			key += fmt.Sprintf("|%v", f.column(set)(k.id))
		}
		if groups[key] == nil {
			order = append(order, key)
		}
		groups[key] = append(groups[key], f)
	}
	if g.window == nil && len(g.all) == 0 && len(in) == 0 {
		order = []string{"the one group"}
	}
	var out []fact
	for _, key := range order {
		out = append(out, foldFacts(set, g, groups[key]))
	}
	return out
}

// startOf is the beginning of the window that a row is in, 0 without windows.
func (g *grouping) startOf(set *columnSet, f fact) int64 {
	if g.window == nil {
		return 0
	}
	return startOf(f.column(set)(g.window.time).i, g.window.frame)
}

func foldFacts(set *columnSet, g *grouping, group []fact) fact {
	out := fact{}
	if w := g.window; w != nil {
		start := g.startOf(set, group[0])
		out[w.start.id], out[w.end.id], out[w.last.id] = value{i: start}, value{i: start + w.frame.Size}, value{i: start + w.frame.Size - 1}
	}
	for _, k := range g.all {
		out[k.id] = group[0].column(set)(k.id)
	}
	for _, c := range g.aggs {
		var args [][]value
		for _, f := range group {
			var of []value
			for _, e := range c.agg.Args {
				of = append(of, evaluate(e, f.column(set)))
			}
			args = append(args, of)
		}
		out[c.id] = fold(c.agg.Func, c.agg.Distinct, args)
	}
	return out
}
