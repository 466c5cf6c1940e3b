package columnar

import (
	"bytes"
	"math"
	"unicode/utf8"
)

// formatting is a cast to string by a function that appends the text of row r.
func formatting(text func(dst []byte, v *Vector, r int32) []byte) kernel {
	return strict(func(n *node, rows rowSet) error {
		out := n.outStrings()
		for _, r := range rows.list {
			out.row(r)
			if !isNullAt(n.out.Valid, r) {
				out.v.Data = text(out.v.Data, n.in[0], r)
			}
		}
		out.done()
		return nil
	})
}

// parsing is a cast from string by a function that stores the value of row r, or says that text is none. Blanks around
// the text do not count.
func parsing(store func(n *node, r int32, text []byte) bool) kernel {
	return strict(func(n *node, rows rowSet) error {
		n.outFixed()
		for _, r := range rows.list {
			if isNullAt(n.out.Valid, r) {
				continue
			}
			text := n.in[0].Str(int(r))
			if !store(n, r, bytes.TrimSpace(text)) {
				return n.rowError(r, castError(string(text), n.out.Type))
			}
		}
		return nil
	})
}

// outFixed makes room for a result of fixed width.
func (n *node) outFixed() {
	switch n.out.Type.Kind {
	case Bool:
		n.outBits()
	case Int32, Date:
		n.outI32()
	case Float64:
		n.outF64()
	case Int64, Timestamp, Interval:
		n.outI64()
	}
}

func keep[T any](dst *T, parse func([]byte) (T, textFault), text []byte) bool {
	v, fault := parse(text)
	*dst = v
	return fault == textOK
}

// parseBoolInto takes PostgreSQL's spellings.
func parseBoolInto(dst []byte, r int32, text []byte) bool {
	var buf [lowerMax]byte
	switch string(lower(&buf, text)) {
	case "true", "t", "yes", "y", "on", "1":
		setBitTo(dst, int(r), true)
	case "false", "f", "no", "n", "off", "0":
		setBitTo(dst, int(r), false)
	default:
		return false
	}
	return true
}

// parseDouble adds PostgreSQL's spellings of the values that are no finite number.
func parseDouble(text []byte) (float64, textFault) {
	if v, fault := parseFloat64(text); fault == textOK {
		return v, textOK
	}
	var buf [lowerMax]byte
	switch string(lower(&buf, text)) {
	case "nan":
		return math.NaN(), textOK
	case "infinity", "inf", "+infinity", "+inf":
		return math.Inf(1), textOK
	case "-infinity", "-inf":
		return math.Inf(-1), textOK
	}
	return 0, textMismatch
}

// lowerMax is more than the longest word that casts know.
const lowerMax = 16

// lower writes the text in lower case to buf, so that nothing is allocated for a row. Longer texts are no words and come
// back as they are.
func lower(buf *[lowerMax]byte, text []byte) []byte {
	if len(text) > len(buf) {
		return text
	}
	for i, c := range text {
		if 'A' <= c && c <= 'Z' {
			c |= 0x20
		}
		buf[i] = c
	}
	return buf[:len(text)]
}

func castSameBytes(n *node, _ rowSet) error {
	n.aliasBytes(n.in[0])
	return nil
}

// castBinaryString checks that the bytes are UTF-8.
func castBinaryString(n *node, rows rowSet) error {
	n.aliasBytes(n.in[0])
	return n.firstBad(rows, func(r int32) string {
		if s := n.out.Str(int(r)); !utf8.Valid(s) {
			return castError(string(s), n.out.Type)
		}
		return ""
	})
}

// aliasBytes lets the result share the strings of v.
func (n *node) aliasBytes(v *Vector) { n.out.Off, n.out.Data = v.Off, v.Data }
