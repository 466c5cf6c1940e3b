package sql

import (
	"fmt"
	"math/big"
	"strconv"
	"strings"

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
	case columnar.Date, columnar.Timestamp, columnar.LocalTimestamp:
		return p.timeLiteral(t, text, to)
	}
	return p.cast(t, t.start, p.leaf(text, dstream.Str(text.value)), to)
}

// timeLiteral reads the text of a date or a timestamp. One that is an instant and names no zone is in that of the job,
// which is not known here: it stays a cast, of its text in one form, so that equal times have equal plans.
func (p *parser) timeLiteral(t, text token, to columnar.Type) node {
	zoned := hasZone(text.value)
	wall := to
	if to.Kind == columnar.Timestamp && !zoned {
		wall.Kind = columnar.LocalTimestamp
	}
	value, ok := constantCast(columnar.Const(columnar.Type{Kind: columnar.String}, columnar.Value{S: text.value}), wall)
	switch {
	case !ok:
		p.fail(text, fmt.Sprintf("%s is not a %s", text.describe(), to), fmt.Sprintf("write it as %s '%s'", t.key, timeExamples[to.Kind]))
	case to.Kind == columnar.LocalTimestamp && zoned:
		p.fail(text, fmt.Sprintf("%s has a time zone, and a %s has none", text.describe(), to), "write TIMESTAMP '…' for an instant")
	case wall != to:
		plain, _ := constantCast(columnar.Const(wall, value), columnar.Type{Kind: columnar.String})
		return p.cast(t, t.start, p.literal(text, dstream.Str(plain.S)), to)
	}
	return p.leaf(t, dstream.Expr{Kind: dstream.LiteralExpr, Type: to, Value: value})
}

var timeExamples = map[columnar.Kind]string{
	columnar.Date: "2024-01-31", columnar.Timestamp: "2024-01-31 13:45:00", columnar.LocalTimestamp: "2024-01-31 13:45:00",
}

// constantCast computes a cast of a constant to a text or a time.
func constantCast(c *columnar.Expr, to columnar.Type) (v columnar.Value, ok bool) {
	e, err := columnar.Cast(c, to)
	if err != nil {
		return v, false
	}
	none := &columnar.Schema{}
	program, err := columnar.Compile(e, none)
	if err != nil {
		return v, false
	}
	out, err := program.Eval(&columnar.Batch{Schema: none, Rows: 1})
	if err != nil {
		return v, false
	}
	switch to.Kind {
	case columnar.String:
		v.S = string(out.Str(0))
	case columnar.Date:
		v.I = int64(out.I32[0])
	default:
		v.I = out.I64[0]
	}
	return v, true
}

// hasZone reports whether the text of a timestamp ends with an offset or a zone.
func hasZone(s string) bool {
	_, clock, ok := strings.Cut(s, ":")
	return ok && strings.Trim(clock, "0123456789:. ") != ""
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
