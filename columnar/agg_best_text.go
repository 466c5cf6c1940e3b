package columnar

import "bytes"

// bestText keeps strings in an arena; replaced ones leave garbage that is collected when it is more than half.
type bestText struct {
	typ     Type
	largest bool
	span    []span
	arena   []byte
	live    int // bytes in use
	presence
	out *Builder // buffer of the column
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
	if b.live > roomMax {
		return in.tooMuch()
	}
	return nil
}

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
func (b *bestText) column(groups []int32) *Vector {
	out := ownBuilder(b.out, groups)
	for _, g := range listed(groups, len(b.span)) {
		if b.seen[g] == 0 {
			out.AppendNull()
		} else {
			out.AppendBytes(b.get(uint32(g)))
		}
	}
	return out.Vector()
}

func (b *bestText) reset() {
	b.span, b.arena, b.live = b.span[:0], b.arena[:0], 0
	b.presence.reset()
}

func (b *bestText) sizeBytes() int64 {
	return b.presence.sizeBytes() + int64(cap(b.span))*16 + int64(cap(b.arena)) + b.out.sizeBytes()
}
