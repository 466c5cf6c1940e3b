package jobspec

import (
	"regexp"
	"strings"
)

// passwords are what the tree has under sasl.password, wherever that stands: a password is secret also when it is no
// variable. They are looked for before anything is checked, since messages show lines of the file.
func passwords(t *tree) []string {
	seen := map[*tree]bool{}
	var found []string
	var walk func(t *tree, key string)
	walk = func(t *tree, key string) {
		if seen[t] {
			return
		}
		seen[t] = true
		for _, e := range t.entries {
			if key == "sasl" && e.key == "password" && e.val.kind == scalarTree {
				found = append(found, e.val.scalar)
			}
			walk(e.val, e.key)
		}
		for _, item := range t.items {
			walk(item, key)
		}
	}
	walk(t, "")
	return found
}

// setPasswords are what assignments, path=value, set under sasl.
func setPasswords(assignments []string) []string {
	var found []string
	for _, a := range assignments {
		path, value, _ := strings.Cut(a, "=")
		if strings.Contains("."+path+".", ".sasl.password.") || strings.HasSuffix("."+path, ".sasl") {
			found = append(found, strings.TrimSpace(value), strings.Trim(strings.TrimSpace(value), `"'`))
			found = append(found, passwordsIn(value)...)
		}
	}
	return found
}

var passwordText = regexp.MustCompile(`\bpassword["']?[ \t]*:[ \t]*(?:"([^"\n]+)"|'([^'\n]+)'|([^\s"',}][^,}\n]*))`)

// passwordsIn guesses the passwords of a text that is no YAML, whose lines messages show.
func passwordsIn(text string) []string {
	var found []string
	for _, m := range passwordText.FindAllStringSubmatch(text, -1) {
		found = append(found, strings.TrimSpace(m[1]+m[2]+m[3]))
	}
	return found
}
