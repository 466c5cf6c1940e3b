package columnar

import (
	"encoding/base64"
	"unicode/utf8"
)

// appendJSON writes row r of v, of any type, as JSON: numbers and booleans bare, but for NaN and the infinities, which
// are text; binaries in base64; arrays as arrays, structs and maps as objects; all else as the text of CAST AS string.
// Instants are shown in the zone, nil for UTC.
func appendJSON(dst []byte, v *Vector, r int32, z *Zone) []byte {
	if isNullAt(v.Valid, r) {
		return append(dst, "null"...)
	}
	switch v.Type.Kind {
	case Bool, Int8, Int16, Int32, Int64, Decimal:
		return formatter(v.Type, nil)(dst, v, r)
	case Float32, Float64:
		if f := v.F64[r]; f-f == 0 { // finite
			return appendFloat(dst, f, v.Type)
		}
	case String:
		return appendJSONText(dst, v.Str(int(r)))
	case Binary:
		dst = base64.StdEncoding.AppendEncode(append(dst, '"'), v.Str(int(r)))
		return append(dst, '"')
	case Array, Struct, Map:
		return appendJSONParts(dst, v, r, z)
	}
	return append(formatter(v.Type, z)(append(dst, '"'), v, r), '"')
}

// appendJSONParts writes an array, or an object with the names of the fields, or with the texts of the keys.
func appendJSONParts(dst []byte, v *Vector, r int32, z *Zone) []byte {
	begin, end := byte('{'), byte('}')
	if v.Type.Kind == Array {
		begin, end = '[', ']'
	}
	dst = append(dst, begin)
	from, to := int32(0), int32(len(v.Kids))
	if v.Off != nil {
		from, to = v.Off[r], v.Off[r+1]
	}
	for i := from; i < to; i++ {
		if i > from {
			dst = append(dst, ',')
		}
		switch v.Type.Kind {
		case Struct:
			dst = append(appendJSONText(dst, []byte(v.Type.Fields()[i].Name)), ':')
			dst = appendJSON(dst, v.Kids[i], r, z)
		case Map:
			dst = append(appendJSONKey(dst, v.Kids[0], i, z), ':')
			dst = appendJSON(dst, v.Kids[1], i, z)
		default:
			dst = appendJSON(dst, v.Kids[0], i, z)
		}
	}
	return append(dst, end)
}

// appendJSONKey writes a key of a map as text.
func appendJSONKey(dst []byte, v *Vector, r int32, z *Zone) []byte {
	return appendJSONText(dst, formatter(v.Type, z)(nil, v, r))
}

// appendJSONText quotes s. What is no UTF-8 becomes U+FFFD, as JSON has no other text.
func appendJSONText(dst, s []byte) []byte {
	const hex = "0123456789abcdef"
	dst = append(dst, '"')
	for len(s) > 0 {
		c := s[0]
		switch {
		case c == '"' || c == '\\':
			dst = append(dst, '\\', c)
		case c == '\n':
			dst = append(dst, `\n`...)
		case c == '\r':
			dst = append(dst, `\r`...)
		case c == '\t':
			dst = append(dst, `\t`...)
		case c < ' ':
			dst = append(dst, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		case c < utf8.RuneSelf:
			dst = append(dst, c)
		default:
			char, size := utf8.DecodeRune(s)
			dst = utf8.AppendRune(dst, char)
			s = s[size-1:]
		}
		s = s[1:]
	}
	return append(dst, '"')
}
