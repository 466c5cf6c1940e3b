package columnar

import (
	"bytes"
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

// oracleRow is the row of a record, or ok = false for a bad record.
func oracleRow(value []byte, fields []DecodeField) (row string, ok bool) {
	if !oracleValid(value) {
		return "", false
	}
	var object map[string]json.RawMessage
	if err := json.Unmarshal(value, &object); err != nil || object == nil {
		return "", false
	}
	var cells []string
	for _, f := range fields {
		cell := `\N`
		raw, ok := oracleFind(bytes.TrimSpace(value), f.JSONPath())
		switch {
		case !ok:
			return "", false
		case raw == nil && f.Required:
			return "", false
		case raw != nil:
			if cell, ok = oracleCell(oracleText(raw), f); !ok {
				return "", false
			}
		}
		cells = append(cells, cell)
	}
	return strings.Join(cells, " ") + "\n", true
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
		if raw = bytes.TrimSpace(raw); string(raw) == "null" || len(raw) == 0 {
			raw = nil
		}
	}
	return raw, true
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

func oracleCell(text string, f DecodeField) (cell string, ok bool) {
	switch f.Type.Kind {
	case String:
		return strconv.Quote(text), true
	case Bool:
		return text, text == "true" || text == "false"
	case Date:
		t, err := time.Parse(time.DateOnly, text)
		return t.Format(time.DateOnly), err == nil && len(text) == 10
	case Float64:
		v, err := strconv.ParseFloat(text, 64)
		return strconv.FormatFloat(v, 'g', -1, 64), err == nil && oracleNumber.MatchString(text)
	case Int32:
		return oracleInteger(text, math.MinInt32, math.MaxInt32)
	case Int64:
		return oracleInteger(text, math.MinInt64, math.MaxInt64)
	}
	micros, ok := oracleMicros(text, f.Unit)
	return time.UnixMicro(micros).UTC().Format(time.RFC3339Nano), ok
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
func checkAgainstOracle(t *testing.T, fields []DecodeField, fast, careful *JSONDecoder, values []string) {
	t.Helper()
	recs := recordsOf(values...)
	fast.Append(recs)
	careful.Append(recs)
	got, gotBad := fast.Flush()
	want, wantBad := careful.Flush()
	if diff := diffBatches(got, want); diff != "" {
		t.Fatalf("fast and careful tier differ: %s\nrecords %q", diff, values)
	}
	if a, b := fmt.Sprint(gotBad), fmt.Sprint(wantBad); a != b {
		t.Fatalf("fast tier: bad %s\ncareful: %s", a, b)
	}
	var rows strings.Builder
	nth := 0
	for i, v := range values {
		row, ok := oracleRow([]byte(v), fields)
		rows.WriteString(row)
		if refused := nth < len(gotBad) && gotBad[nth].Offset == int64(i); refused == ok {
			t.Fatalf("record %q: refused is %v, oracle gives %q (%v); bad %v", v, refused, row, ok, gotBad)
		} else if refused {
			nth++
		}
	}
	if got := showBatch(got); got != rows.String() {
		t.Fatalf("rows\n%sthe oracle gives\n%srecords %q", got, rows.String(), values)
	}
}

// diffBatches compares the memory of two batches.
func diffBatches(a, b *Batch) string {
	if a.Rows != b.Rows || !slices.Equal(a.Offsets, b.Offsets) {
		return fmt.Sprintf("%d and %d rows", a.Rows, b.Rows)
	}
	for i, f := range a.Schema.Fields {
		x, y := a.Cols[i], b.Cols[i]
		same := x.N == a.Rows && x.N == y.N && bytes.Equal(x.Valid, y.Valid) && (x.Valid == nil) == (y.Valid == nil) &&
			bytes.Equal(x.Bits, y.Bits) && bytes.Equal(x.Data, y.Data) && slices.Equal(x.Off, y.Off) &&
			slices.Equal(x.I32, y.I32) && slices.Equal(x.I64, y.I64) && slices.Equal(x.F64, y.F64)
		if !same {
			return fmt.Sprintf("column %s:\n%+v\n%+v", f, *x, *y)
		}
	}
	return ""
}
