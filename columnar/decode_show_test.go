package columnar

import (
	"encoding/binary"
	"fmt"
	"math"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/millrace/millrace/offsets"
)

// How the tests of decoders write columns, records and batches.

// recordOf makes a record of a line of a test. Words at its beginning set other parts of the record.
func recordOf(line string) *offsets.Records {
	var key *string
	var headers []string
	timestamp := int64(1_700_000_000_000)
	for {
		word, rest, _ := strings.Cut(line, " ")
		switch {
		case strings.HasPrefix(word, "key="):
			k := plainText(word[len("key="):])
			key = &k
		case strings.HasPrefix(word, "h:"):
			headers = append(headers, plainText(word[len("h:"):]))
		case word == "no-time":
			timestamp = -1
		case word == "last-time":
			timestamp = math.MaxInt64
		default:
			line = plainText(line)
			recs := recordsOf(line)
			r := &recs.Rows[0]
			if line == "TOMBSTONE" {
				r.Value.Len = -1
			}
			if r.Timestamp = timestamp; key != nil {
				r.Key = appendSpan(recs, *key)
			}
			if headers != nil {
				r.Headers = appendSpan(recs, headerBytes(headers))
			}
			return recs
		}
		line = rest
	}
}

// plainText replaces the names of characters that a test file cannot show.
func plainText(line string) string {
	return strings.NewReplacer(`<NL>`, "\n", `<TAB>`, "\t", `<CR>`, "\r", `<FF>`, "\xff", `<BOM>`, "\ufeff", `<EMPTY>`, "", `<SP>`, " ").Replace(line)
}

// appendSpan puts text behind the other bytes of the records.
func appendSpan(recs *offsets.Records, text string) offsets.Span {
	span := offsets.Span{Start: int32(len(recs.Buf)), Len: int32(len(text))}
	recs.Buf = append(append(recs.Buf, text...), make([]byte, offsets.Slack)...)[:len(recs.Buf)+len(text)]
	return span
}

// headerBytes writes headers key=value, or key for NULL; BROKEN stands for bytes that are none.
func headerBytes(headers []string) string {
	out := binary.AppendVarint(nil, int64(len(headers)))
	for _, h := range headers {
		if h == "BROKEN" {
			out = binary.AppendVarint(out, 1000)
			continue
		}
		key, value, ok := strings.Cut(h, "=")
		out = append(binary.AppendVarint(out, int64(len(key))), key...)
		if !ok {
			out = binary.AppendVarint(out, -1)
			continue
		}
		out = append(binary.AppendVarint(out, int64(len(value))), value...)
	}
	return string(out)
}

// parseFields reads lines "name type [required] [key=K] [path=P]"; types as in job files.
func parseFields(t testing.TB, text string) []DecodeField {
	t.Helper()
	var fields []DecodeField
	for line := range strings.Lines(text) {
		name, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		f := DecodeField{Field: Field{Name: name}}
		for {
			at := strings.LastIndexByte(rest, ' ')
			if at < 0 || !f.option(t, rest[at+1:]) {
				break
			}
			rest = rest[:at]
		}
		p := typeParser{text: rest}
		f.Type, f.Unit = p.parse(), p.unit
		if p.text != "" {
			t.Fatalf("type %q: %q is left", rest, p.text)
		}
		fields = append(fields, f)
	}
	return fields
}

func (f *DecodeField) option(t testing.TB, word string) bool {
	key, isKey := strings.CutPrefix(word, "key=")
	path, isPath := strings.CutPrefix(word, "path=")
	switch {
	case word == "required":
		f.Required = true
	case isKey:
		f.Key = key
	case isPath:
		var err error
		if f.Path, err = ParsePath(path); err != nil {
			t.Fatal(err)
		}
	}
	return word == "required" || isKey || isPath
}

// typeParser reads SQL names of types; it panics at what is none.
type typeParser struct {
	text string
	unit TimeUnit
}

func (p *typeParser) parse() Type {
	n := strings.IndexAny(p.text+",", "<>(), ")
	name := p.text[:n]
	p.text = p.text[n:]
	switch name {
	case "array":
		p.skip("<")
		elem := p.parse()
		p.skip(">")
		return ArrayOf(elem)
	case "map":
		p.skip("<")
		key := p.parse()
		p.skip(", ")
		value := p.parse()
		p.skip(">")
		return MapOf(key, value)
	case "struct":
		return p.structOf()
	case "decimal":
		args, rest, _ := strings.Cut(p.text, ")")
		p.text = rest
		var precision, scale int
		if _, err := fmt.Sscanf(args, "(%d,%d", &precision, &scale); err != nil {
			panic(err)
		}
		return DecimalOf(precision, scale)
	default:
		for unit, text := range map[TimeUnit]string{UnitSecond: "(s)", UnitMilli: "(ms)", UnitMicro: "(us)", UnitNano: "(ns)"} {
			if rest, ok := strings.CutPrefix(p.text, text); ok {
				p.text, p.unit = rest, unit
			}
		}
	}
	var k Kind
	if err := k.UnmarshalText([]byte(name)); err != nil {
		panic(err)
	}
	return Type{Kind: k}
}

func (p *typeParser) structOf() Type {
	var fields []Field
	for p.skip("<"); !strings.HasPrefix(p.text, ">"); {
		if len(fields) > 0 {
			p.skip(", ")
		}
		name, rest, _ := strings.Cut(p.text, " ")
		p.text = rest
		fields = append(fields, Field{name, p.parse()})
	}
	p.skip(">")
	return StructOf(fields...)
}

func (p *typeParser) skip(text string) {
	rest, ok := strings.CutPrefix(p.text, text)
	if !ok {
		panic(fmt.Sprintf("type: want %q before %q", text, p.text))
	}
	p.text = rest
}

// showBatch shows a batch as lines of values. \N is NULL.
func showBatch(b *Batch) string {
	var out strings.Builder
	for row := range b.Rows {
		for i, v := range b.Cols {
			if i > 0 {
				out.WriteByte(' ')
			}
			out.WriteString(showValue(v, row))
		}
		out.WriteByte('\n')
	}
	return out.String()
}

// showValue shows a value: arrays as [a, b], structs as {name: a}, maps as {"key": a}.
func showValue(v *Vector, row int) string {
	if v.IsNull(row) {
		return `\N`
	}
	switch v.Type.Kind {
	case Bool:
		return strconv.FormatBool(v.Bool(row))
	case Int8, Int16, Int32:
		return strconv.Itoa(int(v.I32[row]))
	case Int64:
		return strconv.FormatInt(v.I64[row], 10)
	case Float32:
		return strconv.FormatFloat(v.F64[row], 'g', -1, 32)
	case Float64:
		return strconv.FormatFloat(v.F64[row], 'g', -1, 64)
	case Decimal:
		return string(v.Wide[row].AppendDecimal(nil, int(v.Type.Scale)))
	case Date:
		return time.Unix(int64(v.I32[row])*86400, 0).UTC().Format(time.DateOnly)
	case Timestamp:
		return time.UnixMicro(v.I64[row]).UTC().Format(time.RFC3339Nano)
	case LocalTimestamp:
		return strings.TrimSuffix(time.UnixMicro(v.I64[row]).UTC().Format(time.RFC3339Nano), "Z")
	case Array, Struct, Map:
		return showNested(v, row)
	}
	return strconv.Quote(string(v.Str(row)))
}

func showNested(v *Vector, row int) string {
	var parts []string
	if v.Type.Kind == Struct {
		for i, f := range v.Type.Fields() {
			parts = append(parts, f.Name+": "+showValue(v.Kids[i], row))
		}
		return "{" + strings.Join(parts, ", ") + "}"
	}
	for i := int(v.Off[row]); i < int(v.Off[row+1]); i++ {
		part := showValue(v.Kids[len(v.Kids)-1], i)
		if v.Type.Kind == Map {
			part = showValue(v.Kids[0], i) + ": " + part
		}
		parts = append(parts, part)
	}
	if v.Type.Kind == Map {
		return "{" + strings.Join(parts, ", ") + "}"
	}
	return "[" + strings.Join(parts, ", ") + "]"
}
