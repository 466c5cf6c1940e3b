package jobspec

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/millrace/millrace/dstream"
)

// Lookup finds the value of an environment variable.
type Lookup func(name string) (string, bool)

// variables replaces ${…}.
type variables struct {
	env Lookup
	dir string // relative paths count from here
}

// expand replaces variables in every scalar of the tree, after parsing, so that a value can never become structure. A
// tree that stands in several places is expanded once: what a variable yields is not looked at again.
func (v variables) expand(t *tree) error {
	if t.expanded {
		return nil
	}
	t.expanded = true
	if t.kind == scalarTree {
		return v.expandScalar(t)
	}
	for _, e := range t.entries {
		if err := v.expand(e.val); err != nil {
			return err
		}
	}
	for _, item := range t.items {
		if err := v.expand(item); err != nil {
			return err
		}
	}
	return nil
}

// expandScalar knows ${VAR}, ${VAR:-default}, ${VAR:?message}, ${file:/path} and $$.
func (v variables) expandScalar(t *tree) error {
	var b strings.Builder
	s := t.scalar
	for {
		before, after, found := strings.Cut(s, "$")
		b.WriteString(before)
		switch {
		case !found:
			t.scalar = b.String()
			return nil
		case strings.HasPrefix(after, "$"):
			b.WriteByte('$')
			s = after[1:]
		case strings.HasPrefix(after, "{"):
			ref, rest, closed := strings.Cut(after[1:], "}")
			if !closed {
				return fail(t.pos, "write $$ for a dollar sign", "%q has no closing brace", "$"+after)
			}
			value, err := v.value(ref, t.pos)
			if err != nil {
				return err
			}
			t.secret = t.secret || strings.HasPrefix(ref, "file:")
			b.WriteString(value)
			s = rest
		default: // a lone dollar sign, as in a regular expression
			b.WriteByte('$')
			s = after
		}
	}
}

const variableForms = "the forms are ${VAR}, ${VAR:-default}, ${VAR:?message}, ${file:/path}, and $$ for a dollar sign"

// value is what a reference, the text between the braces, stands for.
func (v variables) value(ref string, pos dstream.Pos) (string, error) {
	if path, ok := strings.CutPrefix(ref, "file:"); ok {
		return v.file(path, pos)
	}
	name, def, hasDefault := strings.Cut(ref, ":-")
	msg, hasMessage := "", false
	if !hasDefault {
		name, msg, hasMessage = strings.Cut(ref, ":?")
	}
	switch {
	case !validName(name):
		return "", fail(pos, variableForms, "${%s} is not a variable", ref)
	case strings.Contains(def, "${"):
		return "", fail(pos, "", "${%s}: variables do not nest", ref)
	}
	value, ok := v.env(name)
	switch {
	case ok && value != "":
		return value, nil
	case hasDefault:
		return def, nil
	case hasMessage:
		return "", fail(pos, "", "variable %s is not set: %s", name, msg)
	case !ok:
		return "", fail(pos, fmt.Sprintf("set it, or give a default: ${%s:-value}", name), "variable %s is not set", name)
	}
	return value, nil
}

// file reads a secret; line breaks at its end are not part of it.
func (v variables) file(path string, pos dstream.Pos) (string, error) {
	if !filepath.IsAbs(path) {
		path = filepath.Join(v.dir, path)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return "", fail(pos, "", "read variable: %v", err)
	}
	return strings.TrimRight(string(data), "\r\n"), nil
}

func validName(s string) bool {
	for i, c := range s {
		letter := c == '_' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
		if !letter && (i == 0 || c < '0' || c > '9') {
			return false
		}
	}
	return s != ""
}
