package columnar

import (
	"bytes"
	"errors"
	"fmt"
	"regexp"
	"regexp/syntax"
	"strings"
	"unicode/utf8"
)

// Regular expressions are RE2 as in Go: they match in time linear in the text, whatever the pattern, and have no
// back-references and no looking ahead or behind.

func regexpFunctions() []*function {
	const takes = "a string, a pattern"
	two, three := []Kind{String, String}, []Kind{String, String, String}
	pattern := func(f Function, takes string, k func(*Expr) kernel, list ...overload) *function {
		return &function{Function: f, takes: takes, kernel: k, resolve: withPattern(list...), fails: true}
	}
	return append([]*function{
		pattern(about("regexp_like", "regexp_like(string, pattern [, flags]) → boolean", "Whether the regular expression fits somewhere in the text. Flags: i ignores case, m lets ^ and $ fit at each line, s lets . fit the end of a line."),
			takes+" and flags", regexpLike, overload{two, Bool}, overload{three, Bool}),
		pattern(about("regexp_extract", "regexp_extract(string, pattern [, group]) → string", "What the first match, or its group, holds; the default is group 0, the whole match. NULL when nothing matches or the group took no part."),
			takes+" and the number of a group", regexpExtract, overload{two, String}, sig(String, String, String, Int64)),
		pattern(about("regexp_replace", "regexp_replace(string, pattern, replacement [, flags]) → string",
			`The first match replaced, with the flag g every one. In the replacement \1 and $1 stand for group 1, \& and $0 for the whole match, \\ and \$ for themselves.`),
			takes+", a replacement and flags", regexpReplace, overload{three, String}, sig(String, String, String, String, String)),
		pattern(about("regexp_count", "regexp_count(string, pattern) → bigint", "How many matches there are, one behind the other."), takes, regexpCount, overload{two, Int64}),
		pattern(about("regexp_instr", "regexp_instr(string, pattern) → bigint", "The position, from 1, of the first match, 0 when there is none."), takes, regexpInstr, overload{two, Int64}),
		rewritten(about("regexp_substr", "regexp_substr(string, pattern) → string", "The first match; NULL when there is none."), takes,
			func(s Session, args []*Expr) (*Expr, error) { return s.Call("regexp_extract", args...) }, overload{two, String}),
		{Function: about("~", "a ~ pattern → boolean, ~ bits → bigint", "As regexp_like; with one argument as bitnot."), takes: "two strings, or a bigint", kernel: always(nil), resolve: resolveTilde},
	}, matchOperators()...)
}

func matchOperators() []*function {
	op := func(name, doc, flags string, negate bool) *function {
		return rewritten(about(name, "a "+name+" pattern → boolean", doc), "two strings", func(s Session, args []*Expr) (*Expr, error) {
			if flags != "" {
				args = append(args, textLiteral(flags))
			}
			e, err := s.Call("regexp_like", args...)
			if err != nil || !negate {
				return e, err
			}
			return s.Call("not", e)
		}, sig(Bool, String, String))
	}
	return []*function{
		op("~*", "As regexp_like with the flag i.", "i", false),
		op("!~", "NOT regexp_like.", "", true),
		op("!~*", "NOT regexp_like with the flag i.", "i", true),
	}
}

func resolveTilde(fn *function, args []*Expr) (*Expr, error) {
	if len(args) == 1 {
		return fn.session.Call("bitnot", args...)
	}
	if _, err := overloaded(sig(Bool, String, String))(fn, args); err != nil {
		return nil, err
	}
	return fn.session.Call("regexp_like", args...)
}

// withPattern checks patterns and flags that are known while binding.
func withPattern(list ...overload) func(fn *function, args []*Expr) (*Expr, error) {
	return func(fn *function, args []*Expr) (*Expr, error) {
		e, err := overloaded(list...)(fn, args)
		if err != nil {
			return nil, err
		}
		p, ok := literal(e.Args[1])
		if !ok || p.Value.Null {
			return e, nil
		}
		e.Args[1] = p
		re, v := compileRegexp(p.Value.S, "")
		if v == fine {
			v = checkRegexpArgs(fn.Name, re, e.Args)
		}
		if v != fine {
			return nil, fmt.Errorf("%s: %s", fn.Name, v)
		}
		return e, nil
	}
}

// checkRegexpArgs checks what depends on the pattern.
func checkRegexpArgs(name string, re *regexp.Regexp, args []*Expr) verdict {
	if len(args) < 3 {
		return fine
	}
	third, ok := literal(args[2])
	if !ok || third.Value.Null {
		return fine
	}
	args[2] = third
	switch name {
	case "regexp_extract", "regexp_extract_all":
		return checkGroup(third.Value.I, re)
	case "regexp_replace":
		return new(replacement).compile([]byte(third.Value.S), re)
	case "regexp_like":
		_, _, v := regexpFlags(third.Value.S)
		return v
	}
	return fine
}

func checkGroup(group int64, re *regexp.Regexp) verdict {
	if group < 0 || group > int64(re.NumSubexp()) {
		return verdict(fmt.Sprintf("there is no group %d in the pattern, which has %d", group, re.NumSubexp()))
	}
	return fine
}

// maxPattern bounds the text of a pattern; Go bounds the program that it becomes.
const maxPattern = 4096

func compileRegexp(pattern, flags string) (*regexp.Regexp, verdict) {
	if len(pattern) > maxPattern {
		return nil, "the pattern is longer than 4,096 bytes"
	}
	prefix, _, v := regexpFlags(flags)
	if v != fine {
		return nil, v
	}
	re, err := regexp.Compile(prefix + pattern)
	if err != nil {
		return nil, verdict(fmt.Sprintf("pattern %q: %s", pattern, regexpTrouble(err)))
	}
	return re, fine
}

// regexpTrouble says what RE2 does not have by the names that users know.
func regexpTrouble(err error) string {
	var s *syntax.Error
	if !errors.As(err, &s) {
		return err.Error()
	}
	switch {
	case s.Code == syntax.ErrInvalidEscape && len(s.Expr) == 2 && isDigit(s.Expr[1]):
		return "back-references such as " + s.Expr + " are not supported: patterns are RE2, which matches in linear time"
	case s.Code == syntax.ErrInvalidPerlOp && (strings.HasPrefix(s.Expr, "(?=") || strings.HasPrefix(s.Expr, "(?!") || strings.HasPrefix(s.Expr, "(?<")):
		return "looking ahead or behind, " + s.Expr + ", is not supported: patterns are RE2, which matches in linear time"
	}
	return s.Code.String() + ": " + s.Expr
}

// regexpFlags gives the prefix of a pattern, and whether all matches are meant.
func regexpFlags(flags string) (prefix string, all bool, v verdict) {
	for _, c := range flags {
		switch c {
		case 'g':
			all = true
		case 'i':
			prefix += "(?i)"
		case 'c':
			prefix += "(?-i)"
		case 'm', 'n':
			prefix += "(?m)"
		case 's':
			prefix += "(?s)"
		default:
			return "", false, verdict(fmt.Sprintf("there is no flag %q in %q; flags are c, g, i, m, n and s", string(c), flags))
		}
	}
	return prefix, all, fine
}

// regexps compiles each pattern once. It keeps the last one apart, because most are constant.
type regexps struct {
	pattern, flags []byte
	last           *regexp.Regexp
	all            bool // the flag g
	known          map[string]*regexp.Regexp
}

const maxRegexps = 64

func (c *regexps) get(pattern, flags []byte) (*regexp.Regexp, verdict) {
	if c.last != nil && bytes.Equal(pattern, c.pattern) && bytes.Equal(flags, c.flags) {
		return c.last, fine
	}
	key := string(flags) + "/" + string(pattern)
	re := c.known[key]
	if re == nil {
		var v verdict
		if re, v = compileRegexp(string(pattern), string(flags)); v != fine {
			return nil, v
		}
		if c.known == nil || len(c.known) >= maxRegexps {
			c.known = map[string]*regexp.Regexp{}
		}
		c.known[key] = re
	}
	c.last, c.all = re, bytes.IndexByte(flags, 'g') >= 0
	c.pattern, c.flags = append(c.pattern[:0], pattern...), append(c.flags[:0], flags...)
	return re, fine
}

// from takes pattern and flags from arguments; flagsAt is where flags may stand.
func (c *regexps) from(in []*Vector, r int32, flagsAt int) (*regexp.Regexp, verdict) {
	var flags []byte
	if flagsAt < len(in) {
		flags = in[flagsAt].Str(int(r))
	}
	return c.get(in[1].Str(int(r)), flags)
}

func regexpLike(*Expr) kernel {
	var c regexps
	return boolRows(func(in []*Vector, r int32) (bool, verdict) {
		re, v := c.from(in, r, 2)
		return v == fine && re.Match(in[0].Str(int(r))), v
	})
}

func regexpExtract(*Expr) kernel {
	var c regexps
	return textRows(func(dst []byte, in []*Vector, r int32) ([]byte, verdict) {
		re, v := c.from(in, r, 9)
		if v != fine {
			return dst, v
		}
		group := int64(0)
		if len(in) == 3 {
			group = in[2].I64[r]
		}
		if v := checkGroup(group, re); v != fine {
			return dst, v
		}
		s := in[0].Str(int(r))
		m := re.FindSubmatchIndex(s)
		if m == nil || m[2*group] < 0 {
			return dst, noValue
		}
		return append(dst, s[m[2*group]:m[2*group+1]]...), fine
	})
}

func regexpCount(*Expr) kernel {
	var c regexps
	return intRows(func(in []*Vector, r int32) (int64, verdict) {
		re, v := c.from(in, r, 9)
		if v != fine {
			return 0, v
		}
		return int64(len(re.FindAllIndex(in[0].Str(int(r)), -1))), fine
	})
}

func regexpInstr(*Expr) kernel {
	var c regexps
	return intRows(func(in []*Vector, r int32) (int64, verdict) {
		re, v := c.from(in, r, 9)
		if v != fine {
			return 0, v
		}
		s := in[0].Str(int(r))
		m := re.FindIndex(s)
		if m == nil {
			return 0, fine
		}
		return int64(utf8.RuneCount(s[:m[0]])) + 1, fine
	})
}

func regexpReplace(*Expr) kernel {
	var c regexps
	var with replacement
	return textRows(func(dst []byte, in []*Vector, r int32) ([]byte, verdict) {
		re, v := c.from(in, r, 3)
		if v != fine {
			return dst, v
		}
		if template := in[2].Str(int(r)); with.re != re || !bytes.Equal(template, with.text) {
			if v := with.compile(template, re); v != fine {
				return dst, v
			}
		}
		limit := 1
		if c.all {
			limit = -1
		}
		s, done, begin := in[0].Str(int(r)), 0, len(dst)
		for _, m := range re.FindAllSubmatchIndex(s, limit) {
			dst = with.append(append(dst, s[done:m[0]]...), s, m)
			if done = m[1]; len(dst)-begin > maxMade {
				return dst, madeTooLong
			}
		}
		return append(dst, s[done:]...), fine
	})
}

// replacement is a text to put in place of a match, cut at its groups.
type replacement struct {
	re    *regexp.Regexp
	text  []byte
	parts []replacementPart
}

// replacementPart is a text, and behind it a group of the match unless that is −1.
type replacementPart struct {
	text  []byte
	group int
}

// compile reads \1 to \9, $1 to $9 and more digits as long as such a group exists, \& and \0 and $0.
func (t *replacement) compile(template []byte, re *regexp.Regexp) verdict {
	t.re, t.text, t.parts = re, append(t.text[:0], template...), t.parts[:0]
	var plain []byte
	for s := t.text; len(s) > 0; {
		c, next := s[0], byte(0)
		if len(s) > 1 {
			next = s[1]
		}
		switch {
		case c == '\\' && next == '&':
			t.parts = append(t.parts, replacementPart{plain, 0})
			plain, s = nil, s[2:]
		case (c == '\\' || c == '$') && isDigit(next):
			group, digits := groupNumber(s[1:], c == '$', re.NumSubexp())
			if v := checkGroup(int64(group), re); v != fine {
				t.re = nil
				return v + `; write \$ for a dollar and \\ for a backslash`
			}
			t.parts = append(t.parts, replacementPart{plain, group})
			plain, s = nil, s[1+digits:]
		case c == '\\' && next != 0:
			plain, s = append(plain, next), s[2:]
		default:
			plain, s = append(plain, c), s[1:]
		}
	}
	t.parts = append(t.parts, replacementPart{plain, -1})
	return fine
}

// groupNumber reads one digit, or as Java does as many as make the number of a group.
func groupNumber(s []byte, many bool, groups int) (group, digits int) {
	group, digits = int(s[0]-'0'), 1
	for many && digits < len(s) && isDigit(s[digits]) && group*10+int(s[digits]-'0') <= groups {
		group = group*10 + int(s[digits]-'0')
		digits++
	}
	return group, digits
}

func (t *replacement) append(dst, s []byte, match []int) []byte {
	for _, p := range t.parts {
		dst = append(dst, p.text...)
		if p.group >= 0 && match[2*p.group] >= 0 {
			dst = append(dst, s[match[2*p.group]:match[2*p.group+1]]...)
		}
	}
	return dst
}
