package limit

import (
	"math/rand/v2"
	"strconv"
	"strings"
)

// Shape is how drawn events look: everything about them that [NewEvents] has by the benchmark's definition follows from a
// seed. Like those they have three identifiers, two words out of few, a time in a string, and a short text.
type Shape struct {
	Ad, Kind, Time string   // the names of the fields that are like ad_id, event_type and event_time
	Names          []string // of all fields in their order

	parts  []string // what stands in front of the values, and behind the last
	fields []drawnField
}

// drawnField draws values.
type drawnField struct {
	values []string // one of these, all of one length for an identifier; nil for the time
}

// NewShape draws a shape.
func NewShape(seed uint64) *Shape {
	r := rand.New(rand.NewPCG(seed, 0x6472617773))
	s := &Shape{}
	taken := map[string]bool{}
	order := r.Perm(7)
	names := make([]string, 7)
	for i := range names {
		for names[i] == "" || taken[names[i]] {
			names[i] = letters(r, 3+r.IntN(14))
		}
		taken[names[i]] = true
	}
	s.Ad, s.Kind, s.Time = names[0], names[3], names[5]
	fields := []drawnField{identifiers(r, 1000), identifiers(r, 100), identifiers(r, 100), words(r, 3), words(r, 5), {}, words(r, 1)}
	space := func() string { return strings.Repeat(" ", r.IntN(3)) }
	open, before, after, comma, end := space(), space(), space(), space(), space()
	for i, k := range order {
		front := `"` + before + "," + comma
		if i == 0 {
			front = "{" + open
		}
		s.Names = append(s.Names, names[k])
		s.parts = append(s.parts, front+`"`+names[k]+`"`+after+":"+space()+`"`)
		s.fields = append(s.fields, fields[k])
	}
	s.parts = append(s.parts, `"`+end+"}")
	return s
}

func letters(r *rand.Rand, n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = "abcdefghijklmnopqrstuvwxyz_0123456789"[r.IntN(37)]
	}
	return string(b)
}

// identifiers are of one length, 16 to 48 bytes.
func identifiers(r *rand.Rand, n int) (f drawnField) {
	length := 16 + r.IntN(33)
	for range n {
		f.values = append(f.values, letters(r, length))
	}
	return f
}

// words are of different lengths, 3 to 18 bytes.
func words(r *rand.Rand, n int) (f drawnField) {
	for range n {
		f.values = append(f.values, letters(r, 3+r.IntN(16)))
	}
	return f
}

// Events returns events of the shape, of at least so many bytes.
func (s *Shape) Events(seed uint64, bytes int64) *Events {
	r, e := rand.New(rand.NewPCG(seed, 1)), &Events{}
	e.fill(bytes, func(b []byte) []byte {
		for i, part := range s.parts {
			if b = append(b, part...); i == len(s.fields) {
				break
			}
			if v := s.fields[i].values; v != nil {
				b = append(b, v[r.IntN(len(v))]...)
			} else {
				b = strconv.AppendInt(b, 1_700_000_000_000+int64(e.Records/100), 10)
			}
		}
		return b
	})
	return e
}

// NewAdversarialEvents returns events that are valid JSON and give a decoder nothing to predict: every record has its own
// order of keys, its own white space, and escapes in its strings.
func NewAdversarialEvents(seed uint64, bytes int64) *Events {
	g, r, e := newGenerator(seed), rand.New(rand.NewPCG(seed, 2)), &Events{}
	names := [...]string{"user_id", "page_id", "ad_id", "ad_type", "event_type", "event_time", "ip_address"}
	order := []int{0, 1, 2, 3, 4, 5, 6}
	space := func(b []byte) []byte { return append(b, "  \n\t"[:r.IntN(5)]...) }
	e.fill(bytes, func(b []byte) []byte {
		x := g.r.Uint64()
		values := [...]string{g.users[x>>40%100], g.pages[x>>50%100], g.ads[x%1000].ID, adTypes[x>>32%5], kinds[x>>20%3],
			strconv.FormatInt(1_700_000_000_000+int64(e.Records/100), 10), "1.2.3.4"}
		r.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
		mark := byte('{')
		for _, k := range order {
			b = space(append(b, mark))
			b = space(append(append(append(b, '"'), names[k]...), '"'))
			b = append(space(append(b, ':')), '"')
			b = space(append(escaped(b, values[k], r), '"'))
			mark = ','
		}
		return append(b, '}')
	})
	return e
}

// escaped appends the text with one of its letters written as an escape; digits stay as they are.
func escaped(b []byte, text string, r *rand.Rand) []byte {
	at := r.IntN(len(text))
	if c := text[at]; c < 'a' || c > 'z' {
		return append(b, text...)
	}
	const hex = "0123456789abcdef"
	b = append(append(b, text[:at]...), '\\', 'u', '0', '0', hex[text[at]>>4], hex[text[at]&15])
	return append(b, text[at+1:]...)
}
