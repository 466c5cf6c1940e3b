package columnar

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// JSON is kept in strings. The functions check all of the text: one that is no JSON gives NULL, as in Spark and Flink, so
// that a bad text does not stop a job; json_valid finds it. Of a key that stands twice the last value counts, as in the
// decoder and in PostgreSQL.

func jsonFunctions() []*function {
	at := func(name, out, doc string, k func(f jsonFind) kernel, kind Kind) *function {
		return &function{Function: about(name, name+"(json, path) → "+out, doc), takes: "a string and a path such as '$.a.b[0]'", fails: true,
			resolve: resolveJSONPath(kind), kernel: func(*Expr) kernel { return k(findPath()) }}
	}
	step := func(name, doc string, k func(f jsonFind) kernel) *function {
		return define(about(name, "json "+name+" key → string, json "+name+" index → string", doc), "a string, and a key in quotes or an index",
			func(e *Expr) kernel { return k(findStep(e.Args[1].Type.Kind == Int64)) }, sig(String, String, String), sig(String, String, Int64))
	}
	return append([]*function{
		step("->", "The JSON text of a member of an object, or of an element of an array: from 0, or from −1 at its end. NULL when there is none, or the text is no JSON.", jsonText),
		step("->>", "As ->, but the value of a string without its quotes, and NULL for null.", jsonPlain),
		at("json_extract", "string", "The JSON text of the value at a path of keys and indices from 0: $.a.b[0], $['a b']. NULL when there is none, or the text is no JSON.", jsonText, String),
		at("json_extract_string", "string", "As json_extract, but the value of a string without its quotes, and NULL for null.", jsonPlain, String),
		at("json_value", "string", "As json_extract_string for strings, numbers and booleans; NULL for objects and arrays.", jsonScalar, String),
		at("json_query", "string", "The JSON text of the object or array at a path; NULL for other values.", jsonNested, String),
		at("json_exists", "boolean", "Whether there is a value at the path.", jsonExists, Bool),
		{Function: about("json_array_length", "json_array_length(json [, path]) → bigint", "How many elements the array has; NULL when the value is none."), takes: "a string, and a path such as '$.a.b[0]'", fails: true,
			resolve: resolveJSONPath(Int64), kernel: func(*Expr) kernel { return jsonArrayLength(findPath()) }},
		{Function: about("json_typeof", "json_typeof(json [, path]) → string", "What the value is: object, array, string, number, boolean or null."), takes: "a string, and a path such as '$.a.b[0]'", fails: true,
			resolve: resolveJSONPath(String), kernel: func(*Expr) kernel { return jsonTypeof(findPath()) }},
		define(about("json_valid", "json_valid(string) → boolean", "Whether the text is JSON, by RFC 8259."), "a string", func(*Expr) kernel {
			var w jsonWalk
			return boolRows(func(in []*Vector, r int32) (bool, verdict) {
				_, ok := w.find(in[0], r, nil)
				return ok, fine
			})
		}, sig(Bool, String)),
	}, makeJSONFunctions()...)
}

// jsonFind looks a value up for a row. ok is false when the text is no JSON; a value that is not there is jsonAbsent.
type jsonFind func(in []*Vector, r int32) (w *jsonWalk, v jsonValue, ok bool, why verdict)

// findPath takes a path from the second argument, and the whole text without one.
func findPath() jsonFind {
	var w jsonWalk
	var text []byte
	var path Path
	return func(in []*Vector, r int32) (*jsonWalk, jsonValue, bool, verdict) {
		if len(in) > 1 {
			if t := in[1].Str(int(r)); path == nil || !bytes.Equal(t, text) {
				p, err := parseJSONPath(string(t))
				if err != nil {
					return &w, jsonValue{}, false, verdict(err.Error())
				}
				text, path = append(text[:0], t...), p
			}
		}
		v, ok := w.find(in[0], r, path)
		return &w, v, ok, fine
	}
}

// findStep takes one step from the second argument.
func findStep(index bool) jsonFind {
	var w jsonWalk
	var last []byte
	step := make(Path, 1)
	return func(in []*Vector, r int32) (*jsonWalk, jsonValue, bool, verdict) {
		switch {
		case index:
			i := in[1].I64[r]
			if i < -maxPathIndex || i > maxPathIndex {
				return &w, jsonValue{}, true, fine
			}
			step[0] = PathStep{IsIndex: true, Index: int(i)}
		case step[0].Key == "" || !bytes.Equal(in[1].Str(int(r)), last):
			last = append(last[:0], in[1].Str(int(r))...)
			step[0].Key = string(last)
		}
		v, ok := w.find(in[0], r, step)
		return &w, v, ok, fine
	}
}

// jsonWalk finds values in JSON texts.
type jsonWalk struct {
	scan jsonScanner
	copy []byte // of a text without Slack behind it
	key  []byte // without escapes
}

// find checks the text of row r and finds the value at the path.
func (w *jsonWalk) find(v *Vector, r int32, path Path) (found jsonValue, ok bool) {
	from, to := int(v.Off[r]), int(v.Off[r+1])
	buf := v.Data[:cap(v.Data)]
	if len(buf)-to < Slack {
		w.copy = append(append(w.copy[:0], v.Data[from:to]...), make([]byte, Slack)...)
		buf, from, to = w.copy, 0, to-from
	}
	w.scan.reset(buf, from, to)
	w.scan.space()
	found, ok = w.value(path, 0)
	w.scan.space()
	return found, ok && w.scan.pos == to
}

// value takes the value at the scanner's position and finds the one at the path below it.
func (w *jsonWalk) value(path Path, depth int) (found jsonValue, ok bool) {
	s := &w.scan
	switch {
	case len(path) == 0:
		return s.located(depth)
	case s.at('{') && !path[0].IsIndex:
		return w.member(path, depth)
	case s.at('[') && path[0].IsIndex:
		return w.element(path, depth)
	}
	return jsonValue{}, s.value(depth)
}

func (w *jsonWalk) member(path Path, depth int) (found jsonValue, ok bool) {
	if depth >= maxJSONDepth {
		return found, false
	}
	w.scan.pos++
	for first := true; ; first = false {
		key, next := w.scan.member(first)
		if next != jsonMember {
			return found, next == jsonClosed
		}
		text := w.scan.buf[key.from:key.to]
		if key.escaped {
			w.key = unescape(w.key[:0], text)
			text = w.key
		}
		if string(text) != path[0].Key {
			ok = w.scan.value(depth + 1)
		} else {
			found, ok = w.value(path[1:], depth+1)
		}
		if !ok {
			return found, false
		}
	}
}

func (w *jsonWalk) element(path Path, depth int) (found jsonValue, ok bool) {
	want := path[0].Index
	if want < 0 {
		count, ok := w.count(depth)
		if !ok {
			return found, false
		}
		want += count
	}
	if depth >= maxJSONDepth {
		return found, false
	}
	w.scan.pos++
	for i := 0; ; i++ {
		next := w.scan.element(i == 0)
		if next != jsonMember {
			return found, next == jsonClosed
		}
		if i != want {
			ok = w.scan.value(depth + 1)
		} else {
			found, ok = w.value(path[1:], depth+1)
		}
		if !ok {
			return found, false
		}
	}
}

// count is how many elements the array at the scanner's position has; it moves nothing.
func (w *jsonWalk) count(depth int) (n int, ok bool) {
	start := w.scan.pos
	defer func() { w.scan.pos = start }()
	w.scan.pos++
	for ; ; n++ {
		if next := w.scan.element(n == 0); next != jsonMember {
			return n, next == jsonClosed
		}
		if !w.scan.value(depth + 1) {
			return n, false
		}
	}
}

// text is the value as written.
func (w *jsonWalk) text(v jsonValue) []byte { return w.scan.buf[v.from:v.to] }

// appendPlain writes a string without quotes and escapes, other values as they are.
func (w *jsonWalk) appendPlain(dst []byte, v jsonValue) []byte {
	text := w.text(v)
	switch v.kind {
	case jsonString:
		return append(dst, text[1:len(text)-1]...)
	case jsonEscaped:
		return unescape(dst, text[1:len(text)-1])
	}
	return append(dst, text...)
}

// isNested reports whether the value is an object or an array.
func (w *jsonWalk) isNested(v jsonValue) bool { c := w.scan.buf[v.from]; return c == '{' || c == '[' }

// jsonTexts is a kernel that writes the values that take lets through.
func jsonTexts(find jsonFind, take func(w *jsonWalk, v jsonValue) bool, write func(w *jsonWalk, dst []byte, v jsonValue) []byte) kernel {
	return textRows(func(dst []byte, in []*Vector, r int32) ([]byte, verdict) {
		w, v, ok, why := find(in, r)
		switch {
		case why != fine:
			return dst, why
		case !ok || v.kind == jsonAbsent || !take(w, v):
			return dst, noValue
		}
		return write(w, dst, v), fine
	})
}

func writeJSON(w *jsonWalk, dst []byte, v jsonValue) []byte { return append(dst, w.text(v)...) }

func writePlain(w *jsonWalk, dst []byte, v jsonValue) []byte { return w.appendPlain(dst, v) }

func jsonText(find jsonFind) kernel {
	return jsonTexts(find, func(*jsonWalk, jsonValue) bool { return true }, writeJSON)
}

func jsonPlain(find jsonFind) kernel {
	return jsonTexts(find, func(_ *jsonWalk, v jsonValue) bool { return v.kind != jsonNull }, writePlain)
}

func jsonScalar(find jsonFind) kernel {
	return jsonTexts(find, func(w *jsonWalk, v jsonValue) bool { return v.kind != jsonNull && !w.isNested(v) }, writePlain)
}

func jsonNested(find jsonFind) kernel { return jsonTexts(find, (*jsonWalk).isNested, writeJSON) }

func jsonExists(find jsonFind) kernel {
	return boolRows(func(in []*Vector, r int32) (bool, verdict) {
		_, v, ok, why := find(in, r)
		return ok && v.kind != jsonAbsent, why
	})
}

func jsonArrayLength(find jsonFind) kernel {
	return intRows(func(in []*Vector, r int32) (int64, verdict) {
		w, v, ok, why := find(in, r)
		if !ok || v.kind == jsonAbsent || w.scan.buf[v.from] != '[' {
			if why == fine {
				why = noValue
			}
			return 0, why
		}
		w.scan.pos = v.from
		n, _ := w.count(0)
		return int64(n), fine
	})
}

func jsonTypeof(find jsonFind) kernel {
	return jsonTexts(find, func(*jsonWalk, jsonValue) bool { return true }, func(w *jsonWalk, dst []byte, v jsonValue) []byte {
		return append(dst, jsonTypeName(w.scan.buf[v.from])...)
	})
}

// jsonTypeName goes by the first byte of a value.
func jsonTypeName(c byte) string {
	switch c {
	case '{':
		return "object"
	case '[':
		return "array"
	case '"':
		return "string"
	case 't', 'f':
		return "boolean"
	case 'n':
		return "null"
	}
	return "number"
}

// resolveJSONPath checks a path that is known.
func resolveJSONPath(out Kind) func(fn *function, args []*Expr) (*Expr, error) {
	return func(fn *function, args []*Expr) (*Expr, error) {
		list := []overload{sig(out, String, String)}
		if strings.Contains(fn.Signature, "[") {
			list = append(list, sig(out, String))
		}
		e, err := overloaded(list...)(fn, args)
		if err != nil || len(args) == 1 {
			return e, err
		}
		if p, ok := literal(e.Args[1]); ok && !p.Value.Null {
			if _, err := parseJSONPath(p.Value.S); err != nil {
				return nil, fmt.Errorf("%s: %w", fn.Name, err)
			}
			e.Args[1] = p
		}
		return e, nil
	}
}

// parseJSONPath reads the part of JSONPath (RFC 9535) that names one value: $, then .key, ."key", ['key'] and [n]. The $
// may be left out in front of a key.
func parseJSONPath(text string) (Path, error) {
	bad := func(why string) (Path, error) {
		return nil, fmt.Errorf("path %q: %s; paths are like $.a.b[0] or $['a b']", text, why)
	}
	path, rest := Path{}, text
	switch {
	case strings.HasPrefix(text, "$"):
		rest = text[1:]
	case text == "" || text[0] == '.' || text[0] == '[':
		return bad("it begins with $")
	default:
		rest = "." + text
	}
	for rest != "" {
		step, n, err := jsonPathStep(rest)
		if err != nil {
			return bad(err.Error())
		}
		if path = append(path, step); len(path) > maxPathSteps {
			return bad("it has more than 32 steps")
		}
		rest = rest[n:]
	}
	return path, nil
}

// jsonPathStep is the first step of a path, and how long it is.
func jsonPathStep(s string) (step PathStep, n int, err error) {
	switch {
	case strings.HasPrefix(s, "..") || strings.HasPrefix(s, ".*") || strings.HasPrefix(s, "[*") || strings.HasPrefix(s, "[?"):
		return step, 0, errors.New(".., * and ? name several values, which is not supported")
	case strings.HasPrefix(s, `."`), strings.HasPrefix(s, "['"), strings.HasPrefix(s, `["`):
		return quotedStep(s)
	case s[0] == '.':
		n = 1 + strings.IndexAny(s[1:]+".", ".[")
		if n == 1 {
			return step, 0, errors.New("a key is missing")
		}
		return PathStep{Key: s[1:n]}, n, nil
	case s[0] == '[':
		digits, _, closed := strings.Cut(s[1:], "]")
		i, err := strconv.Atoi(digits)
		if !closed || err != nil || i < 0 || i > maxPathIndex {
			return step, 0, fmt.Errorf("an index is a number from 0 to %d", maxPathIndex)
		}
		return PathStep{IsIndex: true, Index: i}, len(digits) + 2, nil
	}
	return step, 0, fmt.Errorf("%q does not begin a step", s[:1])
}

// quotedStep is a key in quotes, behind a dot or in brackets.
func quotedStep(s string) (step PathStep, n int, err error) {
	end := strings.IndexByte(s[2:], s[1])
	if end < 0 {
		return step, 0, errors.New("a quote has no partner")
	}
	n = end + 3
	if s[0] == '[' {
		if !strings.HasPrefix(s[n:], "]") {
			return step, 0, errors.New("a ] is missing")
		}
		n++
	}
	return PathStep{Key: s[2 : 2+end]}, n, nil
}
