package parquettable

import (
	"encoding/hex"
	"math"
	"strconv"
	"time"

	"github.com/parquet-go/parquet-go"

	"github.com/millrace/millrace/columnar"
)

// datum is one value of the file, as its natural type stores it.
type datum struct {
	i int64 // booleans, integers, dates in days, times in microseconds
	f float64
	w columnar.Int128 // decimals
	b []byte          // strings and binary values; valid until the next value is read
}

func readBool(v *parquet.Value, d *datum) bool {
	d.i = 0
	if v.Boolean() {
		d.i = 1
	}
	return true
}

func readInt32(v *parquet.Value, d *datum) bool  { d.i = int64(v.Int32()); return true }
func readInt64(v *parquet.Value, d *datum) bool  { d.i = v.Int64(); return true }
func readUint32(v *parquet.Value, d *datum) bool { d.i = int64(v.Uint32()); return true }
func readFloat(v *parquet.Value, d *datum) bool  { d.f = float64(v.Float()); return true }
func readDouble(v *parquet.Value, d *datum) bool { d.f = v.Double(); return true }
func readBytes(v *parquet.Value, d *datum) bool  { d.b = v.ByteArray(); return true }

func readUint64(v *parquet.Value, d *datum) bool {
	d.w = columnar.Int128{Lo: v.Uint64()}
	return true
}

func readDecimal32(v *parquet.Value, d *datum) bool {
	d.w = columnar.Int128Of(int64(v.Int32()))
	return true
}

func readDecimal64(v *parquet.Value, d *datum) bool {
	d.w = columnar.Int128Of(v.Int64())
	return true
}

// readDecimalBytes reads a big-endian number in two's complement. It fails when that has more than 128 bits.
func readDecimalBytes(v *parquet.Value, d *datum) bool {
	b := v.ByteArray()
	if len(b) == 0 {
		return false
	}
	sign := byte(int8(b[0]) >> 7)
	for len(b) > 16 {
		if b[0] != sign {
			return false
		}
		b = b[1:]
	}
	if b[0]&0x80 != sign&0x80 { // it had a bit more than 128
		return false
	}
	d.w = columnar.Int128Of(int64(int8(sign)))
	for _, c := range b {
		d.w.Hi = d.w.Hi<<8 | int64(d.w.Lo>>56)
		d.w.Lo = d.w.Lo<<8 | uint64(c)
	}
	return true
}

func readMillis(v *parquet.Value, d *datum) bool {
	d.i = v.Int64() * 1000
	return d.i/1000 == v.Int64()
}

// readNanos rounds down to the microsecond, as finer times are everywhere.
func readNanos(v *parquet.Value, d *datum) bool {
	d.i = floorDiv(v.Int64(), 1000)
	return true
}

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

// julianEpoch is the Julian day of 1970-01-01.
const julianEpoch = 2_440_588

// readInt96 reads the old form of timestamps: nanoseconds of the day, and the Julian day.
func readInt96(v *parquet.Value, d *datum) bool {
	t := v.Int96()
	nanos := int64(uint64(t[1])<<32 | uint64(t[0]))
	const dayMicros = int64(24 * time.Hour / time.Microsecond)
	d.i = (int64(t[2])-julianEpoch)*dayMicros + floorDiv(nanos, 1000)
	return true
}

func readUUID(v *parquet.Value, d *datum) bool {
	b := v.ByteArray()
	if len(b) != 16 {
		return false
	}
	var text [36]byte
	at := 0
	for i, part := range [...]int{4, 2, 2, 2, 6} {
		if i > 0 {
			text[at] = '-'
			at++
		}
		at += hex.Encode(text[at:], b[:part])
		b = b[part:]
	}
	d.b = text[:]
	return true
}

// readHalf reads a float of 16 bits: sign, 5 bits of exponent, 10 bits of fraction.
func readHalf(v *parquet.Value, d *datum) bool {
	b := v.ByteArray()
	if len(b) != 2 {
		return false
	}
	exponent, fraction := int(b[1]>>2&0x1f), float64(uint16(b[1]&3)<<8|uint16(b[0]))
	switch exponent {
	case 0:
		d.f = math.Ldexp(fraction, -24)
	case 31:
		if d.f = math.Inf(1); fraction != 0 {
			d.f = math.NaN()
		}
	default:
		d.f = math.Ldexp(1024+fraction, exponent-25)
	}
	if b[1]&0x80 != 0 {
		d.f = -d.f
	}
	return true
}

// text is the value for a message.
func (d *datum) text(t columnar.Type) string {
	switch t.Kind {
	case columnar.Float32:
		return strconv.FormatFloat(d.f, 'g', -1, 32)
	case columnar.Float64:
		return strconv.FormatFloat(d.f, 'g', -1, 64)
	case columnar.Decimal:
		return string(d.w.AppendDecimal(nil, int(t.Scale)))
	case columnar.String, columnar.Binary:
		return strconv.Quote(shortened(d.b))
	}
	return strconv.FormatInt(d.i, 10)
}

// key is a text that differs for different values.
func (d *datum) key(t columnar.Type) string {
	if t.Kind == columnar.String || t.Kind == columnar.Binary {
		return string(d.b)
	}
	return d.text(t)
}

// shownBytes is how much of a value stands in a message.
const shownBytes = 60

func shortened(b []byte) string {
	if len(b) <= shownBytes {
		return string(b)
	}
	return string(b[:shownBytes]) + "…"
}
