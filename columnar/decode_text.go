package columnar

import (
	"bytes"
	"encoding/base64"
	"fmt"
)

// textRules are what a type takes besides texts of its own.
type textRules struct {
	unit TimeUnit // of numbers for timestamps
	zone *Zone    // of times without a zone for timestamps; nil = UTC
}

// appendText appends the value that buf[from:to] is the text of, or appends nothing and says why there is none. buf
// has Slack bytes behind to. String columns take any text; it must be UTF-8.
//
// The rules are the same for JSON numbers, the inside of JSON strings, JSON's true and false, and CSV fields: a type
// takes a text when the value can be told without loss. Numbers may have a fraction of zeros or an exponent.
func (b *Builder) appendText(buf []byte, from, to int, rules *textRules) textFault {
	switch b.vec.Type.Kind {
	case String:
		b.appendWords(buf, from, to)
		return textOK
	case Int64:
		v, fault := parseInt64(buf[from:to])
		if fault == textOK {
			b.AppendInt64(v)
		}
		return fault
	case Timestamp:
		v, fault := parseTime(buf[from:to], rules)
		if fault == textOK {
			b.AppendInt64(v)
		}
		return fault
	case Float64:
		v, fault := parseFloat64(buf[from:to])
		if fault == textOK {
			b.AppendFloat64(v)
		}
		return fault
	}
	return b.appendRareText(buf[from:to])
}

// appendRareText is appendText for the types that need no rules and come up less often.
func (b *Builder) appendRareText(text []byte) (fault textFault) {
	switch b.vec.Type.Kind {
	case Int8, Int16, Int32:
		return b.appendSmallInt(text)
	case Float32:
		var v float64
		if v, fault = parseFloat32(text); fault == textOK {
			b.AppendFloat64(v)
		}
		return fault
	case Decimal:
		var v Int128
		if v, fault = parseDecimal(text, b.vec.Type); fault == textOK {
			b.AppendWide(v)
		}
		return fault
	case LocalTimestamp:
		var v int64
		if v, fault = parseLocalTime(text); fault == textOK {
			b.AppendInt64(v)
		}
		return fault
	case Binary:
		return b.appendBase64(text)
	}
	return b.appendWord(text)
}

// smallInts are the ranges of the integers stored as 32 bits.
var smallInts = [...]struct{ least, greatest int64 }{
	Int8: {-1 << 7, 1<<7 - 1}, Int16: {-1 << 15, 1<<15 - 1}, Int32: {-1 << 31, 1<<31 - 1},
}

func (b *Builder) appendSmallInt(text []byte) textFault {
	v, fault := parseInt64(text)
	if fault != textOK {
		return fault
	}
	if limits := &smallInts[b.vec.Type.Kind]; v < limits.least || v > limits.greatest {
		return textRange
	}
	b.AppendInt32(int32(v))
	return textOK
}

// appendWord is appendText for dates and booleans.
func (b *Builder) appendWord(text []byte) textFault {
	switch b.vec.Type.Kind {
	case Date:
		if v, ok := ParseDate(text); ok {
			b.AppendInt32(v)
			return textOK
		}
	case Bool:
		switch string(text) {
		case "true", "false":
			b.AppendBool(text[0] == 't')
			return textOK
		}
	}
	return textMismatch
}

// appendBase64 reads the bytes of a binary value: base64 of RFC 4648 §4, padded, without line breaks.
func (b *Builder) appendBase64(text []byte) textFault {
	if bytes.ContainsAny(text, "\r\n") { // the library passes over them
		return textMismatch
	}
	b.reserve(base64.StdEncoding.DecodedLen(len(text)))
	at := len(b.vec.Data)
	n, err := strictBase64.Decode(b.vec.Data[at:cap(b.vec.Data)], text)
	if err != nil {
		return textMismatch
	}
	b.vec.Data = b.vec.Data[:at+n]
	b.closeBytes()
	return textOK
}

var strictBase64 = base64.StdEncoding.Strict()

// checkScalar refuses the types of single values that appendText has no rule for.
func checkScalar(t Type) error {
	switch t.Kind {
	case Invalid, Interval, Null:
		return fmt.Errorf("no column of a source or a table has type %s", t)
	case Decimal:
		if t.Precision < 1 || t.Precision > MaxPrecision || t.Scale > t.Precision {
			return fmt.Errorf("type %s does not exist: want 1 to %d digits, the scale among them", t, MaxPrecision)
		}
	}
	return nil
}

// checkUnit refuses a unit where no timestamp needs it.
func checkUnit(t Type, unit TimeUnit) error {
	if unit > UnitNano || unit != UnitNone && !hasTimestamp(t) {
		return fmt.Errorf("type %s has no time unit %d", t, unit)
	}
	return nil
}

// hasTimestamp reports whether values of the type are, or hold, instants.
func hasTimestamp(t Type) bool {
	if !t.IsNested() {
		return t.Kind == Timestamp
	}
	for _, f := range t.nested.fields {
		if hasTimestamp(f.Type) {
			return true
		}
	}
	return false
}

// describe is the reason why the text shown as value is none of the type.
func (fault textFault) describe(value string, t Type, unit TimeUnit) string {
	name := typeText(t, unit)
	switch fault {
	case textRange:
		return value + " is out of range of " + name
	case textFraction:
		if t.Kind == Decimal {
			return value + " has more digits behind the point than " + name + " holds"
		}
		return value + " has a fraction, which " + name + " cannot hold"
	case textNoUnit:
		return value + " is a number, but the type " + name + " takes text only; to count since the epoch declare a unit, e.g. timestamp(ms)"
	case textZoned:
		return value + " has a time zone, which " + name + " cannot hold; declare timestamp"
	}
	if t.Kind == Binary {
		return value + " is not base64, which binary values are written in"
	}
	return value + " is not " + article(name)
}

// typeText is the type as it is declared, with the unit.
func typeText(t Type, unit TimeUnit) string {
	if unit == UnitNone || t.Kind != Timestamp {
		return t.String()
	}
	return "timestamp(" + [...]string{UnitSecond: "s", UnitMilli: "ms", UnitMicro: "us", UnitNano: "ns"}[unit] + ")"
}
