package columnar

import (
	"bytes"
	"math"
)

func splitFunctions() []*function {
	const takes = "a string, a separator and a number"
	typing := sig(String, String, String, Int64)
	return []*function{
		define(about("split_part", "split_part(string, separator, n) → string", "The n-th part, counted from 1, or from the end when n is negative; empty when there is none. Without separator the text is one part. An n of 0 is an error."),
			takes, always(textRows(splitPart)), typing),
		define(about("split_index", "split_index(string, separator, n) → string", "The part number n, counted from 0; NULL when there is none."),
			takes, always(textRows(splitIndex)), typing),
		define(about("substring_index", "substring_index(string, separator, n) → string", "All before the n-th separator, or, when n is negative, all behind the n-th from the end; the whole text when there are fewer."),
			takes, always(textRows(substringIndex)), typing),
	}
}

// part is the part number k, from 0, of s.
func part(s, separator []byte, k int64) (p []byte, ok bool) {
	if len(separator) == 0 {
		if k != 0 {
			return nil, false
		}
		return s, true
	}
	for ; ; k-- {
		at := bytes.Index(s, separator)
		switch {
		case k == 0 && at < 0:
			return s, true
		case k == 0:
			return s[:at], true
		case at < 0:
			return nil, false
		}
		s = s[at+len(separator):]
	}
}

// lastPart is the part number k, from 0, counted from the end. Separators are found from the front.
func lastPart(s, separator []byte, k int64) (p []byte, ok bool) {
	if len(separator) == 0 {
		return part(s, separator, k)
	}
	return part(s, separator, int64(bytes.Count(s, separator))-k)
}

func splitPart(dst []byte, in []*Vector, r int32) ([]byte, verdict) {
	s, separator, n := in[0].Str(int(r)), in[1].Str(int(r)), in[2].I64[r]
	var p []byte
	switch {
	case n == 0:
		return dst, "split_part counts from 1, or from −1 at the end, and was asked for 0"
	case n > 0:
		p, _ = part(s, separator, n-1)
	case n > math.MinInt64 && (len(separator) == 0 || -n-1 <= int64(bytes.Count(s, separator))):
		p, _ = lastPart(s, separator, -n-1)
	}
	return append(dst, p...), fine
}

func splitIndex(dst []byte, in []*Vector, r int32) ([]byte, verdict) {
	n := in[2].I64[r]
	if n < 0 {
		return dst, noValue
	}
	p, ok := part(in[0].Str(int(r)), in[1].Str(int(r)), n)
	if !ok {
		return dst, noValue
	}
	return append(dst, p...), fine
}

func substringIndex(dst []byte, in []*Vector, r int32) ([]byte, verdict) {
	s, separator, n := in[0].Str(int(r)), in[1].Str(int(r)), in[2].I64[r]
	if n == 0 || len(separator) == 0 {
		return dst, fine
	}
	rest, find, step := s, bytes.Index, int64(1)
	if n < 0 {
		find, step = bytes.LastIndex, -1
	}
	for ; n != 0; n -= step {
		at := find(rest, separator)
		switch {
		case at < 0:
			return append(dst, s...), fine
		case step < 0:
			rest = rest[:at]
		default:
			rest = rest[at+len(separator):]
		}
	}
	if step < 0 {
		return append(dst, s[len(rest)+len(separator):]...), fine
	}
	return append(dst, s[:len(s)-len(rest)-len(separator)]...), fine
}
