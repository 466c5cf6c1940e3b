package columnar

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

func encodingFunctions() []*function {
	bytesIn := []overload{sig(String, Binary), sig(String, String)}
	return []*function{
		define(about("hex", "hex(string) → string, hex(bigint) → string", "The bytes, or the number in two's complement, as hexadecimal digits in upper case."), "a string, binary or integer", hexKernel,
			sig(String, String), sig(String, Binary), sig(String, Int64)),
		define(about("to_hex", "to_hex(bigint) → string", "The number in two's complement as hexadecimal digits in lower case."), "an integer",
			always(textRows(func(dst []byte, in []*Vector, r int32) ([]byte, verdict) {
				return strconv.AppendUint(dst, uint64(in[0].I64[r]), 16), fine
			})), sig(String, Int64)),
		define(about("bin", "bin(bigint) → string", "The number in two's complement as binary digits."), "an integer",
			always(textRows(func(dst []byte, in []*Vector, r int32) ([]byte, verdict) {
				return strconv.AppendUint(dst, uint64(in[0].I64[r]), 2), fine
			})), sig(String, Int64)),
		define(about("unhex", "unhex(string) → binary", "The bytes that hexadecimal digits stand for."), "a string", always(textRows(unhex)), sig(Binary, String)),
		define(about("base64", "base64(string) → string", "The bytes in Base64 of RFC 4648 with padding, in one line."), "a string or binary",
			always(textRows(func(dst []byte, in []*Vector, r int32) ([]byte, verdict) {
				return base64.StdEncoding.AppendEncode(dst, in[0].Str(int(r))), fine
			})), bytesIn...),
		define(about("unbase64", "unbase64(string) → binary", "The bytes that a Base64 text stands for; line ends in it do not count."), "a string", always(textRows(unbase64)), sig(Binary, String)),
		{Function: about("encode", "encode(binary, 'hex' or 'base64') → string, encode(string, 'utf-8') → binary", "Bytes as a text, or a text as bytes."),
			takes: "a binary and 'hex' or 'base64', or a string and 'utf-8'", kernel: always(nil), resolve: resolveEncode},
		{Function: about("decode", "decode(string, 'hex' or 'base64') → binary, decode(binary, 'utf-8') → string", "The inverse of encode."),
			takes: "a string and 'hex' or 'base64', or a binary and 'utf-8'", kernel: always(nil), resolve: resolveDecode},
	}
}

func hexKernel(e *Expr) kernel {
	if e.Args[0].Type.Kind == Int64 {
		return textRows(func(dst []byte, in []*Vector, r int32) ([]byte, verdict) {
			at := len(dst)
			dst = strconv.AppendUint(dst, uint64(in[0].I64[r]), 16)
			return upperHex(dst, at), fine
		})
	}
	return textRows(func(dst []byte, in []*Vector, r int32) ([]byte, verdict) {
		at := len(dst)
		return upperHex(hex.AppendEncode(dst, in[0].Str(int(r))), at), fine
	})
}

func upperHex(dst []byte, from int) []byte {
	for i := from; i < len(dst); i++ {
		if dst[i] >= 'a' {
			dst[i] -= 'a' - 'A'
		}
	}
	return dst
}

func unhex(dst []byte, in []*Vector, r int32) ([]byte, verdict) {
	s := in[0].Str(int(r))
	out, err := hex.AppendDecode(dst, s)
	if err != nil {
		return dst, verdict(fmt.Sprintf("%q is not hexadecimal", shortened(s)))
	}
	return out, fine
}

func unbase64(dst []byte, in []*Vector, r int32) ([]byte, verdict) {
	s := in[0].Str(int(r))
	out, err := base64.StdEncoding.AppendDecode(dst, s)
	if err != nil {
		return dst, verdict(fmt.Sprintf("%q is not Base64", shortened(s)))
	}
	return out, fine
}

// shortened is a text for a message.
func shortened(s []byte) string {
	const most = 60
	if len(s) <= most {
		return string(s)
	}
	cut := most
	for cut > 0 && !utf8.RuneStart(s[cut]) {
		cut--
	}
	return string(s[:cut]) + "…"
}

func resolveEncode(fn *function, args []*Expr) (*Expr, error) {
	return transcoded(fn, args, map[string]string{"binary hex": "to hex", "binary base64": "base64", "string utf-8": "cast", "string utf8": "cast"})
}

func resolveDecode(fn *function, args []*Expr) (*Expr, error) {
	return transcoded(fn, args, map[string]string{"string hex": "unhex", "string base64": "unbase64", "binary utf-8": "cast", "binary utf8": "cast"})
}

// transcoded chooses by the type and the name of the encoding.
func transcoded(fn *function, args []*Expr, ways map[string]string) (*Expr, error) {
	e, err := overloaded(sig(String, String, String), sig(String, Binary, String))(fn, args)
	if err != nil {
		return nil, err
	}
	from := e.Args[0].Type.Kind
	format, ok := literal(e.Args[1])
	name := strings.Map(unicode.ToLower, format.valueText())
	if args[0].Type.Kind == Null && ways[from.String()+" "+name] == "" {
		from = String + Binary - from
		if e.Args[0], err = fn.session.Cast(args[0], Type{Kind: from}); err != nil {
			return nil, err
		}
	}
	way := ways[from.String()+" "+name]
	switch {
	case !ok || way == "":
		return nil, fmt.Errorf("%s of a %s takes %s", fn.Name, from, fn.takes)
	case way == "cast":
		return fn.session.Cast(e.Args[0], Type{Kind: String + Binary - from})
	case way == "to hex":
		h, err := fn.session.Call("hex", e.Args[0])
		if err != nil {
			return nil, err
		}
		return fn.session.Call("lower", h)
	}
	return fn.session.Call(way, e.Args[0])
}

// valueText is the text of a literal, empty for NULL and for what is none.
func (e *Expr) valueText() string {
	if e == nil || e.Op != "const" || e.Value.Null {
		return ""
	}
	return e.Value.S
}
