package limit

import (
	"encoding/binary"
	"math/bits"
	"unsafe"
)

// word reads 8 bytes. Nothing checks that they are there: every buffer has 64 readable bytes behind its end.
func word(p unsafe.Pointer, o int) uint64 { return *(*uint64)(unsafe.Add(p, o)) }

// literal is the text between two values, in words.
type literal struct {
	n                  int
	first, second, end uint64
}

func newLiteral(s string) literal {
	b := append([]byte(s), make([]byte, 32)...)
	l := literal{n: len(s), first: binary.LittleEndian.Uint64(b), end: binary.LittleEndian.Uint64(b[len(s)-8:])}
	l.second = l.end
	if len(s) > 16 {
		l.second = binary.LittleEndian.Uint64(b[8:])
	}
	return l
}

func (l *literal) is(p unsafe.Pointer) bool {
	d := (word(p, 0) ^ l.first) | (word(p, l.n-8) ^ l.end)
	if l.n > 16 {
		d |= word(p, 8) ^ l.second
	}
	return d == 0
}

// stringEnd is the distance to the first quote, backslash or control character.
func stringEnd(p unsafe.Pointer) int {
	const ones, highs = 0x0101010101010101, 0x8080808080808080
	for o := 0; ; o += 8 {
		x := word(p, o)
		q, b := x^ones*'"', x^ones*'\\'
		if m := (((q - ones) &^ q) | ((b - ones) &^ b) | (x-ones*0x20)&^x) & highs; m != 0 {
			return o + bits.TrailingZeros64(m)>>3
		}
	}
}

// column is a column of strings in Arrow's layout.
type column struct {
	off  []int32
	data []byte
}

func (c *column) put(src unsafe.Pointer, n int) {
	pos := len(c.data)
	if pos+n+64 > cap(c.data) {
		d := make([]byte, pos, 2*cap(c.data)+n+64)
		copy(d, c.data)
		c.data = d
	}
	c.data = c.data[:pos+n]
	dst := unsafe.Add(unsafe.Pointer(unsafe.SliceData(c.data)), pos)
	switch {
	case n <= 16:
		*(*[16]byte)(dst) = *(*[16]byte)(src)
	case n <= 64:
		*(*[64]byte)(dst) = *(*[64]byte)(src)
	default:
		copy(unsafe.Slice((*byte)(dst), n), unsafe.Slice((*byte)(src), n))
	}
	c.off = append(c.off, int32(pos+n))
}

func (c *column) reset() { c.off, c.data = append(c.off[:0], 0), c.data[:0] }

// The values of an event that the loop keeps, by their place in it.
const (
	adAt     = 2
	kindAt   = 4
	timeAt   = 5
	literals = 6
)

// Loop is the bare loop over one partition.
type Loop struct {
	// Slow counts records that the loop cannot read; there must be none.
	Slow int

	literals [literals]literal
	ad, kind column
	ms       []int64
	join     join
	windows  windows
	decode   bool // only decodes
}

// batchRows is how many rows the loop decodes before it computes on them.
const batchRows = 4096

// NewLoop returns a loop that joins with the ads.
func NewLoop(ads []Ad) *Loop {
	l := &Loop{join: newJoin(ads), windows: windows{counts: map[int64]*[maxCampaigns]int64{}}}
	for i, name := range [...]string{"user_id", "page_id", "ad_id", "ad_type", "event_type", "event_time"} {
		text := `", "` + name + `": "`
		if i == 0 {
			text = `{"` + name + `": "`
		}
		l.literals[i] = newLiteral(text)
	}
	l.ad.reset()
	l.kind.reset()
	return l
}

// NewDecodeLoop returns a loop that forgets the columns when a batch is full.
func NewDecodeLoop() *Loop {
	l := NewLoop(nil)
	l.decode = true
	return l
}

// Row takes the value of a record, which must have 64 readable bytes behind it.
func (l *Loop) Row(v []byte) {
	p := unsafe.Pointer(unsafe.SliceData(v))
	for i := range l.literals {
		text := &l.literals[i]
		if !text.is(p) {
			l.Slow++
			return
		}
		p = unsafe.Add(p, text.n)
		n := stringEnd(p)
		switch i {
		case adAt:
			l.ad.put(p, n)
		case kindAt:
			l.kind.put(p, n)
		case timeAt:
			t := int64(0)
			for k := range n {
				t = t*10 + int64(*(*byte)(unsafe.Add(p, k))-'0')
			}
			l.ms = append(l.ms, t)
		}
		p = unsafe.Add(p, n)
	}
	if len(l.ms) == batchRows {
		l.Flush()
	}
}

// Flush computes on the rows decoded since the last batch.
func (l *Loop) Flush() {
	if !l.decode {
		l.count()
	}
	l.ad.reset()
	l.kind.reset()
	l.ms = l.ms[:0]
}
