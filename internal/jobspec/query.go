package jobspec

import (
	"bytes"
	"errors"
	"path/filepath"
	"strings"

	"github.com/millrace/millrace/dstream"
	"github.com/millrace/millrace/internal/yaml"
)

// QueryError is a mistake in a query that does not stand in its job file letter by letter: its place counts in Text.
type QueryError struct {
	Err  error
	Text string // the query after variables, quotes and folding
}

func (e *QueryError) Error() string { return e.Err.Error() }

// Unwrap returns the mistake.
func (e *QueryError) Unwrap() error { return e.Err }

// read takes a text, or a mapping that names a file.
func (q *Query) read(d *decoder, t *tree, where string) (*tree, error) {
	switch {
	case t.kind == mapTree:
		return q.readMapping(d, t, where)
	case t.kind != scalarTree:
		return nil, fail(t.pos, "", "%s is %s, want text", where, t.kind)
	case t.style == yaml.Folded:
		return nil, fail(t.pos, "write |, which keeps lines", "%s: > joins lines, so a -- comment would hide what follows it", where)
	case strings.TrimSpace(t.scalar) == "":
		return nil, fail(t.pos, "", "%s is empty", where)
	case len(t.scalar) > mostQuery:
		return nil, fail(t.pos, "", "%s is longer than %d bytes", where, mostQuery)
	}
	start := t.textPos()
	if t.block() {
		start = d.blockStart(t.pos)
	}
	if !d.verbatim(t.scalar, start) {
		start = dstream.Pos{File: filepath.Base(d.file) + " (" + where + ")"}
	}
	if q.Pos == (dstream.Pos{}) {
		q.Pos = t.pos
	}
	q.Text, q.File, q.Start, q.secrets = t.scalar, start.File, start, t.hides
	return t, nil
}

func (q *Query) readMapping(d *decoder, t *tree, where string) (*tree, error) {
	for _, e := range t.entries {
		if e.key != "query_file" {
			return nil, fail(e.pos, "write the text of the query, or {query_file: path}", "%s: unknown key %q", where, shortened(e.key))
		}
	}
	if len(t.entries) == 0 {
		return nil, fail(t.pos, "", "%s is empty", where)
	}
	f := QueryFile{Query: *q}
	normal, err := f.read(d, t.entries[0].val, where+".query_file")
	*q = f.Query
	return normal, err
}

// read reads the file. The normal form of the value is the query.
func (q *QueryFile) read(d *decoder, t *tree, where string) (*tree, error) {
	var path Path
	if _, err := path.read(d, t, where); err != nil {
		return nil, err
	}
	text, err := readText(string(path))
	if err != nil {
		return nil, fail(t.pos, "", "%s: %v", where, err)
	}
	switch {
	case strings.TrimSpace(string(text)) == "":
		return nil, fail(t.pos, "", "%s: %s is empty", where, t.scalar)
	case len(text) > mostQuery:
		return nil, fail(t.pos, "", "%s: %s is longer than %d bytes", where, t.scalar, mostQuery)
	}
	name := t.scalar // for messages: as near to what the user wrote as can be opened
	if !filepath.IsAbs(name) {
		name = filepath.Join(filepath.Dir(d.file), name)
	}
	if q.Pos == (dstream.Pos{}) {
		q.Pos = t.pos
	}
	q.Text, q.File, q.Start = string(text), name, dstream.Pos{File: name, Line: 1, Column: 1}
	return &tree{kind: scalarTree, scalar: q.Text, pos: t.pos}, nil
}

// verbatim reports whether a text stands in the file as it is, each line from the column of start. It does not when
// variables, escapes or folding changed it: then places in the text are not places in the file.
func (d *decoder) verbatim(text string, start dstream.Pos) bool {
	if start.File != d.file || start.Line < 1 {
		return false
	}
	rest := lineFrom(d.text, start.Line)
	for want := range strings.SplitSeq(strings.TrimRight(text, "\n"), "\n") {
		line, more, _ := bytes.Cut(rest, []byte("\n"))
		if rest == nil || !strings.HasPrefix(behind(line, start.Column), want) {
			return false
		}
		rest = more
	}
	return true
}

// lineFrom is the text from the beginning of a line on, nil behind its end.
func lineFrom(text []byte, line int) []byte {
	for ; line > 1; line-- {
		i := bytes.IndexByte(text, '\n')
		if i < 0 {
			return nil
		}
		text = text[i+1:]
	}
	return text
}

// behind is the part of a line from a column on.
func behind(line []byte, column int) string {
	for i := range string(line) {
		if column--; column == 0 {
			return string(line[i:])
		}
	}
	return ""
}

// blockStart finds where the text of a block scalar begins: the line behind the indicator, and how far it is indented.
func (d *decoder) blockStart(indicator dstream.Pos) dstream.Pos {
	indent := 0
	for rest := lineFrom(d.text, indicator.Line+1); len(rest) > 0; {
		var line []byte
		line, rest, _ = bytes.Cut(rest, []byte("\n"))
		if trimmed := bytes.TrimLeft(line, " "); len(trimmed) > 0 {
			indent = len(line) - len(trimmed)
			break
		}
	}
	return dstream.Pos{File: d.file, Line: indicator.Line + 1, Column: indent + 1}
}

// located gives the text along when a mistake is in a query whose places do not count in a file.
func (s *Spec) located(err error) error {
	var e *dstream.Error
	if !errors.As(err, &e) {
		return err
	}
	for _, q := range s.queries() {
		if q.Start.Line == 0 && e.Pos.File == q.File {
			return &QueryError{Err: err, Text: q.Text}
		}
	}
	return err
}
