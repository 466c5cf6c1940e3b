package columnar

func mapFunctions() []*function {
	part := func(name, out, doc string, typ func(m Type) Type, k func(*Expr) kernel) *function {
		return &function{Function: about(name, name+"(map) → "+out, doc), takes: "a map", kernel: k, resolve: func(fn *function, args []*Expr) (*Expr, error) {
			if len(args) != 1 {
				return nil, noSuchFunction(fn, args)
			}
			m := args[0]
			if m.Type.Kind == Null {
				m = Const(MapOf(Type{Kind: String}, Type{Kind: String}), Value{Null: true})
			}
			if m.Type.Kind != Map {
				return nil, noSuchFunction(fn, args)
			}
			return &Expr{Op: fn.Name, Type: typ(m.Type), Args: []*Expr{m}}, nil
		}}
	}
	return []*function{
		part("map_keys", "array", "The keys of a map.", func(m Type) Type { return ArrayOf(m.KeyType()) }, mapPart(0)),
		part("map_values", "array", "The values of a map, in the order of map_keys.", func(m Type) Type { return ArrayOf(m.Elem()) }, mapPart(1)),
		part("map_entries", "array", "The keys and values of a map as an array of structs with the fields key and value.", entriesType, always(mapEntries)),
		{Function: about("map_from_entries", "map_from_entries(array of structs) → map", "A map of structs of two fields, the key and the value."), takes: "an array of structs of two fields", resolve: resolveFromEntries, kernel: fromEntries, fails: true},
		{Function: about("map_contains_key", "map_contains_key(map, key) → boolean", "Whether a map has a key."), takes: "a map and a key", resolve: resolveContainsKey, kernel: always(containsKey)},
	}
}

func entriesType(m Type) Type {
	return ArrayOf(StructOf(Field{"key", m.KeyType()}, Field{"value", m.Elem()}))
}

// mapPart lets the keys or the values be the elements.
func mapPart(part int) func(*Expr) kernel {
	return func(*Expr) kernel {
		kids := make([]*Vector, 1)
		return strict(func(n *node, _ rowSet) error {
			kids[0] = n.in[0].Kids[part]
			n.out.Off, n.out.Kids = n.in[0].Off, kids
			return nil
		})
	}
}

var mapEntries = strict(func(n *node, _ rowSet) error {
	m := n.in[0]
	entries := &Vector{Type: n.out.Type.Elem(), N: m.Kids[0].N, Kids: m.Kids}
	n.out.Off, n.out.Kids = m.Off, []*Vector{entries}
	return nil
})

func resolveFromEntries(fn *function, args []*Expr) (*Expr, error) {
	if len(args) != 1 {
		return nil, noSuchFunction(fn, args)
	}
	a := arrayArg(args[0], StructOf(Field{"key", Type{Kind: String}}, Field{"value", Type{Kind: String}}))
	if a.Type.Kind != Array || a.Type.Elem().Kind != Struct || len(a.Type.Elem().Fields()) != 2 || a.Type.Elem().Fields()[0].Type.IsNested() {
		return nil, noSuchFunction(fn, args)
	}
	f := a.Type.Elem().Fields()
	return &Expr{Op: fn.Name, Type: MapOf(f[0].Type, f[1].Type), Args: []*Expr{a}}, nil
}

func fromEntries(e *Expr) kernel {
	var order []int32
	return builtBy(e, 1, func(b *Builder, in []*Vector) func(r int32) verdict {
		entries := in[0].Kids[0]
		keys := entries.Kids[0].masked(entries.Valid)
		compare := comparator(keys, keys)
		return func(r int32) (v verdict) {
			from, to := in[0].Off[r], in[0].Off[r+1]
			if order, v = distinctKeys(order[:0], keys, from, to, compare); v != fine {
				return v
			}
			for i := from; i < to; i++ {
				b.Kid(0).AppendFrom(keys, int(i))
				b.Kid(1).AppendFrom(entries.Kids[1], int(i))
			}
			return fine
		}
	})
}

func resolveContainsKey(fn *function, args []*Expr) (*Expr, error) {
	if len(args) != 2 || args[0].Type.Kind != Map && args[0].Type.Kind != Null {
		return nil, noSuchFunction(fn, args)
	}
	if args[0].Type.Kind == Null {
		return Const(Type{Kind: Bool}, Value{Null: true}), nil
	}
	m, key, err := sameKey(fn, args[0], args[1])
	if err != nil {
		return nil, explain(fn, args, err)
	}
	return &Expr{Op: fn.Name, Type: Type{Kind: Bool}, Args: []*Expr{m, key}}, nil
}

var containsKey = strict(func(n *node, rows rowSet) error {
	dst, find := n.outBits(), keyFinder(n.in)
	return n.each(rows, func(r int32) verdict {
		setBitTo(dst, int(r), find(r) >= 0)
		return fine
	})
})
