package jobspec

import (
	"errors"
	"fmt"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/millrace/millrace/dstream"
	"github.com/millrace/millrace/internal/store/s3"
	"github.com/millrace/millrace/offsets"
)

// str reads a text: one of a few words, or what the tag "is" says.
func (d *decoder) str(t *tree, v reflect.Value, f *field, where string) (*tree, error) {
	if len(f.words) > 0 {
		return d.word(t, v, f, where)
	}
	switch {
	case t.kind != scalarTree:
		return nil, fail(t.pos, "", "%s is %s, want text", where, t.kind)
	case len(t.scalar) > mostText:
		return nil, fail(t.pos, "", "%s is longer than %d bytes", where, mostText)
	}
	if check := textChecks[f.is]; check != nil {
		if err := check(t, where); err != nil {
			return nil, err
		}
	}
	v.SetString(t.scalar)
	if f.secret {
		return t.hidden(), nil
	}
	return t, nil
}

// word reads one of a few words. "null" may be written without quotes.
func (d *decoder) word(t *tree, v reflect.Value, f *field, where string) (*tree, error) {
	if t.kind == nullTree && slices.Contains(f.words, "null") {
		t = &tree{kind: scalarTree, scalar: "null", pos: t.pos}
	}
	if t.kind == scalarTree && slices.Contains(f.later, t.scalar) {
		return nil, fail(t.pos, "write "+enumerated(f.words, "or"), "%s: %s is not supported yet in this version", where, t.scalar)
	}
	if word, pos := laterWord(t, f.later); word != "" {
		return nil, fail(pos, "write "+enumerated(f.words, "or"), "%s: %s is not supported yet in this version", where, word)
	}
	if t.kind != scalarTree || !slices.Contains(f.words, t.scalar) {
		return nil, fail(t.pos, didYouMean(t.scalar, f.words), "%s: %s is none of %s", where, t.shown(), strings.Join(f.words, ", "))
	}
	v.SetString(t.scalar)
	return t, nil
}

// laterWord finds a word of a later version in a mapping: as a key, or as a value.
func laterWord(t *tree, later []string) (string, dstream.Pos) {
	for _, e := range t.entries {
		switch {
		case slices.Contains(later, e.key):
			return e.key, e.pos
		case e.val.kind == scalarTree && slices.Contains(later, e.val.scalar):
			return e.val.scalar, e.val.pos
		}
	}
	return "", t.pos
}

func (d *decoder) boolean(t *tree, v reflect.Value, where string) (*tree, error) {
	folded := strings.ToLower(t.scalar)
	if t.kind != scalarTree || folded != "true" && folded != "false" {
		return nil, fail(t.pos, "", "%s: %s is neither true nor false", where, t.shown())
	}
	v.SetBool(folded == "true")
	return t, nil
}

// whole reads a number of digits only.
func (d *decoder) whole(t *tree, v reflect.Value, f *field, where string) (*tree, error) {
	n, err := strconv.ParseInt(t.scalar, 10, 64)
	least, _ := strconv.ParseInt(f.least, 10, 64)
	if errors.Is(err, strconv.ErrRange) && n > 0 {
		return nil, fail(t.pos, "", "%s: %s is more than %d", where, t.shown(), n)
	}
	if t.kind != scalarTree || err != nil || n < least || v.OverflowInt(n) {
		hint := ""
		if plain := strings.NewReplacer("_", "", ",", "", "'", "").Replace(t.scalar); plain != t.scalar && validNumber(plain) {
			hint = "write " + plain
		}
		return nil, fail(t.pos, hint, "%s: %s is not a whole number of at least %d", where, t.shown(), least)
	}
	if most, err := strconv.ParseInt(f.most, 10, 64); err == nil && n > most {
		return nil, fail(t.pos, "", "%s: %d is more than %d", where, n, most)
	}
	v.SetInt(n)
	return t, nil
}

func validNumber(s string) bool {
	_, err := strconv.ParseInt(s, 10, 64)
	return err == nil
}

const durationHint = "write a number and a unit: 500ms, 10s, 5m, 1h30m, 7d"

// duration reads a number with a unit, or a word that stands for none: −1.
func (d *decoder) duration(t *tree, v reflect.Value, f *field, where string) (*tree, error) {
	if t.kind == scalarTree && slices.Contains(f.words, t.scalar) {
		v.SetInt(-1)
		return t, nil
	}
	got, err := parseDuration(t.scalar)
	if t.kind != scalarTree || err != nil {
		return nil, fail(t.pos, strings.Join(append([]string{durationHint}, f.words...), ", or "), "%s: %s is not a duration", where, t.shown())
	}
	if least, err := parseDuration(f.least); err == nil && got < least {
		return nil, fail(t.pos, "", "%s: %s is less than %s", where, t.shown(), f.least)
	}
	v.SetInt(int64(got))
	return t, nil
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

func (s *Size) read(_ *decoder, t *tree, where string) (*tree, error) {
	for _, u := range sizeUnits {
		digits, ok := strings.CutSuffix(t.scalar, u.suffix)
		if !ok || t.kind != scalarTree {
			continue
		}
		if n, err := strconv.ParseInt(strings.TrimSpace(digits), 10, 64); err == nil && n > 0 && n <= (1<<62)/u.bytes {
			*s = Size(n * u.bytes)
			return t, nil
		}
	}
	return nil, fail(t.pos, "write a number and a unit: 512KiB, 64MiB, 1GiB", "%s: %s is not a size", where, t.shown())
}

func (n *Number) read(_ *decoder, t *tree, where string) (*tree, error) {
	v, err := strconv.ParseFloat(t.scalar, 64)
	if t.kind != scalarTree || err != nil || !(v >= 0 && v <= mostNumber) || strings.ContainsAny(t.scalar, "xXpP_") {
		return nil, fail(t.pos, "write it with digits: 0.2", "%s: %s is not a number from 0 to %.0f", where, t.shown(), mostNumber)
	}
	*n = Number(v)
	return t, nil
}

// mostNumber keeps products of numbers within what a float holds exactly.
const mostNumber = 1e12

func (s *Share) read(_ *decoder, t *tree, where string) (*tree, error) {
	digits, ok := strings.CutSuffix(t.scalar, "%")
	n, err := strconv.ParseFloat(strings.TrimSpace(digits), 64)
	switch {
	case t.kind != scalarTree || !ok || err != nil || strings.ContainsAny(digits, "xXpPeE_"):
		return nil, fail(t.pos, "write a number and %: 5%", "%s: %s is not a share", where, t.shown())
	case !(n > 0 && n < 100):
		return nil, fail(t.pos, "", "%s: %s is not between 0%% and 100%%", where, t.shown())
	}
	*s = Share(n / 100)
	return t, nil
}

func (p *Path) read(d *decoder, t *tree, where string) (*tree, error) {
	switch {
	case t.kind != scalarTree:
		return nil, fail(t.pos, "", "%s is %s, want text", where, t.kind)
	case t.scalar == "":
		return nil, fail(t.pos, "", "%s is empty", where)
	case len(t.scalar) > mostText:
		return nil, fail(t.pos, "", "%s is longer than %d bytes", where, mostText)
	case strings.ContainsRune(t.scalar, 0):
		return nil, fail(t.pos, "", "%s: %s is not a path", where, t.shown())
	case isS3(t.scalar):
		bucket, prefix, err := s3.ParseURL(t.scalar)
		if err != nil {
			return nil, fail(t.pos, "write s3://BUCKET/PREFIX", "%s: %v", where, err)
		}
		*p = Path(strings.TrimSuffix(s3.Scheme+bucket+"/"+prefix, "/"))
		return t.with(string(*p)), nil
	case strings.Contains(t.scalar, "://"):
		return nil, fail(t.pos, "use a local path, or s3://BUCKET/PREFIX", "%s: %s is not supported yet in this version", where, strings.SplitAfter(t.scalar, "://")[0])
	}
	*p = Path(d.absolute(t.scalar))
	return t.with(string(*p)), nil
}

// absolute is a path as seen from the job file.
func (d *decoder) absolute(path string) string {
	if filepath.IsAbs(path) {
		return filepath.Clean(path)
	}
	return filepath.Join(d.dir, path)
}

// read takes one expression or a list of them.
func (p *Partitions) read(_ *decoder, t *tree, where string) (*tree, error) {
	items := []*tree{t}
	if t.kind == listTree {
		items = t.items
	}
	if len(items) > mostPartitions {
		return nil, fail(items[mostPartitions].pos, "", "%s: more than %d levels of directories", where, mostPartitions)
	}
	for _, item := range items {
		if item.kind != scalarTree {
			return nil, fail(item.pos, `write an output column, or "expression AS name"`, "%s: %s is not an expression", where, item.kind)
		}
		*p = append(*p, Partition{Text: item.scalar, Pos: item.textPos()})
	}
	return t, nil
}

// topicName is what Kafka takes.
var topicName = regexp.MustCompile(`^[a-zA-Z0-9._-]{1,249}$`)

// textChecks are what the tag "is" may ask of a text. Types, cron schedules and expressions are read later, with what
// stands around them.
var textChecks = map[string]func(t *tree, where string) error{
	"name": func(t *tree, where string) error {
		if !validIdent(t.scalar) {
			return fail(t.pos, nameRule, "%s: %s is not a name", where, t.shown())
		}
		return nil
	},
	"topic": func(t *tree, where string) error {
		if !topicName.MatchString(t.scalar) || t.scalar == "." || t.scalar == ".." {
			return fail(t.pos, "letters, digits, _ - and ., at most 249", "%s: %s is not a topic name", where, t.shown())
		}
		return nil
	},
	"pattern": func(t *tree, where string) error {
		if _, err := offsets.TopicPattern(t.scalar); err != nil || t.scalar == "" {
			return fail(t.pos, "RE2 syntax, such as events-.*", "%s: %s is not a regular expression", where, t.shown())
		}
		return nil
	},
	"group": func(t *tree, where string) error {
		if t.scalar == "" || len(t.scalar) > 249 || strings.ContainsFunc(t.scalar, unicode.IsControl) {
			return fail(t.pos, "a name of at most 249 bytes, or off", "%s: %s is not the name of a consumer group", where, t.shown())
		}
		return nil
	},
	"zone": checkZone,
}
