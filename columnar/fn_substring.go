package columnar

import (
	"errors"
	"math"
	"unicode/utf8"
)

func substringFunctions() []*function {
	return []*function{
		{Function: about("substring", "substring(string, from [, count]) → string",
			"The characters from a position on, counted from 1; positions before the first count and hold nothing. With a pattern instead of a position it is regexp_substr, or the first group."),
			takes: "a string, a position and a count", resolve: resolveSubstring, kernel: always(textRows(substring)), fails: true},
		define(about("left", "left(string, count) → string", "The first characters; with a negative count all but the last."), "a string and a count", always(textRows(leftText)), sig(String, String, Int64)),
		define(about("right", "right(string, count) → string", "The last characters; with a negative count all but the first."), "a string and a count", always(textRows(rightText)), sig(String, String, Int64)),
		define(about("overlay", "overlay(string, replacement, from [, count]) → string", "The text with so many characters from a position on, by default as many as the replacement has, replaced."),
			"a string, a string, a position and a count", always(textRows(overlay)), sig(String, String, String, Int64), sig(String, String, String, Int64, Int64)),
	}
}

func resolveSubstring(fn *function, args []*Expr) (*Expr, error) {
	if len(args) == 2 && args[0].Type.Kind == String && args[1].Type.Kind == String {
		return substringPattern(fn, args)
	}
	return overloaded(sig(String, String, Int64), sig(String, String, Int64, Int64), sig(Binary, Binary, Int64), sig(Binary, Binary, Int64, Int64))(fn, args)
}

// substringPattern is substring(string FROM pattern) of PostgreSQL.
func substringPattern(fn *function, args []*Expr) (*Expr, error) {
	p, ok := literal(args[1])
	if !ok {
		return nil, errors.New("substring(string, pattern) takes a pattern in quotes; for one from a column call regexp_extract")
	}
	group := int64(0)
	if re, v := compileRegexp(p.Value.S, ""); v == fine && re.NumSubexp() > 0 {
		group = 1
	}
	return fn.session.Call("regexp_extract", args[0], p, intLiteral(group))
}

// substring counts positions as the SQL standard does: those before the first character exist and are empty.
func substring(dst []byte, in []*Vector, r int32) ([]byte, verdict) {
	s, from, until := in[0].Str(int(r)), in[1].I64[r], int64(math.MaxInt64)
	if len(in) == 3 {
		count := in[2].I64[r]
		if count < 0 {
			return dst, "negative substring length not allowed"
		}
		if from <= 0 || count <= math.MaxInt64-from {
			until = from + count
		}
	}
	if until <= 1 {
		return dst, fine
	}
	from = max(from, 1)
	if in[0].Type.Kind == Binary {
		size := int64(len(s))
		return append(dst, s[min(from-1, size):min(until-1, size)]...), fine
	}
	s = s[charOffset(s, from-1):]
	return append(dst, s[:charOffset(s, until-from)]...), fine
}

func leftText(dst []byte, in []*Vector, r int32) ([]byte, verdict) {
	s, count := in[0].Str(int(r)), in[1].I64[r]
	if count < 0 {
		return append(dst, s[:charOffset(s, int64(utf8.RuneCount(s))+count)]...), fine
	}
	return append(dst, s[:charOffset(s, count)]...), fine
}

func rightText(dst []byte, in []*Vector, r int32) ([]byte, verdict) {
	s, count := in[0].Str(int(r)), in[1].I64[r]
	if count < 0 {
		return append(dst, s[charOffset(s, -max(count, -math.MaxInt64)):]...), fine
	}
	return append(dst, s[charOffset(s, int64(utf8.RuneCount(s))-count):]...), fine
}

func overlay(dst []byte, in []*Vector, r int32) ([]byte, verdict) {
	s, with, from := in[0].Str(int(r)), in[1].Str(int(r)), in[2].I64[r]
	count := int64(utf8.RuneCount(with))
	if len(in) == 4 {
		count = in[3].I64[r]
	}
	if from <= 0 {
		return dst, "overlay begins at a position before the first character"
	}
	dst = append(append(dst, s[:charOffset(s, from-1)]...), with...)
	behind := int64(math.MaxInt64)
	if count <= math.MaxInt64-from {
		behind = from - 1 + count
	}
	return append(dst, s[charOffset(s, behind):]...), fine
}
