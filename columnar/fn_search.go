package columnar

import (
	"bytes"
	"unicode/utf8"
)

func searchFunctions() []*function {
	two := sig(Bool, String, String)
	test := func(name, doc string, f func(s, part []byte) bool) *function {
		return define(about(name, name+"(string, part) → boolean", doc), "two strings",
			always(boolRows(func(in []*Vector, r int32) (bool, verdict) { return f(in[0].Str(int(r)), in[1].Str(int(r))), fine })), two)
	}
	swap := func(s Session, args []*Expr) (*Expr, error) {
		return s.Call("strpos", append([]*Expr{args[1], args[0]}, args[2:]...)...)
	}
	return append([]*function{
		test("starts_with", "Whether the text begins with the part.", bytes.HasPrefix),
		test("ends_with", "Whether the text ends with the part.", bytes.HasSuffix),
		test("contains", "Whether the part stands somewhere in the text.", bytes.Contains),
		define(about("strpos", "strpos(string, part [, from]) → bigint", "The position, from 1, at which the part first stands in the text, 0 if nowhere; the search begins at from, by default 1."),
			"two strings, and a position", always(intRows(strpos)), sig(Int64, String, String), sig(Int64, String, String, Int64)),
		rewritten(about("position", "position(part IN string) → bigint, locate(part, string [, from]) → bigint", "As strpos, with the part first."),
			"two strings, and a position", swap, sig(Int64, String, String), sig(Int64, String, String, Int64)),
	}, likeFunctions()...)
}

func strpos(in []*Vector, r int32) (int64, verdict) {
	s, part, from := in[0].Str(int(r)), in[1].Str(int(r)), int64(1)
	if len(in) == 3 {
		from = in[2].I64[r]
	}
	if from < 1 || from > int64(len(s))+1 {
		return 0, fine
	}
	skipped := charOffset(s, from-1)
	at := bytes.Index(s[skipped:], part)
	if at < 0 || int64(utf8.RuneCount(s[:skipped])) < from-1 {
		return 0, fine
	}
	return from + int64(utf8.RuneCount(s[skipped:skipped+at])), fine
}

func replaceFunctions() []*function {
	const takes = "three strings"
	return []*function{
		define(about("replace", "replace(string, part, replacement) → string", "Every occurrence of the part replaced; an empty part stands nowhere."), takes, always(textRows(replaceText)), sig(String, String, String, String)),
		define(about("translate", "translate(string, from, to) → string", "Each character that stands in from replaced by the one at the same place in to, or left out where to is shorter."), takes, translateKernel, sig(String, String, String, String)),
		define(about("ascii", "ascii(string) → bigint", "The Unicode number of the first character, 0 for an empty text."), "a string", always(intRows(firstChar)), sig(Int64, String)),
		define(about("chr", "chr(number) → string", "The character with the Unicode number."), "a number", always(textRows(charOf)), sig(String, Int64)),
		define(about("levenshtein", "levenshtein(string, string) → bigint", "How many characters must be inserted, left out or changed to turn one text into the other; texts have at most 1,024 characters."),
			"two strings", levenshteinKernel, sig(Int64, String, String)),
	}
}

func replaceText(dst []byte, in []*Vector, r int32) ([]byte, verdict) {
	s, part, with := in[0].Str(int(r)), in[1].Str(int(r)), in[2].Str(int(r))
	if len(part) == 0 {
		return append(dst, s...), fine
	}
	begin := len(dst)
	for {
		at := bytes.Index(s, part)
		if at < 0 {
			return append(dst, s...), fine
		}
		dst = append(append(dst, s[:at]...), with...)
		s = s[at+len(part):]
		if len(dst)-begin > maxMade && len(with) > len(part) {
			return dst, madeTooLong
		}
	}
}

// translateKernel keeps the table of the last pair of texts, which are mostly constant.
func translateKernel(*Expr) kernel {
	var from, to []byte
	table := map[rune]rune{} // −1 leaves out
	return textRows(func(dst []byte, in []*Vector, r int32) ([]byte, verdict) {
		f, t := in[1].Str(int(r)), in[2].Str(int(r))
		if !bytes.Equal(f, from) || !bytes.Equal(t, to) {
			from, to = append(from[:0], f...), append(to[:0], t...)
			fillTranslation(table, f, t)
		}
		for s := in[0].Str(int(r)); len(s) > 0; {
			c, size := utf8.DecodeRune(s)
			switch with, hit := table[c]; {
			case !hit:
				dst = append(dst, s[:size]...)
			case with >= 0:
				dst = utf8.AppendRune(dst, with)
			}
			s = s[size:]
		}
		return dst, fine
	})
}

func fillTranslation(table map[rune]rune, from, to []byte) {
	clear(table)
	for len(from) > 0 {
		c, size := utf8.DecodeRune(from)
		from = from[size:]
		with := rune(-1)
		if len(to) > 0 {
			with, size = utf8.DecodeRune(to)
			to = to[size:]
		}
		if _, twice := table[c]; !twice {
			table[c] = with
		}
	}
}

func firstChar(in []*Vector, r int32) (int64, verdict) {
	s := in[0].Str(int(r))
	if len(s) == 0 {
		return 0, fine
	}
	c, _ := utf8.DecodeRune(s)
	return int64(c), fine
}

func charOf(dst []byte, in []*Vector, r int32) ([]byte, verdict) {
	c := in[0].I64[r]
	if c < 1 || c > utf8.MaxRune || !utf8.ValidRune(rune(c)) {
		return dst, verdict("there is no character number " + string(appendInt(nil, c)))
	}
	return utf8.AppendRune(dst, rune(c)), fine
}

const maxEditChars = 1024

// levenshteinKernel fills one row of the table of distances after the other (Wagner and Fischer 1974).
func levenshteinKernel(*Expr) kernel {
	var a, b []rune
	var above []int64 // distances of the part of a so far to each beginning of b
	return intRows(func(in []*Vector, r int32) (int64, verdict) {
		a, b = appendRunes(a[:0], in[0].Str(int(r))), appendRunes(b[:0], in[1].Str(int(r)))
		if len(a) > maxEditChars || len(b) > maxEditChars {
			return 0, "levenshtein takes texts of at most 1,024 characters"
		}
		above = above[:0]
		for j := range len(b) + 1 {
			above = append(above, int64(j))
		}
		for _, c := range a {
			diagonal := above[0]
			above[0]++
			for j, d := range b {
				next := min(diagonal+int64(bit(c != d)), above[j]+1, above[j+1]+1)
				diagonal, above[j+1] = above[j+1], next
			}
		}
		return above[len(b)], fine
	})
}

func appendRunes(dst []rune, s []byte) []rune {
	for len(s) > 0 {
		c, size := utf8.DecodeRune(s)
		dst, s = append(dst, c), s[size:]
	}
	return dst
}
