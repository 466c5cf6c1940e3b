package columnar

import (
	"cmp"
	"fmt"
	"slices"
)

// lists keeps the values of each group, with what they are ordered by. A group is put in order only when it is asked for:
// by the keys, then by the value itself, so that the order in which rows came does not matter.
type lists struct {
	cols   []*Builder // the values, then the keys that are other columns
	order  []listKey
	chains chains
	typ    Type // of the half-aggregated form: an array of values, or of structs of the columns
	nulls  bool // NULL is a value
}

// listKey is one key of the order.
type listKey struct {
	col              int // in lists.cols
	desc, nullsFirst bool
}

func newLists(a Agg, nulls bool) lists {
	l := lists{cols: []*Builder{NewBuilder(a.In)}, nulls: nulls}
	fields := []Field{{"value", a.In}}
	for _, o := range a.Order {
		key := listKey{desc: o.Desc, nullsFirst: o.NullsFirst}
		if o.Col != a.Arg {
			key.col = len(l.cols)
			l.cols = append(l.cols, NewBuilder(o.Type))
			fields = append(fields, Field{fmt.Sprintf("key %d", key.col), o.Type})
		}
		l.order = append(l.order, key)
	}
	l.order = append(l.order, listKey{})
	l.typ = ArrayOf(a.In)
	if len(fields) > 1 {
		l.typ = ArrayOf(StructOf(fields...))
	}
	return l
}

// ordered reports whether everything that a list is ordered by has an order.
func (a Agg) ordered() bool {
	return a.In.CheckKey() == nil && !slices.ContainsFunc(a.Order, func(o AggOrder) bool { return o.Type.CheckKey() != nil })
}

func (l *lists) columns() []Field { return []Field{{Name: " values", Type: l.typ}} }

func (l *lists) extend(n int) { l.chains.extend(n) }

func (l *lists) add(in *aggInput) error {
	if !l.nulls {
		in.dropNulls(in.cols[0])
	}
	if len(in.rows) == 0 {
		return nil
	}
	for i, col := range l.cols {
		if !col.hasRoom(in.cols[i], in.rows) {
			return in.tooMuch()
		}
		for _, r := range in.rows {
			appendKey(col, in.cols[i], int(r))
		}
	}
	for _, g := range in.groups {
		l.chains.append(g)
	}
	return nil
}

func (l *lists) merge(in *aggInput) error {
	list := in.cols[0]
	if err := in.elements(list); err != nil {
		return err
	}
	in.cols = append(in.cols[:0], list.Kids[0])
	if len(l.cols) > 1 {
		if in.hasNull(list.Kids[0]) {
			return damaged("an element that is NULL")
		}
		in.cols = append(in.cols[:0], list.Kids[0].Kids...)
	}
	return l.add(in)
}

func (l *lists) vectors() []*Vector {
	out := make([]*Vector, len(l.cols))
	for i, col := range l.cols {
		out[i] = col.Vector()
	}
	return out
}

// compare is the order inside a list.
func (l *lists) compare() func(x, y int32) int {
	keys := make([]func(x, y int32) int, len(l.order))
	cols := l.vectors()
	for i, k := range l.order {
		keys[i] = k.compare(cols[k.col])
	}
	return func(x, y int32) int {
		for _, c := range keys {
			if d := c(x, y); d != 0 {
				return d
			}
		}
		return 0
	}
}

func (k listKey) compare(v *Vector) func(x, y int32) int {
	values := comparator(v, v)
	sign, null := 1, 1
	if k.desc {
		sign = -1
	}
	if k.nullsFirst {
		null = -1
	}
	return func(x, y int32) int {
		p, q := isNullAt(v.Valid, x), isNullAt(v.Valid, y)
		if p || q {
			return null * cmp.Compare(bit(p), bit(q))
		}
		return sign * values(x, y)
	}
}

func (l *lists) partial(dst []*Vector, groups []int32) []*Vector {
	off, rows := l.chains.lists(groups, l.compare())
	return append(dst, listColumn(l.typ, off, rows, l.vectors()...))
}

func (l *lists) reset() {
	for _, col := range l.cols {
		col.Reset()
	}
	l.chains.reset()
}

func (l *lists) sizeBytes() int64 {
	size := l.chains.sizeBytes()
	for _, col := range l.cols {
		size += col.sizeBytes()
	}
	return size
}

// validity marks the groups with values.
func (l *lists) validity() []byte {
	if !slices.Contains(l.chains.head, 0) {
		return nil
	}
	return packBits(nil, len(l.chains.head), func(g int) bool { return l.chains.head[g] != 0 })
}

// arrayAgg is the state of array_agg.
type arrayAgg struct{ lists }

func newArrayAgg(a Agg) aggState { return &arrayAgg{newLists(a, true)} }

func arrayAggType(a Agg) Type {
	if !a.ordered() {
		return Type{}
	}
	return ArrayOf(a.In)
}

func (s *arrayAgg) final() (*Vector, error) {
	off, rows := s.chains.lists(nil, s.compare())
	values := s.cols[0].Vector()
	out := listColumn(ArrayOf(values.Type), off, rows, values)
	out.Valid = s.validity()
	return out, nil
}

// stringAgg is the state of string_agg.
type stringAgg struct {
	lists
	separator string
	text      []byte // scratch: one result
	out       *Builder
}

func newStringAgg(a Agg) aggState {
	return &stringAgg{lists: newLists(a, false), separator: a.Params[0].Value.S, out: NewBuilder(a.In)}
}

func stringAggType(a Agg) Type {
	if a.In.Kind != String || !a.ordered() || len(a.Params) != 1 || a.Params[0].Type.Kind != String {
		return Type{}
	}
	return a.In
}

func (s *stringAgg) final() (*Vector, error) {
	off, rows := s.chains.lists(nil, s.compare())
	values := s.cols[0].Vector()
	s.out.Reset()
	for g := range s.chains.head {
		list := rows[off[g]:off[g+1]]
		if len(list) == 0 {
			s.out.AppendNull()
			continue
		}
		size := len(s.separator) * (len(list) - 1)
		for _, r := range list {
			size += len(values.Str(int(r)))
		}
		if size > roomMax-s.out.Bytes() {
			return nil, &RowError{Row: g, Reason: tooMuchText}
		}
		s.out.AppendBytes(s.join(size, values, list))
	}
	return s.out.Vector(), nil
}

func (s *stringAgg) join(size int, values *Vector, list []int32) []byte {
	s.text = slices.Grow(s.text[:0], size)
	for i, r := range list {
		if i > 0 {
			s.text = append(s.text, s.separator...)
		}
		s.text = append(s.text, values.Str(int(r))...)
	}
	return s.text
}

func (s *stringAgg) reset() {
	s.lists.reset()
	s.out.Reset()
}

func (s *stringAgg) sizeBytes() int64 {
	return s.lists.sizeBytes() + s.out.sizeBytes() + int64(cap(s.text))
}
