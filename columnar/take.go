package columnar

import (
	"fmt"
	"unsafe"
)

// Take copies the rows, physical positions in any order, to a new batch without selection. The copy is canonical: what
// is undefined in b, such as values at NULLs and bits behind the last row, is zero, and a column without NULL has no
// validity bitmap. So equal rows give equal memory.
func Take(b *Batch, rows []int32) *Batch {
	out := &Batch{Schema: b.Schema, Cols: make([]*Vector, len(b.Cols)), Rows: len(rows), Origin: b.Origin.clone(), Env: b.Env}
	for i, v := range b.Cols {
		out.Cols[i] = takeVector(v, rows)
	}
	if b.Offsets != nil {
		out.Offsets = gathered(b.Offsets, rows)
	}
	return out
}

// Compact copies the selected rows of b as [Take] does; a batch without selection is returned as it is.
func Compact(b *Batch) *Batch {
	if b.Sel == nil {
		return b.plain()
	}
	return Take(b, b.Sel)
}

// Concat copies the selected rows of the batches, which must have equal schemas and be at least one, to a new canonical
// batch (see [Take]). Origin and offsets are kept where all batches come from the same place.
func Concat(batches []*Batch) *Batch {
	first := batches[0]
	out := &Batch{Schema: first.Schema, Cols: make([]*Vector, len(first.Cols)), Env: first.Env}
	for _, b := range batches {
		if !b.Schema.Equal(first.Schema) {
			panic(fmt.Sprintf("columnar: concatenate (%s) with (%s)", b.Schema, first.Schema))
		}
		out.Rows += b.Len()
	}
	for c, v := range first.Cols {
		dst := newVector(v.Type, out.Rows)
		at := 0
		for _, b := range batches {
			dst.putBatch(at, b.Cols[c], b)
			at += b.Len()
		}
		dst.finish()
		out.Cols[c] = dst
	}
	concatOffsets(out, batches)
	return out
}

func concatOffsets(out *Batch, batches []*Batch) {
	offsets := make([]int64, 0, out.Rows)
	for _, b := range batches {
		if b.Offsets == nil || b.Origin == nil || *b.Origin != *batches[0].Origin {
			return
		}
		offsets = append(offsets, gathered(b.Offsets, selectedRows(b))...)
	}
	out.Origin, out.Offsets = batches[0].Origin.clone(), offsets
}

// selectedRows is the selection as a list, also where there is none.
func selectedRows(b *Batch) []int32 {
	if b.Sel != nil {
		return b.Sel
	}
	return (&frame{}).identity(b.Rows)
}

func takeVector(v *Vector, rows []int32) *Vector {
	dst := newVector(v.Type, len(rows))
	dst.put(0, v, rows)
	dst.finish()
	return dst
}

// newVector is a vector of n rows to be filled by put, front to back.
func newVector(t Type, n int) *Vector {
	v := &Vector{Type: t, N: n, Valid: make([]byte, bitmapBytes(n))}
	switch t.Kind.Storage() {
	case StoredBits:
		v.Bits = make([]byte, bitmapBytes(n))
	case StoredI32:
		v.I32 = make([]int32, n)
	case StoredI64:
		v.I64 = make([]int64, n)
	case StoredF64:
		v.F64 = make([]float64, n)
	case StoredWide:
		v.Wide = make([]Int128, n)
	case StoredBytes:
		v.Off = make([]int32, n+1)
	case StoredList:
		v.Off, v.Kids = make([]int32, n+1), t.kids(0)
	case StoredStruct:
		v.Kids = t.kids(n)
	}
	return v
}

// putBatch copies the rows of src, a column of b, that are selected there.
func (v *Vector) putBatch(at int, src *Vector, b *Batch) {
	if b.Sel != nil || src.Valid != nil || !v.putRun(at, src, b.Rows) {
		v.put(at, src, selectedRows(b))
	}
}

// putRun copies the first n rows of src, none of them NULL, as they lie. It reports false where that is not to be had.
func (v *Vector) putRun(at int, src *Vector, n int) bool {
	switch v.Type.Kind.Storage() {
	case StoredI32:
		copy(v.I32[at:], src.I32[:n])
	case StoredI64:
		copy(v.I64[at:], src.I64[:n])
	case StoredF64:
		copy(v.F64[at:], src.F64[:n])
	case StoredWide:
		copy(v.Wide[at:], src.Wide[:n])
	case StoredBytes:
		if src.Values != nil {
			return false
		}
		v.putRunOfStrings(at, src, n)
	default:
		return false
	}
	setOnes(v.Valid, at, n)
	return true
}

func (v *Vector) putRunOfStrings(at int, src *Vector, n int) {
	v.reserveData(int(src.Off[n] - src.Off[0]))
	move := int32(len(v.Data)) - src.Off[0]
	v.Data = append(v.Data, src.Data[src.Off[0]:src.Off[n]]...)
	for i, end := range src.Off[1 : n+1] {
		v.Off[at+i+1] = end + move
	}
}

// reserveData makes room for size bytes of text, and [Slack] behind them.
func (v *Vector) reserveData(size int) {
	if need := len(v.Data) + size; cap(v.Data) < need+Slack {
		v.Data = append(make([]byte, 0, need+Slack), v.Data...)
	}
}

// put copies rows of src to position at and on, leaving zero where src is NULL.
func (v *Vector) put(at int, src *Vector, rows []int32) {
	switch v.Type.Kind.Storage() {
	case StoredBits:
		v.putBits(at, src, rows)
	case StoredI32:
		putValues(v.I32[at:], src.I32, src.Valid, rows)
	case StoredI64:
		putValues(v.I64[at:], src.I64, src.Valid, rows)
	case StoredF64:
		putValues(v.F64[at:], src.F64, src.Valid, rows)
	case StoredWide:
		putValues(v.Wide[at:], src.Wide, src.Valid, rows)
	case StoredBytes:
		v.putStrings(at, src, rows)
	case StoredList:
		v.putLists(at, src, rows)
	case StoredStruct:
		for i, kid := range v.Kids {
			kid.put(at, src.Kids[i].masked(src.Valid), rows)
		}
	}
	if src.Valid == nil {
		setOnes(v.Valid, at, len(rows))
		return
	}
	for i, r := range rows {
		v.Valid[(at+i)>>3] |= bit(!isNullAt(src.Valid, r)) << ((at + i) & 7)
	}
}

// setOnes sets the bits from..from+n−1.
func setOnes(bitmap []byte, from, n int) {
	end := from + n
	for ; from < end && from&7 != 0; from++ {
		bitmap[from>>3] |= 1 << (from & 7)
	}
	for ; from+8 <= end; from += 8 {
		bitmap[from>>3] = 0xff
	}
	for ; from < end; from++ {
		bitmap[from>>3] |= 1 << (from & 7)
	}
}

// putLists copies the elements behind those that are there.
func (v *Vector) putLists(at int, src *Vector, rows []int32) {
	elements := src.elements(nil, rows)
	had := v.Kids[0].N
	for i, kid := range v.Kids {
		kid.extend(len(elements))
		kid.put(had, src.Kids[i], elements)
	}
	end := v.Off[at]
	for i, r := range rows {
		if !isNullAt(src.Valid, r) {
			end += src.Off[r+1] - src.Off[r]
		}
		v.Off[at+i+1] = end
	}
}

// extend adds n rows to be filled by put.
func (v *Vector) extend(n int) {
	v.N += n
	v.Valid = extended(v.Valid, bitmapBytes(v.N))
	switch v.Type.Kind.Storage() {
	case StoredBits:
		v.Bits = extended(v.Bits, bitmapBytes(v.N))
	case StoredI32:
		v.I32 = extended(v.I32, v.N)
	case StoredI64:
		v.I64 = extended(v.I64, v.N)
	case StoredF64:
		v.F64 = extended(v.F64, v.N)
	case StoredWide:
		v.Wide = extended(v.Wide, v.N)
	case StoredBytes, StoredList:
		v.Off = extended(v.Off, v.N+1)
	case StoredStruct:
		for _, kid := range v.Kids {
			kid.extend(n)
		}
	}
}

func putValues[T any](dst, src []T, valid []byte, rows []int32) {
	dst = dst[:len(rows)]
	if valid == nil {
		for i, r := range rows {
			dst[i] = src[r]
		}
		return
	}
	for i, r := range rows {
		if !isNullAt(valid, r) {
			dst[i] = src[r]
		}
	}
}

func (v *Vector) putBits(at int, src *Vector, rows []int32) {
	for i, r := range rows {
		v.Bits[(at+i)>>3] |= bit(!isNullAt(src.Valid, r) && src.Bool(int(r))) << ((at + i) & 7)
	}
}

func (v *Vector) putStrings(at int, src *Vector, rows []int32) {
	if src.Values != nil {
		v.putReferences(at, src, rows)
		return
	}
	if len(src.Data) == 0 { // as a column of NULLs
		v.reserveData(0)
		for i := range rows {
			v.Off[at+i+1] = v.Off[at]
		}
		return
	}
	size := 0
	for _, r := range rows {
		if !isNullAt(src.Valid, r) {
			size += int(src.Off[r+1] - src.Off[r])
		}
	}
	v.reserveData(size)
	for i, r := range rows {
		if !isNullAt(src.Valid, r) {
			v.Data = appendRow(v.Data, src, r)
		}
		v.Off[at+i+1] = int32(len(v.Data))
	}
}

// putReferences is putStrings for a column of references.
func (v *Vector) putReferences(at int, src *Vector, rows []int32) {
	for i, r := range rows {
		if !isNullAt(src.Valid, r) {
			v.Data = appendRow(v.Data, src.Values, src.I32[r])
		}
		v.Off[at+i+1] = int32(len(v.Data))
	}
	v.Data = withSlack(v.Data)
}

// appendRow appends the string of row r. Where both sides have [Slack], short strings are one move of fixed size, without
// a branch on the length.
func appendRow(dst []byte, src *Vector, r int32) []byte {
	from, to := int(src.Off[r]), int(src.Off[r+1])
	at := len(dst)
	if to-from > Slack || from+Slack > cap(src.Data) || at+Slack > cap(dst) {
		return append(dst, src.Data[from:to]...)
	}
	copySlack(unsafe.Add(unsafe.Pointer(unsafe.SliceData(dst)), at), src.Data, from)
	return dst[:at+to-from]
}

// finish drops the validity bitmaps of vectors without NULL.
func (v *Vector) finish() {
	if onesUpTo(v.Valid, v.N) == v.N {
		v.Valid = nil
	}
	for _, kid := range v.Kids {
		kid.finish()
	}
}

func gathered[T any](src []T, rows []int32) []T {
	dst := make([]T, len(rows))
	for i, r := range rows {
		dst[i] = src[r]
	}
	return dst
}

// SizeBytes is the memory that the columns hold.
func (b *Batch) SizeBytes() int64 {
	size := int64(cap(b.Sel))*4 + int64(cap(b.Offsets))*8
	for _, v := range b.Cols {
		size += v.sizeBytes()
	}
	return size
}

func (v *Vector) sizeBytes() int64 {
	size := int64(cap(v.Valid)+cap(v.Bits)+cap(v.Data)) + int64(cap(v.I32)+cap(v.Off))*4 + int64(cap(v.I64)+cap(v.F64))*8 + int64(cap(v.Wide))*16
	for _, kid := range v.Kids {
		size += kid.sizeBytes()
	}
	return size
}
