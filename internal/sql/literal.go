package sql

import (
	"fmt"
	"math/big"
	"strconv"
	"strings"
	"time"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/dstream"
)

// number makes a bigint of digits alone, a decimal of those that are too big for it, and a double of everything else.
// The double keeps its digits, from which it becomes an exact decimal where it meets one. t is the first token: the sign,
// if there is one.
func (p *parser) number(t token, text string) node {
	if strings.ContainsAny(text, ".eE") {
		f, err := strconv.ParseFloat(text, 64)
		if err != nil {
			p.fail(t, fmt.Sprintf("%s is outside the range of double", shortened(text)), "")
		}
		e := dstream.Float(f)
		e.Value.S = text
		return p.leaf(t, e)
	}
	if i, err := strconv.ParseInt(text, 10, 64); err == nil {
		return p.leaf(t, dstream.Int(i))
	}
	v, ok := unscaled(text)
	if !ok {
		p.fail(t, fmt.Sprintf("%s is outside the range of decimal(%d,0)", shortened(text), maxDigits), "with a point it is a double")
	}
	return p.leaf(t, dstream.Expr{Kind: dstream.LiteralExpr, Type: columnar.DecimalOf(maxDigits, 0), Value: v})
}

// unscaled makes the value of a decimal of its digits without the point.
func unscaled(text string) (v columnar.Value, ok bool) {
	if len(strings.TrimLeft(strings.TrimLeft(text, "+-"), "0")) > maxDigits {
		return v, false
	}
	i, ok := new(big.Int).SetString(text, 10)
	if !ok {
		return v, false
	}
	low := new(big.Int).And(i, new(big.Int).SetUint64(1<<64-1)) // two's complement, as And of a negative number defines
	return columnar.Value{I: int64(low.Uint64()), Hi: new(big.Int).Rsh(i, 64).Int64()}, true
}

// atTypedLiteral reports whether a type with a string begins here, as in DATE '2024-01-31'.
func (p *parser) atTypedLiteral() bool {
	behind := 1
	for _, more := range longTypes {
		if p.followsAt(1, more) {
			behind += len(more)
		}
	}
	if p.ahead(behind).kind != stringToken {
		return false
	}
	word := strings.ToLower(p.peek().value)
	return typeKinds[word] != columnar.Invalid || word == "decimal" || word == "numeric" || word == "dec" || word == "time" || word == "json" || behind > 1
}

// typedLiteral reads a type with a string, which is the string cast to the type.
func (p *parser) typedLiteral() node {
	t := p.peek()
	if t.key == "DECIMAL" || t.key == "NUMERIC" || t.key == "DEC" {
		p.next()
		return p.decimalLiteral(t)
	}
	to := p.scalarType(p.next())
	text := p.next()
	switch to.Kind {
	case columnar.Date:
		return p.dateLiteral(t, text)
	case columnar.Timestamp, columnar.LocalTimestamp:
		return p.timeLiteral(t, text, to)
	}
	return p.cast(t, t.start, p.leaf(text, dstream.Str(text.value)), to)
}

func (p *parser) dateLiteral(t, text token) node {
	days, ok := columnar.ParseDate([]byte(strings.TrimSpace(text.value)))
	if !ok {
		p.fail(text, text.describe()+" is not a date", "write it as DATE '2024-01-31'")
	}
	return p.leaf(t, dstream.Expr{Kind: dstream.LiteralExpr, Type: columnar.Type{Kind: columnar.Date}, Value: columnar.Value{I: int64(days)}})
}

// timeLiteral reads the text of a timestamp. One that is an instant and names no zone is in that of the job, which is not
// known here: it stays a cast, of its text in one form, so that equal times have equal plans.
func (p *parser) timeLiteral(t, text token, to columnar.Type) node {
	trimmed := strings.TrimSpace(text.value)
	micros, ok := parseTimestamp(trimmed)
	if !ok {
		p.fail(text, fmt.Sprintf("%s is not a %s", text.describe(), to), fmt.Sprintf("write it as %s '2024-01-31 13:45:00'", t.key))
	}
	zoned := hasZone(trimmed)
	switch {
	case to.Kind == columnar.LocalTimestamp && zoned:
		p.fail(text, fmt.Sprintf("%s has a time zone, and a %s has none", text.describe(), to), "write TIMESTAMP '…' for an instant")
	case to.Kind == columnar.Timestamp && !zoned:
		return p.cast(t, t.start, p.literal(text, dstream.Str(time.UnixMicro(micros).UTC().Format(plainTime))), to)
	}
	return p.leaf(t, dstream.Expr{Kind: dstream.LiteralExpr, Type: to, Value: columnar.Value{I: micros}})
}

const plainTime = "2006-01-02 15:04:05.999999"

// parseTimestamp also takes a date alone, for its midnight.
func parseTimestamp(s string) (micros int64, ok bool) {
	if days, ok := columnar.ParseDate([]byte(s)); ok {
		return int64(days) * microsPerDay, true
	}
	return columnar.ParseTimestamp([]byte(s))
}

// hasZone reports whether the text of a timestamp ends with an offset or Z.
func hasZone(s string) bool {
	_, clock, ok := strings.Cut(s, ":")
	return ok && strings.ContainsAny(clock, "Zz+-")
}

// decimalLiteral reads the text of DECIMAL '12.50', which has as many digits as are written.
func (p *parser) decimalLiteral(t token) node {
	text := p.next()
	trimmed := strings.TrimSpace(text.value)
	whole, fraction, _ := strings.Cut(strings.TrimLeft(trimmed, "+-"), ".")
	v, ok := unscaled(strings.Replace(trimmed, ".", "", 1))
	scale := len(fraction)
	precision := max(len(strings.TrimLeft(whole, "0"))+scale, 1)
	if !ok || whole == "" && fraction == "" || precision > maxDigits {
		p.fail(text, fmt.Sprintf("%s is not a decimal of at most %d digits", text.describe(), maxDigits), "write it as DECIMAL '12.50'")
		return node{}
	}
	return p.leaf(t, dstream.Expr{Kind: dstream.LiteralExpr, Type: columnar.DecimalOf(precision, scale), Value: v})
}
