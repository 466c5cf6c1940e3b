package jobspec

import (
	"fmt"
	"os"
	"strings"

	"github.com/millrace/millrace/dstream"
)

// EnvFile reads variables from a file of KEY=VALUE lines, as docker compose does: blank lines and lines that begin with
// # are left out; "export " may stand in front; a value in single quotes is taken as it is; in double quotes \n, \r, \t,
// \", \\ and \$ are escapes; without quotes it ends at a blank and #, and blanks around it are cut. Of several lines with
// one key the last counts. Unlike docker compose it replaces no variables in values, and refuses what looks like one. A
// mistake is a [dstream.Error]; it does not show the value.
func EnvFile(path string) (map[string]string, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, &dstream.Error{Msg: fmt.Sprintf("read env file: %v", err)}
	}
	out := map[string]string{}
	lines := strings.Split(strings.TrimPrefix(string(data), "\ufeff"), "\n")
	for i, line := range lines {
		l := envLine{pos: dstream.Pos{File: path, Line: i + 1, Column: 1}}
		key, value, err := l.parse(strings.TrimSuffix(line, "\r"))
		if err != nil {
			return nil, err
		}
		if key != "" {
			out[key] = value
		}
	}
	return out, nil
}

// envLine is a line of such a file.
type envLine struct{ pos dstream.Pos }

// fail gives no column: the line, which may hold a secret, is not shown.
func (l envLine) fail(hint, format string, args ...any) error {
	return fail(dstream.Pos{File: l.pos.File, Line: l.pos.Line}, hint, format, args...)
}

// parse returns no key for a line without one.
func (l envLine) parse(line string) (key, value string, err error) {
	line = strings.TrimSpace(line)
	if line == "" || line[0] == '#' {
		return "", "", nil
	}
	if rest, ok := strings.CutPrefix(line, "export "); ok {
		line = strings.TrimLeft(rest, " \t")
	}
	key, value, ok := strings.Cut(line, "=")
	key = strings.TrimSpace(key)
	switch {
	case !ok:
		return "", "", l.fail("", "want KEY=VALUE")
	case !validName(key):
		return "", "", l.fail("letters, digits and _", "what stands before = is not the name of a variable")
	}
	value, err = l.value(strings.TrimLeft(value, " \t"))
	return key, value, err
}

func (l envLine) value(s string) (string, error) {
	if s != "" && (s[0] == '\'' || s[0] == '"') {
		value, rest, ok := unquoteEnv(s)
		rest = strings.TrimLeft(rest, " \t")
		switch {
		case !ok:
			return "", l.fail("a value is one line", "a quote is not closed")
		case rest != "" && rest[0] != '#':
			return "", l.fail("", "text behind the closing quote")
		case s[0] == '\'':
			return value, nil
		}
		return value, l.checkDollar(value, s)
	}
	for i := range len(s) {
		if s[i] == '#' && (i == 0 || s[i-1] == ' ' || s[i-1] == '\t') {
			s = s[:i]
			break
		}
	}
	s = strings.TrimRight(s, " \t")
	return s, l.checkDollar(s, s)
}

// checkDollar refuses what docker compose would replace.
func (l envLine) checkDollar(value, written string) error {
	for i := 0; i+1 < len(written); i++ {
		c := written[i+1]
		if written[i] == '\\' {
			i++
			continue
		}
		if written[i] == '$' && (c == '{' || c == '_' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z') {
			return l.fail("put a value that has a dollar sign into single quotes", "variables in values are not replaced")
		}
	}
	return nil
}

// unquoteEnv takes the quotes off, and returns what stands behind them.
func unquoteEnv(s string) (value, rest string, ok bool) {
	quote := s[0]
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		switch c := s[i]; {
		case c == quote:
			return b.String(), s[i+1:], true
		case c == '\\' && quote == '"' && i+1 < len(s):
			i++
			b.WriteString(unescapeEnv(s[i]))
		default:
			b.WriteByte(c)
		}
	}
	return "", "", false
}

func unescapeEnv(c byte) string {
	switch c {
	case 'n':
		return "\n"
	case 'r':
		return "\r"
	case 't':
		return "\t"
	case '"', '\\', '$':
		return string(c)
	}
	return `\` + string(c)
}

// withFiles looks variables up in env, and then in files of which a later one wins over an earlier one: what the process
// has wins over the files, as with docker compose.
func withFiles(env Lookup, files []string) (Lookup, error) {
	more := map[string]string{}
	for _, path := range files {
		read, err := EnvFile(path)
		if err != nil {
			return nil, err
		}
		for k, v := range read {
			more[k] = v
		}
	}
	return func(name string) (string, bool) {
		if v, ok := env(name); ok {
			return v, true
		}
		v, ok := more[name]
		return v, ok
	}, nil
}
