package columnar

import (
	"unicode"
	"unicode/utf8"
)

func stringFunctions() []*function {
	text := overloaded(overload{[]Kind{String}, String})
	return []*function{
		{Function: about("lower", "lower(string) → string", "Lower case, letter by letter."), takes: "a string", resolve: text,
			kernel: func(*Expr) kernel { return mapRunes(unicode.ToLower) }},
		{Function: about("upper", "upper(string) → string", "Upper case, letter by letter."), takes: "a string", resolve: text,
			kernel: func(*Expr) kernel { return mapRunes(unicode.ToUpper) }},
		{Function: about("length", "length(string) → bigint", "Characters of a string, bytes of a binary."), takes: "a string", kernel: lengthKernel,
			resolve: overloaded(overload{[]Kind{String}, Int64}, overload{[]Kind{Binary}, Int64})},
		{Function: about("concat", "a || b → string, concat(a, …) → string", "Joins texts; NULL when any part is NULL. Other types are written as by CAST."),
			takes: "one or more values", resolve: resolveConcat, kernel: func(*Expr) kernel { return strict(concat) }},
	}
}

func mapRunes(f func(rune) rune) kernel {
	return formatting(func(dst []byte, v *Vector, r int32) []byte {
		s := v.Str(int(r))
		for len(s) > 0 {
			c, size := utf8.DecodeRune(s)
			if c == utf8.RuneError && size == 1 {
				dst = append(dst, s[0]) // a byte that is not UTF-8 stays as it is
			} else {
				dst = utf8.AppendRune(dst, f(c))
			}
			s = s[size:]
		}
		return dst
	})
}

func lengthKernel(e *Expr) kernel {
	binary := e.Args[0].Type.Kind == Binary
	return strict(func(n *node, rows rowSet) error {
		dst, v := n.outI64(), n.in[0]
		for _, r := range rows.list {
			if isNullAt(n.out.Valid, r) {
				continue
			}
			if s := v.Str(int(r)); binary {
				dst[r] = int64(len(s))
			} else {
				dst[r] = int64(utf8.RuneCount(s))
			}
		}
		return nil
	})
}

func resolveConcat(fn *function, args []*Expr) (*Expr, error) {
	if len(args) == 0 {
		return nil, noSuchFunction(fn, args)
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

func concat(n *node, rows rowSet) error {
	out := n.outStrings()
	for _, r := range rows.list {
		out.row(r)
		if isNullAt(n.out.Valid, r) {
			continue
		}
		for _, v := range n.in {
			out.v.Data = append(out.v.Data, v.Str(int(r))...)
		}
	}
	out.done()
	return nil
}
