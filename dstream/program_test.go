package dstream

import (
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/windows"
)

// program runs builder calls written as text, one step a line, so that tests read like jobs:
//
//	from NAME | as ALIAS | filter E | select E… | join TABLE ALIAS E | leftjoin TABLE ALIAS E
//	window TIME SIZE [OFFSET] | group E… | agg E… | to SINK E…
//	save NAME | use NAME          keep the stream, go on from a kept one
//
// Expressions are (function arg…), names, numbers, 'strings', true, false, null; (as E name) gives an alias, (cast E
// type) casts, (distinct (f x)) marks an aggregate, * is the star. Every expression knows its line and column.
type program struct {
	graph   *Graph
	stream  *Stream
	grouped *Grouped
	saved   map[string]*Stream
}

func (p *program) run(text string) {
	for i, line := range strings.Split(text, "\n") {
		r := &reader{text: line, line: i + 1}
		if word := r.word(); word != "" {
			p.step(word, r)
		}
	}
}

func (p *program) step(word string, r *reader) {
	pos := Pos{File: "job", Line: r.line}
	switch word {
	case "from":
		p.stream = p.graph.FromAt(r.word(), pos)
		return
	case "save":
		p.saved[r.word()] = p.stream
		return
	case "use":
		p.stream = p.saved[r.word()]
		return
	case "agg":
		p.stream = p.grouped.Agg(r.exprs()...)
		return
	}
	p.relational(word, r, p.stream.At(pos))
}

func (p *program) relational(word string, r *reader, s *Stream) {
	switch word {
	case "as":
		p.stream = s.As(r.word())
	case "filter":
		p.stream = s.Filter(r.expr())
	case "select":
		p.stream = s.Select(r.exprs()...)
	case "join":
		p.stream = s.Join(r.word(), r.alias(), Inner, r.expr())
	case "leftjoin":
		p.stream = s.Join(r.word(), r.alias(), LeftOuter, r.expr())
	case "window":
		w := WindowSpec{Time: r.expr(), Tumbling: windows.Tumbling{Size: r.micros(), Offset: r.micros()}}
		p.stream = s.Window(w)
	case "group":
		p.grouped = s.GroupBy(r.exprs()...)
	case "to":
		p.stream = s.To(r.word(), r.exprs()...)
	default:
		panic(fmt.Sprintf("line %d: no step %q", r.line, word))
	}
}

// reader cuts one line into words and expressions.
type reader struct {
	text string
	line int
	at   int
}

func (r *reader) skip() {
	for r.at < len(r.text) && r.text[r.at] == ' ' {
		r.at++
	}
}

// word is the next word, or a quoted string with its quotes; "" at the end.
func (r *reader) word() string {
	r.skip()
	start := r.at
	if strings.HasPrefix(r.text[r.at:], "'") {
		r.at += 2 + strings.IndexByte(r.text[r.at+1:], '\'')
		return r.text[start:r.at]
	}
	for r.at < len(r.text) && !strings.ContainsRune(" ()", rune(r.text[r.at])) {
		r.at++
	}
	return r.text[start:r.at]
}

// alias is a word, or ” for none.
func (r *reader) alias() string { return strings.Trim(r.word(), "'") }

func (r *reader) micros() int64 {
	word := r.word()
	if word == "" {
		return 0
	}
	d, err := time.ParseDuration(word)
	if err != nil {
		panic(err)
	}
	return d.Microseconds()
}

func (r *reader) exprs() []Expr {
	var out []Expr
	for r.skip(); r.at < len(r.text) && r.text[r.at] != ')'; r.skip() {
		out = append(out, r.expr())
	}
	return out
}

func (r *reader) expr() Expr {
	r.skip()
	pos := Pos{File: "job", Line: r.line, Column: r.at + 1}
	var e Expr
	if strings.HasPrefix(r.text[r.at:], "(") {
		r.at++
		e = r.call(r.word())
		r.at++ // the closing parenthesis
	} else {
		e = atom(r.word())
	}
	e.Pos = pos
	return e
}

func (r *reader) call(name string) Expr {
	switch name {
	case "as":
		return r.expr().As(strings.Trim(r.word(), "'"))
	case "distinct":
		e := r.expr()
		e.Distinct = true
		return e
	case "cast":
		e := r.expr()
		var k columnar.Kind
		if err := k.UnmarshalText([]byte(r.word())); err != nil {
			panic(err)
		}
		return CastTo(e, columnar.Type{Kind: k})
	}
	return Fn(name, r.exprs()...)
}

func atom(word string) Expr {
	switch {
	case word == "*":
		return Star()
	case strings.HasSuffix(word, ".*"):
		e := Star()
		e.Qualifier = strings.TrimSuffix(word, ".*")
		return e
	case word == "null":
		return Null()
	case word == "true" || word == "false":
		return Bool(word == "true")
	case word[0] == '\'':
		return Str(strings.Trim(word, "'"))
	case unicode.IsDigit(rune(word[0])):
		return number(word)
	}
	return Col(word)
}

func number(word string) Expr {
	if i, err := strconv.ParseInt(word, 10, 64); err == nil {
		return Int(i)
	}
	f, err := strconv.ParseFloat(word, 64)
	if err != nil {
		panic(err)
	}
	return Float(f)
}

// addRelation adds "source NAME EVENT_TIME: column type, …" ("-" = no event time) or "table NAME: column type, …".
func addRelation(g *Graph, line string) error {
	head, list, _ := strings.Cut(line, ":")
	words := strings.Fields(head)
	schema := &columnar.Schema{}
	for _, column := range strings.Split(list, ",") {
		name, typ, _ := strings.Cut(strings.TrimSpace(column), " ")
		var k columnar.Kind
		if err := k.UnmarshalText([]byte(typ)); err != nil && name != "" {
			return err
		}
		schema.Fields = append(schema.Fields, columnar.Field{Name: name, Type: columnar.Type{Kind: k}})
	}
	if words[0] == "table" {
		return g.AddTable(Table{Name: words[1], Schema: schema})
	}
	src := Source{Name: words[1], Format: "json", EventTime: strings.Trim(words[2], "-"),
		Bounds: windows.Bounds{MaxDisorder: 10e6, IdleAfter: 30e6, MaxFuture: 300e6}}
	for _, f := range schema.Fields {
		src.Fields = append(src.Fields, columnar.DecodeField{Field: f})
	}
	return g.AddSource(src)
}
