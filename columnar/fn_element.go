package columnar

import "fmt"

func elementFunctions() []*function {
	return []*function{
		{Function: about("element_at", "a[n], element_at(array, n); m[key], element_at(map, key)", "The n-th element of an array, counted from 1, or from the end when n is negative; or the value of a key of a map. NULL when there is none."),
			takes: "an array and a number, or a map and a key", resolve: resolveElement, kernel: elementKernel},
		{Function: about("cardinality", "cardinality(array) → bigint, cardinality(map) → bigint", "How many elements an array has, or how many keys a map."), takes: "an array or a map", resolve: resolveCardinality, kernel: always(cardinality)},
	}
}

func resolveElement(fn *function, args []*Expr) (*Expr, error) {
	if len(args) != 2 {
		return nil, noSuchFunction(fn, args)
	}
	switch t := args[0].Type; t.Kind {
	case Null:
		return args[0], nil
	case Array:
		if !args[1].Type.Integer() && args[1].Type.Kind != Null {
			return nil, noSuchFunction(fn, args)
		}
		at, err := fn.session.coerce(args[1], Type{Kind: Int64})
		if err != nil {
			return nil, err
		}
		return &Expr{Op: fn.Name, Type: t.Elem(), Args: []*Expr{args[0], at}}, nil
	case Map:
		m, key, err := sameKey(fn, args[0], args[1])
		if err != nil {
			return nil, explain(fn, args, err)
		}
		return &Expr{Op: fn.Name, Type: m.Type.Elem(), Args: []*Expr{m, key}}, nil
	}
	return nil, noSuchFunction(fn, args)
}

// sameKey gives a key the type of a map's keys, or both a common one.
func sameKey(fn *function, m, key *Expr) (*Expr, *Expr, error) {
	same, t, err := fn.session.agree([]*Expr{{Op: "col", Type: m.Type.KeyType()}, key})
	if err != nil {
		return nil, nil, err
	}
	m, err = fn.session.coerce(m, MapOf(t, m.Type.Elem()))
	return m, same[1], err
}

func elementKernel(e *Expr) kernel {
	switch e.Args[0].Type.Kind {
	case Array:
		return picked(func(in []*Vector) (*Vector, func(r int32) int32) {
			return in[0].Kids[0], func(r int32) int32 { return placeOf(in[0].Off[r], in[0].Off[r+1], in[1].I64[r]) }
		})
	case Map:
		return picked(func(in []*Vector) (*Vector, func(r int32) int32) {
			find := keyFinder(in)
			return in[0].Kids[1], find
		})
	}
	return nil
}

// placeOf is the position of an element that is counted from 1, or from the end; −1 for none.
func placeOf(from, to int32, at int64) int32 {
	switch size := int64(to - from); {
	case at > 0 && at <= size:
		return from + int32(at) - 1
	case at < 0 && at >= -size:
		return to + int32(at)
	}
	return -1
}

// keyFinder finds where in the parts of a map a key stands, −1 for nowhere.
func keyFinder(in []*Vector) func(r int32) int32 {
	compare := comparator(in[0].Kids[0], in[1])
	return func(r int32) int32 {
		for i := in[0].Off[r]; i < in[0].Off[r+1]; i++ {
			if compare(i, r) == 0 {
				return i
			}
		}
		return -1
	}
}

func resolveCardinality(fn *function, args []*Expr) (*Expr, error) {
	if len(args) == 2 { // PostgreSQL's array_length(array, 1)
		if d, ok := literal(args[1]); !ok || d.Value.I != 1 || !d.Type.Integer() {
			return nil, fmt.Errorf("arrays have one dimension: write array_length(array, 1) or cardinality(array)")
		}
		args = args[:1]
	}
	if len(args) != 1 {
		return nil, noSuchFunction(fn, args)
	}
	switch args[0].Type.Kind {
	case Null:
		return Const(Type{Kind: Int64}, Value{Null: true}), nil
	case Array, Map:
		return &Expr{Op: fn.Name, Type: Type{Kind: Int64}, Args: args}, nil
	}
	return nil, noSuchFunction(fn, args)
}

var cardinality = strict(func(n *node, _ rowSet) error {
	dst, off := n.outI64(), n.in[0].Off[:n.out.N+1]
	for i := range dst {
		dst[i] = int64(off[i+1] - off[i])
	}
	return nil
})
