package sql

import (
	"fmt"
	"math"
	"math/big"
	"strconv"
	"strings"
	"time"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/dstream"
)

// number makes a bigint of digits alone, a double of everything else. t is its first token: the sign, if there is one.
func (p *parser) number(t token, text string) node {
	if strings.ContainsAny(text, ".eE") {
		f, err := strconv.ParseFloat(text, 64)
		if err != nil {
			p.fail(t, fmt.Sprintf("%s is outside the range of double", shortened(text)), "")
		}
		return p.leaf(t, dstream.Float(f))
	}
	i, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		p.fail(t, fmt.Sprintf("%s is outside the range of bigint", shortened(text)), "with a point it is a double")
	}
	return p.leaf(t, dstream.Int(i))
}

// timeLiteral reads TIMESTAMP '…' or DATE '…'.
func (p *parser) timeLiteral() node {
	t := p.next()
	text := p.next()
	e := dstream.Expr{Kind: dstream.LiteralExpr, Type: columnar.Type{Kind: columnar.Timestamp}}
	var ok bool
	if t.key == "DATE" {
		var days int32
		days, ok = columnar.ParseDate([]byte(text.value))
		e.Type.Kind, e.Value.I = columnar.Date, int64(days)
	} else {
		e.Value.I, ok = parseTimestamp(text.value)
	}
	if !ok {
		p.fail(text, fmt.Sprintf("%s is not a %s", text.describe(), strings.ToLower(t.key)), timeExamples[t.key])
	}
	return p.leaf(t, e)
}

var timeExamples = map[string]string{
	"DATE":      "write it as DATE '2024-01-31'",
	"TIMESTAMP": "write it as TIMESTAMP '2024-01-31 13:45:00'",
}

// parseTimestamp also takes a date alone, for its midnight.
func parseTimestamp(s string) (micros int64, ok bool) {
	if days, ok := columnar.ParseDate([]byte(s)); ok {
		return int64(days) * 86_400_000_000, true
	}
	return columnar.ParseTimestamp([]byte(s))
}

// intervalLiteral reads an interval as an expression: microseconds.
func (p *parser) intervalLiteral() node {
	t := p.peek()
	micros := p.interval()
	return p.leaf(t, dstream.Expr{
		Kind: dstream.LiteralExpr, Type: columnar.Type{Kind: columnar.Interval}, Value: columnar.Value{I: micros},
	})
}

// interval reads INTERVAL '10' SECOND, INTERVAL 10 SECOND or INTERVAL '1 hour 30 minutes' as microseconds.
func (p *parser) interval() (micros int64) {
	p.expect("INTERVAL")
	amount := p.next()
	if amount.kind != stringToken && amount.kind != integerToken {
		p.fail(amount, "expected the length of the interval, found "+amount.describe(), "write INTERVAL '10' SECOND")
		return 0
	}
	text, blame := amount.value, amount
	if unit := p.peek(); unit.kind == wordToken && !hasUnit(text) {
		blame = p.next()
		text += " " + unit.value
	}
	micros, err := parseInterval(text)
	if err != nil {
		p.fail(blame, err.Msg, err.Hint)
	}
	return micros
}

func hasUnit(s string) bool { return strings.ContainsFunc(s, isNameStart) }

const intervalExample = "write INTERVAL '10' SECOND or INTERVAL '1 hour 30 minutes'"

// parseInterval adds up pairs of an amount and a unit.
func parseInterval(text string) (micros int64, err *dstream.Error) {
	words := strings.Fields(spacedUnits(text))
	if len(words) == 0 || len(words)%2 != 0 || len(words) > 2*len(unitNames) {
		return 0, &dstream.Error{Msg: fmt.Sprintf("%q is not an interval", shortened(text)), Hint: intervalExample}
	}
	sum := new(big.Rat)
	for i := 0; i < len(words); i += 2 {
		part, err := intervalPart(words[i], words[i+1])
		if err != nil {
			return 0, err
		}
		sum.Add(sum, part)
	}
	if !sum.IsInt() || !sum.Num().IsInt64() || sum.Num().Int64() == math.MinInt64 {
		return 0, &dstream.Error{Msg: fmt.Sprintf("the interval %q is too long, or no whole number of microseconds", shortened(text))}
	}
	return sum.Num().Int64(), nil
}

// spacedUnits puts a blank between an amount and a unit written together, as in 10s.
func spacedUnits(s string) string {
	var b strings.Builder
	digit := false
	for _, c := range s {
		if digit && isNameStart(c) {
			b.WriteByte(' ')
		}
		digit = '0' <= c && c <= '9'
		b.WriteRune(c)
	}
	return b.String()
}

// intervalPart is amount × unit in microseconds.
func intervalPart(amount, unit string) (*big.Rat, *dstream.Error) {
	length, err := unitLength(unit)
	if err != nil {
		return nil, err
	}
	r := new(big.Rat)
	if _, ok := r.SetString(amount); !ok || len(amount) > 20 || strings.Trim(amount, "+-.0123456789") != "" {
		return nil, &dstream.Error{Msg: fmt.Sprintf("%q is not a number of %s", shortened(amount), unit), Hint: intervalExample}
	}
	return r.Mul(r, new(big.Rat).SetInt64(length.Microseconds())), nil
}

// unitNames are the units in full, for hints; the singular, the plural and the short form are all taken.
var unitNames = []string{"microsecond", "millisecond", "second", "minute", "hour", "day", "week"}

var unitLengths = map[string]time.Duration{
	"microsecond": time.Microsecond, "us": time.Microsecond,
	"millisecond": time.Millisecond, "ms": time.Millisecond,
	"second": time.Second, "sec": time.Second, "s": time.Second,
	"minute": time.Minute, "min": time.Minute, "m": time.Minute,
	"hour": time.Hour, "hr": time.Hour, "h": time.Hour,
	"day": 24 * time.Hour, "d": 24 * time.Hour,
	"week": 7 * 24 * time.Hour, "w": 7 * 24 * time.Hour,
}

func unitLength(unit string) (time.Duration, *dstream.Error) {
	folded := strings.ToLower(unit)
	if d, ok := unitLengths[folded]; ok {
		return d, nil
	}
	singular := strings.TrimSuffix(folded, "s")
	if d, ok := unitLengths[singular]; ok {
		return d, nil
	}
	switch singular {
	case "month", "quarter", "year":
		return 0, &dstream.Error{Msg: fmt.Sprintf("an interval in %ss has no fixed length", singular), Hint: "write it in days or weeks"}
	}
	return 0, &dstream.Error{
		Msg:  fmt.Sprintf("unknown unit %q of an interval", shortened(unit)),
		Hint: didYouMean(dstream.Nearest(unit, unitNames)),
	}
}
