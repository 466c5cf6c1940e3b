package yaml

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// Parse reads a document. The error is an [*Error].
func Parse(text string) (*Node, error) {
	text = strings.ReplaceAll(strings.TrimPrefix(text, "\ufeff"), "\r\n", "\n")
	if err := check(text); err != nil {
		return nil, err
	}
	p := &parser{text: text, markColumn: 1, anchors: map[string]*Node{}}
	n, err := p.document()
	if err != nil {
		return nil, err
	}
	return n, nil
}

// check refuses what no job file holds.
func check(text string) error {
	at := Place{1, 1}
	if len(text) > MaxBytes {
		return &Error{Msg: fmt.Sprintf("%d bytes are too long; at most %d", len(text), MaxBytes), Place: at, Refused: true}
	}
	for i, c := range text {
		switch {
		case c == utf8.RuneError && !strings.HasPrefix(text[i:], "\ufffd"):
			return &Error{Place: at, Msg: "not valid UTF-8", Hint: "save the file as UTF-8", Refused: true}
		case c < ' ' && c != '\t' && c != '\n' || c == 0x7f:
			return &Error{Place: at, Msg: fmt.Sprintf("control character %U", c), Hint: `in double quotes it is written \x` + fmt.Sprintf("%02x", c)}
		}
		at.Column++
		if c == '\n' {
			at = Place{at.Line + 1, 1}
		}
	}
	return nil
}

// parser reads a text from left to right. No character is NUL, which stands for the end of the text.
type parser struct {
	text      string
	pos       int  // the next character
	line      int  // lines before the one of pos
	lineStart int  // where that begins
	first     int  // where its first token stands
	done      bool // at the end of the document, or of the text
	flows     int  // open brackets: in them lines may begin with tabs
	opened    int  // the line of the last opening quote

	mark, markColumn int // a position in the line and its column, so that long lines are not counted again and again

	anchors map[string]*Node
	depth   int
	nodes   int
	merged  int
}

func (p *parser) peek() byte { return p.at(p.pos) }

func (p *parser) at(i int) byte {
	if i < len(p.text) {
		return p.text[i]
	}
	return 0
}

func isBlank(c byte) bool { return c == ' ' || c == '\t' }

// isGap reports whether c ends a token: a blank, a line break or the end.
func isGap(c byte) bool { return c == ' ' || c == '\t' || c == '\n' || c == 0 }

// isBracket reports whether c has a meaning between brackets only.
func isBracket(c byte) bool { return c == ',' || c == '[' || c == ']' || c == '{' || c == '}' }

// column is how many bytes stand before pos in its line: indentation is of spaces, so they are characters.
func (p *parser) column() int { return p.pos - p.lineStart }

func (p *parser) place() Place { return p.placeOf(p.pos) }

// placeOf is the place of a position in the line of pos.
func (p *parser) placeOf(pos int) Place {
	if p.mark < p.lineStart || p.mark > pos {
		p.mark, p.markColumn = p.lineStart, 1
	}
	p.markColumn += utf8.RuneCountInString(p.text[p.mark:min(pos, len(p.text))])
	p.mark = pos
	return Place{p.line + 1, p.markColumn}
}

func (p *parser) fail(hint, format string, args ...any) error {
	return &Error{Place: p.place(), Msg: fmt.Sprintf(format, args...), Hint: hint}
}

// refuse is about what may be YAML, but is not read here.
func (p *parser) refuse(hint, format string, args ...any) error {
	return &Error{Place: p.place(), Msg: fmt.Sprintf(format, args...), Hint: hint, Refused: true}
}

// newNode counts what the text holds.
func (p *parser) newNode(kind Kind, at Place) (*Node, error) {
	if p.nodes++; p.nodes > maxNodes {
		return nil, &Error{Place: at, Msg: fmt.Sprintf("more than %d values", maxNodes), Refused: true}
	}
	return &Node{Kind: kind, Place: at}, nil
}

// enter opens a mapping or a list; leave closes it.
func (p *parser) enter() error {
	if p.depth++; p.depth > MaxNesting {
		return p.refuse("", "nested more than %d deep", MaxNesting)
	}
	return nil
}

func (p *parser) leave() { p.depth-- }

// advance moves over blanks, comments and line breaks to the next token.
func (p *parser) advance() error {
	for !p.done {
		for isBlank(p.peek()) {
			p.pos++
		}
		if p.peek() == '#' && (p.pos == p.lineStart || isBlank(p.text[p.pos-1])) {
			p.toLineEnd()
		}
		switch p.peek() {
		case 0:
			p.done = true
		case '\n':
			if err := p.newLine(); err != nil {
				return err
			}
		default:
			return nil
		}
	}
	return nil
}

func (p *parser) toLineEnd() {
	if i := strings.IndexByte(p.text[p.pos:], '\n'); i >= 0 {
		p.pos += i
	} else {
		p.pos = len(p.text)
	}
}

// newLine moves over a line break to the first character of the next line that is no space.
func (p *parser) newLine() error {
	p.pos++
	p.line++
	p.lineStart = p.pos
	return p.beginLine()
}

func (p *parser) beginLine() error {
	for p.peek() == ' ' {
		p.pos++
	}
	p.first = p.pos
	if p.peek() == '\t' && p.flows == 0 {
		return p.checkTab()
	}
	p.done = p.pos == p.lineStart && p.isMarker()
	return nil
}

const spacesHint = "YAML is indented with spaces, not tabs"

// checkTab lets a line pass that has nothing behind its tab.
func (p *parser) checkTab() error {
	end := p.pos
	for isBlank(p.at(end)) {
		end++
	}
	if c := p.at(end); c == '\n' || c == 0 || c == '#' {
		return nil
	}
	return p.fail(spacesHint, "a tab indents this line")
}

// isMarker reports whether --- or ... stands at pos.
func (p *parser) isMarker() bool {
	rest := p.text[p.pos:]
	return (strings.HasPrefix(rest, "---") || strings.HasPrefix(rest, "...")) && isGap(p.at(p.pos+3))
}

// endLine checks that nothing follows a value in its line, and moves to the next token.
func (p *parser) endLine() error {
	line := p.line
	fresh := p.pos == p.first
	if err := p.advance(); err != nil {
		return err
	}
	if !p.done && !fresh && p.line == line {
		return p.unexpected()
	}
	return nil
}

// unexpected says why the token at pos cannot follow a value.
func (p *parser) unexpected() error {
	switch c := p.peek(); {
	case c == ':' && isGap(p.at(p.pos+1)):
		return p.fail("quote a text that holds a colon and a blank", "a second ':' in this line")
	case c == '#':
		return p.fail("a comment begins with a blank and #", "unexpected '#'")
	case c == ']' || c == '}':
		return p.fail("", "%q closes nothing", string(c))
	}
	r, _ := utf8.DecodeRuneInString(p.text[p.pos:])
	if p.opened > 0 && p.opened < p.line+1 {
		return p.fail("is one missing there?", "unexpected %q behind a text whose quote was opened in line %d", string(r), p.opened)
	}
	return p.fail("quote the whole value", "unexpected %q behind a value", string(r))
}

// document reads the only document of the text.
func (p *parser) document() (*Node, error) {
	if err := p.prologue(); err != nil {
		return nil, err
	}
	n, err := p.value(-1, false)
	if err != nil {
		return nil, err
	}
	if err := p.endLine(); err != nil {
		return nil, err
	}
	return n, p.epilogue()
}

// prologue moves to the first token of the document.
func (p *parser) prologue() error {
	if err := p.beginLine(); err != nil {
		return err
	}
	if err := p.toDocument(); err != nil {
		return err
	}
	if strings.HasPrefix(p.text[p.pos:], "---") && p.done {
		p.done = false
		p.pos += 3
	}
	return nil
}

func (p *parser) toDocument() error {
	if p.done {
		return nil
	}
	if err := p.advance(); err != nil {
		return err
	}
	if p.peek() == '%' && p.column() == 0 {
		return p.refuse("", "YAML directives are not supported")
	}
	return nil
}

// epilogue checks what follows the document.
func (p *parser) epilogue() error {
	for p.done && p.isMarker() {
		if p.peek() == '-' {
			return p.refuse("", "a second document begins here; a job file is one")
		}
		p.done = false
		p.pos += 3
		if err := p.endLine(); err != nil {
			return err
		}
	}
	if p.peek() != 0 {
		return p.fail("", "indented otherwise than the lines above")
	}
	return nil
}
