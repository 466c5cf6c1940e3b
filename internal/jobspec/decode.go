package jobspec

import (
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/millrace/millrace/dstream"
)

// decoder turns a tree into a Spec. Methods named after a place in the file read that place.
type decoder struct {
	file string
	dir  string // relative paths count from here
	text []byte
}

// setter reads the value of one key.
type setter func(*tree) error

func fail(pos dstream.Pos, hint, format string, args ...any) error {
	return &dstream.Error{Pos: pos, Msg: fmt.Sprintf(format, args...), Hint: hint}
}

// fields reads a mapping. later are keys that the language has but this version cannot do yet.
func (d *decoder) fields(t *tree, where string, known map[string]setter, later ...string) error {
	if t.kind != mapTree {
		return fail(t.pos, "", "%s is %s, want a mapping", where, t.kind)
	}
	for _, e := range t.entries {
		read, ok := known[e.key]
		switch {
		case ok:
			if err := read(e.val); err != nil {
				return err
			}
		case slices.Contains(later, e.key):
			return fail(e.pos, "", "%s: %s is not supported yet in this version", where, e.key)
		default:
			return d.unknownKey(e, where, known, later)
		}
	}
	return nil
}

func (d *decoder) unknownKey(e entry, where string, known map[string]setter, later []string) error {
	words := slices.Sorted(maps.Keys(known))
	hint := didYouMean(e.key, slices.Sorted(slices.Values(slices.Concat(words, later))))
	switch {
	case len(words) == 0:
		hint = "it takes none: {}"
	case hint == "":
		hint = "known here: " + strings.Join(words, ", ")
	}
	return fail(e.pos, hint, "%s: unknown key %q", where, e.key)
}

// didYouMean is the hint for an unknown word; empty when nothing is near.
func didYouMean(word string, among []string) string {
	if near := dstream.Nearest(word, among); near != "" {
		return fmt.Sprintf("did you mean %q?", near)
	}
	return ""
}

// named checks a mapping from names of the user's own to what.
func named(t *tree, where, what string) error {
	switch {
	case t.kind != mapTree:
		return fail(t.pos, "", "%s is %s, want a mapping from names to %s", where, t.kind, what)
	case len(t.entries) == 0:
		return fail(t.pos, "", "%s is empty, want a mapping from names to %s", where, what)
	}
	return nil
}

// need reports a key that has to be there.
func need(t *tree, where string, keys ...string) error {
	for _, k := range keys {
		if v := t.get(k); v == nil || v.kind == nullTree {
			return fail(t.pos, "", "%s: %s is missing", where, k)
		}
	}
	return nil
}

func str(to *string, where string) setter {
	return func(t *tree) error {
		if t.kind != scalarTree {
			return fail(t.pos, "", "%s is %s, want text", where, t.kind)
		}
		*to = t.scalar
		return nil
	}
}

func word(to *string, where string, among ...string) setter {
	return func(t *tree) error {
		if t.kind != scalarTree || !slices.Contains(among, t.scalar) {
			return fail(t.pos, didYouMean(t.scalar, among), "%s: %s is none of %s", where, t.shown(), strings.Join(among, ", "))
		}
		*to = t.scalar
		return nil
	}
}

func boolean(to *bool, where string) setter {
	return func(t *tree) error {
		folded := strings.ToLower(t.scalar)
		if t.kind != scalarTree || folded != "true" && folded != "false" {
			return fail(t.pos, "", "%s: %s is neither true nor false", where, t.shown())
		}
		*to = folded == "true"
		return nil
	}
}

func whole[T int | int64](to *T, where string, least T) setter {
	return func(t *tree) error {
		n, err := strconv.ParseInt(t.scalar, 10, 64)
		if t.kind != scalarTree || err != nil || T(n) < least {
			return fail(t.pos, "", "%s: %s is not a whole number of at least %d", where, t.shown(), least)
		}
		*to = T(n)
		return nil
	}
}

func duration(to *time.Duration, where string, least time.Duration) setter {
	return func(t *tree) error {
		v, err := parseDuration(t.scalar)
		if t.kind != scalarTree || err != nil {
			return fail(t.pos, "write a number and a unit: 500ms, 10s, 5m, 1h30m, 7d", "%s: %s is not a duration", where, t.shown())
		}
		if v < least {
			return fail(t.pos, "", "%s: %s is less than %s", where, t.scalar, least)
		}
		*to = v
		return nil
	}
}

// mostDays keeps durations, in nanoseconds, inside an int64.
const mostDays = 100_000

// parseDuration is time.ParseDuration with whole days in front.
func parseDuration(s string) (time.Duration, error) {
	days, rest, ok := strings.Cut(s, "d")
	if !ok {
		return time.ParseDuration(s)
	}
	n, err := strconv.ParseUint(days, 10, 32)
	if err != nil || n > mostDays {
		return 0, fmt.Errorf("%q is not a number of days", days)
	}
	whole := time.Duration(n) * 24 * time.Hour
	if rest == "" {
		return whole, nil
	}
	part, err := time.ParseDuration(rest)
	if part < 0 || part > 24*time.Hour {
		return 0, fmt.Errorf("%q is not a part of a day", rest)
	}
	return whole + part, err
}

var sizeUnits = []struct {
	suffix string
	bytes  int64
}{{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {"kB", 1e3}, {"KB", 1e3}, {"MB", 1e6}, {"GB", 1e9}, {"B", 1}, {"", 1}}

func size(to *int64, where string) setter {
	return func(t *tree) error {
		for _, u := range sizeUnits {
			digits, ok := strings.CutSuffix(t.scalar, u.suffix)
			if !ok || t.kind != scalarTree {
				continue
			}
			if n, err := strconv.ParseInt(strings.TrimSpace(digits), 10, 64); err == nil && n > 0 && n <= (1<<62)/u.bytes {
				*to = n * u.bytes
				return nil
			}
		}
		return fail(t.pos, "write a number and a unit: 512KiB, 64MiB, 1GiB", "%s: %s is not a size", where, t.shown())
	}
}

func (d *decoder) path(to *string, where string) setter {
	return func(t *tree) error {
		if err := str(to, where)(t); err != nil {
			return err
		}
		switch {
		case *to == "":
			return fail(t.pos, "", "%s is empty", where)
		case strings.Contains(*to, "://"):
			return fail(t.pos, "use a local directory", "%s: %s is not supported yet in this version", where, strings.SplitAfter(*to, "://")[0])
		case filepath.IsAbs(*to):
			return nil
		}
		*to = filepath.Join(d.dir, *to)
		return nil
	}
}

const nameRule = "a letter or _, then letters, digits, _ - and ., at most 100"

// validIdent reports whether a name of a job, source, table, column or sink can be told from everything around it.
func validIdent(s string) bool {
	if s == "" || len(s) > 100 {
		return false
	}
	for i, c := range s {
		letter := c == '_' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
		if !letter && (i == 0 || c != '-' && c != '.' && (c < '0' || c > '9')) {
			return false
		}
	}
	return true
}
