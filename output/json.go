package output

import (
	"encoding/base64"
	"math"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/millrace/millrace/columnar"
)

// jsonRow writes rows as JSON objects, the one form that all sinks have that write JSON: keys in column order, numbers
// and decimals with all their digits, timestamps in RFC 3339 with microseconds as needed, in UTC (timestamp_ntz without a
// zone), dates 2026-11-22, binaries base64, doubles without a JSON form "NaN", "Infinity" and "-Infinity". Arrays are JSON
// arrays, structs objects, maps objects whose keys are text.
type jsonRow struct {
	columns []int
	keys    [][]byte // `{"name":` of the first, `,"name":` of the others
}

func newJSONRow(l Layout) jsonRow {
	j := jsonRow{columns: l.Columns}
	before := byte('{')
	for _, f := range l.File().Fields {
		j.keys = append(j.keys, append(appendJSONString([]byte{before}, []byte(f.Name)), ':'))
		before = ','
	}
	return j
}

// append appends row r of b.
func (j jsonRow) append(dst []byte, b *columnar.Batch, r int) ([]byte, error) {
	if len(j.columns) == 0 {
		return append(dst, "{}"...), nil
	}
	for i, c := range j.columns {
		var err error
		if dst, err = jsonValue(append(dst, j.keys[i]...), b.Cols[c], r); err != nil {
			return nil, err
		}
	}
	return append(dst, '}'), nil
}

// jsonValue appends row r of v.
func jsonValue(dst []byte, v *columnar.Vector, r int) ([]byte, error) {
	if v.IsNull(r) {
		return append(dst, "null"...), nil
	}
	switch v.Type.Kind {
	case columnar.Bool:
		return strconv.AppendBool(dst, v.Bool(r)), nil
	case columnar.Int8, columnar.Int16, columnar.Int32:
		return strconv.AppendInt(dst, int64(v.I32[r]), 10), nil
	case columnar.Int64:
		return strconv.AppendInt(dst, v.I64[r], 10), nil
	case columnar.Float32:
		return jsonDouble(dst, v.F64[r], 32), nil
	case columnar.Float64:
		return jsonDouble(dst, v.F64[r], 64), nil
	case columnar.Decimal:
		return v.Wide[r].AppendDecimal(dst, int(v.Type.Scale)), nil
	case columnar.String:
		return appendJSONString(dst, v.Str(r)), nil
	case columnar.Binary:
		return append(base64.StdEncoding.AppendEncode(append(dst, '"'), v.Str(r)), '"'), nil
	case columnar.Date:
		return time.Unix(int64(v.I32[r])*86400, 0).UTC().AppendFormat(dst, `"2006-01-02"`), nil
	case columnar.Timestamp:
		return time.UnixMicro(v.I64[r]).UTC().AppendFormat(dst, `"2006-01-02T15:04:05.999999Z"`), nil
	case columnar.LocalTimestamp:
		return time.UnixMicro(v.I64[r]).UTC().AppendFormat(dst, `"2006-01-02T15:04:05.999999"`), nil
	}
	return jsonNested(dst, v, r)
}

func jsonDouble(dst []byte, x float64, bits int) []byte {
	switch {
	case math.IsNaN(x):
		return append(dst, `"NaN"`...)
	case math.IsInf(x, 1):
		return append(dst, `"Infinity"`...)
	case math.IsInf(x, -1):
		return append(dst, `"-Infinity"`...)
	}
	return strconv.AppendFloat(dst, x, 'g', -1, bits)
}

const hexDigits = "0123456789abcdef"

// appendJSONString quotes a text. <, > and & stay as they are; what is no UTF-8 becomes U+FFFD.
func appendJSONString(dst, s []byte) []byte {
	dst = append(dst, '"')
	from := 0
	for i := 0; i < len(s); {
		if c := s[i]; c < utf8.RuneSelf {
			if c >= ' ' && c != '"' && c != '\\' {
				i++
				continue
			}
			dst = appendEscaped(append(dst, s[from:i]...), c)
			i++
			from = i
			continue
		}
		r, n := utf8.DecodeRune(s[i:])
		switch {
		case r == utf8.RuneError && n == 1:
			dst = append(append(dst, s[from:i]...), `\ufffd`...)
		case r == '\u2028' || r == '\u2029': // ends of a line to JavaScript
			dst = append(append(dst, s[from:i]...), '\\', 'u', '2', '0', '2', hexDigits[r&15])
		default:
			i += n
			continue
		}
		i += n
		from = i
	}
	return append(append(dst, s[from:]...), '"')
}

// appendEscaped appends a quote, a backslash or a control character.
func appendEscaped(dst []byte, c byte) []byte {
	switch c {
	case '"', '\\':
		return append(dst, '\\', c)
	case '\b':
		return append(dst, '\\', 'b')
	case '\f':
		return append(dst, '\\', 'f')
	case '\n':
		return append(dst, '\\', 'n')
	case '\r':
		return append(dst, '\\', 'r')
	case '\t':
		return append(dst, '\\', 't')
	}
	return append(dst, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
}
