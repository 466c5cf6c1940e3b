package columnar

import "fmt"

func makeJSONFunctions() []*function {
	return []*function{
		{Function: about("to_json", "to_json(a) → string", "The value as JSON: numbers and booleans bare, arrays as arrays, structs and maps as objects, binaries in Base64, all else as text. NULL is NULL."),
			takes: "one value", resolve: resolveToJSON, kernel: toJSONKernel, zoneAt: 2},
		{Function: about("json_object", "json_object(key, value, …) → string", "A JSON object of keys, which are text, and values as to_json writes them; NULL is null, and calls of to_json, json_object and json_array stand there as JSON."), takes: "keys and values in turn", resolve: resolveJSONObject, kernel: jsonMakeKernel('{', '}'), fails: true},
		{Function: about("json_array", "json_array(a, …) → string", "A JSON array of values as to_json writes them; NULL is null."), takes: "values", resolve: resolveJSONArray, kernel: jsonMakeKernel('[', ']'), fails: true},
		{Function: about("json_object_keys", "json_object_keys(json) → array", "The keys of a JSON object, as they stand there; NULL for other values."), takes: "a string", kernel: jsonKeysKernel, fails: true,
			resolve: func(fn *function, args []*Expr) (*Expr, error) {
				e, err := overloaded(sig(String, String))(fn, args)
				if err != nil {
					return nil, err
				}
				e.Type = ArrayOf(e.Type)
				return e, nil
			}},
	}
}

// holdsInstants reports whether values of a type show a time in a time zone.
func holdsInstants(t Type) bool {
	if !t.IsNested() {
		return t.Kind == Timestamp
	}
	for _, f := range t.nested.fields {
		if holdsInstants(f.Type) {
			return true
		}
	}
	return false
}

func resolveToJSON(fn *function, args []*Expr) (*Expr, error) {
	if len(args) != 1 {
		return nil, noSuchFunction(fn, args)
	}
	same, t, err := fn.session.agree(args)
	if err != nil {
		return nil, err
	}
	if holdsInstants(t) {
		same = fn.session.withZone(same)
	}
	return &Expr{Op: fn.Name, Type: Type{Kind: String}, Args: same}, nil
}

func toJSONKernel(*Expr) kernel {
	return zoned(1, func(n *node, rows rowSet, z *Zone) error {
		out, v := n.outStrings(), n.in[0]
		defer out.done()
		return n.each(rows, func(r int32) verdict {
			out.row(r)
			if out.v.Data = appendJSON(out.v.Data, v, r, z); len(out.v.Data) > maxTextBytes {
				return textsTooLong
			}
			return fine
		})
	})
}

// resolveJSONArray makes each value JSON first.
func resolveJSONArray(fn *function, args []*Expr) (*Expr, error) {
	out := make([]*Expr, len(args))
	for i, a := range args {
		switch a.Op {
		case "to_json", "json_object", "json_array":
			out[i] = a // stays JSON, not the text of it
			continue
		}
		var err error
		if out[i], err = fn.session.Call("to_json", a); err != nil {
			return nil, err
		}
	}
	return &Expr{Op: fn.Name, Type: Type{Kind: String}, Args: out}, nil
}

func resolveJSONObject(fn *function, args []*Expr) (*Expr, error) {
	if len(args)%2 != 0 {
		return nil, noSuchFunction(fn, args)
	}
	for i := 0; i < len(args); i += 2 {
		if k := args[i].Type.Kind; k != String {
			return nil, fmt.Errorf("json_object takes keys that are strings, not %s", args[i].Type.Article())
		}
	}
	return resolveJSONArray(fn, args)
}

// jsonMakeKernel puts texts of JSON together; NULL is null, but not for a key.
func jsonMakeKernel(begin, end byte) func(e *Expr) kernel {
	return func(*Expr) kernel {
		return func(n *node, f *frame, rows rowSet) error {
			if err := n.evalArgs(f, rows); err != nil {
				return err
			}
			n.out.Valid = nil
			out := n.outStrings()
			defer out.done()
			return n.each(rows, func(r int32) (v verdict) {
				out.row(r)
				out.v.Data = append(out.v.Data, begin)
				for i, part := range n.in {
					if out.v.Data, v = appendJSONPart(out.v.Data, part, r, i, begin == '{'); v != fine {
						return v
					}
				}
				out.v.Data = append(out.v.Data, end)
				return fine
			})
		}
	}
}

func appendJSONPart(dst []byte, part *Vector, r int32, i int, object bool) ([]byte, verdict) {
	if len(dst) > maxTextBytes {
		return dst, textsTooLong
	}
	switch {
	case object && i%2 == 1:
		dst = append(dst, ':')
	case i > 0:
		dst = append(dst, ',')
	}
	if !isNullAt(part.Valid, r) {
		return append(dst, part.Str(int(r))...), fine
	}
	if object && i%2 == 0 {
		return dst, "a key of json_object is NULL"
	}
	return append(dst, "null"...), fine
}

func jsonKeysKernel(e *Expr) kernel {
	var w jsonWalk
	return built(e, 1, func(b *Builder, in []*Vector, r int32) verdict {
		v, ok := w.find(in[0], r, nil)
		if !ok || w.scan.buf[v.from] != '{' {
			return noValue
		}
		w.scan.pos = v.from + 1
		for first := true; ; first = false {
			key, next := w.scan.member(first)
			if next != jsonMember {
				return fine
			}
			text := w.scan.buf[key.from:key.to]
			if key.escaped {
				w.key = unescape(w.key[:0], text)
				text = w.key
			}
			b.Kid(0).AppendBytes(text)
			w.scan.value(1)
		}
	})
}
