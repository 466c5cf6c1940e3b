package jobspec

import (
	"fmt"
	"regexp"
	"strings"
)

// Resolved is the job file as it counts: variables replaced, defaults filled in, paths absolute, queries in place, as
// YAML that means the same again. What is secret in it is ***.
func (s *Spec) Resolved() string {
	var b strings.Builder
	s.normal.write(&b, "")
	return b.String()
}

// write prints a mapping or a list, line by line.
func (t *tree) write(b *strings.Builder, indent string) {
	for _, e := range t.entries {
		b.WriteString(indent + quoteYAML(e.key) + ":")
		e.val.writeValue(b, indent)
	}
	for _, item := range t.items {
		b.WriteString(indent + "-")
		item.writeValue(b, indent)
	}
}

// writeValue prints what stands behind a key or a dash.
func (t *tree) writeValue(b *strings.Builder, indent string) {
	switch {
	case t.kind == nullTree || t.kind == mapTree && len(t.entries) == 0:
		b.WriteString(" {}\n")
	case t.kind == listTree && len(t.items) == 0:
		b.WriteString(" []\n")
	case t.kind != scalarTree:
		b.WriteByte('\n')
		t.write(b, indent+"  ")
	case t.secret != "":
		writeText(b, escapeStart(t.masked), indent)
	default:
		writeText(b, escapeStart(t.scalar), indent)
	}
}

// variableStart is a dollar sign that would begin a variable.
var variableStart = regexp.MustCompile(`(\$[{$])`)

func escapeStart(s string) string { return variableStart.ReplaceAllString(s, "$$$1") }

// blockText is a text that stands behind | as it is: lines of printable characters, of which the first is not indented.
var blockText = regexp.MustCompile(`^[^\s][^\n\r\t\x00-\x1f\x7f]*(\n[^\n\r\x00-\x08\x0b-\x1f\x7f]*)+$`)

func writeText(b *strings.Builder, s, indent string) {
	if !blockText.MatchString(s) {
		b.WriteString(" " + quoteYAML(s) + "\n")
		return
	}
	body := strings.TrimRight(s, "\n")
	switch len(s) - len(body) {
	case 0:
		b.WriteString(" |-\n")
	case 1:
		b.WriteString(" |\n")
	default:
		b.WriteString(" |+\n")
	}
	for _, line := range strings.Split(body, "\n") {
		b.WriteString(strings.TrimRight(indent+"  "+line, "\n") + "\n")
	}
	b.WriteString(strings.Repeat("\n", max(len(s)-len(body)-1, 0)))
}

// plainText needs no quotes.
var plainText = regexp.MustCompile(`^[A-Za-z0-9_./]([A-Za-z0-9_./@%+()<>=*-]|:[A-Za-z0-9_./])*( ([A-Za-z0-9_./@%+()<>=*-]|:[A-Za-z0-9_./])+)*$`)

func quoteYAML(s string) string {
	if plainText.MatchString(s) && strings.ToLower(s) != "null" {
		return s
	}
	var b strings.Builder
	b.WriteByte('"')
	for _, c := range s {
		switch {
		case c == '"' || c == '\\':
			b.WriteRune('\\')
			b.WriteRune(c)
		case c == '\n':
			b.WriteString(`\n`)
		case c == '\t':
			b.WriteString(`\t`)
		case c < ' ' || c == 0x7f:
			fmt.Fprintf(&b, `\x%02x`, c)
		default:
			b.WriteRune(c)
		}
	}
	b.WriteByte('"')
	return b.String()
}
