package parquetfile

import (
	"bytes"
	"encoding/binary"
	"math"
	"slices"
	"unsafe"

	"github.com/parquet-go/parquet-go/format"

	"github.com/millrace/millrace/columnar"
)

// values appends rows of v, none of them NULL, to the page in PLAIN encoding, or as codes.
func (c *column) values(v *columnar.Vector, rows []int32) {
	if len(rows) == 0 {
		return
	}
	switch c.phys {
	case format.Boolean:
		c.bools(v, rows)
	case format.Int32:
		if v.Type.Kind == columnar.Decimal {
			c.narrow(v, rows)
		} else {
			ints(&c.page, v.I32, rows)
		}
	case format.Int64:
		if v.Type.Kind == columnar.Decimal {
			c.narrow(v, rows)
		} else {
			ints(&c.page, v.I64, rows)
		}
	case format.Float, format.Double:
		c.doubles(v.F64, rows)
	case format.FixedLenByteArray:
		c.wides(v.Wide, rows)
	case format.ByteArray:
		if c.coded {
			c.codes(v, rows)
		} else {
			c.texts(v, rows)
		}
	}
	c.page.values += len(rows)
}

// room makes n more bytes of the page's data.
func (p *page) room(n int) []byte {
	at := len(p.data)
	p.data = slices.Grow(p.data, n)[:at+n]
	return p.data[at:]
}

func (c *column) bools(v *columnar.Vector, rows []int32) {
	p := &c.page
	for i, r := range rows {
		at := (p.values + i) & 7
		if at == 0 {
			p.data = append(p.data, 0)
		}
		bit := v.Bits[r>>3] >> (r & 7) & 1
		p.data[len(p.data)-1] |= bit << at
		p.bounds.ints(int64(bit), int64(bit))
	}
}

// ints appends integers; which of both sizes they have is known when this is compiled.
func ints[T int32 | int64](p *page, vals []T, rows []int32) {
	size := int(unsafe.Sizeof(vals[0]))
	out := p.room(size * len(rows))
	least, most := vals[rows[0]], vals[rows[0]]
	for i, r := range rows {
		x := vals[r]
		least, most = min(least, x), max(most, x)
		if size == 4 {
			binary.LittleEndian.PutUint32(out[4*i:], uint32(x))
		} else {
			binary.LittleEndian.PutUint64(out[8*i:], uint64(x))
		}
	}
	p.bounds.ints(int64(least), int64(most))
}

// narrow is decimals of up to 18 digits.
func (c *column) narrow(v *columnar.Vector, rows []int32) {
	for _, r := range rows {
		x := int64(v.Wide[r].Lo)
		if c.phys == format.Int32 {
			binary.LittleEndian.PutUint32(c.page.room(4), uint32(x))
		} else {
			binary.LittleEndian.PutUint64(c.page.room(8), uint64(x))
		}
		c.page.bounds.ints(x, x)
	}
}

func (c *column) wides(vals []columnar.Int128, rows []int32) {
	for _, r := range rows {
		c.page.data = appendWide(c.page.data, vals[r])
		c.page.bounds.wides(vals[r], vals[r])
	}
}

// appendWide writes a decimal of more than 18 digits: two's complement, big-endian.
func appendWide(dst []byte, x columnar.Int128) []byte {
	return binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(dst, uint64(x.Hi)), x.Lo)
}

func (c *column) doubles(vals []float64, rows []int32) {
	least, most, any := math.Inf(1), math.Inf(-1), false
	for _, r := range rows {
		x := vals[r]
		if c.phys == format.Float {
			binary.LittleEndian.PutUint32(c.page.room(4), math.Float32bits(float32(x)))
		} else {
			binary.LittleEndian.PutUint64(c.page.room(8), math.Float64bits(x))
		}
		if x == x {
			least, most, any = min(least, x), max(most, x), true
		}
	}
	if any {
		c.page.bounds.doubles(least, most)
	}
}

func (c *column) texts(v *columnar.Vector, rows []int32) {
	p := &c.page
	b := &p.bounds
	for _, r := range rows {
		s := v.Data[v.Off[r]:v.Off[r+1]]
		p.data = binary.LittleEndian.AppendUint32(p.data, uint32(len(s)))
		p.data = append(p.data, s...)
		if !b.any {
			b.any, b.leastText, b.mostText = true, s, s
		} else if bytes.Compare(s, b.leastText) < 0 {
			b.leastText = s
		} else if bytes.Compare(s, b.mostText) > 0 {
			b.mostText = s
		}
		c.textBytes += int64(len(s))
	}
}

// codes looks strings up: first all hashes, so that they do not wait for one another. A string counts for the bounds when
// the page sees it for the first time.
func (c *column) codes(v *columnar.Vector, rows []int32) {
	p, d, page := &c.page, c.dict, c.pageID()
	at := len(p.codes)
	p.codes = slices.Grow(p.codes, len(rows))[:at+len(rows)]
	out := p.codes[at:]
	for len(rows) > 0 {
		n := min(len(rows), len(c.hashes))
		for i, r := range rows[:n] {
			c.hashes[i] = d.hashOf(v.Data[v.Off[r]:v.Off[r+1]])
		}
		for i, r := range rows[:n] {
			s := v.Data[v.Off[r]:v.Off[r+1]]
			code := d.code(s, c.hashes[i])
			out[i] = code
			c.textBytes += int64(len(s))
			if d.seen[code] != page {
				d.seen[code] = page
				p.bounds.texts(s, s)
			}
		}
		rows, out = rows[n:], out[n:]
	}
}
