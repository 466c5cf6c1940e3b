package sql

import (
	"errors"
	"strings"
	"unicode"

	"github.com/millrace/millrace/dstream"
)

// Of a source line longer than shownWhole only the characters around the caret are shown.
const (
	shownWhole  = 120
	shownBefore = 60
	shownBehind = 60
)

// Position finds the place of a [dstream.Error] in err's chain, so that the caller can fetch the text for [Render].
func Position(err error) (pos dstream.Pos, ok bool) {
	var e *dstream.Error
	if !errors.As(err, &e) || e.Pos.Line == 0 {
		return dstream.Pos{}, false
	}
	return e.Pos, true
}

// Render shows an error over several lines: the message with its place, the source line, a caret under the column,
// and the hint. text is the whole file that the position counts in. An error without a place in text is returned as
// its own message. There is no newline at the end.
func Render(err error, text string) string {
	var e *dstream.Error
	if !errors.As(err, &e) {
		return err.Error()
	}
	line, ok := sourceLine(text, e.Pos.Line)
	if !ok || e.Pos.Column < 1 || e.Pos.Column > len(line)+1 {
		return err.Error()
	}
	lines := []string{strings.TrimSuffix(err.Error(), "; "+e.Hint)}
	lines = append(lines, excerpt(line, e.Pos.Column-1)...)
	if e.Hint != "" {
		lines = append(lines, e.Hint)
	}
	return strings.Join(lines, "\n")
}

// sourceLine is a line of text, counted from 1, in characters that are safe to print.
func sourceLine(text string, number int) (line []rune, ok bool) {
	if number < 1 {
		return nil, false
	}
	for ; number > 1; number-- {
		_, rest, found := strings.Cut(text, "\n")
		if !found {
			return nil, false
		}
		text = rest
	}
	text, _, _ = strings.Cut(text, "\n")
	text = strings.TrimPrefix(text, "\ufeff")
	return []rune(strings.Map(printable, strings.TrimSuffix(text, "\r"))), true
}

func printable(r rune) rune {
	if r == '\t' || unicode.IsPrint(r) {
		return r
	}
	return '?'
}

// excerpt is the part of the line around the caret, and the line with the caret. Tabs stay tabs in both, so that the
// caret stands right whatever their width is.
func excerpt(line []rune, at int) []string {
	shown, indent := line, line[:at]
	if len(line) > shownWhole {
		from, to := max(at-shownBefore, 0), min(at+shownBehind, len(line))
		shown, indent = marked(line, from, to), line[from:at]
		if from > 0 {
			indent = append([]rune(" "), indent...)
		}
	}
	caret := strings.Map(func(r rune) rune {
		if r == '\t' {
			return r
		}
		return ' '
	}, string(indent))
	return []string{string(shown), caret + "^"}
}

// marked is line[from:to] with dots where something is left out.
func marked(line []rune, from, to int) []rune {
	var out []rune
	if from > 0 {
		out = append(out, '…')
	}
	out = append(out, line[from:to]...)
	if to < len(line) {
		out = append(out, '…')
	}
	return out
}
