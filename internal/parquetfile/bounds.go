package parquetfile

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"math"
	"slices"
	"unicode/utf8"

	"github.com/parquet-go/parquet-go/format"

	"github.com/millrace/millrace/columnar"
)

// bounds are the least and the greatest of some values, in the order of their type; a NaN has no place in it.
type bounds struct {
	any                 bool // there is a value
	least, most         int64
	leastF, mostF       float64
	leastW, mostW       columnar.Int128
	leastText, mostText []byte
}

// cutText is how many bytes of a string the page index has, and longestText how many the statistics of a column chunk: a longer one leaves
// none, because the bounds there are exact.
const (
	cutText     = 64
	longestText = 1 << 10
)

func (b *bounds) ints(least, most int64) {
	if !b.any {
		b.any, b.least, b.most = true, least, most
		return
	}
	b.least, b.most = min(b.least, least), max(b.most, most)
}

func (b *bounds) doubles(least, most float64) {
	if !b.any {
		b.any, b.leastF, b.mostF = true, least, most
		return
	}
	b.leastF, b.mostF = min(b.leastF, least), max(b.mostF, most)
}

func (b *bounds) wides(least, most columnar.Int128) {
	if !b.any {
		b.any, b.leastW, b.mostW = true, least, most
		return
	}
	if least.Cmp(b.leastW) < 0 {
		b.leastW = least
	}
	if most.Cmp(b.mostW) > 0 {
		b.mostW = most
	}
}

// texts keeps the strings, which must not change.
func (b *bounds) texts(least, most []byte) {
	if !b.any {
		b.any, b.leastText, b.mostText = true, least, most
		return
	}
	if bytes.Compare(least, b.leastText) < 0 {
		b.leastText = least
	}
	if bytes.Compare(most, b.mostText) > 0 {
		b.mostText = most
	}
}

// merge takes the bounds of more values.
func (b *bounds) merge(c *bounds, phys format.Type) {
	if !c.any {
		return
	}
	switch phys {
	case format.Float, format.Double:
		b.doubles(c.leastF, c.mostF)
	case format.ByteArray:
		b.texts(c.leastText, c.mostText)
	case format.FixedLenByteArray:
		b.wides(c.leastW, c.mostW)
	default:
		b.ints(c.least, c.most)
	}
}

// compare compares both ends with those of later values.
func (b *bounds) compare(c *bounds, phys format.Type) (least, most int) {
	switch phys {
	case format.Float, format.Double:
		return cmp.Compare(b.leastF, c.leastF), cmp.Compare(b.mostF, c.mostF)
	case format.ByteArray:
		return bytes.Compare(b.leastText, c.leastText), bytes.Compare(b.mostText, c.mostText)
	case format.FixedLenByteArray:
		return b.leastW.Cmp(c.leastW), b.mostW.Cmp(c.mostW)
	}
	return cmp.Compare(b.least, c.least), cmp.Compare(b.most, c.most)
}

// encoded are both ends as Parquet's statistics have them: PLAIN, strings without their length. Of two zeros the bounds
// take the wider one, as readers may tell them apart.
func (b *bounds) encoded(phys format.Type) (least, most []byte) {
	le := binary.LittleEndian
	switch phys {
	case format.Boolean:
		return []byte{byte(b.least)}, []byte{byte(b.most)}
	case format.Int32:
		return le.AppendUint32(nil, uint32(b.least)), le.AppendUint32(nil, uint32(b.most))
	case format.Float:
		l, m := zeros(b.leastF, b.mostF)
		return le.AppendUint32(nil, math.Float32bits(float32(l))), le.AppendUint32(nil, math.Float32bits(float32(m)))
	case format.Double:
		l, m := zeros(b.leastF, b.mostF)
		return le.AppendUint64(nil, math.Float64bits(l)), le.AppendUint64(nil, math.Float64bits(m))
	case format.ByteArray:
		return append([]byte{}, b.leastText...), append([]byte{}, b.mostText...)
	case format.FixedLenByteArray:
		return appendWide(nil, b.leastW), appendWide(nil, b.mostW)
	}
	return le.AppendUint64(nil, uint64(b.least)), le.AppendUint64(nil, uint64(b.most))
}

func zeros(least, most float64) (float64, float64) {
	if least == 0 {
		least = math.Copysign(0, -1)
	}
	if most == 0 {
		most = 0
	}
	return least, most
}

// cut makes strings short: the least one shorter, the greatest one shorter and greater. It copies them.
func (b *bounds) cut(text bool) {
	b.leastText, b.mostText = slices.Clone(prefix(b.leastText, text)), next(b.mostText, text)
}

// prefix is the first cutText bytes of s, in text without half a character.
func prefix(s []byte, text bool) []byte {
	if len(s) <= cutText {
		return s
	}
	n := cutText
	for text && n > cutText-utf8.UTFMax && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}

// next is a short string that is not less than s: s itself, or a prefix whose last character is one further. A string
// of last characters has none, and is given out whole.
func next(s []byte, text bool) []byte {
	p := slices.Clone(prefix(s, text))
	if len(p) == len(s) {
		return p
	}
	for len(p) > 0 {
		size, up := 1, []byte{p[len(p)-1] + 1}
		if text {
			var r rune
			r, size = utf8.DecodeLastRune(p)
			up = utf8.AppendRune(nil, r+1)
		}
		if last := p[len(p)-size:]; bytes.Compare(up, last) > 0 {
			return append(p[:len(p)-size], up...)
		}
		p = p[:len(p)-size]
	}
	return slices.Clone(s)
}

// boundaryOrder says whether pages are sorted by both ends; pages without values do not count.
func boundaryOrder(pages []bounds, phys format.Type) format.BoundaryOrder {
	up, down := true, true
	var last *bounds
	for i := range pages {
		if !pages[i].any {
			continue
		}
		if last != nil {
			least, most := last.compare(&pages[i], phys)
			up, down = up && least <= 0 && most <= 0, down && least >= 0 && most >= 0
		}
		last = &pages[i]
	}
	switch {
	case up:
		return format.Ascending
	case down:
		return format.Descending
	}
	return format.Unordered
}
