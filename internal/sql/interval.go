package sql

import (
	"fmt"
	"strings"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/dstream"
)

const intervalExample = "write INTERVAL '10' SECOND or INTERVAL '1 hour 30 minutes'"

// span is an interval: months, days and microseconds do not convert into each other.
type span struct {
	months, days int32
	micros       int64
}

func (s span) value() columnar.Value {
	v := columnar.MakeInterval(s.months, s.days, s.micros)
	return columnar.Value{I: int64(v.Lo), Hi: v.Hi}
}

// intervalLiteral reads an interval as an expression.
func (p *parser) intervalLiteral() node {
	t := p.peek()
	s := p.interval()
	return p.leaf(t, dstream.Expr{Kind: dstream.LiteralExpr, Type: columnar.Type{Kind: columnar.Interval}, Value: s.value()})
}

// computedInterval reads INTERVAL (number) unit or INTERVAL column unit, which is the number times the unit.
func (p *parser) computedInterval() node {
	t := p.next()
	var count node
	if p.is("(") {
		count = p.parenthesis()
	} else {
		count = p.column()
	}
	unit := p.next()
	if !isUnit(unit.key) {
		p.fail(unit, "expected a unit of time, found "+unit.describe(), intervalExample)
	}
	s, _ := parseInterval("1 " + unit.value)
	one := p.literal(unit, dstream.Expr{Kind: dstream.LiteralExpr, Type: columnar.Type{Kind: columnar.Interval}, Value: s.value()})
	return p.call(t, t.start, "*", count, one)
}

// interval reads INTERVAL '10' SECOND, INTERVAL 10 SECOND, INTERVAL '1-2' YEAR TO MONTH, INTERVAL '1 hour 30 minutes', or
// INTERVAL 'P1DT2H'. Amounts with their units may follow each other, as in INTERVAL 1 HOUR 30 MINUTES.
func (p *parser) interval() span {
	p.expect("INTERVAL")
	text, blame := p.amount()
	switch unit := p.peek(); {
	case p.err != nil:
		return span{}
	case isField(unit.key) && p.ahead(1).key == "TO" && isField(p.ahead(2).key):
		p.next()
		p.next()
		return p.fieldInterval(blame, text, unit, p.next())
	case unit.name() && !hasUnit(text) && (isUnit(unit.key) || !strings.Contains(text, ":")):
		blame = p.next()
		text += " " + unit.value + p.moreAmounts()
	}
	s, err := parseInterval(text)
	if err != nil {
		p.fail(blame, err.Msg, err.Hint)
	}
	return s
}

// amount reads the number or the string behind INTERVAL.
func (p *parser) amount() (text string, t token) {
	sign := ""
	if p.is("-") || p.is("+") {
		sign = p.next().key
	}
	t = p.next()
	if t.kind != stringToken && !t.number() || sign != "" && t.kind == stringToken {
		p.fail(t, "expected the length of the interval, found "+t.describe(), intervalExample)
	}
	return sign + t.value, t
}

// moreAmounts reads further amounts with units.
func (p *parser) moreAmounts() string {
	var b strings.Builder
	for p.err == nil && (p.peek().number() || p.peek().kind == stringToken) && isUnit(p.ahead(1).key) {
		b.WriteString(" " + p.next().value + " " + p.next().value)
	}
	return b.String()
}

// intervalFields are the units of INTERVAL … field TO field, from long to short.
var intervalFields = []string{"YEAR", "MONTH", "DAY", "HOUR", "MINUTE", "SECOND"}

func isField(key string) bool { return fieldIndex(key) >= 0 }

func fieldIndex(key string) int {
	for i, f := range intervalFields {
		if f == key {
			return i
		}
	}
	return -1
}

// fieldInterval reads the text of INTERVAL 'text' from TO to.
func (p *parser) fieldInterval(t token, text string, from, to token) span {
	i, j := fieldIndex(from.key), fieldIndex(to.key)
	if i >= j || i < 2 && j > 1 {
		p.fail(from, fmt.Sprintf("there are no intervals of %s TO %s", from.key, to.key), "years go to months, days to seconds")
		return span{}
	}
	s, ok := fieldSpan(text, i, j)
	if !ok {
		p.fail(t, fmt.Sprintf("%q is not an interval of %s TO %s", shortened(text), from.key, to.key), fmt.Sprintf("write INTERVAL '%s' %s TO %s", fieldExample(i, j), from.key, to.key))
	}
	return s
}

// separators stand behind the fields of fieldSpan.
var separators = []string{"-", "", " ", ":", ":", ""}

// fieldSpan reads the fields i to j of a text such as 1-2 or 3 04:05:06.7. A sign in front is that of all of them, as in
// the standard.
func fieldSpan(text string, i, j int) (span, bool) {
	rest, sign := strings.TrimSpace(text), ""
	if strings.HasPrefix(rest, "-") || strings.HasPrefix(rest, "+") {
		sign, rest = rest[:1], rest[1:]
	}
	var parts strings.Builder
	for ; i <= j; i++ {
		part, more := rest, ""
		if i < j {
			var ok bool
			if part, more, ok = strings.Cut(rest, separators[i]); !ok {
				return span{}, false
			}
		}
		if !plainNumber(part, intervalFields[i] == "SECOND") {
			return span{}, false
		}
		fmt.Fprintf(&parts, "%s%s %s ", sign, part, intervalFields[i])
		rest = strings.TrimLeft(more, " ")
	}
	s, err := parseInterval(parts.String())
	return s, err == nil
}

// plainNumber reports whether s is digits, perhaps with a fraction.
func plainNumber(s string, fraction bool) bool {
	whole, rest, point := strings.Cut(s, ".")
	return whole != "" && digits(whole, 0) == len(whole) && (!point || fraction && digits(rest, 0) == len(rest))
}

func fieldExample(i, j int) string {
	var b strings.Builder
	for ; i <= j; i++ {
		b.WriteString([]string{"1", "2", "3", "04", "05", "06.7"}[i])
		if i < j {
			b.WriteString(separators[i])
		}
	}
	return b.String()
}
