package sql

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/millrace/millrace/dstream"
)

// Limits of what a text may ask for, see also lexer.go.
const (
	maxNesting = 200    // parentheses, calls and CASEs inside each other
	maxHeight  = 1000   // of an expression's tree; a chain such as a + b + c + … is as high as it is long
	maxNodes   = 15_000 // of all expressions together, counted after CASE and BETWEEN SYMMETRIC are spelled out
)

// parser reads tokens. The first mistake is kept in err and moves the parser to the end of the text, where nothing
// matches: so the functions below need no error results, and every loop ends.
type parser struct {
	file      string
	text      string
	start     dstream.Pos // where text begins in the file
	tokens    []token
	at        int
	depth     int
	types     int      // types that the present one is inside of
	nodes     int      // in finished expressions
	queries   int      // that the present token is inside of
	selects   int      // so far
	alias     int      // index of the last token taken for an alias without AS, −1 = none
	mayFollow []string // what could stand where the query ended, for messages
	err       *dstream.Error
}

func newParser(file, text string, start dstream.Pos) *parser {
	p := &parser{file: file, text: text, start: start, alias: -1, tokens: lex(text)}
	p.checkFault()
	return p
}

// pos is the place of a token in the file.
func (p *parser) pos(t token) dstream.Pos {
	return dstream.Pos{File: p.file, Line: max(p.start.Line, 1) + t.line - 1, Column: max(p.start.Column, 1) + t.col - 1}
}

func (p *parser) peek() token { return p.tokens[p.at] }

// ahead is the n-th token behind the present one, or the end.
func (p *parser) ahead(n int) token { return p.tokens[min(p.at+n, len(p.tokens)-1)] }

// next takes the present token. The end stays where it is.
func (p *parser) next() token {
	t := p.peek()
	if t.kind != endToken {
		p.at++
		p.checkFault()
	}
	return t
}

// checkFault reports a fault of the lexer once everything before it has been read.
func (p *parser) checkFault() {
	if t := p.peek(); t.kind == faultToken {
		p.fail(t, t.value, t.key)
	}
}

// is reports whether the present token is the keyword or sign; the zero token has no key, so the end matches nothing.
func (p *parser) is(key string) bool { return p.peek().key == key }

// isCall reports whether the present token is the word and an opening parenthesis follows.
func (p *parser) isCall(word string) bool { return p.is(word) && p.ahead(1).key == "(" }

// follows reports whether the words follow; [anyWord] is any token.
func (p *parser) follows(words []string) bool { return p.followsAt(0, words) }

// followsAt is follows from the n-th token behind the present one on.
func (p *parser) followsAt(n int, words []string) bool {
	for i, w := range words {
		if w != anyWord && p.ahead(n+i).key != w {
			return false
		}
	}
	return true
}

// accept takes the keywords or signs if all of them follow.
func (p *parser) accept(keys ...string) bool {
	if !p.follows(keys) {
		return false
	}
	for range keys {
		p.next()
	}
	return true
}

// expect takes the keyword or sign, or fails.
func (p *parser) expect(key string) bool {
	if p.accept(key) {
		return true
	}
	p.unexpected(key)
	return false
}

// fail keeps the first mistake and ends the parse.
func (p *parser) fail(t token, msg, hint string) { p.failAt(p.pos(t), msg, hint) }

func (p *parser) failAt(pos dstream.Pos, msg, hint string) {
	if p.err == nil {
		p.err = &dstream.Error{Pos: pos, Msg: msg, Hint: hint}
	}
	p.at = len(p.tokens) - 1
}

// unexpected fails at the present token, which is none of those wanted. What is known but not supported is refused by
// its name. A word near a keyword gets a hint; so does the word before it if it was read as an alias, as in
// SELECT a FORM bid.
func (p *parser) unexpected(wanted ...string) {
	if p.refuse() {
		return
	}
	t := p.peek()
	if p.alias >= 0 && p.alias == p.at-1 && nearestKeyword(p.tokens[p.alias], wanted) != "" {
		t = p.tokens[p.alias]
	}
	p.fail(t, fmt.Sprintf("expected %s, found %s", alternatives(wanted), t.describe()), didYouMean(nearestKeyword(t, wanted)))
}

// operators are the words that may continue an expression wherever something else is wanted behind it.
var operators = []string{"AND", "OR", "IS", "IN", "BETWEEN", "NOT", "LIKE", "ILIKE"}

// nearestKeyword is the keyword, one of the wanted or an operator, that the word t was probably meant to be, or "".
func nearestKeyword(t token, wanted []string) string {
	if t.kind != wordToken || reserved[t.key] || len(t.value) < 3 {
		return ""
	}
	var keywords []string
	for i, w := range append(wanted[:len(wanted):len(wanted)], operators...) {
		if first, _, _ := strings.Cut(w, " "); isKeyword(first) && (len(first) > 2 || i < len(wanted)) {
			keywords = append(keywords, first)
		}
	}
	if near := dstream.Nearest(t.value, keywords); near != t.key {
		return near
	}
	return ""
}

func isKeyword(s string) bool { return s[0] >= 'A' && s[0] <= 'Z' }

func didYouMean(word string) string {
	if word == "" {
		return ""
	}
	return "did you mean " + word + "?"
}

// didYouMeanName is didYouMean for the name of a column or a relation.
func didYouMeanName(name string) string {
	if name == "" {
		return ""
	}
	return didYouMean(strconv.Quote(name))
}

// alternatives joins words as in: a, "b" or c. Signs are quoted.
func alternatives(words []string) string {
	out := make([]string, len(words))
	for i, w := range words {
		out[i] = w
		if !isNameStart(rune(w[0])) {
			out[i] = strconv.Quote(w)
		}
	}
	if last := len(out) - 1; last > 0 {
		return strings.Join(out[:last], ", ") + " or " + out[last]
	}
	return out[0]
}

// enter guards a recursion; leave must follow when it returns true.
func (p *parser) enter() bool {
	if p.depth == maxNesting {
		p.fail(p.peek(), fmt.Sprintf("the expression is nested more than %d deep", maxNesting), "")
		return false
	}
	p.depth++
	return true
}

func (p *parser) leave() { p.depth-- }

// end is the byte behind the last token taken.
func (p *parser) end() int {
	if p.at == 0 {
		return 0
	}
	return p.tokens[p.at-1].end
}

// newName takes the name behind AS or in front of ON, for what the caller says.
func (p *parser) newName(what string) token {
	if !p.peek().name() {
		p.unexpected(what)
	}
	return p.next()
}

// optionalLabel takes [AS] name of an item of a select list. Behind AS the name may be a reserved word.
func (p *parser) optionalLabel() (t token, ok bool) {
	if label := p.ahead(1); p.is("AS") && label.kind == wordToken && label.key != "FROM" {
		p.next()
		return p.next(), true
	}
	return p.optionalAlias()
}

// optionalAlias takes [AS] name.
func (p *parser) optionalAlias() (t token, ok bool) {
	if p.accept("AS") {
		return p.newName("a name"), p.err == nil
	}
	if t := p.peek(); t.name() && p.refusal().msg == "" && !p.atWithin() {
		p.alias = p.at
		return p.next(), true
	}
	return token{}, false
}
