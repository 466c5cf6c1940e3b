package columnar

import "slices"

// valueSets is a set of values for each group: a hash table of (group, value), flat, with the values of a group linked in
// the order in which they came.
type valueSets struct {
	table  *keyTable // of the group and the value
	chains chains
	group  Vector   // scratch: the group column of rows to look up
	number []uint32 // scratch: of each row, its pair
}

func newValueSets(t Type) *valueSets {
	group := Type{Kind: Int32}
	return &valueSets{table: newKeyTable([]Type{group, t}), group: Vector{Type: group}}
}

// values is the column of the values, by number of the pair. It is valid until the next insert.
func (p *valueSets) values() *Vector { return p.table.cols[1].own.Vector() }

func (p *valueSets) extend(n int) { p.chains.extend(n) }

// insert numbers the pairs of the rows of v. New pairs get the numbers behind those that were there, in the order of
// their first rows.
func (p *valueSets) insert(in *aggInput, v *Vector) (numbers []uint32, err error) {
	if len(in.rows) == 0 {
		return nil, nil
	}
	if !p.table.cols[1].own.hasRoom(v, in.rows) {
		return nil, in.tooMuch()
	}
	p.group.I32 = resized(p.group.I32, v.N)
	p.group.N = v.N
	for i, r := range in.rows {
		p.group.I32[r] = int32(in.groups[i])
	}
	p.table.bind(&Batch{Cols: []*Vector{&p.group, v}}, []int{0, 1}, in.rows)
	had := p.table.n
	p.number = p.table.number(p.number, in.rows)
	for i, n := range p.number {
		if int(n) == had {
			p.chains.append(in.groups[i])
			had++
		}
	}
	return p.number, nil
}

// keepNew inserts the rows of v and leaves those of new pairs in the input.
func (p *valueSets) keepNew(in *aggInput, v *Vector) error {
	next := p.table.n
	numbers, err := p.insert(in, v)
	if err != nil {
		return err
	}
	in.filter(func(i int, _ uint32) bool {
		first := int(numbers[i]) == next
		next += int(bit(first))
		return first
	})
	return nil
}

func (p *valueSets) reset() {
	p.table.reset()
	p.chains.reset()
}

func (p *valueSets) sizeBytes() int64 {
	return p.table.sizeBytes() + p.chains.sizeBytes() + int64(cap(p.group.I32)+cap(p.number))*4
}

// chains links numbered things of the same group, in the order of their numbers.
type chains struct {
	head, tail []int32 // of each group: 1 + the first and the last of its things; 0 = none
	next       []int32 // of each thing: 1 + the next of its group; 0 = it is the last
}

func (c *chains) extend(n int) { c.head, c.tail = extended(c.head, n), extended(c.tail, n) }

// append adds the next thing to a group.
func (c *chains) append(g uint32) {
	c.next = append(c.next, 0)
	n := int32(len(c.next))
	if c.head[g] == 0 {
		c.head[g] = n
	} else {
		c.next[c.tail[g]-1] = n
	}
	c.tail[g] = n
}

// of appends the things of a group.
func (c *chains) of(dst []int32, g int32) []int32 {
	for n := c.head[g]; n != 0; n = c.next[n-1] {
		dst = append(dst, n-1)
	}
	return dst
}

// forget leaves a group without things.
func (c *chains) forget(g uint32) { c.head[g], c.tail[g] = 0, 0 }

// lists lays out the things of the groups, or of all when groups is nil, each group sorted: the bounds of the groups, and
// the things.
func (c *chains) lists(groups []int32, compare func(x, y int32) int) (off, things []int32) {
	groups = listed(groups, len(c.head))
	off = make([]int32, 1, len(groups)+1)
	for _, g := range groups {
		from := len(things)
		things = c.of(things, g)
		slices.SortStableFunc(things[from:], compare)
		off = append(off, int32(len(things)))
	}
	return off, things
}

func (c *chains) reset() { c.head, c.tail, c.next = c.head[:0], c.tail[:0], c.next[:0] }

func (c *chains) sizeBytes() int64 { return int64(cap(c.head)+cap(c.tail)+cap(c.next)) * 4 }

// listColumn is a column of arrays whose elements are rows of some columns: of the one, or structs of several.
func listColumn(t Type, off, rows []int32, cols ...*Vector) *Vector {
	element := &Vector{Type: t.Elem(), N: len(rows)}
	for _, c := range cols {
		element.Kids = append(element.Kids, takeVector(c, rows))
	}
	if len(cols) == 1 {
		element = element.Kids[0]
	}
	return &Vector{Type: t, N: len(off) - 1, Off: off, Kids: []*Vector{element}}
}

// elements makes the elements of the lists in v the rows of the input. The error is a list that is NULL.
func (in *aggInput) elements(v *Vector) error {
	if in.hasNull(v) {
		return damaged("a list that is NULL")
	}
	rows := v.elements(nil, in.rows)
	groups := make([]uint32, 0, len(rows))
	for i, r := range in.rows {
		for range v.Off[r+1] - v.Off[r] {
			groups = append(groups, in.groups[i])
		}
	}
	in.rows, in.groups = rows, groups
	return nil
}
