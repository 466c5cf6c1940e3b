package columnar

import (
	"fmt"
	"math"
	"slices"
)

// Builder grows one column value by value. It reuses its memory: after some rounds of [Builder.Reset] and the same
// amount of rows nothing is allocated any more. The zero Builder is not ready; use [NewBuilder].
//
// A value of a nested type is appended part by part: the parts to the [Builder.Kid] builders, then the value itself by
// [Builder.AppendNested].
type Builder struct {
	vec   Vector // vec.Valid is meaningful only while nulls > 0; vec.Kids is not used
	out   Vector
	nulls int
	kids  []*Builder
}

// NewBuilder returns an empty builder for a column of type t, which is not Invalid.
func NewBuilder(t Type) *Builder {
	b := &Builder{vec: Vector{Type: t}}
	switch t.Kind.Storage() {
	case StoredNot:
		panic(fmt.Sprintf("columnar: no column has type %s", t))
	case StoredBytes:
		b.vec.Off = make([]int32, 1, 64)
		b.vec.Data = make([]byte, 0, 2*Slack)
	case StoredList, StoredStruct:
		b.startNested()
	}
	return b
}

// reserveRows makes room for n more rows, but not for text and nested values.
func (b *Builder) reserveRows(n int) {
	switch v := &b.vec; v.Type.Kind.Storage() {
	case StoredI32:
		v.I32 = withRoom(v.I32, n)
	case StoredI64:
		v.I64 = withRoom(v.I64, n)
	case StoredF64:
		v.F64 = withRoom(v.F64, n)
	case StoredWide:
		v.Wide = withRoom(v.Wide, n)
	case StoredBytes:
		v.Off = withRoom(v.Off, n)
	}
}

// Len is the number of rows appended.
func (b *Builder) Len() int { return b.vec.N }

// Bytes is the size of the string or binary data appended. It must stay below 2 GiB: see [Builder.AppendBytes].
func (b *Builder) Bytes() int { return len(b.vec.Data) }

// Reset empties the builder and keeps its memory. It invalidates the vectors taken from it.
func (b *Builder) Reset() { b.Truncate(0) }

// Vector returns the rows appended so far. It aliases the builder's memory and is valid until the next call of any
// other method; Valid is nil when no row is NULL.
func (b *Builder) Vector() *Vector {
	kids := b.out.Kids[:0]
	b.out = b.vec
	if b.nulls == 0 {
		b.out.Valid = nil
	}
	for _, kid := range b.kids {
		kids = append(kids, kid.Vector())
	}
	b.out.Kids = kids
	return &b.out
}

// glance is Vector for a look that ends before the next append: the builder does not go on holding memory that it has grown
// out of, unless the type is nested.
func (b *Builder) glance() *Vector {
	if len(b.kids) > 0 {
		return b.Vector()
	}
	v := b.vec
	if b.nulls == 0 {
		v.Valid = nil
	}
	return &v
}

// AppendNull appends NULL. The value at its place is zero or empty; the fields of a struct are NULL.
func (b *Builder) AppendNull() {
	v := &b.vec
	switch v.Type.Kind.Storage() {
	case StoredBits:
		v.Bits = setBit(v.Bits, v.N, false)
	case StoredI32:
		v.I32 = append(v.I32, 0)
	case StoredI64:
		v.I64 = append(v.I64, 0)
	case StoredF64:
		v.F64 = append(v.F64, 0)
	case StoredWide:
		v.Wide = append(v.Wide, Int128{})
	case StoredBytes:
		v.Off = append(v.Off, int32(len(v.Data)))
	case StoredList, StoredStruct:
		b.appendNullParts()
	}
	if b.nulls == 0 {
		v.Valid = allValid(v.Valid[:0], v.N)
	}
	b.nulls++
	v.Valid = setBit(v.Valid, v.N, false)
	v.N++
}

// AppendBool appends to a Bool column.
func (b *Builder) AppendBool(x bool) {
	b.vec.Bits = setBit(b.vec.Bits, b.vec.N, x)
	b.appended()
}

// AppendInt32 appends to a column that is stored in I32: integers up to Int32, and Date.
func (b *Builder) AppendInt32(x int32) {
	b.vec.I32 = append(b.vec.I32, x)
	b.appended()
}

// AppendInt64 appends to a column that is stored in I64: Int64, Timestamp and LocalTimestamp.
func (b *Builder) AppendInt64(x int64) {
	b.vec.I64 = append(b.vec.I64, x)
	b.appended()
}

// AppendFloat64 appends to a Float64 column, or to a Float32 column a value that is exact as a float32.
func (b *Builder) AppendFloat64(x float64) {
	b.vec.F64 = append(b.vec.F64, x)
	b.appended()
}

// AppendWide appends to a Decimal or Interval column.
func (b *Builder) AppendWide(x Int128) {
	b.vec.Wide = append(b.vec.Wide, x)
	b.appended()
}

// AppendBytes appends a copy of x to a String or Binary column. It panics when the column's data passes 2 GiB, which
// 32-bit offsets cannot count: callers cut batches long before, by [Builder.Bytes].
func (b *Builder) AppendBytes(x []byte) {
	b.reserve(len(x))
	b.vec.Data = append(b.vec.Data, x...)
	b.closeBytes()
}

// AppendString is [Builder.AppendBytes] for a string.
func (b *Builder) AppendString(x string) {
	b.reserve(len(x))
	b.vec.Data = append(b.vec.Data, x...)
	b.closeBytes()
}

// appendWords is AppendBytes for buf[from:to], where buf has Slack bytes behind to, so that short strings are copied by
// whole words.
func (b *Builder) appendWords(buf []byte, from, to int) {
	n, at := to-from, len(b.vec.Data)
	if n > Slack || cap(b.vec.Data)-at < n+Slack {
		b.AppendBytes(buf[from:to])
		return
	}
	b.vec.Data = b.vec.Data[:at+n]
	copyWords(b.vec.Data, at, buf, from, n)
	b.closeBytes()
}

// reserve makes room for n more bytes of data and Slack behind them.
func (b *Builder) reserve(n int) {
	if cap(b.vec.Data)-len(b.vec.Data) < n+Slack {
		b.vec.Data = slices.Grow(b.vec.Data, n+Slack)
	}
}

// closeBytes ends the row whose bytes stand at the end of Data.
func (b *Builder) closeBytes() {
	if len(b.vec.Data) > math.MaxInt32 {
		panic("columnar: the strings of one column in one batch exceed 2 GiB")
	}
	b.vec.Off = append(b.vec.Off, int32(len(b.vec.Data)))
	b.appended()
}

// appended counts a row that is not NULL.
func (b *Builder) appended() {
	if b.nulls > 0 {
		b.vec.Valid = setBit(b.vec.Valid, b.vec.N, true)
	}
	b.vec.N++
}

// Truncate removes all rows from n on, as if they had never been appended.
func (b *Builder) Truncate(n int) {
	v := &b.vec
	if n == 0 {
		b.nulls = 0
	}
	for i := n; i < v.N && b.nulls > 0; i++ {
		if v.IsNull(i) {
			b.nulls--
		}
	}
	v.N = n
	if b.nulls > 0 {
		v.Valid = cutBits(v.Valid, n)
	}
	switch v.Type.Kind.Storage() {
	case StoredBits:
		v.Bits = cutBits(v.Bits, n)
	case StoredI32:
		v.I32 = v.I32[:n]
	case StoredI64:
		v.I64 = v.I64[:n]
	case StoredF64:
		v.F64 = v.F64[:n]
	case StoredWide:
		v.Wide = v.Wide[:n]
	case StoredBytes:
		v.Off = v.Off[:n+1]
		v.Data = v.Data[:v.Off[n]]
	case StoredList, StoredStruct:
		b.truncateParts(n)
	}
}

// setBit sets bit i of a bitmap of i or more bits; the bits behind the last one are 0.
func setBit(bits []byte, i int, on bool) []byte {
	if i>>3 == len(bits) {
		bits = append(bits, 0)
	}
	if on {
		bits[i>>3] |= 1 << (i & 7)
	}
	return bits
}

// cutBits shortens a bitmap to n bits and clears those behind the last one.
func cutBits(bits []byte, n int) []byte {
	bits = bits[:(n+7)>>3]
	if n&7 != 0 {
		bits[n>>3] &= 1<<(n&7) - 1
	}
	return bits
}

// allValid appends n set bits to an empty bitmap.
func allValid(bits []byte, n int) []byte {
	for range n >> 3 {
		bits = append(bits, 0xff)
	}
	if n&7 != 0 {
		bits = append(bits, 1<<(n&7)-1)
	}
	return bits
}
