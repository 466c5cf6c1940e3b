package jobspec

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/millrace/millrace/dstream"
)

// Lookup finds the value of an environment variable.
type Lookup func(name string) (string, bool)

// variables replaces ${…}.
type variables struct {
	env Lookup
	dir string // relative paths count from here

	secrets []string // that were put into values
}

// expand replaces variables in every scalar of the tree, after parsing, so that a value can never become structure. A
// tree that stands in several places is expanded once: what a variable yields is not looked at again.
func (v *variables) expand(t *tree) error {
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
func (v *variables) expandScalar(t *tree) error {
	if !strings.Contains(t.scalar, "$") {
		return nil
	}
	var value strings.Builder
	secrets := len(v.secrets)
	err := scan(t, func(literal string) { value.WriteString(literal) }, func(ref string) error {
		got, err := v.value(ref, t.pos)
		if isSecret(ref) {
			v.secrets = append(v.secrets, got)
		}
		value.WriteString(got)
		return err
	})
	if err == nil && len(v.secrets) > secrets {
		t.hides = v.secrets[secrets:len(v.secrets):len(v.secrets)]
		err = v.hide(t)
	}
	t.scalar = value.String()
	return err
}

// hide writes a text down without its secrets: once with references, once with *** in their place.
func (v *variables) hide(t *tree) error {
	var reference, masked strings.Builder
	literal := func(s string) {
		masked.WriteString(s)
		reference.WriteString(escapeVariables(s))
	}
	err := scan(t, literal, func(ref string) error {
		if isSecret(ref) {
			masked.WriteString("***")
			reference.WriteString("${" + v.lasting(ref) + "}")
			return nil
		}
		got, err := v.value(ref, t.pos)
		literal(got)
		return err
	})
	t.secret, t.masked = reference.String(), masked.String()
	return err
}

// scan takes a text apart: what it says, and the references in it, which stand between ${ and }.
func scan(t *tree, literal func(string), reference func(string) error) error {
	for s := t.scalar; ; {
		i := strings.IndexByte(s, '$')
		if i < 0 || i == len(s)-1 {
			literal(s)
			return nil
		}
		switch s[i+1] {
		case '$':
			literal(s[:i+1])
			s = s[i+2:]
		case '{':
			literal(s[:i])
			ref, rest, closed := strings.Cut(s[i+2:], "}")
			if !closed {
				return fail(t.pos, "write $$ for a dollar sign", "%q has no closing brace", shortened(s[i:]))
			}
			if err := reference(ref); err != nil {
				return err
			}
			s = rest
		default: // a lone dollar sign, as in a regular expression
			literal(s[:i+1])
			s = s[i+1:]
		}
	}
}

// escapeVariables writes a text so that expandScalar yields it again.
func escapeVariables(s string) string { return strings.ReplaceAll(s, "$", "$$") }

var secretName = regexp.MustCompile(`(?i)passw|secret|token|credential`)

// isSecret reports whether what a reference stands for must not be shown or recorded: the content of a file, and what a
// variable's name says so of.
func isSecret(ref string) bool {
	name, _, _ := strings.Cut(ref, ":")
	return strings.HasPrefix(ref, "file:") || secretName.MatchString(name)
}

// lasting is a reference that means the same from anywhere.
func (v *variables) lasting(ref string) string {
	if path, ok := strings.CutPrefix(ref, "file:"); ok && !filepath.IsAbs(path) {
		return "file:" + filepath.Join(v.dir, path)
	}
	return ref
}

const variableForms = "the forms are ${VAR}, ${VAR:-default}, ${VAR:?message}, ${file:/path}, and $$ for a dollar sign"

// value is what a reference, the text between the braces, stands for.
func (v *variables) value(ref string, pos dstream.Pos) (string, error) {
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
		return "", fail(pos, variableForms, "${%s} is not a variable", shortened(ref))
	case strings.Contains(def, "${"):
		return "", fail(pos, "", "${%s}: variables do not nest", shortened(ref))
	}
	value, ok := v.env(name)
	switch {
	case ok && value != "":
		return value, nil
	case hasDefault:
		return def, nil
	case hasMessage:
		return "", fail(pos, "", "variable %s is not set: %s", name, shortened(msg))
	case !ok:
		return "", fail(pos, fmt.Sprintf("set it, or give a default: ${%s:-value}", name), "variable %s is not set", name)
	}
	return value, nil
}

// maxSecret is how long a file of a variable may be.
const maxSecret = 1 << 20

// file reads a secret; line breaks at its end are not part of it.
func (v *variables) file(path string, pos dstream.Pos) (string, error) {
	if !filepath.IsAbs(path) {
		path = filepath.Join(v.dir, path)
	}
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return "", fail(pos, "", "read variable: %v", err)
	case !info.Mode().IsRegular():
		return "", fail(pos, "", "read variable: %s is not a file", path)
	case info.Size() > maxSecret:
		return "", fail(pos, "", "read variable: %s is longer than %d bytes", path, maxSecret)
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
