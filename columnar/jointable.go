package columnar

// JoinTable is a table with an index of some of its columns. It does not change: any number of joins use it at a time.
type JoinTable struct {
	table   *Batch // canonical copy
	keys    []int
	longest []int // of the columns of strings: their longest value

	index *keyTable
	start []int32 // the rows of key k are rows[start[k]:start[k+1]]
	rows  []int32
	multi bool // some key has several rows
}

// NewJoinTable indexes a copy of table by key columns, whose types must be those of keys, see [Type.CheckKey].
func NewJoinTable(table *Batch, keys []int) *JoinTable {
	t := &JoinTable{table: Take(table, selectedRows(table)), keys: keys}
	t.buildIndex()
	for _, v := range t.table.Cols {
		t.longest = append(t.longest, longest(v))
	}
	return t
}

// SizeBytes is the memory that table and index take.
func (t *JoinTable) SizeBytes() int64 {
	return t.table.SizeBytes() + t.index.sizeBytes() + 4*int64(cap(t.start)+cap(t.rows))
}

// buildIndex numbers the keys and lists the rows of each.
func (t *JoinTable) buildIndex() {
	t.index = newKeyTable(columnTypes(t.table.Schema, t.keys))
	live := withoutNull(nil, t.table, t.keys, selectedRows(t.table))
	t.index.bind(t.table, t.keys, live)
	numbers := t.index.number(nil, live)
	t.start = make([]int32, t.index.n+1)
	for _, k := range numbers {
		t.start[k+1]++
	}
	for k := range t.index.n {
		t.multi = t.multi || t.start[k+1] > 1
		t.start[k+1] += t.start[k]
	}
	next := append([]int32{}, t.start...)
	t.rows = make([]int32, len(live))
	for i, k := range numbers {
		t.rows[next[k]] = live[i]
		next[k]++
	}
	t.index = t.index.reader() // without the room that numbering took
}

// reader is a table of the same keys, to be looked up only: it shares them, and nothing else.
func (t *keyTable) reader() *keyTable {
	r := &keyTable{slots: t.slots, n: t.n, vecs: make([]*Vector, len(t.vecs)), records: t.records, weak: t.weak}
	for _, c := range t.cols {
		r.cols = append(r.cols, keyColumn{own: c.own.view(), width: c.width})
	}
	return r
}

// view is a builder of the same rows, to be read only.
func (b *Builder) view() *Builder {
	v := &Builder{vec: b.vec, nulls: b.nulls}
	for _, kid := range b.kids {
		v.kids = append(v.kids, kid.view())
	}
	return v
}
