package columnar

import (
	"bytes"
	"unicode/utf8"
)

func textArrayFunctions() []*function {
	texts := func(f Function, takes string, k func(*Expr) kernel, list ...overload) *function {
		typed := overloaded(list...)
		return &function{Function: f, takes: takes, kernel: k, fails: true, resolve: func(fn *function, args []*Expr) (*Expr, error) {
			e, err := typed(fn, args)
			if err != nil {
				return nil, err
			}
			e.Type = ArrayOf(e.Type)
			return e, nil
		}}
	}
	patterns := func(f Function, k func(*Expr) kernel, list ...overload) *function {
		typed := withPattern(list...)
		return &function{Function: f, takes: "a string, a pattern and the number of a group", kernel: k, fails: true, resolve: func(fn *function, args []*Expr) (*Expr, error) {
			e, err := typed(fn, args)
			if err != nil {
				return nil, err
			}
			e.Type = ArrayOf(e.Type)
			return e, nil
		}}
	}
	two, three := sig(String, String, String), sig(String, String, String, String)
	return []*function{
		texts(about("string_to_array", "string_to_array(string, separator [, null text]) → array, split(string, separator) → array", "The parts between the separators; an empty separator gives the whole text, NULL its characters. Parts that equal the null text become NULL."),
			"a string, a separator and a string", splitKernel, two, three),
		patterns(about("regexp_split_to_array", "regexp_split_to_array(string, pattern) → array", "The parts between the matches."), regexpSplit, two),
		patterns(about("regexp_extract_all", "regexp_extract_all(string, pattern [, group]) → array", "What each match, or its group, holds; the default is group 0, the whole match."), regexpExtractAll, two, sig(String, String, String, Int64)),
		patterns(about("regexp_match", "regexp_match(string, pattern) → array", "The groups of the first match, or the match itself when the pattern has none; NULL when nothing matches."), regexpMatch, two),
	}
}

// splitKernel is NULL where the text is; a separator of NULL splits into characters.
func splitKernel(e *Expr) kernel {
	return built(e, 1, func(b *Builder, in []*Vector, r int32) verdict {
		s := in[0].Str(int(r))
		var null []byte
		hasNull := len(in) == 3 && !isNullAt(in[2].Valid, r)
		if hasNull {
			null = in[2].Str(int(r))
		}
		add := func(part []byte) {
			if hasNull && bytes.Equal(part, null) {
				b.Kid(0).AppendNull()
			} else {
				b.Kid(0).AppendBytes(part)
			}
		}
		if isNullAt(in[1].Valid, r) {
			for len(s) > 0 {
				_, size := utf8.DecodeRune(s)
				add(s[:size])
				s = s[size:]
			}
			return fine
		}
		separator := in[1].Str(int(r))
		for len(separator) > 0 && len(s) > 0 {
			at := bytes.Index(s, separator)
			if at < 0 {
				break
			}
			add(s[:at])
			if s = s[at+len(separator):]; len(s) == 0 {
				add(s)
			}
		}
		if len(s) > 0 {
			add(s)
		}
		return fine
	})
}

func regexpSplit(e *Expr) kernel {
	var c regexps
	return built(e, 2, func(b *Builder, in []*Vector, r int32) verdict {
		re, v := c.from(in, r, 9)
		if v != fine {
			return v
		}
		s, from := in[0].Str(int(r)), 0
		for _, m := range re.FindAllIndex(s, -1) {
			if m[1] == 0 || m[0] == m[1] && m[0] == len(s) {
				continue // an empty match at an end parts nothing
			}
			b.Kid(0).AppendBytes(s[from:m[0]])
			from = m[1]
		}
		b.Kid(0).AppendBytes(s[from:])
		return fine
	})
}

func regexpExtractAll(e *Expr) kernel {
	var c regexps
	return built(e, len(e.Args), func(b *Builder, in []*Vector, r int32) verdict {
		re, v := c.from(in, r, 9)
		if v != fine {
			return v
		}
		group := int64(0)
		if len(in) == 3 {
			group = in[2].I64[r]
		}
		if v := checkGroup(group, re); v != fine {
			return v
		}
		s := in[0].Str(int(r))
		for _, m := range re.FindAllSubmatchIndex(s, -1) {
			appendGroup(b.Kid(0), s, m, int(group))
		}
		return fine
	})
}

// appendGroup appends a group of a match, or NULL when it took no part.
func appendGroup(b *Builder, s []byte, match []int, group int) {
	if match[2*group] < 0 {
		b.AppendNull()
		return
	}
	b.AppendBytes(s[match[2*group]:match[2*group+1]])
}

func regexpMatch(e *Expr) kernel {
	var c regexps
	return built(e, 2, func(b *Builder, in []*Vector, r int32) verdict {
		re, v := c.from(in, r, 9)
		if v != fine {
			return v
		}
		s := in[0].Str(int(r))
		m := re.FindSubmatchIndex(s)
		if m == nil {
			return noValue
		}
		for g := min(1, re.NumSubexp()); g <= re.NumSubexp(); g++ {
			appendGroup(b.Kid(0), s, m, g)
		}
		return fine
	})
}
