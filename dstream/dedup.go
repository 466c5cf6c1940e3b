package dstream

import (
	"fmt"
	"strings"
	"time"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/windows"
)

// dedup drops rows that say again what another one has said within a span of event time.
type dedup struct {
	group   *grouping // the exchange, with keys and without aggregates
	columns []int     // ids of those that rows keep: all in scope

	ofSource bool // it is called after its source, not after a query
}

// SourceDedup drops rows of a source, for all streams that read it, see [Stream.Dedup].
type SourceDedup struct {
	By     []string // columns
	Within time.Duration
	Pos    Pos
}

// deduplicated is the stream of a source without the rows that came before. It is one for all who ask, so that what is
// remembered is remembered once, under the name of the source.
func (g *Graph) deduplicated(src *Source) *Stream {
	if src.first == nil {
		all := &Stream{graph: g, scope: g.sourceScope(src)}
		all.node = all.node.next(node{source: src})
		var by []Expr
		for _, name := range src.Dedup.By {
			by = append(by, Col(name))
		}
		src.first = all.At(src.Dedup.Pos).Dedup(src.Dedup.Within, by...)
		if src.first.err == nil {
			src.first.node.dedup.group.query, src.first.node.dedup.ofSource = src.Name, true
		}
	}
	s := *src.first
	return &s
}

// maxDedup keeps the arithmetic of times far from overflow, and state from being kept for ever.
const maxDedup = maxWindow

// Dedup keeps the first of the rows whose by are equal and whose event times lie less than within apart; NULLs are equal.
// Rows are judged batch by batch in the order of their event time, then of source, partition and offset, so of two copies in
// different batches the one that came first stays. Keys are remembered until the watermark is past within; rows that come
// behind it are late. Without by all visible columns count: SELECT DISTINCT … WITHIN.
//
// What can be referred to behind it is what could be before.
func (s *Stream) Dedup(within time.Duration, by ...Expr) *Stream {
	return s.step(func(n *Stream, pos Pos) *Error {
		d, err := s.newDedup(within.Microseconds(), by, pos)
		if err != nil {
			return err
		}
		n.node, n.group = s.node.next(node{dedup: d}), nil
		return nil
	})
}

func (s *Stream) newDedup(span int64, by []Expr, pos Pos) (*dedup, *Error) {
	switch {
	case span <= 0:
		return nil, &Error{Pos: pos, Msg: fmt.Sprintf("duplicates are found within a span of time, which must be positive, not %s", micros(span))}
	case span > maxDedup:
		return nil, &Error{Pos: pos, Msg: fmt.Sprintf("duplicates are found within %d days at most", maxDedup/microsPerDay)}
	case s.window != nil:
		return nil, &Error{Pos: pos, Msg: "rows that have a window cannot be deduplicated", Hint: "deduplicate first, then cut the stream into windows"}
	}
	if err := s.takesBack(pos, "deduplication", frontHint); err != nil {
		return nil, err
	}
	time, err := s.dedupTime(pos)
	if err != nil {
		return nil, err
	}
	w := &window{frame: windows.Window{Kind: windows.Dedup, Size: span}, time: time, pos: pos}
	d := &dedup{group: &grouping{graph: s.graph, window: w, in: s.node, scope: s.scope}}
	for _, c := range s.scope {
		d.columns = append(d.columns, c.id)
		if len(by) == 0 && !c.Hidden {
			d.group.keys = append(d.group.keys, s.graph.columns.list[c.id])
		}
	}
	b := &binder{graph: s.graph, scope: s.scope, pos: pos, clause: "a deduplication"}
	for _, e := range by {
		k, err := b.bind(e)
		if err != nil {
			return nil, err
		}
		d.group.keys = append(d.group.keys, s.graph.columns.define(s.graph.columns.render(k), k))
	}
	return d, d.checkKeys(pos)
}

func (d *dedup) checkKeys(pos Pos) *Error {
	for _, c := range d.group.keys {
		if c.typ.Kind == columnar.Map {
			return &Error{Pos: pos, Msg: fmt.Sprintf("duplicates are told by %s, which is %s, and maps cannot be compared", c.name, c.typ.Article())}
		}
	}
	return nil
}

// dedupTime is the event time of the rows: that of their source, or the last moment of the window that they come from.
func (s *Stream) dedupTime(pos Pos) (int, *Error) {
	for n := s.node; n != nil; n = n.in {
		switch {
		case n.union != nil:
			return 0, &Error{Pos: pos, Msg: "the rows of UNION ALL cannot be deduplicated: their event times are those of several streams", Hint: "deduplicate each of the streams"}
		case n.group != nil && n.group.window == nil:
			return 0, &Error{Pos: pos, Msg: "groups without a window cannot be deduplicated: they have no event time"}
		case n.group != nil:
			return n.group.window.last.id, nil
		case n.source != nil && n.source.EventTime == "":
			return 0, &Error{Pos: pos, Msg: fmt.Sprintf("source %q has no event time, so duplicates would have to be remembered for ever", n.source.Name),
				Hint: "declare the event_time of the source"}
		case n.source != nil:
			return s.graph.eventTime(n.source), nil
		}
	}
	return 0, &Error{Pos: pos, Msg: "the stream has no source"}
}

// eventTime is the id of a column with the event time of a source.
func (g *Graph) eventTime(src *Source) int {
	for _, c := range g.columns.list {
		if c.source == src && c.field == src.EventTime {
			return c.id
		}
	}
	t := columnar.Type{Kind: columnar.Timestamp}
	return g.columns.add(column{name: src.EventTime, typ: t, source: src, field: src.EventTime}).id
}

// dedup sends the branches into one exchange that lets the first rows through.
func (x *expansion) dedup(d *dedup, ins []branch) branch {
	p := &gathering{expansion: x, ins: ins, group: d.group, gather: gather{group: d.group}}
	p.inputs, p.outs = make([]*operator, len(ins)), make([][]*column, len(ins))
	for i, b := range ins {
		p.inputs[i] = b.op
	}
	time := d.group.window.time
	at := map[int]int{time: p.place(x.graph.columns.list[time].expr())}
	for _, k := range d.group.keys {
		at[k.id] = p.place(k.expr())
		p.keys = append(p.keys, at[k.id])
	}
	for _, id := range d.columns {
		if x.marked.columns[id] {
			at[id] = p.place(x.graph.columns.list[id].expr())
		}
	}
	p.placeLate()
	p.nameOuts()
	key := p.gather.key()
	op := x.roots[key]
	if op == nil {
		p.name = p.describeDedup()
		op = x.root(key, &operator{gather: &p.gather})
		for i, c := range p.outs[0] {
			op.add(&x.columns, column{name: p.names[i], typ: c.typ})
		}
		op.add(&x.columns, column{name: windowStart, typ: columnar.Type{Kind: columnar.Timestamp}})
		p.send(op)
	}
	out := branch{op: op, env: newEnv()}
	for id, i := range at {
		out.env.columns[id] = op.columns[i]
	}
	return out
}

// describeDedup is the name of the exchange and its state.
func (p *gathering) describeDedup() string {
	var keys []string
	for _, i := range p.keys {
		keys = append(keys, p.names[i])
	}
	name := fmt.Sprintf("dedup(%s, %s) by %s", p.names[0], micros(p.gather.group.window.frame.Size), strings.Join(keys, ", "))
	if p.gather.group.query != "" {
		return p.gather.group.query + ": " + name
	}
	return name
}

// describeDedup is the step for people.
func (g *Graph) describeDedup(d *dedup) string {
	var keys []string
	for _, k := range d.group.keys {
		keys = append(keys, g.columns.shown(k))
	}
	return fmt.Sprintf("deduplicate by %s within %s", strings.Join(keys, ", "), duration(d.group.window.frame.Size))
}

// grouping is the exchange of the step; nil for a step that is another one.
func (d *dedup) grouping() *grouping {
	if d == nil {
		return nil
	}
	return d.group
}
