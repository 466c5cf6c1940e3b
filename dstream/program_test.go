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
//	distinct | union NAME         NAME is a kept stream
//	unnest E ALIAS COLUMN… | leftunnest … | unnestn …, with the position
//	save NAME | use NAME          keep the stream, go on from a kept one
//	view NAME                     make it a named query
//	bounded | timezone NAME       settings of the job
//
// Expressions are (function arg…), names, numbers, 'strings', true, false, null; (as E name) gives an alias, (cast E
// type) and (trycast E type) cast, (distinct (f x)) and (where (f x) E) are about aggregates, (order (f x) E) orders in
// one, (orderdesc …) too, (. E name) is a field, * is the star, (except * name…) leaves columns out, (replace * E…) puts
// others in their place. Every expression knows its line and column.
type program struct {
	graph   *Graph
	stream  *Stream
	grouped *Grouped
	saved   map[string]*Stream
	err     error // of a named query or a setting
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
	case "view":
		p.note(p.graph.AddView(r.word(), p.stream, pos))
		return
	case "bounded":
		p.graph.SetBounded()
		return
	case "changes": // early or closed, then the allowed lateness
		early := r.word() == "early"
		p.note(p.graph.SetEmission(windows.Emission{Changelog: true, Early: early, Lateness: r.micros()}))
		return
	case "timezone":
		p.note(p.graph.SetTimeZone(r.word()))
		return
	}
	p.relational(word, r, p.stream.At(pos))
}

// note keeps the first mistake.
func (p *program) note(err error) {
	if p.err == nil {
		p.err = err
	}
}

// plan is the plan of the job, or the first mistake in it.
func (p *program) plan() (*Plan, error) {
	if p.err != nil {
		return nil, p.err
	}
	return p.graph.Plan()
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
	case "hop":
		w := WindowSpec{Time: r.expr(), Window: windows.Window{Kind: windows.Sliding, Slide: r.micros(), Size: r.micros(), Offset: r.micros()}}
		p.stream = s.Window(w)
	case "cumulate":
		w := WindowSpec{Time: r.expr(), Window: windows.Window{Kind: windows.Cumulative, Slide: r.micros(), Size: r.micros(), Offset: r.micros()}}
		p.stream = s.Window(w)
	case "session":
		w := WindowSpec{Time: r.expr(), Window: windows.Window{Kind: windows.Session, Size: r.micros()}}
		w.Partition = r.exprs()
		p.stream = s.Window(w)
	case "calendar":
		p.stream = s.Window(Calendar(r.word(), int(r.micros()), windows.Unit(r.word()), r.word(), time.Duration(r.micros())*time.Microsecond))
	case "window":
		w := WindowSpec{Time: r.expr(), Window: windows.Window{Kind: windows.Tumbling, Size: r.micros(), Offset: r.micros()}}
		p.stream = s.Window(w)
	case "distinct":
		p.stream = s.Distinct()
	case "dedup":
		within := time.Duration(r.micros()) * time.Microsecond
		p.stream = s.Dedup(within, r.exprs()...)
	case "union":
		p.stream = s.Union(p.saved[r.word()])
	case "unnest", "leftunnest", "unnestn":
		p.stream = s.Unnest(UnnestSpec{Expr: r.expr(), Alias: r.alias(), Columns: strings.Fields(r.text[r.at:]), Left: word == "leftunnest", Ordinality: word == "unnestn"})
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
	case "where":
		e, cond := r.expr(), r.expr()
		e.Filter = &cond
		return e
	case "order", "orderdesc":
		e := r.expr()
		e.OrderBy = append(e.OrderBy, Order{Expr: r.expr(), Desc: name == "orderdesc"})
		return e
	case "except":
		e := r.expr()
		for r.skip(); r.text[r.at] != ')'; r.skip() {
			e.Except = append(e.Except, r.word())
		}
		return e
	case "replace":
		e := r.expr()
		e.Replace = r.exprs()
		return e
	case ".":
		return Expr{Kind: FieldExpr, Args: []Expr{r.expr()}, Name: r.word()}
	case "cast", "trycast":
		e := CastTo(r.expr(), parseType(r.word()))
		e.Try = name == "trycast"
		return e
	}
	return Fn(name, r.exprs()...)
}

// parseType reads bigint, array<T>, map<K;V> and struct<name:T;name:T>.
func parseType(text string) columnar.Type {
	inner := func(prefix string) (string, bool) {
		rest, ok := strings.CutPrefix(text, prefix+"<")
		return strings.TrimSuffix(rest, ">"), ok
	}
	if elem, ok := inner("array"); ok {
		return columnar.ArrayOf(parseType(elem))
	}
	if parts, ok := inner("map"); ok {
		key, value, _ := strings.Cut(parts, ";")
		return columnar.MapOf(parseType(key), parseType(value))
	}
	if parts, ok := inner("struct"); ok {
		var fields []columnar.Field
		for parts != "" {
			name, rest, _ := strings.Cut(parts, ":")
			end := fieldEnd(rest)
			fields = append(fields, columnar.Field{Name: name, Type: parseType(rest[:end])})
			parts = strings.TrimPrefix(rest[end:], ";")
		}
		return columnar.StructOf(fields...)
	}
	var k columnar.Kind
	if err := k.UnmarshalText([]byte(text)); err != nil {
		panic(err)
	}
	return columnar.Type{Kind: k}
}

// fieldEnd is where the type that text begins with ends: at a semicolon outside of brackets.
func fieldEnd(text string) int {
	depth := 0
	for i, c := range text {
		switch {
		case c == '<':
			depth++
		case c == '>':
			depth--
		case c == ';' && depth == 0:
			return i
		}
	}
	return len(text)
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
		field := columnar.Field{}
		if name, typ, ok := strings.Cut(strings.TrimSpace(column), " "); ok {
			field = columnar.Field{Name: name, Type: parseType(typ)}
		}
		schema.Fields = append(schema.Fields, field)
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
