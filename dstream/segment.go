package dstream

import (
	"cmp"
	"slices"
)

// segment is a run of row operators that becomes one stage: it begins at a root, or where the tree of operators forks,
// and ends where the tree forks or rows leave it.
type segment struct {
	parent *segment
	root   *operator   // where it begins, when it has no parent
	ops    []*operator // row operators
	depth  int         // of its last operator
	next   []*segment
	outs   []output  // columns that it yields
	gather *operator // the root behind the exchange that its rows go into, or nil
	sinks  []string
	id     int // of the stage
}

// newSegment makes segments of a tree.
func newSegment(root *operator) *segment {
	s := &segment{root: root}
	s.grow(root)
	return s
}

// grow follows the operators behind o, which is the last one of the segment so far.
func (s *segment) grow(o *operator) {
	for len(o.behind) == 1 && o.behind[0].next != nil {
		o = o.behind[0].next
		s.ops = append(s.ops, o)
	}
	s.depth = o.depth
	if len(o.behind) == 1 {
		s.take(o.behind[0].end)
		return
	}
	for _, c := range o.behind {
		fork := &segment{parent: s, depth: o.depth}
		if c.end != nil {
			fork.take(c.end)
		} else {
			fork.ops = append(fork.ops, c.next)
			fork.grow(c.next)
		}
		s.next = append(s.next, fork)
	}
}

func (s *segment) take(e *end) { s.outs, s.gather, s.sinks = e.outs, e.gather, e.sinks }

// changes reports whether the rows leave as a changelog.
func (s *segment) changes() bool {
	first := s
	for first.parent != nil {
		first = first.parent
	}
	return len(s.sinks) > 0 && first.root.op() != nil
}

// front is the depth of the operators in front of the segment, −1 when there are none.
func (s *segment) front() int {
	if s.parent == nil {
		return -1
	}
	return s.parent.depth
}

// wants is a set of column ids.
type wants map[int]bool

// ask is what one user of columns wants at first: itself, not what it is computed from.
func (s *segment) ask(set *columnSet) wants {
	w := wants{}
	for _, op := range s.ops {
		switch {
		case op.filter != nil:
			w.add(references(op.filter, nil)...)
			if c := op.op(); c != nil {
				w.add(c.id)
			}
		case op.join != nil:
			w.add(op.join.left...)
		case op.mapped != nil:
			w.add(op.mapped.in...)
		default:
			w.add(op.unnest.list)
		}
	}
	return w
}

func (w wants) add(ids ...int) {
	for _, id := range ids {
		w[id] = true
	}
}

// replace takes a computed column off and adds what it is computed from.
func (w wants) replace(c *column) {
	delete(w, c.id)
	w.add(references(c.def, nil)...)
}

// needs finds, from the ends of the tree to its root, what each segment must yield, and the fields of sources and tables
// that are in use. It returns the columns that the segment wants from those in front of it. A column that can be computed
// in front is kept whole: whether it is computed there or here is decided where the ways part, see provide.
func (l *lowering) needs(s *segment) wants {
	own := s.ask(l.columns)
	if len(s.next) > 0 {
		s.outs = l.provide(s, own)
	}
	for _, o := range s.outs {
		own.add(o.column.id)
	}
	for id := len(l.columns.list) - 1; id >= 0; id-- { // a definition has smaller ids than the column
		c := l.columns.list[id]
		switch {
		case !own[id] || c.depth <= s.front():
		case c.def != nil:
			own.replace(c)
		default:
			l.read(c)
			delete(own, id)
		}
	}
	for _, op := range s.ops {
		if op.join != nil {
			for _, i := range op.join.right {
				l.tables[op.join.table][i] = true
			}
		}
	}
	return own
}

// provide is what a segment yields to those behind it: columns that it does not compute, and those of its computed ones
// that at least two of them, or one of them and the segment itself, have a use for. A column with one user is computed by
// the user.
func (l *lowering) provide(s *segment, own wants) []output {
	var behind []wants
	for _, n := range s.next {
		behind = append(behind, l.needs(n))
	}
	self := wants{}
	for id := range own {
		self[id] = true
	}
	var out []output
	for id := len(l.columns.list) - 1; id >= 0; id-- {
		c := l.columns.list[id]
		users, asked := 0, false
		for _, w := range behind {
			if w[id] {
				users, asked = users+1, true
			}
		}
		if self[id] {
			users++
		}
		switch {
		case users == 0 || c.def != nil && c.def.Op == "const":
		case asked && (c.def == nil || users > 1):
			out = append(out, output{column: c, name: c.name})
		case c.def != nil:
			for _, w := range append(behind, self) {
				if w[id] {
					w.replace(c)
				}
			}
		}
	}
	slices.SortFunc(out, func(a, b output) int {
		return cmp.Or(cmp.Compare(a.name, b.name), cmp.Compare(a.column.id, b.column.id))
	})
	return out
}

// read notes that a field is in use.
func (l *lowering) read(c *column) {
	if c.op.join != nil {
		l.tables[c.op.join.table][slices.Index(c.op.columns, c)] = true
	}
	if c.op.source != nil {
		l.fields[c.op.source] = append(l.fields[c.op.source], c)
	}
}
