package parquetfile

import (
	"encoding/binary"
	"math/bits"

	"github.com/millrace/millrace/columnar"
)

// levels are what Parquet says of each place in a column where a value could stand, as in Dremel (Melnik et al., 2010):
// the definition level counts what is there on the way down, the repetition level says at which list a place goes on.
type levels struct {
	defs, reps []uint8
	rows       []int32 // of the vector of the leaf's values: those that are there, since the last begin
}

// flat adds rows sel of a column that is not nested.
func (l *levels) flat(v *columnar.Vector, sel []int32) []int32 {
	if v.Valid == nil {
		l.defs = appendOnes(l.defs, len(sel))
		return sel
	}
	l.rows = l.rows[:0]
	for _, r := range sel {
		there := v.Valid[r>>3] >> (r & 7) & 1
		l.defs = append(l.defs, there)
		if there == 1 {
			l.rows = append(l.rows, r)
		}
	}
	return l.rows
}

var ones = func() (out [256]uint8) {
	for i := range out {
		out[i] = 1
	}
	return out
}()

func appendOnes(dst []uint8, n int) []uint8 {
	for ; n > len(ones); n -= len(ones) {
		dst = append(dst, ones[:]...)
	}
	return append(dst, ones[:n]...)
}

// nested adds rows sel of a nested column, and returns the rows of the values below path.
func (l *levels) nested(v *columnar.Vector, sel []int32, path []int) []int32 {
	l.rows = l.rows[:0]
	for _, r := range sel {
		l.value(v, int(r), path, place{})
	}
	return l.rows
}

// place is the state of the way down to a leaf.
type place struct {
	repetition uint8 // of the next value
	definition uint8
	lists      uint8 // lists and maps passed
}

func (l *levels) add(at place) {
	l.defs, l.reps = append(l.defs, at.definition), append(l.reps, at.repetition)
}

// value adds what row i of v, which may be NULL, holds below path.
func (l *levels) value(v *columnar.Vector, i int, path []int, at place) {
	if v.IsNull(i) {
		l.add(at)
		return
	}
	at.definition++
	l.known(v, i, path, at)
}

// known adds what row i of v, which is there, holds below path.
func (l *levels) known(v *columnar.Vector, i int, path []int, at place) {
	switch v.Type.Kind {
	case columnar.Struct:
		l.value(v.Kids[path[0]], i, path[1:], at)
	case columnar.Array, columnar.Map:
		l.elements(v, i, path, at)
	default:
		l.add(at)
		l.rows = append(l.rows, int32(i))
	}
}

func (l *levels) elements(v *columnar.Vector, i int, path []int, at place) {
	from, until := int(v.Off[i]), int(v.Off[i+1])
	if from == until {
		l.add(at)
		return
	}
	at.definition++
	at.lists++
	kid := v.Kids[path[0]]
	for j := from; j < until; j++ {
		if v.Type.Kind == columnar.Map && path[0] == 0 { // keys are required: no level of their own
			l.known(kid, j, path[1:], at)
		} else {
			l.value(kid, j, path[1:], at)
		}
		at.repetition = at.lists
	}
}

// appendLevels is levels as in a data page of version 1: RLE with its length in front; nothing where the only level is 0.
func appendLevels(dst []byte, levels []uint8, most int) []byte {
	if most == 0 {
		return dst
	}
	at := len(dst)
	dst = appendHybrid(append(dst, 0, 0, 0, 0), levels, bits.Len(uint(most)))
	binary.LittleEndian.PutUint32(dst[at:], uint32(len(dst)-at-4))
	return dst
}

// histogram counts the levels 0 to most; nil where there is only 0.
func histogram(levels []uint8, most int) []int64 {
	if most == 0 {
		return nil
	}
	var counts [256]int64
	for _, l := range levels {
		counts[l]++
	}
	return append([]int64(nil), counts[:most+1]...)
}
