package columnar

import (
	"math"
	"unsafe"
)

// groupRecords are the keys of a table's groups, and numbers that are kept for them, side by side: of each group one
// record of as many words as of any other. A table that is larger than the caches then costs a row one place in memory
// beside its slot, and not one for each column. Records are in the order of the groups' numbers, in chunks that never
// move.
type groupRecords struct {
	fields []recordField // of each key column
	keys   int           // words of the key
	words  int           // of a record
	chunks [][]uint64    // of chunkRecords records each
	spare  []uint64      // memory of the next chunks
	n      int
}

// recordField is where a record has the value of one key column.
type recordField struct {
	storage Storage
	at      int // first word
	width   int // of text, in bytes
}

const (
	chunkShift   = 13
	chunkRecords = 1 << chunkShift
	spareMost    = 64 << 20 // bytes that are allocated at a time, at most
)

// newGroupRecords is records of the keys of columns that [keyTable.recordable] allows.
func newGroupRecords(cols []keyColumn) *groupRecords {
	r := &groupRecords{}
	for i := range cols {
		f := recordField{storage: cols[i].own.vec.Type.Kind.Storage(), at: r.keys}
		r.keys++
		if f.storage == StoredBytes {
			f.width, _ = cols[i].width.words()
			r.keys = f.at + (f.width+7)/8
		}
		r.fields = append(r.fields, f)
	}
	r.words = r.keys
	return r
}

// lane reserves words for each group, which are 0 in a new one, and returns the first. It is called before there are any.
func (r *groupRecords) lane(words int) int {
	at := r.words
	r.words += words
	return at
}

// word is one of the words of a group. It stays where it is.
func (r *groupRecords) word(g uint32, at int) *uint64 {
	return &r.chunks[g>>chunkShift][int(g&(chunkRecords-1))*r.words+at]
}

func (r *groupRecords) text(g uint32, f *recordField) unsafe.Pointer {
	return unsafe.Pointer(r.word(g, f.at))
}

// extend makes records until there are n. Their keys are to be written.
func (r *groupRecords) extend(n int) {
	for len(r.chunks)*chunkRecords < n {
		r.chunks = append(r.chunks, r.newChunk())
	}
	for g := r.n; g < n; g++ {
		at := (g & (chunkRecords - 1)) * r.words
		clear(r.chunks[g>>chunkShift][at+r.keys : at+r.words])
	}
	r.n = n
}

// newChunk cuts a chunk off from memory that is allocated for many: as much as there is, and from what large pages need
// on an eighth of it.
func (r *groupRecords) newChunk() []uint64 {
	size := chunkRecords * r.words
	if len(r.spare) < size {
		n := max(len(r.chunks)/8, min(len(r.chunks), hugeBytes/8/size), 1)
		n = min(n, max(spareMost/8/size, 1))
		r.spare = makeLarge[uint64](n*size, n*size)
	}
	chunk := r.spare[:size:size]
	r.spare = r.spare[size:]
	return chunk
}

func (r *groupRecords) sizeBytes() int64 {
	return int64(len(r.chunks)*chunkRecords*r.words+len(r.spare)) * 8
}

// write sets a key column of the groups from number first on to the values of v at the rows, of which none is NULL.
func (r *groupRecords) write(f *recordField, first int, v *Vector, rows []int32) {
	switch f.storage {
	case StoredI64:
		writeInts(r, f.at, first, v.I64, rows)
	case StoredI32:
		writeInts(r, f.at, first, v.I32, rows)
	case StoredF64:
		for i, row := range rows {
			*r.word(uint32(first+i), f.at) = canonicalBits(v.F64[row])
		}
	case StoredBytes:
		texts, last := unsafe.Pointer(unsafe.SliceData(v.Data)), f.width-8
		for i, row := range rows {
			key, text := r.text(uint32(first+i), f), unsafe.Add(texts, int(v.Off[row]))
			for k := 0; k < last; k += 8 {
				store(key, k, load(text, k))
			}
			store(key, last, load(text, last))
		}
	}
}

func store(base unsafe.Pointer, i int, x uint64) { *(*uint64)(unsafe.Add(base, i)) = x }

func writeInts[T ordered](r *groupRecords, at, first int, vals []T, rows []int32) {
	for i, row := range rows {
		*r.word(uint32(first+i), at) = uint64(vals[row])
	}
}

// same reports whether every row of v, of which none is NULL and texts are as wide as those of the keys, has the key of
// its number.
func (r *groupRecords) same(f *recordField, numbers []uint32, v *Vector, rows []int32) bool {
	switch f.storage {
	case StoredI64:
		return sameRecordInts(r, f.at, numbers, v.I64, rows)
	case StoredI32:
		return sameRecordInts(r, f.at, numbers, v.I32, rows)
	case StoredF64:
		var diff uint64
		for i, row := range rows {
			diff |= *r.word(numbers[i], f.at) ^ canonicalBits(v.F64[row])
		}
		return diff == 0
	}
	return r.sameTexts(f, numbers, v, rows)
}

func sameRecordInts[T ordered](r *groupRecords, at int, numbers []uint32, vals []T, rows []int32) bool {
	var diff uint64
	for i, row := range rows {
		diff |= *r.word(numbers[i], at) ^ uint64(vals[row])
	}
	return diff == 0
}

// sameTexts compares words, the last of which overlaps the one before, as [sameFixed] does.
func (r *groupRecords) sameTexts(f *recordField, numbers []uint32, v *Vector, rows []int32) bool {
	texts, last, diff := unsafe.Pointer(unsafe.SliceData(v.Data)), f.width-8, uint64(0)
	for i, row := range rows {
		key, text := r.text(numbers[i], f), unsafe.Add(texts, int(v.Off[row]))
		diff |= load(key, last) ^ load(text, last)
		for k := 0; k < last; k += 8 {
			diff |= load(key, k) ^ load(text, k)
		}
	}
	return diff == 0
}

// read makes v, a column without NULL, the key column of n groups from number first on. It has Slack behind its texts.
func (r *groupRecords) read(f *recordField, v *Vector, first, n int) {
	v.N, v.Valid = n, nil
	switch f.storage {
	case StoredI64:
		v.I64 = readInts(r, f.at, v.I64, first, n)
	case StoredI32:
		v.I32 = readInts(r, f.at, v.I32, first, n)
	case StoredF64:
		v.F64 = roomy(v.F64, n)
		for i := range v.F64 {
			v.F64[i] = math.Float64frombits(*r.word(uint32(first+i), f.at))
		}
	case StoredBytes:
		r.readTexts(f, v, first, n)
	}
}

func readInts[T ordered](r *groupRecords, at int, dst []T, first, n int) []T {
	dst = roomy(dst, n)
	for i := range dst {
		dst[i] = T(*r.word(uint32(first+i), at))
	}
	return dst
}

func (r *groupRecords) readTexts(f *recordField, v *Vector, first, n int) {
	v.Off = roomy(v.Off, n+1)
	v.Data = roomy(v.Data, n*f.width+Slack)[:n*f.width]
	texts, last := unsafe.Pointer(unsafe.SliceData(v.Data)), f.width-8
	for i := range n {
		v.Off[i+1] = int32((i + 1) * f.width)
		key, text := r.text(uint32(first+i), f), unsafe.Add(texts, i*f.width)
		for k := 0; k < last; k += 8 {
			store(text, k, load(key, k))
		}
		store(text, last, load(key, last))
	}
	v.Off[0] = 0
}

// roomy is s with length n, any content, and no more memory than that where it needs new.
func roomy[T any](s []T, n int) []T {
	if cap(s) >= n {
		return s[:n]
	}
	return makeLarge[T](n, n)
}
