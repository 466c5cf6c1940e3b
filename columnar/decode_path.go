package columnar

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
)

// Path is the way from a record's object to a value inside it, step by step. Its text is that of job files:
// offer.unitPrice, items[0].price, and "a.b".c for a key with a dot in it.
type Path []PathStep

// PathStep is one step into a JSON value: to the value of a key of an object, or to an element of an array.
type PathStep struct {
	Key     string // exact case
	Index   int    // of the element, from 0
	IsIndex bool   // the step is Index, not Key
}

// The bounds of a path, against job files made to waste memory.
const (
	maxPathSteps = 32
	maxPathIndex = 1 << 20
)

// ParsePath reads the text of a path. Keys with one of . [ ] " in them stand in double quotes, and a double quote inside
// those is doubled. The first step is a key, because a record is an object.
func ParsePath(text string) (Path, error) {
	r := pathReader{text: text, rest: text}
	path := Path{{Key: r.key()}}
	for r.err == nil && r.rest != "" {
		switch r.rest[0] {
		case '.':
			r.rest = r.rest[1:]
			path = append(path, PathStep{Key: r.key()})
		case '[':
			path = append(path, PathStep{Index: r.index(), IsIndex: true})
		default:
			r.fail("want . or [ behind a step")
		}
	}
	if r.err == nil && len(path) > maxPathSteps {
		r.rest = ""
		r.fail(fmt.Sprintf("more than %d steps", maxPathSteps))
	}
	if r.err != nil {
		return nil, r.err
	}
	return path, nil
}

// pathReader takes a path apart from the front. After a fault it takes nothing more.
type pathReader struct {
	text, rest string
	err        error
}

func (r *pathReader) fail(fault string) {
	if r.err == nil {
		r.err = fmt.Errorf("path %q: %s at character %d", r.text, fault, len([]rune(r.text[:len(r.text)-len(r.rest)]))+1)
	}
}

func (r *pathReader) key() string {
	if strings.HasPrefix(r.rest, `"`) {
		return r.quoted()
	}
	n := strings.IndexAny(r.rest, `.[]"`)
	if n < 0 {
		n = len(r.rest)
	}
	key := r.rest[:n]
	switch {
	case key == "":
		r.fail("want a key")
	case key == "$" && len(r.rest) == len(r.text):
		r.fail("a path begins with a key of the record, without $,")
	}
	r.rest = r.rest[n:]
	return key
}

// quoted takes a key in double quotes.
func (r *pathReader) quoted() string {
	var key strings.Builder
	for at := 1; ; {
		n := strings.IndexByte(r.rest[at:], '"')
		if n < 0 {
			r.fail("the quote is not closed")
			return ""
		}
		key.WriteString(r.rest[at : at+n])
		at += n + 1
		if !strings.HasPrefix(r.rest[at:], `"`) {
			r.rest = r.rest[at:]
			return key.String()
		}
		key.WriteByte('"')
		at++
	}
}

func (r *pathReader) index() int {
	digits, rest, closed := strings.Cut(r.rest[1:], "]")
	n, err := strconv.ParseUint(digits, 10, 31)
	if !closed || err != nil || n > maxPathIndex {
		r.fail(fmt.Sprintf("want [n] with the number of an element, 0 to %d,", maxPathIndex))
		return 0
	}
	r.rest = rest
	return int(n)
}

// String is the text of the path, the same for equal paths.
func (p Path) String() string {
	var text []byte
	for i, step := range p {
		if i > 0 && !step.IsIndex {
			text = append(text, '.')
		}
		text = step.append(text)
	}
	return string(text)
}

// append appends the step as a path has it, without the dot before a key.
func (s PathStep) append(dst []byte) []byte {
	if s.IsIndex {
		return append(strconv.AppendInt(append(dst, '['), int64(s.Index), 10), ']')
	}
	return appendPathKey(dst, []byte(s.Key))
}

// appendPathKey appends a key, in quotes where it could be read as something else.
func appendPathKey(dst, key []byte) []byte {
	if len(key) > 0 && string(key) != "$" && !bytes.ContainsAny(key, `.[]"`) {
		return append(dst, key...)
	}
	dst = append(dst, '"')
	for _, c := range key {
		if c == '"' {
			dst = append(dst, c)
		}
		dst = append(dst, c)
	}
	return append(dst, '"')
}

// check refuses paths that [ParsePath] would not give.
func (p Path) check() error {
	if len(p) > maxPathSteps {
		return fmt.Errorf("the path has more than %d steps", maxPathSteps)
	}
	for i, step := range p {
		switch {
		case step.IsIndex && i == 0:
			return fmt.Errorf("path %s begins with an index; a record is an object", p)
		case step.IsIndex && (step.Index < 0 || step.Index > maxPathIndex):
			return fmt.Errorf("path %s: want an index from 0 to %d", p, maxPathIndex)
		}
	}
	return nil
}
