package columnar

// bestNested keeps arrays and structs as rows of a column. A replaced one leaves a row that nobody refers to; such rows
// are dropped when they are more than half.
type bestNested struct {
	typ     Type
	largest bool
	held    *Builder
	row     []int32 // of each group: where its value is in held
	live    int     // groups with a value
	presence
}

func newBestNested(t Type, largest bool) *bestNested {
	return &bestNested{typ: t, largest: largest, held: NewBuilder(t)}
}

func (b *bestNested) extend(n int) {
	b.row = extended(b.row, n)
	b.presence.extend(n)
}

func (b *bestNested) improve(in *aggInput, v *Vector, won []byte) error {
	if !b.held.hasRoom(v, in.rows) {
		if b.collect(); !b.held.hasRoom(v, in.rows) {
			return in.tooMuch()
		}
	}
	for i, g := range in.groups {
		r := in.rows[i]
		if b.seen[g] == 0 || b.better(v, r, g) {
			b.set(g, v, r)
			if won != nil {
				won[g] = 1
			}
		}
	}
	if b.held.Len() > 2*b.live+1024 {
		b.collect()
	}
	return nil
}

func (b *bestNested) better(v *Vector, r int32, g uint32) bool {
	c := comparator(v, b.held.Vector())(r, b.row[g])
	return c != 0 && c > 0 == b.largest
}

func (b *bestNested) set(g uint32, v *Vector, r int32) {
	b.live += 1 - int(b.seen[g])
	b.row[g], b.seen[g] = int32(b.held.Len()), 1
	appendKey(b.held, v, int(r))
}

// collect moves the values in use together.
func (b *bestNested) collect() {
	fresh, old := NewBuilder(b.typ), b.held.Vector()
	for g, seen := range b.seen {
		if seen != 0 {
			fresh.AppendFrom(old, int(b.row[g]))
			b.row[g] = int32(fresh.Len() - 1)
		}
	}
	b.held = fresh
}

func (b *bestNested) keepBest(in *aggInput, v *Vector) {
	rows, same := in.rows, comparator(v, b.held.Vector())
	in.filter(func(i int, g uint32) bool { return same(rows[i], b.row[g]) == 0 })
}

func (b *bestNested) forget(g uint32) {
	b.live -= int(b.seen[g])
	b.seen[g], b.row[g] = 0, 0
}

func (b *bestNested) column(groups []int32) *Vector {
	out := NewBuilder(b.typ)
	held := b.held.Vector()
	for _, g := range listed(groups, len(b.seen)) {
		if b.seen[g] == 0 {
			out.AppendNull()
		} else {
			out.AppendFrom(held, int(b.row[g]))
		}
	}
	return out.Vector()
}

func (b *bestNested) reset() {
	b.held.Reset()
	b.row, b.live = b.row[:0], 0
	b.presence.reset()
}

func (b *bestNested) sizeBytes() int64 {
	return b.held.sizeBytes() + int64(cap(b.row))*4 + b.presence.sizeBytes()
}
