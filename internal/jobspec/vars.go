package jobspec

import (
	"fmt"
	"os"
	"strings"

	"github.com/millrace/millrace/dstream"
)

// Lookup finds the value of an environment variable.
type Lookup func(name string) (string, bool)

// expand replaces ${…} in every scalar of the tree, after parsing, so that a value can never become structure.
func expand(t *tree, env Lookup) error {
	switch t.kind {
	case scalarTree:
		s, err := expandText(t.scalar, env)
		if err != nil {
			return &dstream.Error{Pos: t.pos, Msg: err.Error()}
		}
		t.scalar = s
	case mapTree:
		for _, e := range t.entries {
			if err := expand(e.val, env); err != nil {
				return err
			}
		}
	case listTree:
		for _, item := range t.items {
			if err := expand(item, env); err != nil {
				return err
			}
		}
	}
	return nil
}

// expandText knows ${VAR}, ${VAR:-default}, ${VAR:?message}, ${file:/path} and $$.
func expandText(s string, env Lookup) (string, error) {
	var b strings.Builder
	for {
		i := strings.IndexByte(s, '$')
		if i < 0 || i == len(s)-1 {
			b.WriteString(s)
			return b.String(), nil
		}
		b.WriteString(s[:i])
		switch s[i+1] {
		case '$':
			b.WriteByte('$')
			s = s[i+2:]
		case '{':
			end := strings.IndexByte(s[i:], '}')
			if end < 0 {
				return "", fmt.Errorf("%q has no closing brace; write $$ for a dollar sign", s[i:])
			}
			v, err := variable(s[i+2:i+end], env)
			if err != nil {
				return "", err
			}
			b.WriteString(v)
			s = s[i+end+1:]
		default:
			b.WriteByte('$')
			s = s[i+1:]
		}
	}
}

func variable(ref string, env Lookup) (string, error) {
	if path, ok := strings.CutPrefix(ref, "file:"); ok {
		data, err := os.ReadFile(path)
		if err != nil {
			return "", fmt.Errorf("${%s}: %w", ref, err)
		}
		return strings.TrimRight(string(data), "\r\n"), nil
	}
	name, def, hasDefault := strings.Cut(ref, ":-")
	name, msg, hasMessage := strings.Cut(name, ":?")
	if !validName(name) {
		return "", fmt.Errorf("${%s} is not a variable; the forms are ${VAR}, ${VAR:-default}, ${VAR:?message}, ${file:/path}, and $$ for a dollar sign", ref)
	}
	v, ok := env(name)
	switch {
	case ok && v != "":
		return v, nil
	case hasDefault:
		return def, nil
	case hasMessage:
		return "", fmt.Errorf("variable %s is not set: %s", name, msg)
	case !ok:
		return "", fmt.Errorf("variable %s is not set; set it, or give a default: ${%s:-value}", name, name)
	}
	return v, nil
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
