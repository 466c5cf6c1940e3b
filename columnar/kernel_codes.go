package columnar

import (
	"bytes"
	"encoding/binary"
	"math/bits"
)

// Strings that repeat are compared by what they are instead of what they hold: a [Vector] with Codes is compared in its
// Dict, once for each distinct string, and the rows by their codes, a byte each.

// codesMost is how many distinct strings have codes.
const codesMost = 256

// codesLeast is how many comparisons of one column with constants are worth making codes for it.
const codesLeast = 3

// coded reports whether the strings have codes.
func (v *Vector) coded() bool { return v.Codes != nil && v.Dict != nil }

// compareCodes compares a column with codes with one string.
func compareCodes(dst []byte, v *Vector, c comparison, s []byte) {
	if c.op == '=' {
		equalCode(dst, v, s)
		return
	}
	var holds [codesMost]byte
	want := c.sign()
	for i := range v.Dict.N {
		holds[i] = bit(bytes.Compare(v.Dict.Str(i), s) == want)
	}
	codes := v.Codes[:v.N]
	n := len(codes) &^ 7
	for i := 0; i < n; i += 8 {
		x := (*[8]byte)(codes[i:])
		dst[i>>3] = holds[x[0]] | holds[x[1]]<<1 | holds[x[2]]<<2 | holds[x[3]]<<3 |
			holds[x[4]]<<4 | holds[x[5]]<<5 | holds[x[6]]<<6 | holds[x[7]]<<7
	}
	for i := n; i < len(codes); i++ {
		setBitTo(dst, i, holds[codes[i]] != 0)
	}
}

// equalCode compares eight codes at a time: a byte of x is zero where the code is the one that is looked for. The product
// gathers the eight bits of z.
func equalCode(dst []byte, v *Vector, s []byte) {
	code := -1
	for i := range v.Dict.N {
		if string(v.Dict.Str(i)) == string(s) {
			code = i
		}
	}
	if code < 0 {
		clear(dst)
		return
	}
	const ones, sevens = 0x0101010101010101, 0x7f7f7f7f7f7f7f7f
	codes, pattern := v.Codes[:v.N], uint64(code)*ones
	n := len(codes) &^ 7
	for i := 0; i < n; i += 8 {
		x := binary.LittleEndian.Uint64(codes[i:]) ^ pattern
		z := ^(x&sevens + sevens | x | sevens) >> 7
		dst[i>>3] = byte(z * 0x0102040810204080 >> 56)
	}
	for i := n; i < len(codes); i++ {
		setBitTo(dst, i, codes[i] == byte(code))
	}
}

// textEncoder finds the codes of a column of strings, batch by batch.
type textEncoder struct {
	slots   [4 * codesMost]uint16 // code + 1 of a string, by its hash
	dict    Vector
	codes   []byte
	out     Vector
	batchNo uint64 // what out belongs to
	rest    int    // batches to leave alone: the last one had too many distinct strings
}

// encode makes codes for a column from now on.
func (f *frame) encode(column int) {
	if f.encoders == nil {
		f.encoders = map[int]*textEncoder{}
	}
	f.encoders[column] = &textEncoder{}
}

// countCompared counts the comparisons of a column of strings with a constant.
func (c *compiler) countCompared(n *node) {
	if _, is := comparisons[n.expr.Op]; !is {
		return
	}
	for i, a := range n.args {
		if a.expr.Op == "col" && a.expr.Type.Kind.Storage() == StoredBytes && n.args[1-i].isConst() {
			if c.compared == nil {
				c.compared = map[int]int{}
			}
			c.compared[a.expr.Col]++
		}
	}
}

// useCodes lets the node see its column with codes where the frame makes them.
func (n *node) useCodes(f *frame) {
	for i, a := range n.args {
		if a.expr.Op != "col" || n.in[i].coded() {
			continue
		}
		e := f.encoders[a.expr.Col]
		if e == nil || f.batchNo == 0 {
			continue
		}
		if e.batchNo != f.batchNo {
			e.batchNo = f.batchNo
			e.encode(n.in[i])
		}
		if e.out.coded() {
			n.in[i] = &e.out
		}
	}
}

// restBatches is how long a column of too many distinct strings is left alone.
const restBatches = 32

// encode sets out to v with codes, or without them when there are too many distinct strings.
func (e *textEncoder) encode(v *Vector) {
	e.out = *v
	if e.rest > 0 {
		e.rest--
		return
	}
	e.slots = [len(e.slots)]uint16{}
	e.dict.Type, e.dict.N, e.dict.Off, e.dict.Data = v.Type, 0, append(e.dict.Off[:0], 0), e.dict.Data[:0]
	e.codes = resized(e.codes, v.N)
	for i := range v.N {
		if v.IsNull(i) {
			e.codes[i] = 0
			continue
		}
		code, ok := e.code(v.Str(i))
		if !ok {
			e.rest = restBatches
			return
		}
		e.codes[i] = code
	}
	e.out.Codes, e.out.Dict = e.codes, &e.dict
}

// code looks s up in the dictionary, or adds it; ok is false when the dictionary is full.
func (e *textEncoder) code(s []byte) (code byte, ok bool) {
	for slot := shortHash(s); ; slot++ {
		at := &e.slots[slot%len(e.slots)]
		if *at == 0 {
			if e.dict.N == codesMost {
				return 0, false
			}
			e.dict.Data = append(e.dict.Data, s...)
			e.dict.Off = append(e.dict.Off, int32(len(e.dict.Data)))
			e.dict.N++
			*at = uint16(e.dict.N)
			return byte(e.dict.N - 1), true
		}
		if code := *at - 1; string(e.dict.Str(int(code))) == string(s) {
			return byte(code), true
		}
	}
}

// shortHash is a hash of the ends of s.
func shortHash(s []byte) int {
	x := uint64(len(s))
	switch {
	case len(s) >= 8:
		x ^= binary.LittleEndian.Uint64(s) ^ bits.RotateLeft64(binary.LittleEndian.Uint64(s[len(s)-8:]), 29)
	case len(s) >= 4:
		x ^= uint64(binary.LittleEndian.Uint32(s))<<32 ^ uint64(binary.LittleEndian.Uint32(s[len(s)-4:]))<<8
	case len(s) > 0:
		x ^= uint64(s[0])<<8 | uint64(s[len(s)/2])<<16 | uint64(s[len(s)-1])<<24
	}
	return int(x * 0x9e3779b97f4a7c15 >> 52)
}
