package columnar

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
)

// keyTypes are those whose values a Go map can be asked for by a text.
var keyTypes = []Type{{Kind: Int64}, {Kind: String}, {Kind: Float64}, {Kind: Bool}, {Kind: Int32}, {Kind: Interval}, {Kind: Timestamp}, {Kind: Binary}, DecimalOf(20, 3)}

// keyMaker makes columns of keys: few or many values, texts of one length or of any.
type keyMaker struct {
	*rand.Rand
	span  int64
	width int // of texts; 0 is any
	nulls float64
}

func newKeyMaker(r *rand.Rand) keyMaker {
	return keyMaker{r, []int64{3, 500, 1 << 40}[r.IntN(3)], []int{0, 0, 4, 8, 9, 16, 36, 64, 65}[r.IntN(9)], []float64{0, 0, 0.3}[r.IntN(3)]}
}

func (m keyMaker) text() string {
	width := m.width
	if width == 0 || m.IntN(2000) == 0 {
		width = m.IntN(80)
	}
	s := fmt.Sprintf("%08x", uint64(m.Int64N(m.span))*hashMul>>32)
	at := m.IntN(3) * 40 // what differs stands at the beginning or at the end
	return (strings.Repeat("-", max(min(at, width-8), 0)) + s + strings.Repeat("=", 80))[:width]
}

func (m keyMaker) append(b *Builder) {
	if m.Float64() < m.nulls {
		b.AppendNull()
		return
	}
	switch t := b.vec.Type; t.Kind.Storage() {
	case StoredI64:
		b.AppendInt64(m.Int64N(m.span) - 1)
	case StoredBytes:
		b.AppendString(m.text())
	case StoredWide:
		if t.Kind == Interval { // a month or 30 days, a day or 24 hours
			b.AppendWide(MakeInterval(int32(m.IntN(3)), int32(m.IntN(3)*30), m.Int64N(3)*microsPerDay))
		} else {
			b.AppendWide(Int128Of(m.Int64N(m.span)))
		}
	default:
		appendRandomValue(m.Rand, b, 0)
	}
}

func (m keyMaker) batch(s *Schema, rows int) *Batch {
	b := &Batch{Schema: s, Rows: rows}
	for _, f := range s.Fields {
		col := NewBuilder(f.Type)
		for range rows {
			m.append(col)
		}
		b.Cols = append(b.Cols, col.Vector())
	}
	if m.IntN(3) == 0 {
		randomSel(m.Rand, b)
	}
	return b
}

// keyText is the same for keys that are equal, and for no others.
func keyText(cols []*Vector, r int) string {
	var text strings.Builder
	for _, v := range cols {
		val := valueAt(v, r)
		switch {
		case val.Null:
			text.WriteString("NULL")
		case v.Type.Float() && val.F == 0:
			text.WriteString("0")
		case v.Type.Float():
			fmt.Fprint(&text, val.F)
		case v.Type.Kind == Interval:
			months, days, micros := v.Wide[r].Interval()
			fmt.Fprint(&text, float64(months*30+days)+float64(micros)/float64(microsPerDay))
		case v.Type.Kind.Storage() == StoredWide:
			fmt.Fprint(&text, v.Wide[r].Hi, ":", v.Wide[r].Lo)
		case v.Type.Kind.Storage() == StoredBytes:
			fmt.Fprintf(&text, "%q", val.S)
		default:
			fmt.Fprint(&text, val.I)
		}
		text.WriteByte('|')
	}
	return text.String()
}

// keyOracle is a Go map.
type keyOracle struct {
	numbers map[string]uint32
	order   []string
}

func (o *keyOracle) number(key string) uint32 {
	n, ok := o.numbers[key]
	if !ok {
		n = uint32(len(o.order))
		o.numbers[key] = n
		o.order = append(o.order, key)
	}
	return n
}

// FuzzKeyTable holds the table of keys against a Go map: data decides on the types of the columns, the values, batches,
// look-ups and resets, on how many bits of a hash count, and on when keys move into records and back.
func FuzzKeyTable(f *testing.F) {
	r := rand.New(rand.NewPCG(6, 6))
	for range 60 {
		data := make([]byte, 24)
		for i := range data {
			data[i] = byte(r.Uint32())
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		checkKeyTable(t, rand.New(&choices{data, rand.NewPCG(2, foldBytes(hashSeed, data))}))
	})
}

func checkKeyTable(t *testing.T, r *rand.Rand) {
	s := &Schema{}
	var cols []int
	for i := range 1 + r.IntN(3) {
		s.Fields = append(s.Fields, Field{fmt.Sprint("k", i), keyTypes[r.IntN(len(keyTypes))]})
		cols = append(cols, i)
	}
	x := NewKeyIndex(columnTypes(s, cols))
	x.table.weak = []uint64{0, 0, 0, 0xffff, 7<<31 | 5, 0xf << 32}[r.IntN(6)]
	rows := []int{1, 40, 3000}[r.IntN(3)]
	if x.table.weak != 0 {
		rows = min(rows, 300) // chains are long
	}
	oracle := keyOracle{numbers: map[string]uint32{}}
	maker := newKeyMaker(r)
	for range 1 + r.IntN(8) {
		if r.IntN(3) == 0 {
			maker = newKeyMaker(r)
		}
		b := maker.batch(s, r.IntN(rows+1))
		moveKeys(r, x, b, cols)
		switch r.IntN(6) {
		case 0:
			x.Reset()
			oracle = keyOracle{numbers: map[string]uint32{}}
		case 1:
			checkLookup(t, x, b, cols, &oracle)
		default:
			checkNumbers(t, x, b, cols, &oracle)
		}
	}
	if x.Len() != len(oracle.order) {
		t.Fatalf("%d keys of (%s), want %d", x.Len(), s, len(oracle.order))
	}
	keys := make([]*Vector, len(cols))
	if x.table.records != nil {
		x.table.unpack()
	}
	for i := range keys {
		keys[i] = x.Column(i)
	}
	for n, want := range oracle.order {
		if got := keyText(keys, n); got != want {
			t.Fatalf("key %d of (%s) is %s, want %s", n, s, got, want)
		}
	}
}

// moveKeys brings the keys into records or back, at random where the keys of b can be records too.
func moveKeys(r *rand.Rand, x *KeyIndex, b *Batch, cols []int) {
	table := x.table
	can := table.n > 0 && table.recordable(b, cols, selected(b))
	switch {
	case table.records == nil && can && r.IntN(3) > 0:
		table.pack(newGroupRecords(table.cols))
	case table.records != nil && (!can || r.IntN(4) == 0):
		table.unpack()
	}
}

func checkNumbers(t *testing.T, x *KeyIndex, b *Batch, cols []int, oracle *keyOracle) {
	t.Helper()
	numbers, err := x.Number(b, cols)
	if err != nil {
		t.Fatal(err)
	}
	for i, r := range selected(b) {
		if key := keyText(b.Cols, int(r)); numbers[i] != oracle.number(key) {
			t.Fatalf("row %d of (%s), key %s: number %d, want %d", r, b.Schema, key, numbers[i], oracle.number(key))
		}
	}
}

func checkLookup(t *testing.T, x *KeyIndex, b *Batch, cols []int, oracle *keyOracle) {
	t.Helper()
	found, numbers := x.Lookup(b, cols)
	for _, r := range selected(b) {
		want, known := oracle.numbers[keyText(b.Cols, int(r))]
		if !known {
			continue
		}
		if len(found) == 0 || found[0] != r || numbers[0] != want {
			t.Fatalf("row %d of (%s), key %s, number %d, is not found", r, b.Schema, keyText(b.Cols, int(r)), want)
		}
		found, numbers = found[1:], numbers[1:]
	}
	if len(found) > 0 {
		t.Fatalf("%d rows of (%s) found that have no key", len(found), b.Schema)
	}
}

// TestKeyColumnsGrow keeps texts apart that are like the keys of one length but are not, at every place where a column of
// one length ends being one: on both sides of a growth, after NULL, after a column that could hold NULL, after a reset;
// also where hashes say nothing.
func TestKeyColumnsGrow(t *testing.T) {
	for _, weak := range []uint64{0, 5} {
		for _, odd := range []string{"", "abc", strings.Repeat("k", 12) + "!", "key 0000", "NULL", strings.Repeat("x", math.MaxUint8)} {
			for _, nullable := range []bool{false, true} {
				checkOddText(t, weak, odd, nullable)
			}
		}
	}
}

func checkOddText(t *testing.T, weak uint64, odd string, nullable bool) {
	s := NewSchema(Field{"k", Type{Kind: String}})
	x := NewKeyIndex([]Type{{Kind: String}})
	x.table.weak = weak
	for round := range 2 {
		oracle := keyOracle{numbers: map[string]uint32{}}
		add := func(nullable bool, keys ...string) {
			col := NewBuilder(Type{Kind: String})
			for _, k := range keys {
				if k == "NULL" {
					col.AppendNull()
				} else {
					col.AppendString(k)
				}
			}
			v := col.Vector()
			if nullable && v.Valid == nil {
				v.Valid = allValid(nil, v.N)
			}
			checkNumbers(t, x, &Batch{Schema: s, Rows: v.N, Cols: []*Vector{v}}, []int{0}, &oracle)
		}
		if round > 0 {
			add(false, odd)
		}
		for i := range 200 {
			add(false, fmt.Sprintf("key %08d", i))
		}
		if !nullable { // all keys are of one length still
			add(false, "key 00000007", "key 0000000", "7", "key 000000070", "key 99999999", "Key 00000003", "key 10000003")
		}
		add(nullable, odd, "key 00000003")
		add(false, "key 00000004", odd, "key 00000198", "key 00000199", "key 00000200", "key 00000201")
		x.Reset()
	}
}
