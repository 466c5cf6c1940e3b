package sql

import (
	"time"

	"github.com/millrace/millrace/dstream"
)

// distinct is SELECT DISTINCT as it was written.
type distinct struct {
	given  bool
	pos    dstream.Pos
	on     []dstream.Expr // DISTINCT ON: what rows are told apart by; else the select list
	within length         // WITHIN: how far apart equal rows may be
}

const withinExample = "SELECT DISTINCT ON (id) * FROM events WITHIN INTERVAL '1' HOUR"

// distinct takes DISTINCT, DISTINCT ON (…) or ALL.
func (p *parser) distinct(s *selection) {
	s.distinct.pos = p.pos(p.peek())
	if p.accept("ALL") || !p.accept("DISTINCT") {
		return
	}
	s.distinct.given = true
	if !p.is("ON") || p.ahead(1).key != "(" {
		return
	}
	p.next()
	p.expect("(")
	for p.err == nil {
		s.distinct.on = append(s.distinct.on, p.expression().Expr)
		if !p.accept(",") {
			break
		}
	}
	p.expect(")")
}

// atWithin reports whether WITHIN INTERVAL stands here, and not a name.
func (p *parser) atWithin() bool { return p.is("WITHIN") && p.ahead(1).key == "INTERVAL" }

// within takes WITHIN INTERVAL …, the last clause of SELECT DISTINCT.
func (p *parser) within(s *selection) {
	t := p.peek()
	switch {
	case p.atWithin():
		p.next()
		s.distinct.within = p.duration()
		if !s.distinct.given {
			p.fail(t, "WITHIN belongs to SELECT DISTINCT", "write "+withinExample)
		}
	case len(s.distinct.on) > 0:
		p.fail(t, "DISTINCT ON needs WITHIN INTERVAL …", "write "+withinExample+"; without it every key would be kept for ever")
	}
}

// duration reads an interval of fixed length that is longer than nothing.
func (p *parser) duration() length {
	t := p.peek()
	s := p.interval()
	l := length{span: s, given: true, pos: p.pos(t)}
	if p.err != nil {
		return l
	}
	us, err := s.fixed()
	switch {
	case err != nil:
		p.fail(t, err.Msg, "write a length in days or less")
	case us <= 0:
		p.fail(t, "duplicates are found within a time longer than nothing", "")
	}
	return l
}

// deduplicated applies SELECT DISTINCT to the result of the select list. With ON it comes in front of it.
func (d *distinct) deduplicated(s *dstream.Stream) *dstream.Stream {
	switch {
	case !d.given || len(d.on) > 0:
		return s
	case d.within.given:
		return s.At(d.pos).Dedup(d.span())
	}
	return s.At(d.pos).Distinct()
}

// span is how far apart equal rows may be.
func (d *distinct) span() time.Duration {
	us, _ := d.within.fixed()
	return time.Duration(us) * time.Microsecond
}

// first applies DISTINCT ON.
func (b *selectBinder) first(s *dstream.Stream) (*dstream.Stream, error) {
	d := &b.selection.distinct
	if len(d.on) == 0 {
		return s, nil
	}
	items, err := b.items(s)
	if err != nil {
		return nil, err
	}
	if _, grouped := b.grouping(items); grouped {
		return nil, &dstream.Error{Pos: d.pos, Msg: "DISTINCT ON does not go together with an aggregation in the same SELECT", Hint: "deduplicate in a query of its own: WITH firsts AS (" + withinExample + ") SELECT …"}
	}
	var keys []dstream.Expr
	for _, e := range d.on {
		keys = append(keys, b.resolve(e))
	}
	s = s.At(d.pos).Dedup(d.span(), keys...)
	return s, s.Err()
}
