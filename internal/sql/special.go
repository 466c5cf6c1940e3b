package sql

import (
	"fmt"
	"strings"

	"github.com/millrace/millrace/dstream"
)

// specialForms are the functions of the standard whose arguments are joined by words. Each reads what stands between
// the parentheses.
var specialForms map[string]func(p *parser, t token) node

func init() {
	specialForms = map[string]func(p *parser, t token) node{
		"CAST":      func(p *parser, t token) node { return p.castTo(t, false) },
		"TRY_CAST":  func(p *parser, t token) node { return p.castTo(t, true) },
		"EXTRACT":   (*parser).extract,
		"POSITION":  (*parser).position,
		"SUBSTRING": (*parser).substring,
		"TRIM":      (*parser).trim,
		"OVERLAY":   (*parser).overlay,
	}
}

// castTo reads x AS type.
func (p *parser) castTo(t token, try bool) node {
	arg := p.operand(0)
	if p.is(",") {
		p.fail(p.peek(), fmt.Sprintf("expected AS, found %q", ","), fmt.Sprintf("write %s(value AS type)", t.key))
	}
	p.expect("AS")
	n := p.cast(t, t.start, arg, p.typeName())
	n.Try = try
	return n
}

// extract reads field FROM x, which is date_part('field', x).
func (p *parser) extract(t token) node {
	field := p.next()
	if field.kind != wordToken && field.kind != stringToken {
		p.fail(field, "expected a part of a time such as HOUR, found "+field.describe(), "")
	}
	p.expect("FROM")
	return p.datePart(t, field, p.operand(0))
}

// position reads part IN text, or a list.
func (p *parser) position(t token) node {
	part := p.operand(powerRange)
	if p.accept("IN") {
		return p.call(t, t.start, "strpos", p.operand(0), part)
	}
	if !p.is(",") {
		p.unexpected("IN")
	}
	return p.call(t, t.start, "position", append([]node{part}, p.moreArguments()...)...)
}

// substring reads text FROM start FOR length, or the same as a list.
func (p *parser) substring(t token) node {
	args := []node{p.operand(0)}
	switch {
	case p.accept("FROM"):
		args = append(args, p.operand(0))
		if p.accept("FOR") {
			args = append(args, p.operand(0))
		}
	case p.accept("FOR"):
		args = append(args, p.integer(t, 1), p.operand(0))
	case p.is("SIMILAR"):
		p.fail(p.peek(), "SUBSTRING … SIMILAR is not supported", "write regexp_extract(text, pattern)")
	default:
		args = append(args, p.moreArguments()...)
	}
	return p.call(t, t.start, "substring", args...)
}

// trim reads [BOTH | LEADING | TRAILING] [characters] FROM text, or text [, characters].
func (p *parser) trim(t token) node {
	name, sided := "trim", true
	switch {
	case p.accept("LEADING"):
		name = "ltrim"
	case p.accept("TRAILING"):
		name = "rtrim"
	default:
		sided = p.accept("BOTH")
	}
	if p.accept("FROM") {
		return p.call(t, t.start, name, p.operand(0))
	}
	first := p.operand(0)
	switch {
	case p.accept("FROM"):
		return p.call(t, t.start, name, p.operand(0), first)
	case sided:
		p.unexpected("FROM")
	}
	return p.call(t, t.start, name, append([]node{first}, p.moreArguments()...)...)
}

// overlay reads text PLACING part FROM start [FOR length], or the same as a list.
func (p *parser) overlay(t token) node {
	args := []node{p.operand(0)}
	if p.accept("PLACING") {
		args = append(args, p.operand(0))
		p.expect("FROM")
		args = append(args, p.operand(0))
		if p.accept("FOR") {
			args = append(args, p.operand(0))
		}
	} else {
		args = append(args, p.moreArguments()...)
	}
	return p.call(t, t.start, "overlay", args...)
}

// moreArguments reads what follows the first argument of a list.
func (p *parser) moreArguments() []node {
	var args []node
	for p.accept(",") {
		args = append(args, p.operand(0))
	}
	return args
}

// integer is a number that a form implies.
func (p *parser) integer(t token, i int64) node { return p.literal(t, dstream.Int(i)) }

// datePart takes a part out of a time.
func (p *parser) datePart(t, field token, arg node) node {
	return p.call(t, t.start, "date_part", p.literal(field, dstream.Str(strings.ToLower(field.value))), arg)
}
