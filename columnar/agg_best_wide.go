package columnar

// bestWide keeps decimals, and intervals, which it orders by their length and keeps in one form for each.
type bestWide struct {
	typ     Type
	largest bool
	vals    []Int128
	presence
}

func (b *bestWide) extend(n int) {
	b.vals = extended(b.vals, n)
	b.presence.extend(n)
}

func (b *bestWide) compare(x, y Int128) int {
	if b.typ.Kind == Interval {
		return intervalLength(x).Cmp(intervalLength(y))
	}
	return x.Cmp(y)
}

func (b *bestWide) improve(in *aggInput, v *Vector, won []byte) error {
	for i, g := range in.groups {
		x := v.Wide[in.rows[i]]
		if b.seen[g] != 0 {
			if c := b.compare(x, b.vals[g]); c == 0 || c > 0 != b.largest {
				continue
			}
		}
		b.vals[g], b.seen[g] = canonicalWide(b.typ.Kind, x), 1
		if won != nil {
			won[g] = 1
		}
	}
	return nil
}

func (b *bestWide) keepBest(in *aggInput, v *Vector) {
	rows := in.rows
	in.filter(func(i int, g uint32) bool { return b.compare(v.Wide[rows[i]], b.vals[g]) == 0 })
}

func (b *bestWide) forget(g uint32) { b.seen[g], b.vals[g] = 0, Int128{} }

func (b *bestWide) column(groups []int32) *Vector {
	return ofGroups(&Vector{Type: b.typ, N: len(b.vals), Wide: b.vals, Valid: b.validity()}, groups)
}

func (b *bestWide) reset() {
	b.vals = b.vals[:0]
	b.presence.reset()
}

func (b *bestWide) sizeBytes() int64 { return b.presence.sizeBytes() + int64(cap(b.vals))*16 }
