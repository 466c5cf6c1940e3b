package columnar

import "math"

// startNested makes the builders of the parts.
func (b *Builder) startNested() {
	if b.isList() {
		b.vec.Off = make([]int32, 1, 64)
	}
	for _, f := range b.vec.Type.nested.fields {
		b.kids = append(b.kids, NewBuilder(f.Type))
	}
}

func (b *Builder) isList() bool { return b.vec.Type.Kind.Storage() == StoredList }

// Kid is the builder of part i: the elements of an array, the keys (0) and values (1) of a map, or field i of a struct.
func (b *Builder) Kid(i int) *Builder { return b.kids[i] }

// AppendNested appends the value whose parts were appended to the [Builder.Kid] builders since the last one: any number
// of elements, as many keys as values, or one value for each field. It panics when a map or a struct has too few or too
// many of them.
func (b *Builder) AppendNested() {
	b.checkParts()
	if b.isList() {
		if b.kids[0].vec.N > math.MaxInt32 {
			panic("columnar: the elements of one column in one batch are more than 2^31")
		}
		b.vec.Off = append(b.vec.Off, int32(b.kids[0].vec.N))
	}
	b.appended()
}

// checkParts panics where the parts do not make up a row.
func (b *Builder) checkParts() {
	rows := b.vec.N + 1
	if b.isList() {
		rows = b.kids[0].vec.N
	}
	for _, kid := range b.kids {
		if kid.vec.N != rows {
			panic("columnar: a " + b.vec.Type.String() + " lacks a part")
		}
	}
}

// AppendFrom appends row r of v, a vector of the same type.
func (b *Builder) AppendFrom(v *Vector, r int) {
	if v.IsNull(r) {
		b.AppendNull()
		return
	}
	switch v.Type.Kind.Storage() {
	case StoredBits:
		b.AppendBool(v.Bool(r))
	case StoredI32:
		b.AppendInt32(v.I32[r])
	case StoredI64:
		b.AppendInt64(v.I64[r])
	case StoredF64:
		b.AppendFloat64(v.F64[r])
	case StoredWide:
		b.AppendWide(v.Wide[r])
	case StoredBytes:
		b.AppendBytes(v.Str(r))
	default:
		b.appendNested(v, r, (*Builder).AppendFrom)
	}
}

// appendNested appends row r of v, which is not NULL, with each part put by a function.
func (b *Builder) appendNested(v *Vector, r int, part func(b *Builder, v *Vector, r int)) {
	from, to := r, r+1
	if b.isList() {
		from, to = int(v.Off[r]), int(v.Off[r+1])
	}
	for k, kid := range b.kids {
		for i := from; i < to; i++ {
			part(kid, v.Kids[k], i)
		}
	}
	b.AppendNested()
}

func (b *Builder) appendNullParts() {
	if b.isList() {
		b.vec.Off = append(b.vec.Off, int32(b.kids[0].vec.N))
		return
	}
	for _, kid := range b.kids {
		kid.AppendNull()
	}
}

// CutParts takes back the parts that were appended since the last value.
func (b *Builder) CutParts() { b.truncateParts(b.vec.N) }

func (b *Builder) truncateParts(n int) {
	parts := n
	if b.isList() {
		b.vec.Off = b.vec.Off[:n+1]
		parts = int(b.vec.Off[n])
	}
	for _, kid := range b.kids {
		if kid.vec.N >= parts {
			kid.Truncate(parts)
		}
	}
}

func (b *Builder) sizeBytes() int64 {
	size := b.vec.sizeBytes()
	for _, kid := range b.kids {
		size += kid.sizeBytes()
	}
	return size
}
