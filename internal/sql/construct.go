package sql

import (
	"fmt"

	"github.com/millrace/millrace/dstream"
)

// constructors are the words that make values out of others. Each reads what follows the word.
var constructors map[string]func(p *parser, t token) node

func init() {
	constructors = map[string]func(p *parser, t token) node{
		"ARRAY":       (*parser).array,
		"MAP":         (*parser).mapOf,
		"STRUCT":      (*parser).structOf,
		"ROW":         (*parser).structOf,
		"STRUCT_PACK": (*parser).structOf,
	}
}

// constructed reports whether the sign behind a word makes it a constructor.
func constructed(sign, word string) bool {
	switch word {
	case "ARRAY":
		return sign == "["
	case "MAP":
		return sign == "[" || sign == "{"
	}
	return sign == "("
}

// array reads [a, b, …].
func (p *parser) array(t token) node {
	p.next()
	p.refuseSubselect()
	elements := p.list("]")
	return p.call(t, t.start, "array", elements...)
}

// list reads expressions up to a closing sign.
func (p *parser) list(shut string) []node {
	var out []node
	for p.err == nil && !p.accept(shut) {
		if len(out) > 0 && !p.accept(",") {
			p.unexpected(",", shut)
			break
		}
		out = append(out, p.operand(0))
	}
	return out
}

// mapOf reads [key, value, …] or {key: value, …}. With one value in brackets, map is the name of a column.
func (p *parser) mapOf(t token) node {
	column := p.leaf(t, dstream.Expr{Kind: dstream.ColumnRef, Name: t.value})
	open, shut, between := p.next(), "]", ","
	if open.key == "{" {
		shut, between = "}", ":"
	}
	var keys, values []node
	for p.err == nil && !p.accept(shut) {
		if len(keys) > 0 && !p.accept(",") {
			p.unexpected(",", shut)
			break
		}
		keys = append(keys, p.operand(0))
		if len(keys) == 1 && between == "," && p.accept("]") {
			return p.call(open, t.start, "element_at", column, keys[0])
		}
		p.expect(between)
		values = append(values, p.operand(0))
	}
	return p.call(t, t.start, "map", p.call(t, t.start, "array", keys...), p.call(t, t.start, "array", values...))
}

// structOf reads (value [AS name], …) or (name := value, …).
func (p *parser) structOf(t token) node {
	p.next()
	p.refuseSubselect()
	var args []node
	for p.err == nil && !p.accept(")") {
		if len(args) > 0 && !p.accept(",") {
			p.unexpected(",", ")")
			break
		}
		args = append(args, p.structField(len(args)/2+1)...)
	}
	return p.call(t, t.start, "struct", args...)
}

// structField reads one field of structOf. Without a name it has that of the column that it is, or f1, f2, … by its
// place.
func (p *parser) structField(place int) []node {
	t := p.peek()
	if t.name() && p.ahead(1).key == ":=" {
		p.next()
		p.next()
		return []node{p.literal(t, dstream.Str(t.value)), p.operand(0)}
	}
	value := p.operand(0)
	name := fmt.Sprintf("f%d", place)
	if value.Kind == dstream.ColumnRef || value.Kind == dstream.FieldExpr {
		name = value.Name
	}
	if p.accept("AS") {
		t = p.newName("the name of a field")
		name = t.value
	}
	return []node{p.literal(t, dstream.Str(name)), value}
}

// atStructLiteral reports whether {name: … or {} begins here.
func (p *parser) atStructLiteral() bool {
	name, colon := p.ahead(1), p.ahead(2)
	return (name.kind == stringToken || name.name()) && colon.key == ":"
}

// structLiteral reads {name: value, …}.
func (p *parser) structLiteral() node {
	t := p.next()
	var args []node
	for p.err == nil && !p.accept("}") {
		if len(args) > 0 && !p.accept(",") {
			p.unexpected(",", "}")
			break
		}
		name := p.peek()
		if name.kind != stringToken {
			name = p.newName("the name of a field")
		} else {
			p.next()
		}
		p.expect(":")
		args = append(args, p.literal(name, dstream.Str(name.value)), p.operand(0))
	}
	return p.call(t, t.start, "struct", args...)
}
