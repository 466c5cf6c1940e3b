package columnar

import (
	"bytes"
	"slices"
	"unicode"
	"unicode/utf8"
)

// stringFunctions are all functions on texts, a list for each file.
func stringFunctions() []*function {
	var list []*function
	for _, part := range []func() []*function{caseFunctions, lengthFunctions, trimFunctions, joinFunctions, substringFunctions, splitFunctions, searchFunctions, replaceFunctions, regexpFunctions, digestFunctions, encodingFunctions, urlFunctions} {
		list = append(list, part()...)
	}
	return list
}

func caseFunctions() []*function {
	one := sig(String, String)
	return []*function{
		define(about("lower", "lower(string) → string", "Lower case, letter by letter."), "a string", always(textRows(lowerText)), one),
		define(about("upper", "upper(string) → string", "Upper case, letter by letter."), "a string", always(textRows(upperText)), one),
		define(about("initcap", "initcap(string) → string", "Each word with its first letter in upper case and the others in lower case; words are runs of letters and digits."),
			"a string", always(textRows(initcap)), one),
		define(about("reverse", "reverse(string) → string", "The characters from last to first."), "a string", always(textRows(reverseText)), one),
	}
}

func lowerText(dst []byte, in []*Vector, r int32) ([]byte, verdict) {
	s := in[0].Str(int(r))
	at := len(dst)
	dst = append(dst, s...)
	for i, c := range dst[at:] {
		if c >= utf8.RuneSelf {
			return mapRunes(dst[:at+i], s[i:], unicode.ToLower), fine
		}
		if 'A' <= c && c <= 'Z' {
			dst[at+i] = c + 'a' - 'A'
		}
	}
	return dst, fine
}

func upperText(dst []byte, in []*Vector, r int32) ([]byte, verdict) {
	s := in[0].Str(int(r))
	at := len(dst)
	dst = append(dst, s...)
	for i, c := range dst[at:] {
		if c >= utf8.RuneSelf {
			return mapRunes(dst[:at+i], s[i:], unicode.ToUpper), fine
		}
		if 'a' <= c && c <= 'z' {
			dst[at+i] = c - ('a' - 'A')
		}
	}
	return dst, fine
}

// mapRunes appends f of each character. A byte that is not UTF-8 stays as it is.
func mapRunes(dst, s []byte, f func(rune) rune) []byte {
	for len(s) > 0 {
		c, size := utf8.DecodeRune(s)
		if c == utf8.RuneError && size == 1 {
			dst = append(dst, s[0])
		} else {
			dst = utf8.AppendRune(dst, f(c))
		}
		s = s[size:]
	}
	return dst
}

func initcap(dst []byte, in []*Vector, r int32) ([]byte, verdict) {
	inWord := false
	return mapRunes(dst, in[0].Str(int(r)), func(c rune) rune {
		was := inWord
		inWord = unicode.IsLetter(c) || unicode.IsDigit(c)
		if was {
			return unicode.ToLower(c)
		}
		return unicode.ToUpper(c)
	}), fine
}

func reverseText(dst []byte, in []*Vector, r int32) ([]byte, verdict) {
	s := in[0].Str(int(r))
	for len(s) > 0 {
		_, size := utf8.DecodeLastRune(s)
		dst = append(dst, s[len(s)-size:]...)
		s = s[:len(s)-size]
	}
	return dst, fine
}

func lengthFunctions() []*function {
	typings := []overload{sig(Int64, String), sig(Int64, Binary)}
	return []*function{
		define(about("length", "length(string) → bigint", "Characters of a string, bytes of a binary."), "a string", lengthKernel, typings...),
		define(about("octet_length", "octet_length(string) → bigint", "Bytes of a string in UTF-8, or of a binary."), "a string",
			always(intRows(func(in []*Vector, r int32) (int64, verdict) { return int64(len(in[0].Str(int(r)))), fine })), typings...),
		define(about("bit_length", "bit_length(string) → bigint", "Eight times the bytes of a string or binary."), "a string",
			always(intRows(func(in []*Vector, r int32) (int64, verdict) { return 8 * int64(len(in[0].Str(int(r)))), fine })), typings...),
	}
}

func lengthKernel(e *Expr) kernel {
	if e.Args[0].Type.Kind == Binary {
		return intRows(func(in []*Vector, r int32) (int64, verdict) { return int64(len(in[0].Str(int(r)))), fine })
	}
	return intRows(func(in []*Vector, r int32) (int64, verdict) { return int64(runeCount(in[0].Str(int(r)))), fine })
}

func trimFunctions() []*function {
	trim := func(name, where string, cut func(s []byte, chars string) []byte) *function {
		return define(about(name, name+"(string [, characters]) → string", "Without the characters, by default blanks, "+where+"."), "a string, and the characters to cut off",
			always(textRows(func(dst []byte, in []*Vector, r int32) ([]byte, verdict) {
				chars := " "
				if len(in) == 2 {
					chars = string(in[1].Str(int(r)))
				}
				return append(dst, cut(in[0].Str(int(r)), chars)...), fine
			})), sig(String, String), sig(String, String, String))
	}
	return []*function{trim("btrim", "at both ends", bytes.Trim), trim("ltrim", "at the front", bytes.TrimLeft), trim("rtrim", "at the end", bytes.TrimRight)}
}

func joinFunctions() []*function {
	return []*function{
		{Function: about("concat", "a || b → string, concat(a, …) → string", "Joins texts; NULL when any part is NULL. Other types are written as by CAST."),
			takes: "one or more values", resolve: resolveConcat, kernel: always(strict(concat)), fails: true},
		{Function: about("concat_ws", "concat_ws(separator, a, …) → string", "Joins texts with the separator between them and leaves NULLs out; NULL when the separator is NULL."),
			takes: "a separator and one or more values", resolve: resolveConcatWS, kernel: always(concatWS), fails: true},
		define(about("repeat", "repeat(string, count) → string", "The text so many times; a count below 1 gives an empty one. The result has at most 16 MiB."),
			"a string and a count", always(textRows(repeatText)), sig(String, String, Int64)),
		define(about("lpad", "lpad(string, length [, fill]) → string", "Filled up at the front with fill, by default blanks, to so many characters; a longer text is cut at its end."),
			"a string, a length and a string", always(textRows(lpad)), sig(String, String, Int64), sig(String, String, Int64, String)),
		define(about("rpad", "rpad(string, length [, fill]) → string", "Filled up at the end with fill, by default blanks, to so many characters; a longer text is cut at its end."),
			"a string, a length and a string", always(textRows(rpad)), sig(String, String, Int64), sig(String, String, Int64, String)),
	}
}

func resolveConcat(fn *function, args []*Expr) (*Expr, error) {
	if len(args) == 0 {
		return nil, noSuchFunction(fn, args)
	}
	if fn.Name == "concat" && slices.ContainsFunc(args, func(a *Expr) bool { return a.Type.Kind == Array }) {
		return concatWithArray(fn, args)
	}
	out := make([]*Expr, len(args))
	for i, a := range args {
		var err error
		if out[i], err = fn.session.Cast(a, Type{Kind: String}); err != nil {
			return nil, noSuchFunction(fn, args)
		}
	}
	return &Expr{Op: fn.Name, Type: Type{Kind: String}, Args: out}, nil
}

// concatWithArray joins arrays, or adds one element in front or behind.
func concatWithArray(fn *function, args []*Expr) (*Expr, error) {
	switch {
	case len(args) == 2 && args[0].Type.Kind != Array && args[0].Type.Kind != Null:
		return delegated(fn, args, "array_prepend")
	case len(args) == 2 && args[1].Type.Kind != Array && args[1].Type.Kind != Null:
		return delegated(fn, args, "array_append")
	}
	return delegated(fn, args, "array_concat")
}

func resolveConcatWS(fn *function, args []*Expr) (*Expr, error) {
	if len(args) < 2 {
		return nil, noSuchFunction(fn, args)
	}
	return resolveConcat(fn, args)
}

func concat(n *node, rows rowSet) error {
	out := n.outStrings()
	defer out.done()
	return n.each(rows, func(r int32) verdict {
		out.row(r)
		for _, v := range n.in {
			out.v.Data = append(out.v.Data, v.Str(int(r))...)
		}
		if len(out.v.Data) > maxTextBytes {
			return textsTooLong
		}
		return fine
	})
}

// concatWS is NULL only where the separator is.
func concatWS(n *node, f *frame, rows rowSet) error {
	if err := n.evalArgs(f, rows); err != nil {
		return err
	}
	n.out.Valid = n.in[0].Valid
	out := n.outStrings()
	defer out.done()
	return n.each(rows, func(r int32) verdict {
		out.row(r)
		first := true
		for _, v := range n.in[1:] {
			if isNullAt(v.Valid, r) {
				continue
			}
			if !first {
				out.v.Data = append(out.v.Data, n.in[0].Str(int(r))...)
			}
			out.v.Data = append(out.v.Data, v.Str(int(r))...)
			first = false
		}
		if len(out.v.Data) > maxTextBytes {
			return textsTooLong
		}
		return fine
	})
}

// maxMade bounds a text that a number in the data makes, so that no row can ask for all memory.
const maxMade = 16 << 20

const madeTooLong verdict = "the result is longer than 16 MiB"

func repeatText(dst []byte, in []*Vector, r int32) ([]byte, verdict) {
	s, count := in[0].Str(int(r)), in[1].I64[r]
	if count <= 0 || len(s) == 0 {
		return dst, fine
	}
	if count > maxMade/int64(len(s)) {
		return dst, madeTooLong
	}
	for range count {
		dst = append(dst, s...)
	}
	return dst, fine
}

// padding is the text cut to size characters, and how many are missing.
func padding(in []*Vector, r int32) (s, fill []byte, missing int64, v verdict) {
	s, fill = in[0].Str(int(r)), []byte(" ")
	size := max(in[1].I64[r], 0)
	if len(in) == 3 {
		fill = in[2].Str(int(r))
	}
	have := int64(utf8.RuneCount(s))
	switch {
	case have >= size:
		return s[:charOffset(s, size)], nil, 0, fine
	case len(fill) == 0:
		return s, nil, 0, fine
	case size > maxMade/utf8.UTFMax:
		return s, nil, 0, madeTooLong
	}
	return s, fill, size - have, fine
}

func lpad(dst []byte, in []*Vector, r int32) ([]byte, verdict) {
	s, fill, missing, v := padding(in, r)
	return append(appendFill(dst, fill, missing), s...), v
}

func rpad(dst []byte, in []*Vector, r int32) ([]byte, verdict) {
	s, fill, missing, v := padding(in, r)
	return appendFill(append(dst, s...), fill, missing), v
}

// appendFill appends so many characters, which are those of fill again and again.
func appendFill(dst, fill []byte, missing int64) []byte {
	size := int64(utf8.RuneCount(fill))
	for ; missing > 0; missing -= size {
		dst = append(dst, fill[:charOffset(fill, missing)]...)
	}
	return dst
}

// charOffset is where in s the character number k, from 0, begins; the end of s if there are fewer.
func charOffset(s []byte, k int64) int {
	if k >= int64(len(s)) {
		return len(s)
	}
	at := 0
	for ; k > 0 && at < len(s); k-- {
		if s[at] < utf8.RuneSelf {
			at++
			continue
		}
		_, size := utf8.DecodeRune(s[at:])
		at += size
	}
	return at
}
