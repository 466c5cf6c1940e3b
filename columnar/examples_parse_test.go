package columnar

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
)

// exampleParser reads the SQL of the examples: a small part of the real syntax, enough to write a call of each function
// as users do. The binding powers are PostgreSQL's.
type exampleParser struct {
	tokens  []exampleToken
	at      int
	session Session
	called  map[string]bool // names of functions, as written
}

type exampleToken struct {
	kind byte // 'w' word, 's' string, 'n' number, 'o' operator, 0 end
	text string
}

func parseExample(line string, s Session) (e *Expr, called map[string]bool, err error) {
	p := &exampleParser{tokens: exampleTokens(line), session: s, called: map[string]bool{}}
	defer func() {
		if r := recover(); r != nil {
			failure, ok := r.(exampleError)
			if !ok {
				panic(r)
			}
			err, called = failure, p.called
		}
	}()
	e = p.expr(0)
	if p.peek().kind != 0 {
		p.fail("the test has text left over: %q", p.peek().text)
	}
	return e, p.called, nil
}

// exampleError is an error that ends the parse: of binding, or of the test itself.
type exampleError struct{ error }

func (p *exampleParser) fail(format string, args ...any) {
	panic(exampleError{fmt.Errorf(format, args...)})
}

func (p *exampleParser) must(e *Expr, err error) *Expr {
	if err != nil {
		panic(exampleError{err})
	}
	return e
}

func exampleTokens(s string) (out []exampleToken) {
	for {
		s = strings.TrimLeft(s, " ")
		if s == "" {
			return out
		}
		n, kind := tokenLength(s)
		token := exampleToken{kind, s[:n]}
		if kind == 's' {
			token.text = strings.ReplaceAll(s[1:n-1], "''", "'")
		}
		out, s = append(out, token), s[n:]
	}
}

func tokenLength(s string) (n int, kind byte) {
	isWord := func(c rune) bool { return c == '_' || unicode.IsLetter(c) || unicode.IsDigit(c) }
	switch c := s[0]; {
	case c == '\'':
		for n = 1; n < len(s); n++ {
			if s[n] != '\'' {
				continue
			}
			if n+1 == len(s) || s[n+1] != '\'' {
				return n + 1, 's'
			}
			n++
		}
		panic(exampleError{errors.New("the string has no end: " + s)})
	case isDigit(c):
		n = strings.IndexFunc(s, func(c rune) bool { return !unicode.IsDigit(c) && c != '.' && c != 'e' })
		if n < 0 {
			n = len(s)
		}
		return n, 'n'
	case isWord(rune(c)):
		n = strings.IndexFunc(s, func(c rune) bool { return !isWord(c) })
		if n < 0 {
			n = len(s)
		}
		return n, 'w'
	}
	for _, op := range []string{"!~*", "->>", "::", "->", "<>", "!=", "<=", ">=", "||", "~*", "!~", "<<", ">>", "=>"} {
		if strings.HasPrefix(s, op) {
			return len(op), 'o'
		}
	}
	return 1, 'o'
}

func (p *exampleParser) peek() exampleToken {
	if p.at < len(p.tokens) {
		return p.tokens[p.at]
	}
	return exampleToken{}
}

func (p *exampleParser) next() exampleToken {
	t := p.peek()
	p.at++
	return t
}

// accept takes the next words or operators if they are these.
func (p *exampleParser) accept(words ...string) bool {
	for i, w := range words {
		if p.at+i >= len(p.tokens) || p.tokens[p.at+i].kind == 's' || !strings.EqualFold(p.tokens[p.at+i].text, w) {
			return false
		}
	}
	p.at += len(words)
	return true
}

func (p *exampleParser) expect(word string) {
	if !p.accept(word) {
		p.fail("the test wants %q, not %q", word, p.peek().text)
	}
}

var examplePower = map[string]int{
	"or": 1, "and": 2, "is": 4, "=": 5, "<>": 5, "!=": 5, "<": 5, ">": 5, "<=": 5, ">=": 5, "like": 6, "ilike": 6, "in": 6, "between": 6,
	"||": 7, "->": 7, "->>": 7, "~": 7, "~*": 7, "!~": 7, "!~*": 7, "<<": 7, ">>": 7, "&": 7, "|": 7, "#": 7,
	"+": 8, "-": 8, "*": 9, "/": 9, "%": 9, "^": 10, "at": 11, "[": 13, "::": 14, ".": 14,
}

func (p *exampleParser) expr(least int) *Expr {
	left := p.operand()
	for {
		t := p.peek()
		op := strings.ToLower(t.text)
		power, ok := examplePower[op]
		if !ok || power <= least || t.kind == 's' || t.kind == 0 || op == "in" && p.tokens[p.at+1].text != "(" {
			return left
		}
		p.at++
		left = p.infix(op, power, left)
	}
}

func (p *exampleParser) infix(op string, power int, left *Expr) *Expr {
	switch op {
	case "is":
		name := "is"
		if p.accept("not") {
			name = "isnot"
		}
		if p.accept("distinct", "from") {
			return p.call(name+"distinct", left, p.expr(power))
		}
		return p.call(name+strings.ToLower(p.next().text), left)
	case "in":
		p.expect("(")
		return p.call("in", append([]*Expr{left}, p.list(")")...)...)
	case "between":
		low := p.expr(power)
		p.expect("and")
		return p.call("between", left, low, p.expr(power))
	case "::":
		return p.cast(left, p.typeName())
	case "[":
		index := p.expr(0)
		p.expect("]")
		return p.call("element_at", left, index)
	case ".":
		return p.call("field", left, textLiteral(p.next().text))
	case "at":
		p.expect("time")
		p.expect("zone")
		return p.call("timezone", p.expr(power), left)
	case "like", "ilike":
		args := []*Expr{left, p.expr(power)}
		if p.accept("escape") {
			args = append(args, p.expr(power))
		}
		return p.call(op, args...)
	}
	return p.call(op, left, p.expr(power))
}

func (p *exampleParser) call(name string, args ...*Expr) *Expr {
	if name == "-" && len(args) == 1 {
		name = "neg"
	}
	p.called[strings.ToLower(name)] = true
	return p.must(p.session.Call(name, args...))
}

func (p *exampleParser) cast(e *Expr, t Type) *Expr {
	p.called["cast"] = true
	return p.must(p.session.Cast(e, t))
}

func (p *exampleParser) operand() *Expr {
	t := p.next()
	switch {
	case t.kind == 's':
		return textLiteral(t.text)
	case t.kind == 'n':
		return p.number(t.text)
	case t.text == "(":
		e := p.expr(0)
		p.expect(")")
		return e
	case t.text == "-" || t.text == "~":
		e := p.expr(12)
		if c := e.Value; t.text == "-" && e.Op == "const" && !c.Null && e.Type.Numeric() && e.Type.Kind != Decimal {
			c.I, c.F, c.S = -c.I, -c.F, "-"+c.S
			return Const(e.Type, c)
		}
		return p.call(t.text, e)
	case t.kind == 'w':
		return p.word(strings.ToLower(t.text))
	}
	p.fail("the test has no operand at %q", t.text)
	return nil
}

func (p *exampleParser) number(s string) *Expr {
	var v Value
	if strings.ContainsAny(s, ".e") {
		if _, err := fmt.Sscan(s, &v.F); err != nil {
			p.fail("the test has a bad number: %v", err)
		}
		v.S = s
		return Const(Type{Kind: Float64}, v)
	}
	if _, err := fmt.Sscan(s, &v.I); err != nil {
		p.fail("the test has a bad number: %v", err)
	}
	return Const(Type{Kind: Int64}, v)
}

func (p *exampleParser) word(w string) *Expr {
	if next := p.peek(); next.kind == 's' {
		switch w {
		case "date", "timestamp", "timestamp_ntz", "interval":
			p.at++
			var k Kind
			if err := k.UnmarshalText([]byte(w)); err != nil {
				p.fail("%v", err)
			}
			return p.must(p.session.coerce(textLiteral(next.text), Type{Kind: k}))
		}
	}
	switch w {
	case "null":
		return Const(Type{Kind: Null}, Value{Null: true})
	case "true", "false":
		return Const(Type{Kind: Bool}, Value{I: int64(bit(w == "true"))})
	case "not":
		return p.call("not", p.expr(3))
	case "case":
		return p.caseWhen()
	case "cast", "try_cast":
		p.expect("(")
		e := p.expr(0)
		p.expect("as")
		t := p.typeName()
		p.expect(")")
		if w == "try_cast" {
			p.called[w] = true
			return p.must(p.session.TryCast(e, t))
		}
		return p.cast(e, t)
	case "array":
		if p.accept("[") {
			return p.call("array", p.list("]")...)
		}
	case "current_date", "current_timestamp", "localtimestamp":
		if p.peek().text != "(" {
			return p.call(w)
		}
	}
	if !p.accept("(") {
		p.fail("column %q", w)
	}
	return p.function(w)
}

// function reads the arguments, also of the two functions with words between them.
func (p *exampleParser) function(name string) *Expr {
	if name == "extract" && p.peek().kind == 'w' {
		field := p.next().text
		p.expect("from")
		e := p.expr(0)
		p.expect(")")
		return p.call(name, textLiteral(field), e)
	}
	if p.accept(")") {
		return p.call(name)
	}
	first := p.expr(0)
	if p.accept("in") {
		args := append([]*Expr{first}, p.list(")")...)
		return p.call(name, args...)
	}
	if !p.accept(",") {
		p.expect(")")
		return p.call(name, first)
	}
	return p.call(name, append([]*Expr{first}, p.list(")")...)...)
}

func (p *exampleParser) list(end string) (out []*Expr) {
	if p.accept(end) {
		return nil
	}
	for {
		out = append(out, p.expr(0))
		if !p.accept(",") {
			p.expect(end)
			return out
		}
	}
}

func (p *exampleParser) caseWhen() *Expr {
	var args []*Expr
	for p.accept("when") {
		args = append(args, p.expr(0))
		p.expect("then")
		args = append(args, p.expr(0))
	}
	if p.accept("else") {
		args = append(args, p.expr(0))
	}
	p.expect("end")
	return p.call("case", args...)
}

func (p *exampleParser) typeName() Type {
	name := strings.ToLower(p.next().text)
	t := Type{}
	switch {
	case name == "array":
		p.expect("<")
		t = ArrayOf(p.typeName())
		p.expect(">")
	case name == "map":
		p.expect("<")
		key := p.typeName()
		p.expect(",")
		t = MapOf(key, p.typeName())
		p.expect(">")
	case name == "struct":
		t = StructOf(p.fields()...)
	case name == "decimal":
		p.expect("(")
		precision := p.number(p.next().text).Value.I
		p.expect(",")
		t = DecimalOf(int(precision), int(p.number(p.next().text).Value.I))
		p.expect(")")
	default:
		if err := t.Kind.UnmarshalText([]byte(name)); err != nil {
			p.fail("%v", err)
		}
	}
	for p.accept("[", "]") {
		t = ArrayOf(t)
	}
	return t
}

func (p *exampleParser) fields() (out []Field) {
	p.expect("<")
	for {
		name := p.next().text
		out = append(out, Field{name, p.typeName()})
		if !p.accept(",") {
			p.expect(">")
			return out
		}
	}
}
