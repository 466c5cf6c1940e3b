package columnar

import "fmt"

// nestedFunctions are all functions on arrays, structs and maps, a list for each file.
func nestedFunctions() []*function {
	var list []*function
	for _, part := range []func() []*function{makeNestedFunctions, elementFunctions, arrayFunctions, arrayOrderFunctions, arraySetFunctions, mapFunctions, textArrayFunctions} {
		list = append(list, part()...)
	}
	return list
}

// maxElements bounds the elements that one expression makes in one batch.
const maxElements = 1 << 26

// builtTextMax bounds the texts in what one expression builds in one batch: half of what a builder takes, so that no
// single row goes beyond that. A variable for tests.
var builtTextMax = maxTextBytes / 2

const tooManyElements verdict = "the arrays of one batch have more than 67,108,864 elements"

// built is a kernel that appends a value of the result's type to b for each row: the parts to the builders of the parts.
// It gives NULL where one of the first strictArgs arguments is NULL; the other arguments may be NULL.
func built(e *Expr, strictArgs int, f func(b *Builder, in []*Vector, r int32) verdict) kernel {
	return builtBy(e, strictArgs, func(b *Builder, in []*Vector) func(r int32) verdict {
		return func(r int32) verdict { return f(b, in, r) }
	})
}

// builtBy is built with a function that start gives for each batch, such as one that compares its elements.
func builtBy(e *Expr, strictArgs int, start func(b *Builder, in []*Vector) func(r int32) verdict) kernel {
	b := NewBuilder(e.Type)
	return func(n *node, fr *frame, rows rowSet) error {
		if err := n.evalArgs(fr, rows); err != nil {
			return err
		}
		b.Reset()
		f := start(b, n.in)
		for _, r := range rows.list {
			for b.Len() < int(r) {
				b.AppendNull()
			}
			v := noValue
			if !anyNull(n.in[:strictArgs], r) {
				v = f(r)
			}
			if err := n.endBuilt(b, r, v); err != nil {
				return err
			}
		}
		for b.Len() < n.out.N {
			b.AppendNull()
		}
		n.out = *b.Vector()
		return nil
	}
}

// endBuilt ends the value of a row.
func (n *node) endBuilt(b *Builder, r int32, v verdict) error {
	switch {
	case v != fine:
	case b.Kid(0).Len() > maxElements:
		v = tooManyElements
	case b.textBytes() > builtTextMax:
		v = textsTooLong
	}
	switch v {
	case fine:
		b.AppendNested()
	case noValue:
		b.CutParts()
		b.AppendNull()
	default:
		return n.rowError(r, string(v))
	}
	return nil
}

// textBytes is how long the texts under construction are, those of all parts together.
func (b *Builder) textBytes() int {
	n := len(b.vec.Data)
	for _, kid := range b.kids {
		n += kid.textBytes()
	}
	return n
}

func anyNull(in []*Vector, r int32) bool {
	for _, v := range in {
		if isNullAt(v.Valid, r) {
			return true
		}
	}
	return false
}

// picked is a strict kernel whose result is for each row a part of an argument. start gives for each batch the vector that
// the parts are in and a function that finds the part of a row, −1 for NULL.
func picked(start func(in []*Vector) (from *Vector, part func(r int32) int32)) kernel {
	var p place
	source := make([]*Vector, 1)
	return strict(func(n *node, rows rowSet) error {
		p.rows = resized(p.rows, n.out.N)
		for i := range p.rows {
			p.rows[i] = -1
		}
		from, part := start(n.in)
		for _, r := range rows.list {
			if !isNullAt(n.out.Valid, r) {
				p.rows[r] = part(r)
			}
		}
		source[0] = from
		n.out.Valid = nil // what it was may be an argument's
		n.out.interleaveAny(source, p)
		return nil
	})
}

func makeNestedFunctions() []*function {
	return []*function{
		{Function: about("array", "ARRAY[a, …] → array, array(a, …) → array", "An array of values of one type."), takes: "values of one type", resolve: resolveArray, kernel: always(makeArray)},
		{Function: about("struct", "ROW(a, …) → struct, struct(name, value, …) → struct", "A row of named fields; the names are literals."), takes: "names in quotes and values in turn", resolve: resolveStruct, kernel: always(makeStruct)},
		{Function: about("map", "map(keys, values) → map, map(key, value, …) → map", "A map from an array of keys, which differ and are not NULL, and one of values."), takes: "two arrays, or keys and values in turn", resolve: resolveMap, kernel: makeMap, fails: true},
		{Function: about("field", "struct.name", "A field of a struct."), takes: "a struct and the name of a field", resolve: resolveField, kernel: fieldKernel},
	}
}

func resolveArray(fn *function, args []*Expr) (*Expr, error) {
	if len(args) == 0 {
		return &Expr{Op: fn.Name, Type: ArrayOf(Type{Kind: Null})}, nil
	}
	same, t, err := fn.session.agree(args)
	if err != nil {
		return nil, explain(fn, args, err)
	}
	return &Expr{Op: fn.Name, Type: ArrayOf(t), Args: same}, nil
}

// makeArray takes the elements of row r from row r of each argument.
func makeArray(n *node, f *frame, rows rowSet) error {
	if err := n.evalArgs(f, rows); err != nil {
		return err
	}
	if len(rows.list)*len(n.in) > maxElements {
		return n.rowError(rows.list[0], string(tooManyElements))
	}
	var p place
	n.out.Valid, n.out.Off = nil, resized(n.out.Off, n.out.N+1)
	next := 0
	for _, r := range rows.list {
		for ; next <= int(r); next++ {
			n.out.Off[next] = int32(len(p.rows))
		}
		for i := range n.in {
			p.pick, p.rows = append(p.pick, int32(i)), append(p.rows, r)
		}
	}
	for ; next <= n.out.N; next++ {
		n.out.Off[next] = int32(len(p.rows))
	}
	if n.out.Kids == nil {
		n.out.Kids = n.out.Type.kids(0)
	}
	n.out.Kids[0].interleaveAny(n.in, p)
	return nil
}

func resolveStruct(fn *function, args []*Expr) (*Expr, error) {
	if len(args) == 0 || len(args)%2 != 0 {
		return nil, noSuchFunction(fn, args)
	}
	out := make([]*Expr, len(args))
	var fields []Field
	for i := 0; i < len(args); i += 2 {
		name, ok := literal(args[i])
		if !ok || name.Type.Kind != String || name.Value.Null {
			return nil, noSuchFunction(fn, args)
		}
		for _, f := range fields {
			if f.Name == name.Value.S {
				return nil, fmt.Errorf("struct has two fields %q", f.Name)
			}
		}
		value, t, err := fn.session.agree(args[i+1 : i+2])
		if err != nil {
			return nil, err
		}
		out[i], out[i+1] = textLiteral(name.Value.S), value[0]
		fields = append(fields, Field{Name: name.Value.S, Type: t})
	}
	return &Expr{Op: fn.Name, Type: StructOf(fields...), Args: out}, nil
}

// makeStruct lets the arguments be the fields.
func makeStruct(n *node, f *frame, rows rowSet) error {
	if err := n.evalArgs(f, rows); err != nil {
		return err
	}
	n.out.Valid, n.out.Kids = nil, n.out.Kids[:0]
	for i := 1; i < len(n.in); i += 2 {
		n.out.Kids = append(n.out.Kids, n.in[i])
	}
	return nil
}

// resolveMap makes arrays of keys and values that are given in turn, as in Spark.
func resolveMap(fn *function, args []*Expr) (*Expr, error) {
	if len(args) == 0 || len(args)%2 != 0 {
		return nil, noSuchFunction(fn, args)
	}
	if args[0].Type.Kind == Array || len(args) == 2 && args[0].Type.Kind == Null {
		if len(args) != 2 || args[0].Type.Kind == Array && args[1].Type.Kind != Array && args[1].Type.Kind != Null {
			return nil, noSuchFunction(fn, args)
		}
		return mapOfArrays(fn, args)
	}
	var parts [2][]*Expr
	for i, a := range args {
		parts[i%2] = append(parts[i%2], a)
	}
	arrays := make([]*Expr, 2)
	for i := range arrays {
		var err error
		if arrays[i], err = fn.session.Call("array", parts[i]...); err != nil {
			return nil, noSuchFunction(fn, args)
		}
	}
	return mapOfArrays(fn, arrays)
}

func mapOfArrays(fn *function, args []*Expr) (*Expr, error) {
	typed := make([]*Expr, 2)
	for i, a := range args {
		t := a.Type
		if t.Kind == Null || t.Elem().Kind == Null {
			t = ArrayOf(Type{Kind: String})
		}
		var err error
		if typed[i], err = fn.session.coerce(a, t); err != nil {
			return nil, err
		}
	}
	if k := typed[0].Type.Elem(); k.IsNested() {
		return nil, fmt.Errorf("a key of a map is no %s", k)
	}
	return &Expr{Op: fn.Name, Type: MapOf(typed[0].Type.Elem(), typed[1].Type.Elem()), Args: typed}, nil
}

func makeMap(e *Expr) kernel {
	if len(e.Args) != 2 || e.Args[0].Type.Kind != Array || e.Args[1].Type.Kind != Array {
		return nil
	}
	var order []int32
	return builtBy(e, 2, func(b *Builder, in []*Vector) func(r int32) verdict {
		keys, values := in[0], in[1]
		compare := comparator(keys.Kids[0], keys.Kids[0])
		return func(r int32) (v verdict) {
			from, to, at := keys.Off[r], keys.Off[r+1], values.Off[r]
			if to-from != values.Off[r+1]-at {
				return verdict(fmt.Sprintf("a map of %d keys has %d values", to-from, values.Off[r+1]-at))
			}
			if order, v = distinctKeys(order[:0], keys.Kids[0], from, to, compare); v != fine {
				return v
			}
			for i := from; i < to; i++ {
				b.Kid(0).AppendFrom(keys.Kids[0], int(i))
				b.Kid(1).AppendFrom(values.Kids[0], int(at+i-from))
			}
			return fine
		}
	})
}

// distinctKeys refuses NULL, and a key that stands twice. It sorts the positions of the keys.
func distinctKeys(order []int32, keys *Vector, from, to int32, compare func(x, y int32) int) ([]int32, verdict) {
	for i := from; i < to; i++ {
		if keys.IsNull(int(i)) {
			return order, "a key of a map is NULL"
		}
		order = append(order, i)
	}
	sortPositions(order, compare)
	for i := 1; i < len(order); i++ {
		if compare(order[i-1], order[i]) == 0 {
			return order, verdict("a map has the key " + string(AppendText(nil, keys, int(order[i]))) + " twice")
		}
	}
	return order, fine
}

func resolveField(fn *function, args []*Expr) (*Expr, error) {
	if len(args) != 2 || args[1].valueText() == "" {
		return nil, noSuchFunction(fn, args)
	}
	name := args[1].Value.S
	if args[0].Type.Kind != Struct {
		return nil, fmt.Errorf("%s has no field %q: it is %s, not a struct", args[0].describe(), name, args[0].Type.Article())
	}
	i := args[0].Type.FieldIndex(name)
	if i < 0 {
		return nil, fmt.Errorf("%s has no field %q; it is %s", args[0].describe(), name, args[0].Type)
	}
	f := args[0].Type.Fields()[i]
	return &Expr{Op: fn.Name, Type: f.Type, Args: []*Expr{args[0], textLiteral(f.Name)}}, nil
}

func fieldKernel(e *Expr) kernel {
	if len(e.Args) != 2 || e.Args[0].Type.Kind != Struct {
		return nil
	}
	i := e.Args[0].Type.FieldIndex(e.Args[1].valueText())
	if i < 0 || e.Args[1].Op != "const" {
		return nil
	}
	return func(n *node, f *frame, rows rowSet) error {
		if err := n.evalArgs(f, rows); err != nil {
			return err
		}
		v := n.in[0]
		n.out = *v.Kids[i].masked(v.Valid)
		return nil
	}
}
