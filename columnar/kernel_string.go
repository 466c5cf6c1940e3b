package columnar

import (
	"bytes"
	"encoding/binary"
	"unicode/utf8"
	"unsafe"
)

// compareStrings compares bytewise, only the rows that count.
func compareStrings(n *node, c comparison, rows rowSet) {
	a, b, dst := n.in[0], n.in[1], n.outBits()
	switch {
	case len(rows.list) == 0:
	case c.op == '=' && n.args[1].isConst():
		equalString(dst, a, b.Str(0), rows)
	case c.op == '=' && n.args[0].isConst():
		equalString(dst, b, a.Str(0), rows)
	case c.op == '=':
		for _, r := range rows.list {
			setBitTo(dst, int(r), string(a.Str(int(r))) == string(b.Str(int(r))))
		}
	default:
		want := -1
		if c.op == '>' {
			want = 1
		}
		for _, r := range rows.list {
			setBitTo(dst, int(r), bytes.Compare(a.Str(int(r)), b.Str(int(r))) == want)
		}
	}
	if c.invert {
		bitNot(dst, dst)
	}
}

// equalString compares a column with one string. Strings of up to eight bytes take one masked word compare, which reads
// into the column's [Slack].
func equalString(dst []byte, v *Vector, s []byte, rows rowSet) {
	switch {
	case len(s) <= 8 && cap(v.Data)-len(v.Data) >= 8 && rows.all:
		equalShort(dst, v.Off[:len(rows.list)+1], v.Data[:cap(v.Data)], s)
	case len(s) <= 8 && cap(v.Data)-len(v.Data) >= 8:
		equalShortRows(dst, v.Off, v.Data[:cap(v.Data)], s, rows.list)
	default:
		for _, r := range rows.list {
			setBitTo(dst, int(r), string(v.Str(int(r))) == string(s))
		}
	}
}

// shortWord is s as a little-endian word and the mask of its bytes.
func shortWord(s []byte) (word, mask uint64) {
	var w [8]byte
	copy(w[:], s)
	return binary.LittleEndian.Uint64(w[:]), 1<<(8*len(s)) - 1
}

func equalShort(dst []byte, off []int32, data, s []byte) {
	word, mask := shortWord(s)
	size := int32(len(s))
	clear(dst)
	for i := range len(off) - 1 {
		from := off[i]
		same := (binary.LittleEndian.Uint64(data[from:])^word)&mask | uint64(off[i+1]-from^size)
		dst[i>>3] |= bit(same == 0) << (i & 7)
	}
}

func equalShortRows(dst []byte, off []int32, data, s []byte, rows []int32) {
	word, mask := shortWord(s)
	size := int32(len(s))
	for _, r := range rows {
		from := off[r]
		same := (binary.LittleEndian.Uint64(data[from:])^word)&mask | uint64(off[r+1]-from^size)
		setBitTo(dst, int(r), same == 0)
	}
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
