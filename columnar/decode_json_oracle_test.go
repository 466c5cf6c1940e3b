package columnar

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math"
	"math/big"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

// The oracle decodes one record the slow and obvious way, with encoding/json, math/big, regexp and time. It shows a
// row as [showBatch] does.

// oracleRow is the row of a record and how many of its values became NULL, or ok = false for a bad record.
func oracleRow(value []byte, fields []DecodeField, opts DecodeOptions) (row string, nulled int, ok bool) {
	if !oracleValid(value) {
		return "", 0, false
	}
	var object map[string]json.RawMessage
	if err := json.Unmarshal(value, &object); err != nil || object == nil {
		return "", 0, false
	}
	var cells []string
	for _, f := range fields {
		cell := `\N`
		path := f.JSONPath()
		raw, ok := oracleFind(oraclePlain(object[path[0].Key]), path[1:])
		switch {
		case ok && raw == nil && f.Required:
			return "", 0, false
		case ok:
			cell, ok = oracleValue(raw, f.Type, f.Unit)
		}
		if !ok && (f.Required || !opts.NullBadValues) {
			return "", 0, false
		}
		if !ok {
			cell = `\N`
			nulled++
		}
		cells = append(cells, cell)
	}
	return strings.Join(cells, " ") + "\n", nulled, true
}

// oracleText is a value's text: a string without its quotes, everything else as written.
func oracleText(raw json.RawMessage) string {
	if raw[0] != '"' {
		return string(raw)
	}
	var text string
	if err := json.Unmarshal(raw, &text); err != nil {
		panic(err)
	}
	return text
}

// oracleValue shows a value as one of the type, as [showValue] does; nil is NULL.
func oracleValue(raw json.RawMessage, t Type, unit TimeUnit) (shown string, ok bool) {
	raw = bytes.TrimSpace(raw)
	if len(raw) == 0 || string(raw) == "null" {
		return `\N`, true
	}
	switch t.Kind {
	case Array:
		return oracleArray(raw, t, unit)
	case Struct:
		return oracleStruct(raw, t, unit)
	case Map:
		return oracleMap(raw, t, unit)
	case Binary:
		if raw[0] != '"' {
			return "", false
		}
	}
	return oracleCell(oracleText(raw), t, unit)
}

func oracleArray(raw json.RawMessage, t Type, unit TimeUnit) (string, bool) {
	var parts []json.RawMessage
	if raw[0] != '[' || json.Unmarshal(raw, &parts) != nil {
		return "", false
	}
	var shown []string
	for _, p := range parts {
		s, ok := oracleValue(p, t.Elem(), unit)
		if !ok {
			return "", false
		}
		shown = append(shown, s)
	}
	return "[" + strings.Join(shown, ", ") + "]", true
}

func oracleStruct(raw json.RawMessage, t Type, unit TimeUnit) (string, bool) {
	var parts map[string]json.RawMessage
	if raw[0] != '{' || json.Unmarshal(raw, &parts) != nil {
		return "", false
	}
	var shown []string
	for _, f := range t.Fields() {
		s, ok := oracleValue(parts[f.Name], f.Type, unit)
		if !ok {
			return "", false
		}
		shown = append(shown, f.Name+": "+s)
	}
	return "{" + strings.Join(shown, ", ") + "}", true
}

// oracleMap asks a stream of tokens for the order of the keys.
func oracleMap(raw json.RawMessage, t Type, unit TimeUnit) (string, bool) {
	var parts map[string]json.RawMessage
	if raw[0] != '{' || json.Unmarshal(raw, &parts) != nil {
		return "", false
	}
	var shown, keys []string
	dec := json.NewDecoder(bytes.NewReader(raw))
	if _, err := dec.Token(); err != nil {
		panic(err)
	}
	for dec.More() {
		key, err := dec.Token()
		if err != nil {
			panic(err)
		}
		var value json.RawMessage
		if err := dec.Decode(&value); err != nil {
			panic(err)
		}
		if !slices.Contains(keys, key.(string)) {
			keys = append(keys, key.(string))
		}
	}
	for _, k := range keys {
		s, ok := oracleValue(parts[k], t.Elem(), unit)
		if !ok {
			return "", false
		}
		shown = append(shown, strconv.Quote(k)+": "+s)
	}
	return "{" + strings.Join(shown, ", ") + "}", true
}

// oracleFind follows a path; nil is NULL, and not ok is a value in its way.
func oracleFind(raw json.RawMessage, path Path) (json.RawMessage, bool) {
	for _, step := range path {
		var object map[string]json.RawMessage
		var array []json.RawMessage
		switch {
		case raw == nil:
			return nil, true
		case !step.IsIndex && raw[0] == '{':
			if err := json.Unmarshal(raw, &object); err != nil {
				panic(err)
			}
			raw = object[step.Key]
		case step.IsIndex && raw[0] == '[':
			if err := json.Unmarshal(raw, &array); err != nil {
				panic(err)
			}
			if raw = nil; step.Index < len(array) {
				raw = array[step.Index]
			}
		default:
			return nil, false
		}
		raw = oraclePlain(raw)
	}
	return raw, true
}

// oraclePlain is a value without white space around it, nil for null and for no value.
func oraclePlain(raw json.RawMessage) json.RawMessage {
	if raw = bytes.TrimSpace(raw); string(raw) == "null" || len(raw) == 0 {
		return nil
	}
	return raw
}

// oracleValid adds to RFC 8259 what it leaves open.
func oracleValid(value []byte) bool {
	if !json.Valid(value) || !utf8.Valid(value) {
		return false
	}
	depth, deepest, inString := 0, 0, false
	for i := 0; i < len(value); i++ {
		switch c := value[i]; {
		case c == '"':
			inString = !inString
		case c == '\\':
			i++
		case !inString && (c == '{' || c == '['):
			depth++
			deepest = max(deepest, depth)
		case !inString && (c == '}' || c == ']'):
			depth--
		}
	}
	return deepest <= 1000 && !loneSurrogate(value)
}

var surrogates = regexp.MustCompile(`^\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}`)

func loneSurrogate(value []byte) bool {
	for i := 0; i < len(value); i++ {
		if value[i] != '\\' {
			continue
		}
		if surrogates.Match(value[i:]) {
			i += 11
			continue
		}
		if value[i+1] == 'u' && value[i+2]|0x20 == 'd' && value[i+3] >= '8' {
			return true
		}
		i++
	}
	return false
}

var (
	oracleNumber = regexp.MustCompile(`^[+-]?\d+(\.\d+)?([eE][+-]?\d+)?$`)
	oracleTime   = regexp.MustCompile(`^\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d(:?\d\d)?)?$`)
)

func oracleCell(text string, typ Type, unit TimeUnit) (cell string, ok bool) {
	switch typ.Kind {
	case String:
		return strconv.Quote(text), true
	case Binary:
		data, err := base64.StdEncoding.Strict().DecodeString(text)
		return strconv.Quote(string(data)), err == nil && !strings.ContainsAny(text, "\r\n")
	case Bool:
		return text, text == "true" || text == "false"
	case Date:
		t, err := time.Parse(time.DateOnly, text)
		return t.Format(time.DateOnly), err == nil && len(text) == 10
	case Float32, Float64:
		bits := map[Kind]int{Float32: 32, Float64: 64}[typ.Kind]
		v, err := strconv.ParseFloat(text, bits)
		return strconv.FormatFloat(v, 'g', -1, bits), err == nil && oracleNumber.MatchString(text)
	case Decimal:
		return oracleDecimal(text, int(typ.Precision), int(typ.Scale))
	case Int8:
		return oracleInteger(text, math.MinInt8, math.MaxInt8)
	case Int16:
		return oracleInteger(text, math.MinInt16, math.MaxInt16)
	case Int32:
		return oracleInteger(text, math.MinInt32, math.MaxInt32)
	case Int64:
		return oracleInteger(text, math.MinInt64, math.MaxInt64)
	case LocalTimestamp:
		if !oracleTime.MatchString(text + "Z") {
			return "", false
		}
		micros, ok := oracleInstant(text + "Z")
		return strings.TrimSuffix(time.UnixMicro(micros).UTC().Format(time.RFC3339Nano), "Z"), ok
	}
	micros, ok := oracleMicros(text, unit)
	return time.UnixMicro(micros).UTC().Format(time.RFC3339Nano), ok
}

// oracleDecimal takes a number with no digit behind the scale, and none in front of the precision.
func oracleDecimal(text string, precision, scale int) (cell string, ok bool) {
	r, ok := oracleRat(text)
	if !ok {
		return "", false
	}
	power := func(n int) *big.Int { return new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(n)), nil) }
	scaled := new(big.Rat).Mul(r, new(big.Rat).SetInt(power(scale)))
	if !scaled.IsInt() || scaled.Num().CmpAbs(power(precision)) >= 0 {
		return "", false
	}
	cell = r.FloatString(scale)
	if scaled.Sign() == 0 {
		cell = strings.TrimPrefix(cell, "-")
	}
	return cell, true
}

func oracleInteger(text string, lowest, highest int64) (cell string, ok bool) {
	r, ok := oracleRat(text)
	if !ok || !r.IsInt() || r.Num().Cmp(big.NewInt(lowest)) < 0 || r.Num().Cmp(big.NewInt(highest)) > 0 {
		return "", false
	}
	return r.Num().String(), true
}

// oracleRat reads a number exactly. Exponents with more than three digits stand for the extreme they lead to.
func oracleRat(text string) (*big.Rat, bool) {
	if !oracleNumber.MatchString(text) {
		return nil, false
	}
	mantissa, exponent, _ := strings.Cut(strings.ToLower(text), "e")
	r, ok := new(big.Rat).SetString(mantissa)
	if !ok || exponent == "" || r.Sign() == 0 {
		return r, ok
	}
	sign := exponent[0]
	digits := strings.TrimLeft(exponent, "+-0")
	if len(digits) > 3 {
		digits = "999"
	}
	shift, _ := new(big.Rat).SetString("1e" + string(map[bool]byte{true: '-', false: '+'}[sign == '-']) + "0" + digits)
	return r.Mul(r, shift), true
}

func oracleMicros(text string, unit TimeUnit) (micros int64, ok bool) {
	if oracleTime.MatchString(text) {
		return oracleInstant(text)
	}
	r, ok := oracleRat(text)
	if !ok || unit == UnitNone {
		return 0, false
	}
	scale := map[TimeUnit]*big.Rat{UnitSecond: big.NewRat(1e6, 1), UnitMilli: big.NewRat(1e3, 1), UnitMicro: big.NewRat(1, 1), UnitNano: big.NewRat(1, 1e3)}
	r.Mul(r, scale[unit])
	floor := new(big.Int).Div(r.Num(), r.Denom()) // Euclidean: rounds down, as the denominator is positive
	return floor.Int64(), floor.IsInt64()
}

// oracleInstant lets package time parse the instant after bringing it to one spelling.
func oracleInstant(text string) (micros int64, ok bool) {
	clock, zone := strings.ToUpper(text[:19]), strings.ToUpper(text[19:])
	fraction := ""
	if strings.HasPrefix(zone, ".") {
		n := 1 + len(zone[1:]) - len(strings.TrimLeft(zone[1:], "0123456789"))
		fraction, zone = zone[:n], zone[n:]
	}
	if len(fraction) > 7 {
		fraction = fraction[:7]
	}
	switch len(zone) {
	case 0:
		zone = "Z"
	case 3:
		zone += ":00"
	case 5:
		zone = zone[:3] + ":" + zone[3:]
	}
	t, err := time.Parse(time.RFC3339, strings.Replace(clock, " ", "T", 1)+fraction+zone)
	if len(zone) == 6 && (zone[1:3] > "23" || zone[4:] > "59") {
		return 0, false
	}
	return t.UnixMicro(), err == nil
}

// checkAgainstOracle decodes the records with both tiers and the oracle.
func checkAgainstOracle(t *testing.T, fields []DecodeField, opts DecodeOptions, fast, careful *JSONDecoder, values []string) {
	t.Helper()
	recs := recordsOf(values...)
	fast.Append(recs)
	careful.Append(recs)
	got, gotBad := fast.Flush()
	want, wantBad := careful.Flush()
	if diff := diffBatches(got, want); diff != "" {
		t.Fatalf("fast and careful tier differ: %s\nrecords %q", diff, values)
	}
	if a, b := fmt.Sprint(gotBad, fast.counts), fmt.Sprint(wantBad, careful.counts); a != b {
		t.Fatalf("fast tier: bad %s\ncareful: %s", a, b)
	}
	var rows strings.Builder
	nth, nulled := 0, int64(0)
	for i, v := range values {
		row, n, ok := oracleRow([]byte(v), fields, opts)
		rows.WriteString(row)
		nulled += int64(n)
		refused := nth < len(gotBad) && gotBad[nth].Offset == int64(i)
		switch {
		case refused && ok:
			t.Fatalf("record %q is refused: %s\nthe oracle gives %q", v, gotBad[nth].Reason, row)
		case !refused && !ok:
			t.Fatalf("record %q is taken\nthe oracle refuses it", v)
		case refused:
			nth++
		}
	}
	if got := showBatch(got); got != rows.String() {
		t.Fatalf("records %q\nrows   %q\noracle %q", values, got, rows.String())
	}
	if fast.counts.Nulled != nulled {
		t.Fatalf("%d values are NULL, the oracle has %d\nrecords %q", fast.counts.Nulled, nulled, values)
	}
}

// diffBatches compares the memory of two batches.
func diffBatches(a, b *Batch) string {
	if a.Rows != b.Rows || !slices.Equal(a.Offsets, b.Offsets) {
		return fmt.Sprintf("%d and %d rows", a.Rows, b.Rows)
	}
	for i, f := range a.Schema.Fields {
		if x, y := a.Cols[i], b.Cols[i]; x.N != a.Rows || !sameVectors(x, y) {
			return fmt.Sprintf("column %s:\n%+v\n%+v", f, *x, *y)
		}
	}
	return ""
}

func sameVectors(x, y *Vector) bool {
	return x.Type == y.Type && x.N == y.N && bytes.Equal(x.Valid, y.Valid) && (x.Valid == nil) == (y.Valid == nil) &&
		bytes.Equal(x.Bits, y.Bits) && bytes.Equal(x.Data, y.Data) && slices.Equal(x.Off, y.Off) &&
		slices.Equal(x.I32, y.I32) && slices.Equal(x.I64, y.I64) && slices.Equal(x.F64, y.F64) &&
		slices.Equal(x.Wide, y.Wide) && slices.EqualFunc(x.Kids, y.Kids, sameVectors)
}
