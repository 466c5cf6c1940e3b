package output

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"hash"
	"math"
	"slices"
	"strings"

	"github.com/millrace/millrace/columnar"
)

// rowHash computes rows_sha256 of one file (docs/formats/output.md §5): a digest of each column, so that it can be
// fed column by column, and a digest over those.
type rowHash struct {
	schema  *columnar.Schema
	columns []hash.Hash
	rows    int64
	bufs    [][]byte // by column
}

func newRowHash(s *columnar.Schema) *rowHash {
	h := &rowHash{schema: s, columns: make([]hash.Hash, len(s.Fields)), bufs: make([][]byte, len(s.Fields))}
	for i := range h.columns {
		h.columns[i] = sha256.New()
	}
	return h
}

// reset starts a file of so many rows.
func (h *rowHash) reset(rows int) {
	h.rows = int64(rows)
	for _, c := range h.columns {
		c.Reset()
	}
}

// hashRows is how many rows are digested at a time, so that their canonical form stays in the cache.
const hashRows = 256

// add feeds the next rows of one column. Several columns may be fed at a time.
func (h *rowHash) add(column int, v *columnar.Vector, sel []int32) {
	for len(sel) > 0 {
		n := min(len(sel), hashRows)
		if k := v.Type.Kind; k == columnar.String || k == columnar.Binary {
			n = shortTexts(v, sel[:n])
			if n == 0 {
				h.addLong(column, v, sel[0])
				sel = sel[1:]
				continue
			}
		}
		h.bufs[column] = appendCanonical(slices.Grow(h.bufs[column][:0], n*(canonHead+wholeCopy)+wholeCopy), v, sel[:n])
		h.columns[column].Write(h.bufs[column])
		sel = sel[n:]
	}
}

// shortTexts is how many of the rows, from the first one, have less than hashText bytes together.
func shortTexts(v *columnar.Vector, sel []int32) int {
	bytes := 0
	if first, last := sel[0], sel[len(sel)-1]; v.Valid == nil && int(last-first) == len(sel)-1 && v.Off[last+1]-v.Off[first] < hashText {
		return len(sel) // in a row: rows are in order
	}
	for i, r := range sel {
		if v.Valid != nil && v.IsNull(int(r)) {
			continue
		}
		if bytes += int(v.Off[r+1] - v.Off[r]); bytes >= hashText {
			return i
		}
	}
	return len(sel)
}

// hashText is how many bytes of strings are copied to be digested together.
const hashText = 256 << 10

// addLong feeds a string as it is.
func (h *rowHash) addLong(column int, v *columnar.Vector, row int32) {
	s := v.Data[v.Off[row]:v.Off[row+1]]
	var head [canonHead]byte
	head[0] = canonValue
	binary.LittleEndian.PutUint32(head[1:], uint32(len(s)))
	h.columns[column].Write(head[:])
	h.columns[column].Write(s)
}

// sum is the digest as hexadecimal text.
func (h *rowHash) sum() string {
	var b strings.Builder
	fmt.Fprintf(&b, "millrace rows 1\n%d\n", h.rows)
	for i, f := range h.schema.Fields {
		fmt.Fprintf(&b, "%x %s %d %s\n", h.columns[i].Sum(nil), f.Type, len(f.Name), f.Name)
	}
	sum := sha256.Sum256([]byte(b.String()))
	return hex.EncodeToString(sum[:])
}

// The canonical form of a value begins with one of these; part of the format.
const (
	canonNull  = 0
	canonValue = 1
	canonNaN   = 0x7ff8000000000000
)

func appendCanonical(dst []byte, v *columnar.Vector, sel []int32) []byte {
	switch v.Type.Kind {
	case columnar.Bool:
		return canonBools(dst, v, sel)
	case columnar.Int8, columnar.Int16, columnar.Int32, columnar.Date:
		return canonInt32s(dst, v, sel)
	case columnar.Float32, columnar.Float64:
		return canonDoubles(dst, v, sel)
	case columnar.Decimal, columnar.Array, columnar.Struct, columnar.Map:
		for _, r := range sel {
			dst = canonNested(dst, v, r)
		}
		return dst
	case columnar.String, columnar.Binary:
		return canonBytes(dst, v, sel)
	}
	return canonInt64s(dst, v, sel)
}

// canonNested writes one value: of a decimal its 16 bytes, of an array or map the number of its elements and these, of a
// struct its fields.
func canonNested(dst []byte, v *columnar.Vector, r int32) []byte {
	if v.IsNull(int(r)) {
		return append(dst, canonNull)
	}
	switch v.Type.Kind {
	case columnar.Decimal:
		dst = binary.LittleEndian.AppendUint64(append(dst, canonValue), v.Wide[r].Lo)
		return binary.LittleEndian.AppendUint64(dst, uint64(v.Wide[r].Hi))
	case columnar.Struct:
		dst = append(dst, canonValue)
		for _, kid := range v.Kids {
			dst = appendCanonical(dst, kid, []int32{r})
		}
		return dst
	case columnar.Array, columnar.Map:
		from, until := v.Off[r], v.Off[r+1]
		dst = binary.LittleEndian.AppendUint32(append(dst, canonValue), uint32(until-from))
		for i := from; i < until; i++ {
			for _, kid := range v.Kids {
				dst = appendCanonical(dst, kid, []int32{i})
			}
		}
		return dst
	}
	return appendCanonical(dst, v, []int32{r})
}

func canonBools(dst []byte, v *columnar.Vector, sel []int32) []byte {
	for _, r := range sel {
		if v.Valid != nil && v.IsNull(int(r)) {
			dst = append(dst, canonNull)
			continue
		}
		dst = append(dst, canonValue, v.Bits[r>>3]>>(r&7)&1)
	}
	return dst
}

func canonInt32s(dst []byte, v *columnar.Vector, sel []int32) []byte {
	for _, r := range sel {
		if v.Valid != nil && v.IsNull(int(r)) {
			dst = append(dst, canonNull)
			continue
		}
		dst = binary.LittleEndian.AppendUint32(append(dst, canonValue), uint32(v.I32[r]))
	}
	return dst
}

func canonInt64s(dst []byte, v *columnar.Vector, sel []int32) []byte {
	for _, r := range sel {
		if v.Valid != nil && v.IsNull(int(r)) {
			dst = append(dst, canonNull)
			continue
		}
		dst = binary.LittleEndian.AppendUint64(append(dst, canonValue), uint64(v.I64[r]))
	}
	return dst
}

func canonDoubles(dst []byte, v *columnar.Vector, sel []int32) []byte {
	for _, r := range sel {
		if v.Valid != nil && v.IsNull(int(r)) {
			dst = append(dst, canonNull)
			continue
		}
		bits := math.Float64bits(v.F64[r])
		if math.IsNaN(v.F64[r]) {
			bits = canonNaN
		}
		dst = binary.LittleEndian.AppendUint64(append(dst, canonValue), bits)
	}
	return dst
}

func canonBytes(dst []byte, v *columnar.Vector, sel []int32) []byte {
	data, off := v.Data[:cap(v.Data)], v.Off
	for _, r := range sel {
		if v.Valid != nil && v.IsNull(int(r)) {
			dst = append(dst, canonNull)
			continue
		}
		from, n := int(off[r]), int(off[r+1]-off[r])
		at := len(dst)
		if n > wholeCopy || from+wholeCopy > len(data) || at+canonHead+wholeCopy > cap(dst) {
			dst = binary.LittleEndian.AppendUint32(append(dst, canonValue), uint32(n))
			dst = append(dst, data[from:from+n]...)
			continue
		}
		out := dst[at : at+canonHead+wholeCopy]
		out[0] = canonValue
		binary.LittleEndian.PutUint32(out[1:], uint32(n))
		*(*[wholeCopy]byte)(out[canonHead:]) = *(*[wholeCopy]byte)(data[from:])
		dst = dst[:at+canonHead+n]
	}
	return dst
}

// Strings of up to wholeCopy bytes are copied as if they had so many, where there is room, which is faster.
const (
	wholeCopy = columnar.Slack
	canonHead = 5 // bytes in front of a string
)
