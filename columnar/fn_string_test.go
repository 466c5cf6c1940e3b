package columnar

import (
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"
)

// shortText has few letters, one of them of two bytes, so that parts are found.
func shortText(r *rand.Rand, letters string, most int) string {
	var b strings.Builder
	for range r.IntN(most + 1) {
		runes := []rune(letters)
		b.WriteRune(runes[r.IntN(len(runes))])
	}
	return b.String()
}

// likeOracle is LIKE by a regular expression.
func likeOracle(s, pattern string, escape rune, fold bool) (matches, ok bool) {
	re := "(?s)^"
	if fold {
		s, pattern = strings.ToLower(s), strings.ToLower(pattern)
	}
	runes := []rune(pattern)
	for i := 0; i < len(runes); i++ {
		switch c := runes[i]; {
		case c == escape:
			if i++; i == len(runes) {
				return false, false
			}
			re += regexp.QuoteMeta(string(runes[i]))
		case c == '%':
			re += ".*"
		case c == '_':
			re += "."
		default:
			re += regexp.QuoteMeta(string(c))
		}
	}
	return regexp.MustCompile(re + "$").MatchString(s), true
}

func TestLikeAgainstRegexp(t *testing.T) {
	r := newRand(t)
	matches := 0
	for range cases(30_000, 5000) {
		s, pattern, fold := shortText(r, "aAbé", 8), shortText(r, "aAbé%%%__\\", 6), r.IntN(2) == 0
		var m likePattern
		want, ok := likeOracle(s, pattern, '\\', fold)
		v := m.compile([]byte(pattern), []byte(likeEscape), fold)
		if (v == fine) != ok {
			t.Fatalf("pattern %q: %q, want ok %t", pattern, v, ok)
		}
		if !ok {
			continue
		}
		if got := m.match([]byte(s)); got != want {
			t.Fatalf("%q LIKE %q (fold %t): got %t", s, pattern, fold, got)
		}
		if want {
			matches++
		}
	}
	if matches < 200 {
		t.Errorf("only %d matches", matches)
	}
}

// substringOracle counts positions one by one.
func substringOracle(s string, from, count int64) string {
	var out []rune
	for i, c := range []rune(s) {
		if at := int64(i) + 1; at >= from && at < from+count {
			out = append(out, c)
		}
	}
	return string(out)
}

func splitOracle(s, separator string, n int64) string {
	parts := []string{s}
	if separator != "" {
		parts = strings.Split(s, separator)
	}
	if n < 0 {
		n += int64(len(parts)) + 1
	}
	if n < 1 || n > int64(len(parts)) {
		return ""
	}
	return parts[n-1]
}

func TestPartsOfTextsAgainstOracle(t *testing.T) {
	r := newRand(t)
	eval := func(name string, s string, args ...*Expr) string {
		e, err := Call(name, append([]*Expr{textLiteral(s)}, args...)...)
		if err != nil {
			t.Fatal(err)
		}
		c, err := constantOf(e)
		if err != nil {
			t.Fatalf("%s: %v", e, err)
		}
		return c.Value.S
	}
	for range cases(4000, 800) {
		s, separator := shortText(r, "aé,", 9), shortText(r, "a,", 2)
		from, count := r.Int64N(15)-5, r.Int64N(12)
		if got, want := eval("substring", s, intLiteral(from), intLiteral(count)), substringOracle(s, from, count); got != want {
			t.Fatalf("substring(%q, %d, %d) = %q, want %q", s, from, count, got, want)
		}
		if from != 0 {
			if got, want := eval("split_part", s, textLiteral(separator), intLiteral(from)), splitOracle(s, separator, from); got != want {
				t.Fatalf("split_part(%q, %q, %d) = %q, want %q", s, separator, from, got, want)
			}
		}
		if got, want := eval("replace", s, textLiteral(","), textLiteral(separator)), strings.ReplaceAll(s, ",", separator); got != want {
			t.Fatalf("replace(%q, %q) = %q, want %q", s, separator, got, want)
		}
		runes := []rune(s)
		left := min(max(count, 0), int64(len(runes)))
		if got := eval("left", s, intLiteral(count)) + eval("right", s, intLiteral(int64(len(runes))-left)); got != s {
			t.Fatalf("left and right of %q at %d = %q", s, count, got)
		}
	}
}
