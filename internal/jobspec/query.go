package jobspec

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"

	"github.com/millrace/millrace/dstream"
)

// QueryError is a mistake in a query that does not stand in its job file letter by letter: its place counts in Text.
type QueryError struct {
	Err  error
	Text string // the query after variables, quotes and folding
}

func (e *QueryError) Error() string { return e.Err.Error() }

// Unwrap returns the mistake.
func (e *QueryError) Unwrap() error { return e.Err }

func (d *decoder) query(t *tree, s *Spec) error {
	if err := str(&s.Query.Text, "query")(t); err != nil {
		return err
	}
	start := t.pos
	switch {
	case t.folded:
		return fail(t.pos, "write |, which keeps lines", "query: > joins lines, so a -- comment would hide what follows it")
	case t.block:
		start = d.blockStart(t.pos)
	case t.quoted:
		start.Column++
	}
	if !d.verbatim(s.Query.Text, start) {
		start = dstream.Pos{File: filepath.Base(d.file) + " (query)"}
	}
	s.Query.File, s.Query.Start = start.File, start
	return nil
}

// verbatim reports whether a text stands in the file as it is, each line from the column of start. It does not when
// variables, escapes or folding changed it: then places in the text are not places in the file.
func (d *decoder) verbatim(text string, start dstream.Pos) bool {
	if start.File != d.file || start.Line < 1 {
		return false
	}
	lines := strings.Split(string(d.text), "\n")
	for i, want := range strings.Split(strings.TrimRight(text, "\n"), "\n") {
		if start.Line-1+i >= len(lines) {
			return false
		}
		line := []rune(lines[start.Line-1+i])
		behind := string(line[min(start.Column-1, len(line)):])
		if !strings.HasPrefix(behind, want) {
			return false
		}
	}
	return true
}

// blockStart finds where the text of a block scalar begins: the line behind the indicator, and how far it is indented.
func (d *decoder) blockStart(indicator dstream.Pos) dstream.Pos {
	lines := bytes.Split(d.text, []byte("\n"))
	indent := 0
	for i := indicator.Line; i < len(lines); i++ {
		if trimmed := bytes.TrimLeft(lines[i], " "); len(trimmed) > 0 {
			indent = len(lines[i]) - len(trimmed)
			break
		}
	}
	return dstream.Pos{File: d.file, Line: indicator.Line + 1, Column: indent + 1}
}

func (d *decoder) queryFile(t *tree, s *Spec) error {
	var path string
	if err := d.path(&path, "query_file")(t); err != nil {
		return err
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return fail(t.pos, "", "query_file: %v", err)
	}
	name := t.scalar // for messages: as near to what the user wrote as can be opened
	if !filepath.IsAbs(name) {
		name = filepath.Join(filepath.Dir(d.file), name)
	}
	s.Query = Query{Text: string(text), File: name, Start: dstream.Pos{File: name, Line: 1, Column: 1}}
	return nil
}

// located gives the text along when a mistake is in a query whose places do not count in a file.
func (q *Query) located(err error) error {
	var e *dstream.Error
	if q.Start.Line == 0 && errors.As(err, &e) && e.Pos.File == q.File {
		return &QueryError{Err: err, Text: q.Text}
	}
	return err
}
