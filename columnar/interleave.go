package columnar

// place says where rows of a result come from: row i from row rows[i] of vector pick[i], or of the first vector where
// pick is nil. A row of −1 is NULL.
type place struct{ pick, rows []int32 }

func (p place) source(i int) int32 {
	if p.pick == nil {
		return 0
	}
	return p.pick[i]
}

// interleave sets v, of a nested type, to rows of vectors of the same type. It reuses v's memory. Vectors that no row
// comes from may be nil.
func (v *Vector) interleave(from []*Vector, p place) {
	v.N = len(p.rows)
	v.interleaveValid(from, p)
	if v.Kids == nil {
		v.Kids = v.Type.kids(0)
	}
	inner := p
	if v.Type.Kind.Storage() == StoredList {
		inner = v.interleaveLists(from, p)
	}
	kids := make([]*Vector, len(from))
	for k, kid := range v.Kids {
		for i, f := range from {
			if f != nil {
				kids[i] = f.Kids[k]
			}
		}
		kid.interleaveAny(kids, inner)
	}
}

func (v *Vector) interleaveValid(from []*Vector, p place) {
	v.Valid = resized(v.Valid, bitmapBytes(v.N))
	clear(v.Valid)
	for i, r := range p.rows {
		v.Valid[i>>3] |= bit(r >= 0 && !isNullAt(from[p.source(i)].Valid, r)) << (i & 7)
	}
	if onesUpTo(v.Valid, v.N) == v.N {
		v.Valid = nil
	}
}

// interleaveLists sets the offsets and returns where the elements come from.
func (v *Vector) interleaveLists(from []*Vector, p place) place {
	v.Off = resized(v.Off, v.N+1)
	v.Off[0] = 0
	var inner place
	for i, r := range p.rows {
		if !v.IsNull(i) {
			source := from[p.source(i)]
			for e := source.Off[r]; e < source.Off[r+1]; e++ {
				inner.pick, inner.rows = append(inner.pick, p.source(i)), append(inner.rows, e)
			}
		}
		v.Off[i+1] = int32(len(inner.rows))
	}
	return inner
}

// interleaveAny is interleave for every type.
func (v *Vector) interleaveAny(from []*Vector, p place) {
	if v.Type.IsNested() {
		v.interleave(from, p)
		return
	}
	v.N = len(p.rows)
	v.interleaveValid(from, p)
	switch v.Type.Kind.Storage() {
	case StoredBits:
		v.Bits = resized(v.Bits, bitmapBytes(v.N))
		clear(v.Bits)
		for i, r := range p.rows {
			v.Bits[i>>3] |= bit(r >= 0 && from[p.source(i)].Bool(int(r))) << (i & 7)
		}
	case StoredI32:
		v.I32 = interleaved(v.I32, from, p, func(f *Vector) []int32 { return f.I32 })
	case StoredI64:
		v.I64 = interleaved(v.I64, from, p, func(f *Vector) []int64 { return f.I64 })
	case StoredF64:
		v.F64 = interleaved(v.F64, from, p, func(f *Vector) []float64 { return f.F64 })
	case StoredWide:
		v.Wide = interleaved(v.Wide, from, p, func(f *Vector) []Int128 { return f.Wide })
	case StoredBytes:
		v.interleaveBytes(from, p)
	}
}

func interleaved[T any](dst []T, from []*Vector, p place, values func(*Vector) []T) []T {
	sources := make([][]T, len(from))
	for i, f := range from {
		if f != nil {
			sources[i] = values(f)
		}
	}
	dst = resized(dst, len(p.rows))
	for i, r := range p.rows {
		if r >= 0 {
			dst[i] = sources[p.source(i)][r]
		}
	}
	return dst
}

func (v *Vector) interleaveBytes(from []*Vector, p place) {
	v.Off, v.Data = resized(v.Off, v.N+1), v.Data[:0]
	v.Off[0] = 0
	for i, r := range p.rows {
		if !v.IsNull(i) {
			v.Data = appendRow(v.Data, from[p.source(i)], r)
		}
		v.Off[i+1] = int32(len(v.Data))
	}
	v.Data = withSlack(v.Data)
}
