package columnar

import (
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
)

// everyType has a column of each type, some of them on the same key.
const everyType = `
s string
i int
l bigint
d double
b boolean
day date
t timestamp
ms timestamp(ms)
sec timestamp(s)
ns timestamp(ns)
ms_text string key=ms
must bigint key=ü required
i8 tinyint
i16 smallint
f float
dec decimal(10,3)
wide decimal(38,5)
bin binary
ntz timestamp_ntz
arr array<bigint>
st struct<s string, l bigint, f float>
mp map<string, decimal(10,3)>
os string path=o.s
oal bigint path=o.a[1].l
oa array<struct<l bigint, unused string>> path=o.a
o struct<s string, a array<map<string, string>>> path=o
d0 double path=dd[0]
`

func everyTypeFields(t testing.TB) []DecodeField { return parseFields(t, strings.TrimSpace(everyType)) }

// recordWriter writes random records: mostly of one shape with fitting values, and all kinds of accidents.
type recordWriter struct {
	*rand.Rand
	oddity int // one in oddity choices is an odd one
}

func (w *recordWriter) odd() bool { return w.IntN(w.oddity) == 0 }

func (w *recordWriter) rare() bool { return w.IntN(w.oddity*w.oddity) == 0 }

func (w *recordWriter) pick(s ...string) string { return s[w.IntN(len(s))] }

func (w *recordWriter) space() string {
	if w.odd() {
		return w.pick(" ", "\n", "\t\r", "  ")
	}
	return ""
}

func (w *recordWriter) record() string {
	keys := []string{"s", "i", "l", "d", "b", "day", "t", "ms", "sec", "ns", "ü", "unused", "o", "dd", "i8", "i16", "f", "dec", "wide", "bin", "ntz", "arr", "st", "mp"}
	if w.odd() {
		w.Shuffle(len(keys), func(i, j int) { keys[i], keys[j] = keys[j], keys[i] })
	}
	var members []string
	for _, k := range keys {
		if w.odd() && k != "ü" {
			continue
		}
		members = append(members, w.space()+w.key(k)+w.space()+":"+w.space()+w.value(k)+w.space())
		if w.rare() {
			members = append(members, w.key(k)+":"+w.value(k))
		}
	}
	return w.damage(w.space() + "{" + strings.Join(members, ",") + "}" + w.space())
}

// object is a value with some of the keys, mostly in order.
func (w *recordWriter) object(keys ...string) string {
	var members []string
	for _, k := range keys {
		for w.odd() {
			k = keys[w.IntN(len(keys))]
			members = append(members, w.space()+w.key(k)+w.space()+":"+w.space()+w.value(k)+w.space())
		}
		members = append(members, w.key(k)+":"+w.value(k))
	}
	return "{" + strings.Join(members[w.IntN(2)*w.IntN(len(members)):], ",") + w.space() + "}"
}

// mapping is an object with keys that are data, few of them twice.
func (w *recordWriter) mapping(values string, n int) string {
	var members []string
	for range n {
		members = append(members, w.space()+fmt.Sprintf(w.pick(`"k%d"`, `"\u006b%d"`), w.IntN(3*n))+":"+w.value(values))
	}
	return "{" + strings.Join(members, ",") + "}"
}

func (w *recordWriter) array(element func() string) string {
	var elements []string
	for range w.IntN(4) {
		elements = append(elements, w.space()+element()+w.space())
	}
	return "[" + strings.Join(elements, ",") + "]"
}

func (w *recordWriter) key(k string) string {
	if w.odd() && k == "ü" {
		return w.pick(`"\u00fc"`, `"\u00FC"`, `"Ü"`)
	}
	if w.odd() && len(k) == 1 {
		return fmt.Sprintf(`"\u%04x"`, k[0])
	}
	return `"` + k + `"`
}

// value is a value that mostly fits the column.
func (w *recordWriter) value(key string) string {
	if w.odd() {
		return w.oddValue()
	}
	v := ""
	switch key {
	case "i":
		v = fmt.Sprint(int32(w.Uint32()) >> w.IntN(32))
	case "l", "ü", "ns":
		v = fmt.Sprint(w.Int64() >> w.IntN(63) * int64(1-2*w.IntN(2)))
	case "d":
		v = fmt.Sprintf(w.pick("%g", "%e", "%f"), w.NormFloat64()*1e3)
	case "b":
		v = w.pick("true", "false")
	case "ms", "sec":
		v = fmt.Sprint(w.Int64N(2_000_000_000_000))
	case "day":
		return time.Unix(w.Int64N(2e9), 0).UTC().Format(`"2006-01-02"`)
	case "t":
		zone := time.FixedZone("", (w.IntN(48*60)-24*60+1)*60)
		return time.Unix(w.Int64N(2e9), w.Int64N(1e9)).In(zone).Format(w.pick(`"2006-01-02T15:04:05Z07:00"`,
			`"2006-01-02 15:04:05.999999999"`, `"2006-01-02t15:04:05.000-0700"`, `"2006-01-02T15:04:05"`))
	case "o":
		return w.object("s", "unused", "a", "x")
	case "a":
		return w.array(func() string { return w.object("l", "unused") })
	case "dd":
		return w.array(func() string { return w.value("d") })
	case "arr":
		return w.array(func() string { return w.value("l") })
	case "st":
		return w.object("s", "l", "f")
	case "mp":
		return w.mapping("dec", 1+w.IntN(4)*w.IntN(10))
	case "i8":
		v = fmt.Sprint(int8(w.Uint32()))
	case "i16":
		v = fmt.Sprint(int16(w.Uint32()))
	case "f":
		v = fmt.Sprintf(w.pick("%g", "%.3e", "%f"), float32(w.NormFloat64()*1e3))
	case "dec":
		v = fmt.Sprintf("%d.%0*d", w.IntN(1e6), 1+w.IntN(3), w.IntN(10))
	case "wide":
		v = fmt.Sprintf("%d%d.%05d", w.Int64N(1e18)-5e17, w.Int64N(1e12), w.IntN(1e5))
	case "bin":
		return `"` + base64.StdEncoding.EncodeToString([]byte(w.text())) + `"`
	case "ntz":
		return time.Unix(w.Int64N(2e9), w.Int64N(1e9)).UTC().Format(w.pick(`"2006-01-02T15:04:05"`, `"2006-01-02 15:04:05.999999999"`))
	default:
		return `"` + w.text() + `"`
	}
	if w.odd() {
		return `"` + v + `"`
	}
	return v
}

func (w *recordWriter) text() string {
	var b strings.Builder
	for range w.IntN(100) {
		b.WriteByte(byte('a' + w.IntN(26)))
		if w.odd() {
			b.WriteString(w.pick("ü", "€", "😀", `\n`, `\u0041`, `\ud83d\ude00`, `\\`, `\"`, "\x7f", "{", "}", ",", ":"))
		}
		if w.rare() {
			b.WriteString(w.pick("\x01", "\xff", "\xc3", `\ud83d`, `\ude00`, `\x`, "\n", "\xed\xa0\x80", `"`, `\u12`))
		}
	}
	return b.String()
}

func (w *recordWriter) oddValue() string {
	return w.pick("null", "1.0", "1e2", "1.5", "-0", `"12"`, `""`, "9223372036854775808", "-9223372036854775808", "1e19", "1e-400",
		"1e400", "12e-1", "120e-1", "0e99999", "1e99999999999999999999", "1e-99999999999999999999", "2147483648", "true", `"false"`,
		"{}", `{"a":[1,2,{"b":null}]}`, "[]", `[ 1 , "x" ]`, `"2026-02-29"`, `"2024-02-29"`, `"2026-11-22T10:20:30.123456789+05:30"`,
		`"2026-11-22 10:20:60"`, `"0000-01-01T00:00:00Z"`, `"9999-12-31T23:59:59.9999999-23:59"`, `"+5"`, `"007"`, `" 1"`, "01", "-",
		"nul", `"-1.5"`, "-1.5", `"NaN"`, "0.1234567890123456789", "123456789012345678901234567890e-20", `"0.5e1"`)
}

// damage breaks one record in oddity.
func (w *recordWriter) damage(record string) string {
	if !w.odd() {
		return record
	}
	b := []byte(record)
	at := w.IntN(len(b))
	switch w.IntN(4) {
	case 0:
		b[at] = byte(w.Uint32())
	case 1:
		b = b[:at]
	case 2:
		b = append(b[:at], b[at+1:]...)
	case 3:
		b = append(b, w.pick("}", " x", "\x00", ",", "{}", "\n\n")...)
	}
	return string(b)
}

// TestJSONDecoderAgainstOracle decodes random records with both tiers and the oracle, under both policies for values
// that do not fit; the decoders live on from batch to batch.
func TestJSONDecoderAgainstOracle(t *testing.T) {
	fields := everyTypeFields(t)
	for seed, oddity := range []int{400, 120, 40, 15} {
		for _, opts := range []DecodeOptions{{}, {NullBadValues: true}} {
			t.Run(fmt.Sprintf("seed=%d/oddity=%d/null=%v", seed, oddity, opts.NullBadValues), func(t *testing.T) {
				w := &recordWriter{rand.New(rand.NewPCG(uint64(seed), 7)), oddity}
				fast, careful := newDecoderWith(t, fields, opts), newDecoderWith(t, fields, opts)
				careful.careful = true
				batches, records, good := cases(30, 8), 0, 0
				for range batches {
					values := make([]string, 1+w.IntN(60))
					for i := range values {
						values[i] = w.record()
					}
					records += len(values)
					checkAgainstOracle(t, fields, opts, fast, careful, values)
					good += int(fast.Counts().Out)
					careful.Counts()
				}
				if records < 15*batches || good < batches/4 {
					t.Errorf("%d records, %d of them good: the test says little", records, good)
				}
			})
		}
	}
}

// FuzzJSONDecoder gives the decoders the record twice, before and after another one, so that the fast tier meets it
// with a prediction that fits and one that does not.
func FuzzJSONDecoder(f *testing.F) {
	w := &recordWriter{rand.New(rand.NewPCG(3, 7)), 20}
	for range 50 {
		f.Add(w.record(), w.record())
	}
	fields := everyTypeFields(f)
	f.Fuzz(func(t *testing.T, one, other string) {
		for _, opts := range []DecodeOptions{{}, {NullBadValues: true}} {
			fast, careful := newDecoderWith(t, fields, opts), newDecoderWith(t, fields, opts)
			careful.careful = true
			checkAgainstOracle(t, fields, opts, fast, careful, []string{one, other, one, one, other})
		}
	})
}
