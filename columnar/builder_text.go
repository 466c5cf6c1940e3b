package columnar

import (
	"errors"
	"fmt"
)

// appendText appends the value that buf[from:to] is the text of, or appends nothing and says why there is none. buf
// has Slack bytes behind to. String columns take any text; it must be UTF-8.
//
// The rules are the same for JSON numbers, the inside of JSON strings, JSON's true and false, and CSV fields: a type
// takes a text when the value can be told without loss. Numbers may have a fraction of zeros or an exponent.
func (b *Builder) appendText(buf []byte, from, to int, unit TimeUnit) textFault {
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
		v, fault := parseTime(buf[from:to], unit)
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
	return b.appendSmallText(buf[from:to])
}

// appendSmallText is appendText for the types of 32 bits and less.
func (b *Builder) appendSmallText(text []byte) textFault {
	switch b.vec.Type.Kind {
	case Int32:
		v, fault := parseInt32(text)
		if fault == textOK {
			b.AppendInt32(v)
		}
		return fault
	case Date:
		v, ok := ParseDate(text)
		if ok {
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

// checkTextType refuses the columns that appendText has no rule for.
func checkTextType(f DecodeField) error {
	switch f.Type.Kind {
	case Bool, Int32, Int64, Float64, String, Date, Timestamp:
	case Binary:
		return errors.New("text holds no binary values; declare it string")
	default:
		return fmt.Errorf("cannot read type %s from text", f.Type)
	}
	if f.Unit > UnitNano || f.Unit != UnitNone && f.Type.Kind != Timestamp {
		return fmt.Errorf("type %s has no time unit %d", f.Type, f.Unit)
	}
	return nil
}

// describe is the reason why the text shown as value is none for the field.
func (fault textFault) describe(f DecodeField, value string) string {
	place := fmt.Sprintf("column %q: %s ", f.Name, value)
	switch fault {
	case textRange:
		return place + "is out of range of " + typeText(f)
	case textFraction:
		return place + "has a fraction, which " + typeText(f) + " cannot hold"
	case textNoUnit:
		return place + "is a number, but the type timestamp takes text only; to count since the epoch declare a unit, e.g. timestamp(ms)"
	}
	return place + "is not " + article(typeText(f))
}

// typeText is the type as it is declared, with the unit.
func typeText(f DecodeField) string {
	switch f.Unit {
	case UnitSecond:
		return "timestamp(s)"
	case UnitMilli:
		return "timestamp(ms)"
	case UnitMicro:
		return "timestamp(us)"
	case UnitNano:
		return "timestamp(ns)"
	}
	return f.Type.String()
}
