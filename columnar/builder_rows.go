package columnar

import "slices"

// RowsBuilder gathers rows of one schema, some columns at a time, in a batch that grows.
type RowsBuilder struct {
	schema *Schema
	cols   []*Builder
	iota   frame
}

// NewRowsBuilder returns a builder without rows.
func NewRowsBuilder(schema *Schema) *RowsBuilder {
	b := &RowsBuilder{schema: schema, cols: make([]*Builder, len(schema.Fields))}
	for i, f := range schema.Fields {
		b.cols[i] = NewBuilder(f.Type)
	}
	return b
}

// Reserve makes room for n rows more.
func (b *RowsBuilder) Reserve(n int) {
	for _, col := range b.cols {
		v := &col.vec
		switch v.Type.Kind.Storage() {
		case StoredI32:
			v.I32 = slices.Grow(v.I32, n)
		case StoredI64:
			v.I64 = slices.Grow(v.I64, n)
		case StoredF64:
			v.F64 = slices.Grow(v.F64, n)
		case StoredWide:
			v.Wide = slices.Grow(v.Wide, n)
		case StoredBytes:
			v.Off = slices.Grow(v.Off, n)
		}
	}
}

// AppendConstant appends a value n times to a column that is stored in I64.
func (b *RowsBuilder) AppendConstant(col int, x int64, n int) {
	own := b.cols[col]
	if own.nulls > 0 {
		for range n {
			own.AppendInt64(x)
		}
		return
	}
	at := len(own.vec.I64)
	own.vec.I64 = slices.Grow(own.vec.I64, n)[:at+n]
	for i := range own.vec.I64[at:] {
		own.vec.I64[at+i] = x
	}
	own.vec.N += n
}

// Append appends rows of v, or the first n where rows is nil, to a column of its type. It reports false, and has done nothing,
// when the column would pass 2 GiB.
func (b *RowsBuilder) Append(col int, v *Vector, rows []int32, n int) bool {
	if rows == nil {
		rows = b.iota.identity(n)
	}
	return b.cols[col].appendRows(v, rows)
}

// Batch returns the rows, which belong to the caller; the builder must not be used any more.
func (b *RowsBuilder) Batch() *Batch {
	out := &Batch{Schema: b.schema, Cols: make([]*Vector, len(b.cols))}
	for i, col := range b.cols {
		out.Cols[i] = col.Vector()
		out.Rows = col.Len()
	}
	return out
}

// appendRows is AppendFrom for many rows.
func (b *Builder) appendRows(v *Vector, rows []int32) bool {
	if !b.hasRoom(v, rows) {
		return false
	}
	if v.Valid != nil || b.nulls > 0 {
		for _, r := range rows {
			b.AppendFrom(v, int(r))
		}
		return true
	}
	own := &b.vec
	switch v.Type.Kind.Storage() {
	case StoredI32:
		own.I32 = appendAll(own.I32, v.I32, rows)
	case StoredI64:
		own.I64 = appendAll(own.I64, v.I64, rows)
	case StoredF64:
		own.F64 = appendAll(own.F64, v.F64, rows)
	case StoredWide:
		own.Wide = appendAll(own.Wide, v.Wide, rows)
	case StoredBytes:
		b.appendTexts(v, rows)
	default:
		for _, r := range rows {
			b.AppendFrom(v, int(r))
		}
		return true
	}
	own.N += len(rows)
	return true
}

func appendAll[T any](dst, src []T, rows []int32) []T {
	at := len(dst)
	dst = slices.Grow(dst, len(rows))[:at+len(rows)]
	for i, r := range rows {
		dst[at+i] = src[r]
	}
	return dst
}

func (b *Builder) appendTexts(v *Vector, rows []int32) {
	size := 0
	for _, r := range rows {
		size += int(v.Off[r+1] - v.Off[r])
	}
	b.reserve(size)
	own, at := &b.vec, len(b.vec.Off)
	own.Off = slices.Grow(own.Off, len(rows))[:at+len(rows)]
	for i, r := range rows {
		own.Data = appendRow(own.Data, v, r)
		own.Off[at+i] = int32(len(own.Data))
	}
}

// appendNullTexts appends NULL n times to an empty column of texts.
func (b *Builder) appendNullTexts(n int) {
	v := &b.vec
	v.Off = extended(v.Off[:1], n+1)
	v.Valid = extended(v.Valid[:0], bitmapBytes(n))
	v.N, b.nulls = n, n
}
