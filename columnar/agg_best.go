package columnar

import "math"

// best keeps the least or the greatest value of each group. There is one for each storage of values.
type best interface {
	extend(n int)
	// improve takes the values of v, none NULL, that are better than those of their groups, and marks these groups in
	// won, where that is not nil.
	improve(in *aggInput, v *Vector, won []byte) error
	// keepBest leaves the rows of the input at which v is as good as the best of their groups.
	keepBest(in *aggInput, v *Vector)
	// forget makes a group empty.
	forget(g uint32)
	// column is the values of the groups, or of all when groups is nil; see [aggState].
	column(groups []int32) *Vector
	reset()
	sizeBytes() int64
}

// newBest returns the keeper for a type, or nil for types without an order.
func newBest(t Type, largest bool) best {
	switch t.Kind.Storage() {
	case StoredBits, StoredI32, StoredI64:
		return &bestInt{typ: t, largest: largest}
	case StoredF64:
		return &bestDouble{typ: t, largest: largest}
	case StoredWide:
		return &bestWide{typ: t, largest: largest}
	case StoredBytes:
		return &bestText{typ: t, largest: largest, out: NewBuilder(t)}
	case StoredList, StoredStruct:
		if t.CheckKey() == nil {
			return newBestNested(t, largest)
		}
	}
	return nil
}

// bestInt keeps whatever is stored as integers or bits.
type bestInt struct {
	typ     Type
	largest bool
	vals    []int64
	presence
	bits []byte // buffers of the column
	i32  []int32
}

func (b *bestInt) extend(n int) {
	b.vals = extended(b.vals, n)
	b.presence.extend(n)
}

func (b *bestInt) improve(in *aggInput, v *Vector, won []byte) error {
	vals := in.ints(v)
	if won == nil {
		b.improveAll(vals, in.groups)
		return nil
	}
	for i, g := range in.groups {
		if x := vals[i]; b.seen[g] == 0 || x != b.vals[g] && x > b.vals[g] == b.largest {
			b.vals[g], b.seen[g], won[g] = x, 1, 1
		}
	}
	return nil
}

// improveAll is improve without a branch where it is not for nothing: which value is better nobody could guess. The order of the
// values is turned around for the least of them by a mask.
func (b *bestInt) improveAll(vals []int64, groups []uint32) {
	own, seen, mask := b.vals, b.seen, int64(-1)
	if b.largest {
		mask = 0
	}
	vals = vals[:len(groups)]
	for i, g := range groups {
		x, best := vals[i], own[g]
		if x^mask > best^mask {
			best = x
		}
		if seen[g] == 0 {
			best = x
		}
		own[g], seen[g] = best, 1
	}
}

func (b *bestInt) keepBest(in *aggInput, v *Vector) {
	vals := in.ints(v)
	in.filter(func(i int, g uint32) bool { return vals[i] == b.vals[g] })
}

func (b *bestInt) forget(g uint32) { b.seen[g], b.vals[g] = 0, 0 }

func (b *bestInt) column(groups []int32) *Vector { return ofGroups(b.all(), groups) }

func (b *bestInt) all() *Vector {
	v := &Vector{Type: b.typ, N: len(b.vals), Valid: b.validity()}
	switch b.typ.Kind.Storage() {
	case StoredBits:
		b.bits = packBits(b.bits, v.N, func(i int) bool { return b.vals[i] != 0 })
		v.Bits = b.bits
	case StoredI32:
		b.i32 = resized(b.i32, v.N)
		for i, x := range b.vals {
			b.i32[i] = int32(x)
		}
		v.I32 = b.i32
	default:
		v.I64 = b.vals
	}
	return v
}

func (b *bestInt) reset() {
	b.vals = b.vals[:0]
	b.presence.reset()
}

func (b *bestInt) sizeBytes() int64 {
	return b.presence.sizeBytes() + int64(cap(b.vals))*8 + int64(cap(b.bits)) + int64(cap(b.i32))*4
}

// bestDouble orders as [orderKey]. What it keeps is canonical: −0 and 0 are equal, and which of them came first must not
// show.
type bestDouble struct {
	typ     Type
	largest bool
	vals    []float64
	presence
}

func (b *bestDouble) extend(n int) {
	b.vals = extended(b.vals, n)
	b.presence.extend(n)
}

func (b *bestDouble) improve(in *aggInput, v *Vector, won []byte) error {
	vals := in.doubles(v)
	if won == nil {
		b.improveAll(vals, in.groups)
		return nil
	}
	for i, g := range in.groups {
		x, y := orderKey(vals[i]), orderKey(b.vals[g])
		if b.seen[g] == 0 || x != y && x > y == b.largest {
			b.vals[g], b.seen[g], won[g] = math.Float64frombits(canonicalBits(vals[i])), 1, 1
		}
	}
	return nil
}

// orderBits is [orderKey] of canonical bits, among which NaN is the greatest number but for its name.
func orderBits(b uint64) int64 { return int64(b) ^ int64(b)>>63&math.MaxInt64 }

// improveAll is that of bestInt.
func (b *bestDouble) improveAll(vals []float64, groups []uint32) {
	own, seen, mask := b.vals, b.seen, int64(-1)
	if b.largest {
		mask = 0
	}
	vals = vals[:len(groups)]
	for i, g := range groups {
		x, best := canonicalBits(vals[i]), math.Float64bits(own[g])
		if orderBits(x)^mask > orderBits(best)^mask {
			best = x
		}
		if seen[g] == 0 {
			best = x
		}
		own[g], seen[g] = math.Float64frombits(best), 1
	}
}

func (b *bestDouble) keepBest(in *aggInput, v *Vector) {
	vals := in.doubles(v)
	in.filter(func(i int, g uint32) bool { return orderKey(vals[i]) == orderKey(b.vals[g]) })
}

func (b *bestDouble) forget(g uint32) { b.seen[g], b.vals[g] = 0, 0 }

func (b *bestDouble) column(groups []int32) *Vector {
	return ofGroups(&Vector{Type: b.typ, N: len(b.vals), F64: b.vals, Valid: b.validity()}, groups)
}

func (b *bestDouble) reset() {
	b.vals = b.vals[:0]
	b.presence.reset()
}

func (b *bestDouble) sizeBytes() int64 { return b.presence.sizeBytes() + int64(cap(b.vals))*8 }
