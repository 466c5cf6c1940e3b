package columnar

import (
	"bytes"
	"fmt"
	"unicode"
	"unicode/utf8"
)

func likeFunctions() []*function {
	like := func(name, doc string) *function {
		return &function{Function: about(name, "a "+upperName(name)+" pattern [ESCAPE c] → boolean", doc), takes: "a string, a pattern, and an escape character",
			resolve: resolveLike, kernel: likeKernel, fails: true}
	}
	return []*function{
		like("like", "Whether the whole text fits the pattern: % stands for any characters, _ for one, a character behind the escape character, by default \\, for itself."),
		like("ilike", "As LIKE, with upper and lower case alike, letter by letter."),
	}
}

func upperName(name string) string { return string(mapRunes(nil, []byte(name), unicode.ToUpper)) }

// resolveLike checks a pattern that is known.
func resolveLike(fn *function, args []*Expr) (*Expr, error) {
	e, err := overloaded(sig(Bool, String, String), sig(Bool, String, String, String))(fn, args)
	if err != nil {
		return nil, err
	}
	var m likePattern
	for i, a := range e.Args[1:] {
		c, ok := literal(a)
		if !ok || c.Value.Null {
			return e, nil
		}
		e.Args[1+i] = c
	}
	escape := likeEscape
	if len(e.Args) == 3 {
		escape = e.Args[2].Value.S
	}
	if v := m.compile([]byte(e.Args[1].Value.S), []byte(escape), fn.Name == "ilike"); v != fine {
		return nil, fmt.Errorf("%s: %s", upperName(fn.Name), v)
	}
	return e, nil
}

const likeEscape = `\`

// likeKernel compiles a pattern again only when it changes from one row to the next.
func likeKernel(e *Expr) kernel {
	var m likePattern
	fold := e.Op == "ilike"
	return boolRows(func(in []*Vector, r int32) (bool, verdict) {
		pattern, escape := in[1].Str(int(r)), []byte(likeEscape)
		if len(in) == 3 {
			escape = in[2].Str(int(r))
		}
		if !m.ready || !bytes.Equal(m.text, pattern) || !bytes.Equal(m.escape, escape) {
			if v := m.compile(pattern, escape, fold); v != fine {
				return false, v
			}
		}
		return m.match(in[0].Str(int(r))), fine
	})
}

// likePattern is a pattern cut at its % into pieces. A text fits when it begins with the first, ends with the last, and
// has the others between them in order; taking each as early as possible is enough.
type likePattern struct {
	text, escape []byte
	ready        bool
	fold         bool
	pieces       []likePiece
	folded       []byte // the text at hand in lower case
}

// likePiece is a run of the pattern without %.
type likePiece struct {
	plain []byte // without _ it is looked up as a whole
	any   []bool // for each character of plain, whether it is _; nil = none is
}

func (m *likePattern) compile(pattern, escape []byte, fold bool) verdict {
	m.text, m.escape, m.fold, m.ready = append(m.text[:0], pattern...), append(m.escape[:0], escape...), fold, false
	m.pieces = append(m.pieces[:0], likePiece{})
	esc, size := utf8.DecodeRune(escape)
	if size != len(escape) {
		return "the escape string is longer than one character"
	}
	for s := m.text; len(s) > 0; {
		c, size := utf8.DecodeRune(s)
		literal := s[:size]
		s = s[size:]
		switch {
		case c == esc && len(escape) > 0:
			if len(s) == 0 {
				return "the pattern ends with the escape character"
			}
			_, size = utf8.DecodeRune(s)
			literal, s = s[:size], s[size:]
			m.last().add(literal, false, fold)
		case c == '%':
			m.pieces = append(m.pieces, likePiece{})
		default:
			m.last().add(literal, c == '_', fold)
		}
	}
	m.ready = true
	return fine
}

func (m *likePattern) last() *likePiece { return &m.pieces[len(m.pieces)-1] }

func (p *likePiece) add(char []byte, any, fold bool) {
	if any && p.any == nil {
		p.any = make([]bool, utf8.RuneCount(p.plain), 8)
	}
	if p.any != nil {
		p.any = append(p.any, any)
	}
	if fold {
		p.plain = mapRunes(p.plain, char, unicode.ToLower)
	} else {
		p.plain = append(p.plain, char...)
	}
}

func (m *likePattern) match(s []byte) bool {
	if m.fold {
		m.folded = mapRunes(m.folded[:0], s, unicode.ToLower)
		s = m.folded
	}
	first, last := &m.pieces[0], m.last()
	n := first.prefix(s)
	switch {
	case n < 0:
		return false
	case len(m.pieces) == 1:
		return n == len(s)
	}
	s = s[n:]
	for i := range m.pieces[1 : len(m.pieces)-1] {
		if n = m.pieces[1+i].find(s); n < 0 {
			return false
		}
		s = s[n:]
	}
	return last.suffix(s)
}

// prefix is the length of what the piece fits at the front of s, −1 if it does not.
func (p *likePiece) prefix(s []byte) int {
	if p.any == nil {
		if bytes.HasPrefix(s, p.plain) {
			return len(p.plain)
		}
		return -1
	}
	rest, plain := s, p.plain
	for _, any := range p.any {
		if len(rest) == 0 {
			return -1
		}
		_, size := utf8.DecodeRune(rest)
		_, want := utf8.DecodeRune(plain)
		if !any && (size != want || string(rest[:size]) != string(plain[:want])) {
			return -1
		}
		rest, plain = rest[size:], plain[want:]
	}
	return len(s) - len(rest)
}

// find is the end of the first place in s that the piece fits, −1 if there is none.
func (p *likePiece) find(s []byte) int {
	if p.any == nil {
		if at := bytes.Index(s, p.plain); at >= 0 {
			return at + len(p.plain)
		}
		return -1
	}
	for at := 0; at <= len(s); {
		if n := p.prefix(s[at:]); n >= 0 {
			return at + n
		}
		_, size := utf8.DecodeRune(s[at:])
		at += max(size, 1)
	}
	return -1
}

func (p *likePiece) suffix(s []byte) bool {
	if p.any == nil {
		return bytes.HasSuffix(s, p.plain)
	}
	at := len(s)
	for range p.any { // as many characters as the piece has
		if at == 0 {
			return false
		}
		_, size := utf8.DecodeLastRune(s[:at])
		at -= size
	}
	return p.prefix(s[at:]) == len(s)-at
}
