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
	full       int     // places of definition level 1 before those of defs, in a column that is not nested
	rows       []int32 // of the vector of the leaf's values: those that are there, since the last begin
}

func (l *levels) reset() { l.defs, l.reps, l.full = l.defs[:0], l.reps[:0], 0 }

func (l *levels) slots() int { return l.full + len(l.defs) }

// flat adds rows sel of a column that is not nested. As long as none is NULL they are counted only.
func (l *levels) flat(v *columnar.Vector, sel []int32) []int32 {
	if v.Valid == nil && len(l.defs) == 0 {
		l.full += len(sel)
		return sel
	}
	l.rows = l.rows[:0]
	for _, r := range sel {
		there := uint8(1)
		if v.Valid != nil {
			there = v.Valid[r>>3] >> (r & 7) & 1
		}
		if there == 1 {
			l.rows = append(l.rows, r)
		}
		if there == 1 && len(l.defs) == 0 {
			l.full++
		} else {
			l.defs = append(l.defs, there)
		}
	}
	return l.rows
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

// definitions are the definition levels as in a data page of version 1: RLE with its length in front.
func (l *levels) definitions(dst []byte, most int) []byte {
	width := bits.Len(uint(most))
	at := len(dst)
	dst = append(dst, 0, 0, 0, 0)
	if l.full > 0 {
		dst = appendRun(dst, uint8(1), l.full, width)
	}
	return sized(appendHybrid(dst, l.defs, width), at)
}

// repetitions are the repetition levels; nothing where no list is on the way.
func (l *levels) repetitions(dst []byte, most int) []byte {
	if most == 0 {
		return dst
	}
	return sized(appendHybrid(append(dst, 0, 0, 0, 0), l.reps, bits.Len(uint(most))), len(dst))
}

// sized puts the length of what follows into the 4 bytes at that place.
func sized(dst []byte, at int) []byte {
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
