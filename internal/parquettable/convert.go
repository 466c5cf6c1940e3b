package parquettable

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"unicode/utf8"

	"github.com/millrace/millrace/columnar"
)

// store appends a value to a column of the declared type. It returns what is wrong with the value, "" for nothing; %s in
// that is the declared type.
type store func(b *columnar.Builder, d *datum) (fault string)

// What may be wrong with a value.
const (
	outOfRange = "is out of range of %s"
	fraction   = "has a fraction, which %s cannot hold"
	moreDigits = "has more digits behind the point than %s holds"
	notExact   = "is not exactly a %s"
	notUTF8    = "is not UTF-8, so it is no %s"
)

// converter is how values of type from become those of type to. unit is what integers count when to is a timestamp.
func converter(from, to columnar.Type, unit columnar.TimeUnit) (store, error) {
	var out store
	switch {
	case to.Integer():
		out = toInteger(from, to)
	case to.Kind == columnar.Decimal:
		out = toDecimal(from, to)
	case to.Kind == columnar.Float64 || to.Kind == columnar.Float32:
		out = toFloat(from, to)
	case to.Kind == columnar.Timestamp && unit != columnar.UnitNone && from.Integer():
		out = toTimestamp(unit)
	default:
		out = same(from, to)
	}
	if out == nil {
		return nil, fmt.Errorf("the file has %s there, which becomes no %s%s", from.Article(), to, advice(from, to))
	}
	return out, nil
}

// advice is what to declare instead.
func advice(from, to columnar.Type) string {
	switch {
	case from.Integer() && to.Kind == columnar.Timestamp:
		return ": say what it counts, e.g. timestamp(ms)"
	case from.Kind == columnar.LocalTimestamp && to.Kind == columnar.Timestamp:
		return ": its time zone is not known; declare timestamp_ntz"
	}
	return ": declare " + from.String()
}

// same is the converter between types that are stored alike.
func same(from, to columnar.Type) store {
	text := func(t columnar.Type) bool { return t.Kind == columnar.String || t.Kind == columnar.Binary }
	switch {
	case text(from) && to.Kind == columnar.String:
		return appendString
	case text(from) && to.Kind == columnar.Binary:
		return func(b *columnar.Builder, d *datum) string { b.AppendBytes(d.b); return "" }
	case from.Kind != to.Kind:
		return nil
	}
	switch to.Kind {
	case columnar.Bool:
		return func(b *columnar.Builder, d *datum) string { b.AppendBool(d.i != 0); return "" }
	case columnar.Date:
		return func(b *columnar.Builder, d *datum) string { b.AppendInt32(int32(d.i)); return "" }
	case columnar.Timestamp, columnar.LocalTimestamp:
		return appendInt64
	}
	return nil
}

func appendString(b *columnar.Builder, d *datum) string {
	if !utf8.Valid(d.b) {
		return notUTF8
	}
	b.AppendBytes(d.b)
	return ""
}

func appendInt64(b *columnar.Builder, d *datum) string {
	b.AppendInt64(d.i)
	return ""
}

// toInteger takes integers and decimals without a fraction.
func toInteger(from, to columnar.Type) store {
	bits := map[columnar.Kind]int{columnar.Int8: 8, columnar.Int16: 16, columnar.Int32: 32, columnar.Int64: 64}[to.Kind]
	appendInt := func(b *columnar.Builder, v int64) string {
		switch {
		case bits == 64:
			b.AppendInt64(v)
		case v>>(bits-1) != 0 && v>>(bits-1) != -1:
			return outOfRange
		default:
			b.AppendInt32(int32(v))
		}
		return ""
	}
	switch {
	case from.Integer():
		return func(b *columnar.Builder, d *datum) string { return appendInt(b, d.i) }
	case from.Kind != columnar.Decimal:
		return nil
	}
	return func(b *columnar.Builder, d *datum) string {
		v, exact, ok := rescaled(d.w, from.Scale, columnar.MaxPrecision, 0)
		switch {
		case !ok || v != columnar.Int128Of(int64(v.Lo)):
			return outOfRange
		case !exact:
			return fraction
		}
		return appendInt(b, int64(v.Lo))
	}
}

// rescaled is a decimal with another scale.
func rescaled(v columnar.Int128, from uint8, precision, scale int) (out columnar.Int128, exact, ok bool) {
	var buf [48]byte
	return columnar.ParseDecimal(v.AppendDecimal(buf[:0], int(from)), precision, scale)
}

// toDecimal takes decimals and integers that the type has room for.
func toDecimal(from, to columnar.Type) store {
	if !from.Integer() && from.Kind != columnar.Decimal {
		return nil
	}
	return func(b *columnar.Builder, d *datum) string {
		v := d.w
		if from.Kind != columnar.Decimal {
			v = columnar.Int128Of(d.i)
		}
		v, exact, ok := rescaled(v, from.Scale, int(to.Precision), int(to.Scale))
		switch {
		case !ok:
			return outOfRange
		case !exact:
			return moreDigits
		}
		b.AppendWide(v)
		return ""
	}
}

// toFloat takes floats and integers that are numbers of the type; no number but itself is NaN.
func toFloat(from, to columnar.Type) store {
	if !from.Integer() && !from.Float() {
		return nil
	}
	return func(b *columnar.Builder, d *datum) string {
		f := d.f
		if from.Integer() {
			f = float64(d.i)
			if f >= math.MaxInt64 || int64(f) != d.i {
				return notExact
			}
		}
		if to.Kind == columnar.Float32 && float64(float32(f)) != f && f == f {
			return notExact
		}
		b.AppendFloat64(f)
		return ""
	}
}

// toTimestamp takes integers that count a unit since the epoch.
func toTimestamp(unit columnar.TimeUnit) store {
	times := map[columnar.TimeUnit]int64{columnar.UnitSecond: 1_000_000, columnar.UnitMilli: 1000, columnar.UnitMicro: 1}[unit]
	return func(b *columnar.Builder, d *datum) string {
		if unit == columnar.UnitNano {
			b.AppendInt64(floorDiv(d.i, 1000))
			return ""
		}
		v := d.i * times
		if v/times != d.i {
			return outOfRange
		}
		b.AppendInt64(v)
		return ""
	}
}

// faultError says which value is wrong.
func faultError(d *datum, from, to columnar.Type, fault string) error {
	return errors.New(d.text(from) + " " + strings.Replace(fault, "%s", to.String(), 1))
}
