package columnar

import (
	"math"
	"unsafe"
)

// append appends the keys of these rows of the column that is looked up.
func (c *keyColumn) append(rows []int32) {
	own, in := c.own, c.in
	if len(rows) == 0 {
		return
	}
	switch storage := own.vec.Type.Kind.Storage(); {
	case own.nulls > 0 || in.Valid != nil: // one by one, as below
	case storage == StoredI64:
		own.vec.I64 = appendAt(own.vec.I64, in.I64, rows)
		own.vec.N += len(rows)
		return
	case storage == StoredI32:
		own.vec.I32 = appendAt(own.vec.I32, in.I32, rows)
		own.vec.N += len(rows)
		return
	case storage == StoredBytes:
		c.appendStrings(rows)
		return
	}
	for _, r := range rows {
		appendKey(own, in, int(r))
	}
	c.width.mixed()
}

func appendAt[T any](dst, src []T, rows []int32) []T {
	dst = withRoom(dst, len(rows))
	for _, r := range rows {
		dst = append(dst, src[r])
	}
	return dst
}

// appendStrings appends texts that are not NULL.
func (c *keyColumn) appendStrings(rows []int32) {
	own, in := c.own, c.in
	size := 0
	for _, r := range rows {
		n := int(in.Off[r+1] - in.Off[r])
		c.width.see(n)
		size += n
	}
	if len(own.vec.Data)+size > math.MaxInt32 {
		panic("columnar: the keys of one table exceed 2 GiB") // see roomForKeys
	}
	data, off := withRoom(own.vec.Data, size+Slack), withRoom(own.vec.Off, len(rows))
	if cap(in.Data)-len(in.Data) < Slack {
		data, off = appendTexts(data, off, in, rows)
	} else {
		data, off = appendShortTexts(data, off, in, rows)
	}
	own.vec.Data, own.vec.Off = data, off
	own.vec.N += len(rows)
}

func appendTexts(data []byte, off []int32, in *Vector, rows []int32) ([]byte, []int32) {
	for _, r := range rows {
		data = append(data, in.Str(int(r))...)
		off = append(off, int32(len(data)))
	}
	return data, off
}

// appendShortTexts copies whole words, where there is room for all.
func appendShortTexts(data []byte, off []int32, in *Vector, rows []int32) ([]byte, []int32) {
	at := len(data)
	for _, r := range rows {
		from := int(in.Off[r])
		n := int(in.Off[r+1]) - from
		if n <= Slack {
			copyWords(data, at, in.Data, from, n)
		} else {
			copy(data[at:at+n], in.Data[from:])
		}
		at += n
		off = append(off, int32(at))
	}
	return data[:at], off
}

// keyWidth is how many bytes every text of a column has, as identifiers often do: then where one begins is known without
// a look at the offsets, which are another place in memory. 0: there is no text yet; below 0: they differ.
type keyWidth int

func (w *keyWidth) see(n int) {
	switch {
	case *w == 0:
		*w = keyWidth(n)
	case int(*w) != n:
		*w = -1
	}
	if n == 0 {
		*w = -1
	}
}

func (w *keyWidth) mixed() { *w = -1 }

// cut is for a column that has n keys left.
func (w *keyWidth) cut(n int) {
	if n == 0 {
		*w = 0
	}
}

// words reports whether texts can be compared by [sameFixed].
func (w keyWidth) words() (width int, ok bool) { return int(w), w >= 8 && w <= longWords }

// sameFixed is sameStrings for texts of which all keys have the same number of bytes, 8 at least. It compares words, the
// last of which overlaps the one before, and goes around bounds checks: key g ends where key g + 1 begins, all numbers
// are those of keys, and what is read of a row lies inside of it.
func sameFixed(data []byte, numbers []uint32, in *Vector, rows []int32, width int) bool {
	keys, texts := unsafe.Pointer(unsafe.SliceData(data)), unsafe.Pointer(unsafe.SliceData(in.Data))
	off, diff := in.Off, uint64(0)
	for i, r := range rows {
		from := int(off[r])
		if int(off[r+1])-from != width {
			return false
		}
		key, text := unsafe.Add(keys, int(numbers[i])*width), unsafe.Add(texts, from)
		diff |= load(key, width-8) ^ load(text, width-8)
		for k := 0; k < width-8; k += 8 {
			diff |= load(key, k) ^ load(text, k)
		}
	}
	return diff == 0
}
