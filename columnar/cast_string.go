package columnar

import (
	"bytes"
	"math"
	"strconv"
	"unicode/utf8"
)

// textCasts are those to and from string of types that hold no others.
func textCasts() map[castPair]castRule {
	casts := map[castPair]castRule{
		{String, Binary}: casting(strict(castSameBytes)),
		{Binary, String}: checkedCast(strict(castBinaryString)),
	}
	for k := Bool; int(k) < len(storages); k++ {
		if k == String || k == Binary || k == Null || k.Storage() == StoredList || k.Storage() == StoredStruct {
			continue
		}
		zone := k == Timestamp
		casts[castPair{k, String}] = castRule{kernel: formatKernel, zone: zone}
		casts[castPair{String, k}] = castRule{kernel: func(*Expr) kernel { return zoned(1, parseTexts) }, fails: true, zone: zone}
	}
	return casts
}

// formatting is a function to string by one that appends the text of row r.
func formatting(text func(dst []byte, v *Vector, r int32) []byte) kernel {
	return strict(func(n *node, rows rowSet) error {
		n.formatRows(rows, text)
		return nil
	})
}

func (n *node) formatRows(rows rowSet, text func(dst []byte, v *Vector, r int32) []byte) {
	out := n.outStrings()
	for _, r := range rows.list {
		out.row(r)
		if !isNullAt(n.out.Valid, r) {
			out.v.Data = text(out.v.Data, n.in[0], r)
		}
	}
	out.done()
}

func formatKernel(e *Expr) kernel {
	from := e.Args[0].Type
	if len(e.Args) == 1 {
		return formatting(formatter(from, nil))
	}
	return zoned(1, func(n *node, rows rowSet, z *Zone) error {
		n.formatRows(rows, formatter(from, z))
		return nil
	})
}

// formatter writes values of a type as CAST AS string does. Instants are shown in the zone, nil for UTC.
func formatter(t Type, z *Zone) func(dst []byte, v *Vector, r int32) []byte {
	switch t.Kind {
	case Date:
		return func(dst []byte, v *Vector, r int32) []byte { return appendDate(dst, int64(v.I32[r])) }
	case Timestamp:
		return func(dst []byte, v *Vector, r int32) []byte { return appendTimestamp(dst, z.local(v.I64[r])) }
	case LocalTimestamp:
		return func(dst []byte, v *Vector, r int32) []byte { return appendTimestamp(dst, v.I64[r]) }
	case Decimal:
		return func(dst []byte, v *Vector, r int32) []byte { return v.Wide[r].AppendDecimal(dst, int(t.Scale)) }
	case Interval:
		return func(dst []byte, v *Vector, r int32) []byte { return AppendInterval(dst, v.Wide[r]) }
	case Array, Struct, Map:
		return func(dst []byte, v *Vector, r int32) []byte { return appendJSON(dst, v, r, z) }
	}
	switch t.Kind.Storage() {
	case StoredBits:
		return func(dst []byte, v *Vector, r int32) []byte { return appendBool(dst, v.Bool(int(r))) }
	case StoredI32:
		return func(dst []byte, v *Vector, r int32) []byte { return appendInt(dst, int64(v.I32[r])) }
	case StoredI64:
		return func(dst []byte, v *Vector, r int32) []byte { return appendInt(dst, v.I64[r]) }
	case StoredF64:
		return func(dst []byte, v *Vector, r int32) []byte { return appendFloat(dst, v.F64[r], t) }
	}
	return func(dst []byte, v *Vector, r int32) []byte { return append(dst, v.Str(int(r))...) }
}

// AppendText appends row r of v, which is not NULL, as CAST AS string writes it in UTC.
func AppendText(dst []byte, v *Vector, r int) []byte { return formatter(v.Type, nil)(dst, v, int32(r)) }

// parseTexts is a cast from string. Blanks around the text do not count.
func parseTexts(n *node, rows rowSet, z *Zone) error {
	n.outFixed()
	for _, r := range rows.list {
		if isNullAt(n.out.Valid, r) {
			continue
		}
		text := n.in[0].Str(int(r))
		if !n.parseRow(r, bytes.TrimSpace(text), z) && !n.nullInstead(r) {
			return n.rowError(r, castError(string(text), n.out.Type))
		}
	}
	return nil
}

// parseRow stores the value of a text, or says that it is none.
func (n *node) parseRow(r int32, text []byte, z *Zone) bool {
	v, ok := parseValue(n.out.Type, text, z)
	if !ok {
		return false
	}
	switch n.out.Type.Kind.Storage() {
	case StoredBits:
		setBitTo(n.out.Bits, int(r), v.i != 0)
	case StoredI32:
		n.out.I32[r] = int32(v.i)
	case StoredI64:
		n.out.I64[r] = v.i
	case StoredF64:
		n.out.F64[r] = v.f
	case StoredWide:
		n.out.Wide[r] = v.wide
	}
	return true
}

// scalar is a value that is neither text nor nested: a boolean, integer, date or time in i, a float in f, the others in
// wide.
type scalar struct {
	i    int64
	f    float64
	wide Int128
}

// parseValue reads the text of a value.
func parseValue(t Type, text []byte, z *Zone) (v scalar, ok bool) {
	var fault textFault
	switch t.Kind {
	case Bool:
		return parseBool(text)
	case Int8, Int16, Int32, Int64:
		v.i, fault = parseInt64(text)
		return v, fault == textOK && fitsBits(v.i, t.Kind)
	case Float32, Float64:
		v.f, fault = parseFloat(text, floatBits(t))
	case Date:
		var days int32
		days, fault = parseDay(text)
		v.i = int64(days)
	case Timestamp:
		v.i, fault = parseInstant(text, z)
	case LocalTimestamp:
		v.i, fault = parseLocal(text)
	case Interval:
		v.wide, ok = ParseInterval(text)
		return v, ok
	case Decimal:
		v.wide, fault = parseDecimal(text, t)
		return v, fault == textOK || fault == textFraction
	}
	return v, fault == textOK
}

// fitsBits reports whether x is in the range of an integer kind.
func fitsBits(x int64, k Kind) bool {
	switch k {
	case Int8:
		return x == int64(int8(x))
	case Int16:
		return x == int64(int16(x))
	case Int32:
		return x == int64(int32(x))
	}
	return true
}

// outFixed makes room for a result of fixed width.
func (n *node) outFixed() {
	switch n.out.Type.Kind.Storage() {
	case StoredBits:
		n.outBits()
	case StoredI32:
		n.outI32()
	case StoredI64:
		n.outI64()
	case StoredF64:
		n.outF64()
	case StoredWide:
		n.outWide()
	}
}

// parseBool takes PostgreSQL's spellings.
func parseBool(text []byte) (v scalar, ok bool) {
	var buf [lowerMax]byte
	switch string(lower(&buf, text)) {
	case "true", "t", "yes", "y", "on", "1":
		return scalar{i: 1}, true
	case "false", "f", "no", "n", "off", "0":
		return scalar{}, true
	}
	return v, false
}

// parseFloat adds PostgreSQL's spellings of the values that are no finite number.
func parseFloat(text []byte, bitSize int) (float64, textFault) {
	if bitSize == 64 {
		if v, fault := parseFloat64(text); fault == textOK {
			return v, textOK
		}
	} else if _, ok := cutDecimal(text); ok {
		v, err := strconv.ParseFloat(string(text), bitSize)
		if err != nil {
			return 0, textRange
		}
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
	return n.refuseBad(rows, func(r int32) string {
		if s := n.out.Str(int(r)); !utf8.Valid(s) {
			return castError(string(s), n.out.Type)
		}
		return ""
	})
}

// aliasBytes lets the result share the strings of v.
func (n *node) aliasBytes(v *Vector) { n.out.Off, n.out.Data = v.Off, v.Data }
