package columnar

import (
	"bytes"
	"encoding/binary"
	"math/bits"
	"unicode/utf8"
	"unsafe"
)

// compareStrings compares bytewise, only the rows that count.
func compareStrings(n *node, c comparison, f *frame, rows rowSet) error {
	if err := n.evalArgs(f, rows); err != nil {
		return err
	}
	n.mergeValid()
	n.useCodes(f)
	a, b, dst := n.in[0], n.in[1], n.outBits()
	switch {
	case len(rows.list) == 0:
	case n.args[1].isConst():
		compareText(dst, a, c, b.Str(0), rows)
	case n.args[0].isConst():
		compareText(dst, b, c.swapped(), a.Str(0), rows)
	case c.op == '=':
		for _, r := range rows.list {
			setBitTo(dst, int(r), string(a.Str(int(r))) == string(b.Str(int(r))))
		}
	default:
		want := c.sign()
		for _, r := range rows.list {
			setBitTo(dst, int(r), bytes.Compare(a.Str(int(r)), b.Str(int(r))) == want)
		}
	}
	if c.invert {
		bitNot(dst, dst)
	}
	return nil
}

// sign is what the comparison of two values gives where < or > holds.
func (c comparison) sign() int {
	if c.op == '>' {
		return 1
	}
	return -1
}

// compareText compares a column with one string.
func compareText(dst []byte, v *Vector, c comparison, s []byte, rows rowSet) {
	switch {
	case v.coded():
		compareCodes(dst, v, c, s)
	case c.op == '=':
		equalString(dst, v, s, rows)
	default:
		want := c.sign()
		for _, r := range rows.list {
			setBitTo(dst, int(r), bytes.Compare(v.Str(int(r)), s) == want)
		}
	}
}

// equalString compares a column with one string, whole words at a time. That reads into the column's [Slack].
func equalString(dst []byte, v *Vector, s []byte, rows rowSet) {
	data, list := v.Data[:cap(v.Data)], rows.list
	switch {
	case len(s) <= 8 && rows.all && len(data)-len(v.Data) >= 8:
		beginningOf(s).rows(dst, v.Off[:v.N+1], data)
	case len(s) <= 8 && len(data)-len(v.Data) >= 8:
		beginningOf(s).list(dst, v.Off, data, list)
	case len(s) > 8 && len(s) <= longWords && rows.all && len(data)-len(v.Data) >= Slack:
		equalWords(dst, v.Off[:v.N+1], data, s)
	case len(s) > 8 && len(s) <= longWords && len(s) <= len(data):
		equalLong(dst, v.Off, data, s, list)
	default:
		for _, r := range list {
			setBitTo(dst, int(r), string(v.Str(int(r))) == string(s))
		}
	}
}

// longWords is how long strings are compared to their end without looking at what the first words say.
const longWords = 64

// equalWords compares all rows with a string of 9 to 64 bytes.
func equalWords(dst []byte, off []int32, data, s []byte) {
	n := (len(off) - 1) &^ 7
	for i := 0; i < n; i += 8 {
		dst[i>>3] = equalEight((*[9]int32)(off[i:]), data, s)
	}
	for i := n; i < len(off)-1; i++ {
		row := data[off[i]:off[i+1]]
		setBitTo(dst, i, string(row) == string(s))
	}
}

// equalEight compares eight rows, by words of which the last two may overlap. Where a row is not as long as s, other bytes
// are compared too, inside of the column or of the [Slack] behind it, which does not count. It shifts in a bit a row, the
// last row first, as block does.
//
//go:noinline
func equalEight(off *[9]int32, data, s []byte) byte {
	base, text, last := unsafe.Pointer(unsafe.SliceData(data)), unsafe.Pointer(unsafe.SliceData(s)), len(s)-8
	var bitmap uint64
	for i := 7; i >= 0; i-- {
		row := unsafe.Add(base, off[i])
		diff := uint64(uint32(off[i+1]-off[i])^uint32(len(s))) | (load(row, last) ^ load(text, last))
		k := 0
		for ; k+8 < last; k += 16 {
			diff |= (load(row, k) ^ load(text, k)) | (load(row, k+8) ^ load(text, k+8))
		}
		if k < last {
			diff |= load(row, k) ^ load(text, k)
		}
		_, same := bits.Sub64(diff, 1, 0)
		bitmap, _ = bits.Add64(bitmap, bitmap, same)
	}
	return byte(bitmap)
}

// equalLong compares with a string of more than eight bytes. Where a row is shorter than s, what stands behind it is
// compared too, which does not count.
func equalLong(dst []byte, off []int32, data, s []byte, rows []int32) {
	furthest := int32(len(data) - len(s))
	for _, r := range rows {
		from := off[r]
		other := uint64(uint32(off[r+1]-from) ^ uint32(len(s)))
		setBitTo(dst, int(r), other|differs(data[min(from, furthest):], s) == 0)
	}
}

// differs is 0 when a begins with b, which has eight bytes at least.
//
//go:noinline
func differs(a, b []byte) (d uint64) {
	a = a[:len(b)]
	d = binary.LittleEndian.Uint64(a[len(a)-8:]) ^ binary.LittleEndian.Uint64(b[len(b)-8:])
	for ; len(b) > 8; a, b = a[8:], b[8:] {
		d |= binary.LittleEndian.Uint64(a) ^ binary.LittleEndian.Uint64(b)
	}
	return d
}

// beginning is the length of a string and up to eight bytes as a little-endian word, with the mask of its bytes.
type beginning struct {
	word, mask uint64
	size       uint32
}

func beginningOf(s []byte) beginning {
	var w [8]byte
	n := copy(w[:], s)
	return beginning{binary.LittleEndian.Uint64(w[:]), 1<<(8*n) - 1, uint32(len(s))}
}

// rows compares all rows, 64 at a time.
func (s beginning) rows(dst []byte, off []int32, data []byte) {
	n := (len(off) - 1) &^ 63
	for i := 0; i < n; i += 64 {
		binary.LittleEndian.PutUint64(dst[i>>3:], s.block((*[65]int32)(off[i:]), data))
	}
	for i := n; i < len(off)-1; i++ {
		setBitTo(dst, i, s.equal(off, data, i))
	}
}

// block shifts in a bit a row, the last row first: subtracting 1 borrows where the difference is 0. It is kept from being
// inlined, see kernel_arith.go.
//
//go:noinline
func (s beginning) block(off *[65]int32, data []byte) (bitmap uint64) {
	for i := 63; i >= 0; i-- {
		from := off[i]
		_, same := bits.Sub64((binary.LittleEndian.Uint64(data[from:])^s.word)&s.mask|uint64(uint32(off[i+1]-from)^s.size), 1, 0)
		bitmap, _ = bits.Add64(bitmap, bitmap, same)
	}
	return bitmap
}

func (s beginning) list(dst []byte, off []int32, data []byte, rows []int32) {
	for _, r := range rows {
		setBitTo(dst, int(r), s.equal(off, data, int(r)))
	}
}

func (s beginning) equal(off []int32, data []byte, i int) bool {
	from := off[i]
	return (binary.LittleEndian.Uint64(data[from:])^s.word)&s.mask|uint64(uint32(off[i+1]-from)^s.size) == 0
}

// stringOut writes the strings of a result in row order; rows that are passed over become empty.
type stringOut struct {
	v    *Vector
	next int // rows begun
}

// outStrings starts the node's string result anew.
func (n *node) outStrings() stringOut {
	n.out.Off = resized(n.out.Off, n.out.N+1)
	n.out.Data = n.out.Data[:0]
	return stringOut{v: &n.out}
}

// row begins row r; what is appended to v.Data from here on belongs to it.
func (s *stringOut) row(r int32) {
	for ; s.next <= int(r); s.next++ {
		s.v.Off[s.next] = int32(len(s.v.Data))
	}
}

// done ends the last row and keeps the promised slack.
func (s *stringOut) done() {
	for ; s.next < len(s.v.Off); s.next++ {
		s.v.Off[s.next] = int32(len(s.v.Data))
	}
	s.v.Data = withSlack(s.v.Data)
}

// withSlack makes sure of [Slack] bytes behind the length.
func withSlack(data []byte) []byte {
	if cap(data)-len(data) >= Slack {
		return data
	}
	return append(make([]byte, 0, len(data)+len(data)/4+Slack), data...)
}

// runeCount is utf8.RuneCount, which copies texts that are not ASCII.
func runeCount(s []byte) int {
	return utf8.RuneCountInString(unsafe.String(unsafe.SliceData(s), len(s)))
}
