package columnar

import (
	"bytes"
	"fmt"
	"strings"
	"unicode/utf8"
)

func urlFunctions() []*function {
	return []*function{
		define(about("url_encode", "url_encode(string) → string", "The text as a form sends it: letters, digits and . - * _ stay, a blank becomes +, other bytes %XX."), "a string", always(textRows(urlEncode)), sig(String, String)),
		define(about("url_decode", "url_decode(string) → string", "The inverse of url_encode."), "a string", always(textRows(urlDecode)), sig(String, String)),
		{Function: about("parse_url", "parse_url(url, part [, key]) → string", "A part of a URL: 'PROTOCOL', 'AUTHORITY', 'USERINFO', 'HOST', 'PATH', 'QUERY', 'REF' or 'FILE' (path and query), as it is written there; 'QUERY' with a key gives the value of that parameter. NULL when there is none."),
			takes: "a string, the name of a part, and a key", resolve: resolveParseURL, kernel: parseURLKernel, fails: true},
	}
}

func urlEncode(dst []byte, in []*Vector, r int32) ([]byte, verdict) {
	const hexDigits = "0123456789ABCDEF"
	for _, c := range in[0].Str(int(r)) {
		switch {
		case 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || isDigit(c) || c == '.' || c == '-' || c == '*' || c == '_':
			dst = append(dst, c)
		case c == ' ':
			dst = append(dst, '+')
		default:
			dst = append(dst, '%', hexDigits[c>>4], hexDigits[c&15])
		}
	}
	return dst, fine
}

func urlDecode(dst []byte, in []*Vector, r int32) ([]byte, verdict) {
	s := in[0].Str(int(r))
	begin := len(dst)
	for i := 0; i < len(s); i++ {
		switch c := s[i]; c {
		case '+':
			dst = append(dst, ' ')
		case '%':
			if i+2 >= len(s) || hexValue(s[i+1]) < 0 || hexValue(s[i+2]) < 0 {
				return dst, verdict(fmt.Sprintf("%q has a %% that two hexadecimal digits do not follow", shortened(s)))
			}
			dst = append(dst, byte(hexValue(s[i+1])<<4|hexValue(s[i+2])))
			i += 2
		default:
			dst = append(dst, c)
		}
	}
	if !utf8.Valid(dst[begin:]) {
		return dst, verdict(fmt.Sprintf("%q is not UTF-8 when decoded", shortened(s)))
	}
	return dst, fine
}

// hexValue is the value of a hexadecimal digit, −1 of other bytes.
func hexValue(c byte) int {
	switch {
	case isDigit(c):
		return int(c - '0')
	case c|0x20 >= 'a' && c|0x20 <= 'f':
		return int(c|0x20-'a') + 10
	}
	return -1
}

// urlParts is a URL cut as by the expression in RFC 3986, appendix B. Missing parts are nil.
type urlParts struct{ scheme, authority, path, query, fragment []byte }

func cutURL(s []byte) (u urlParts) {
	if at := bytes.IndexByte(s, '#'); at >= 0 {
		s, u.fragment = s[:at], s[at+1:]
	}
	if at := bytes.IndexByte(s, '?'); at >= 0 {
		s, u.query = s[:at], s[at+1:]
	}
	if at := bytes.IndexByte(s, ':'); at > 0 && bytes.IndexByte(s[:at], '/') < 0 {
		u.scheme, s = s[:at], s[at+1:]
	}
	if bytes.HasPrefix(s, []byte("//")) {
		s = s[2:]
		end := bytes.IndexByte(s, '/')
		if end < 0 {
			end = len(s)
		}
		u.authority, s = s[:end], s[end:]
	}
	u.path = s
	return u
}

var urlPart = map[string]func(u urlParts, key []byte) []byte{
	"PROTOCOL":  func(u urlParts, _ []byte) []byte { return u.scheme },
	"AUTHORITY": func(u urlParts, _ []byte) []byte { return u.authority },
	"USERINFO":  func(u urlParts, _ []byte) []byte { return u.userinfo() },
	"HOST":      func(u urlParts, _ []byte) []byte { return u.host() },
	"PATH":      func(u urlParts, _ []byte) []byte { return u.path },
	"REF":       func(u urlParts, _ []byte) []byte { return u.fragment },
	"FILE":      func(u urlParts, _ []byte) []byte { return u.file() },
	"QUERY":     urlParts.parameter,
}

func (u urlParts) userinfo() []byte {
	if at := bytes.LastIndexByte(u.authority, '@'); at >= 0 {
		return u.authority[:at]
	}
	return nil
}

// host leaves user and port out.
func (u urlParts) host() []byte {
	h := u.authority[bytes.LastIndexByte(u.authority, '@')+1:]
	if colon := bytes.LastIndexByte(h, ':'); colon >= 0 && digitsLen(h[colon+1:]) == len(h)-colon-1 {
		h = h[:colon]
	}
	if len(h) == 0 {
		return nil
	}
	return h
}

func (u urlParts) file() []byte {
	if u.query == nil {
		return u.path
	}
	return append(append(append([]byte{}, u.path...), '?'), u.query...)
}

// parameter is the whole query, or with a key the value of the first parameter of that name.
func (u urlParts) parameter(key []byte) []byte {
	if key == nil {
		return u.query
	}
	for rest := u.query; len(rest) > 0; {
		var p []byte
		p, rest, _ = bytes.Cut(rest, []byte("&"))
		if name, value, ok := bytes.Cut(p, []byte("=")); ok && bytes.Equal(name, key) {
			return value
		}
	}
	return nil
}

func resolveParseURL(fn *function, args []*Expr) (*Expr, error) {
	e, err := overloaded(sig(String, String, String), sig(String, String, String, String))(fn, args)
	if err != nil {
		return nil, err
	}
	name, ok := literal(e.Args[1])
	part := strings.ToUpper(name.valueText())
	switch {
	case !ok || urlPart[part] == nil:
		return nil, fmt.Errorf("parse_url takes the part in quotes: 'PROTOCOL', 'AUTHORITY', 'USERINFO', 'HOST', 'PATH', 'QUERY', 'REF' or 'FILE'")
	case len(e.Args) == 3 && part != "QUERY":
		return nil, fmt.Errorf("parse_url takes a key with the part 'QUERY' only")
	}
	e.Args[1] = textLiteral(part)
	return e, nil
}

func parseURLKernel(e *Expr) kernel {
	get := urlPart[e.Args[1].valueText()]
	if get == nil {
		return nil
	}
	return textRows(func(dst []byte, in []*Vector, r int32) ([]byte, verdict) {
		var key []byte
		if len(in) == 3 {
			key = in[2].Str(int(r))
		}
		p := get(cutURL(in[0].Str(int(r))), key)
		if p == nil {
			return dst, noValue
		}
		return append(dst, p...), fine
	})
}
