package columnar

import (
	"bytes"
	"errors"
	"math"
)

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
	column() *Vector
	reset()
	sizeBytes() int64
}

// newBest returns the keeper for a type, or nil for types without an order.
func newBest(t Type, largest bool) best {
	switch t.Kind {
	case Bool, Int8, Int16, Int32, Int64, Date, Timestamp, LocalTimestamp:
		return &bestInt{typ: t, largest: largest}
	case Float32, Float64:
		return &bestDouble{typ: t, largest: largest}
	case String, Binary:
		return &bestText{typ: t, largest: largest}
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
	for i, g := range in.groups {
		if x := vals[i]; b.seen[g] == 0 || x != b.vals[g] && x > b.vals[g] == b.largest {
			b.vals[g], b.seen[g] = x, 1
			if won != nil {
				won[g] = 1
			}
		}
	}
	return nil
}

func (b *bestInt) keepBest(in *aggInput, v *Vector) {
	vals := in.ints(v)
	in.filter(func(i int, g uint32) bool { return vals[i] == b.vals[g] })
}

func (b *bestInt) forget(g uint32) { b.seen[g], b.vals[g] = 0, 0 }

func (b *bestInt) column() *Vector {
	v := &Vector{Type: b.typ, N: len(b.vals), Valid: b.validity()}
	switch b.typ.Kind {
	case Bool:
		b.bits = packBits(b.bits, v.N, func(i int) bool { return b.vals[i] != 0 })
		v.Bits = b.bits
	case Int8, Int16, Int32, Date:
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
	for i, g := range in.groups {
		x, y := orderKey(vals[i]), orderKey(b.vals[g])
		if b.seen[g] == 0 || x != y && x > y == b.largest {
			b.vals[g], b.seen[g] = math.Float64frombits(canonicalBits(vals[i])), 1
			if won != nil {
				won[g] = 1
			}
		}
	}
	return nil
}

func (b *bestDouble) keepBest(in *aggInput, v *Vector) {
	vals := in.doubles(v)
	in.filter(func(i int, g uint32) bool { return orderKey(vals[i]) == orderKey(b.vals[g]) })
}

func (b *bestDouble) forget(g uint32) { b.seen[g], b.vals[g] = 0, 0 }

func (b *bestDouble) column() *Vector {
	return &Vector{Type: b.typ, N: len(b.vals), F64: b.vals, Valid: b.validity()}
}

func (b *bestDouble) reset() {
	b.vals = b.vals[:0]
	b.presence.reset()
}

func (b *bestDouble) sizeBytes() int64 { return b.presence.sizeBytes() + int64(cap(b.vals))*8 }

// bestText keeps strings in an arena; replaced ones leave garbage that is collected when it is more than half.
type bestText struct {
	typ     Type
	largest bool
	span    []span
	arena   []byte
	live    int // bytes in use
	presence
	off  []int32 // buffers of the column
	data []byte
}

type span struct{ from, to int }

func (b *bestText) extend(n int) {
	b.span = extended(b.span, n)
	b.presence.extend(n)
}

func (b *bestText) get(g uint32) []byte { return b.arena[b.span[g].from:b.span[g].to] }

func (b *bestText) improve(in *aggInput, v *Vector, won []byte) error {
	for i, g := range in.groups {
		x := v.Str(int(in.rows[i]))
		if b.seen[g] == 0 || b.better(g, x) {
			b.set(g, x)
			if won != nil {
				won[g] = 1
			}
		}
	}
	if b.live > math.MaxInt32 {
		return errTooMuchText
	}
	return nil
}

// errTooMuchText is about a column that 32-bit offsets cannot count.
var errTooMuchText = errors.New("more than 2 GiB in one shard: use more shards")

func (b *bestText) better(g uint32, x []byte) bool {
	c := bytes.Compare(x, b.get(g))
	return c != 0 && c > 0 == b.largest
}

func (b *bestText) set(g uint32, x []byte) {
	old := b.span[g]
	b.live += len(x) - (old.to - old.from)
	b.span[g], b.seen[g] = span{len(b.arena), len(b.arena) + len(x)}, 1
	b.arena = append(b.arena, x...)
	if len(b.arena) > 2*b.live+4096 {
		b.collect()
	}
}

// collect moves the strings in use together.
func (b *bestText) collect() {
	fresh := make([]byte, 0, b.live+b.live/2)
	for g := range b.span {
		from := len(fresh)
		fresh = append(fresh, b.get(uint32(g))...)
		b.span[g] = span{from, len(fresh)}
	}
	b.arena = fresh
}

func (b *bestText) keepBest(in *aggInput, v *Vector) {
	rows := in.rows
	in.filter(func(i int, g uint32) bool { return bytes.Equal(v.Str(int(rows[i])), b.get(g)) })
}

func (b *bestText) forget(g uint32) {
	b.live -= b.span[g].to - b.span[g].from
	b.span[g], b.seen[g] = span{}, 0
}

// column lays the strings out in the order of the groups.
func (b *bestText) column() *Vector {
	b.off, b.data = resized(b.off, len(b.span)+1), b.data[:0]
	for g := range b.span {
		b.off[g] = int32(len(b.data))
		b.data = append(b.data, b.get(uint32(g))...)
	}
	b.off[len(b.span)] = int32(len(b.data))
	b.data = withSlack(b.data)
	return &Vector{Type: b.typ, N: len(b.span), Off: b.off, Data: b.data, Valid: b.validity()}
}

func (b *bestText) reset() {
	b.span, b.arena, b.live = b.span[:0], b.arena[:0], 0
	b.presence.reset()
}

func (b *bestText) sizeBytes() int64 {
	return b.presence.sizeBytes() + int64(cap(b.span))*16 + int64(cap(b.arena)+cap(b.data)) + int64(cap(b.off))*4
}
