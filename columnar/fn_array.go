package columnar

import (
	"fmt"
	"math"
)

func arrayFunctions() []*function {
	const pair = "an array and a value of the type of its elements"
	return []*function{
		{Function: about("array_contains", "array_contains(array, a) → boolean", "Whether an element equals a; NULL when a is."), takes: pair, resolve: arrayAndElement(Bool), kernel: always(containsKernel)},
		{Function: about("array_position", "array_position(array, a) → bigint", "The place, from 1, of the first element that equals a; NULL when none does."), takes: pair, resolve: arrayAndElement(Int64), kernel: always(positionKernel)},
		{Function: about("array_append", "array_append(array, a) → array", "The array with a behind its elements; a may be NULL."), takes: pair, resolve: arrayAndElement(Array), kernel: appendKernel(false), fails: true},
		{Function: about("array_prepend", "array_prepend(a, array) → array", "The array with a in front of its elements; a may be NULL, and may stand behind the array."), takes: pair, resolve: resolvePrepend, kernel: appendKernel(true), fails: true},
		{Function: about("array_remove", "array_remove(array, a) → array", "The array without the elements that equal a."), takes: pair, resolve: arrayAndElement(Array), kernel: removeKernel, fails: true},
		{Function: about("array_concat", "array_concat(array, …) → array, array || array → array", "The elements of the arrays, one after the other; NULL when an array is."), takes: "arrays of one type", resolve: sameArrays(1), kernel: concatArrays, fails: true},
		{Function: about("array_reverse", "array_reverse(array) → array", "The elements from last to first."), takes: "an array", resolve: sameArrays(1), kernel: reverseArray, fails: true},
		{Function: about("slice", "slice(array, from, count) → array", "So many elements from a place on, counted from 1, or from the end when it is negative."), takes: "an array, a place and a count", resolve: resolveSlice, kernel: sliceKernel, fails: true},
		{Function: about("array_slice", "array_slice(array, from, to) → array", "The elements from one place to another, both included and counted from 1, or from the end when negative."), takes: "an array and two places", resolve: resolveSlice, kernel: sliceKernel, fails: true},
		{Function: about("flatten", "flatten(array of arrays) → array", "The elements of the inner arrays; those that are NULL are left out."), takes: "an array of arrays", resolve: resolveFlatten, kernel: flattenKernel, fails: true},
		{Function: about("sequence", "sequence(from, to [, step]) → array", "The numbers, or the days, from one to another, both included; the step is 1, or −1 when to is below from. At most 1,000,000."), takes: "two integers or two dates, and a step", resolve: resolveSequence, kernel: sequenceKernel, fails: true},
		{Function: about("array_join", "array_join(array, separator [, for NULL]) → string", "The elements as texts with the separator between them; NULLs are left out, or written as the third argument."), takes: "an array and one or two strings", resolve: resolveArrayJoin, kernel: arrayJoinKernel, fails: true},
	}
}

// arrayArg gives a bare NULL the type of an array of elem.
func arrayArg(e *Expr, elem Type) *Expr {
	if e.Type.Kind != Null {
		return e
	}
	if elem.Kind == Null {
		elem = Type{Kind: String}
	}
	return Const(ArrayOf(elem), Value{Null: true})
}

// arrayAndElement resolves functions of an array and a value; out is Array for the type of the array.
func arrayAndElement(out Kind) func(fn *function, args []*Expr) (*Expr, error) {
	return func(fn *function, args []*Expr) (*Expr, error) {
		if len(args) != 2 {
			return nil, noSuchFunction(fn, args)
		}
		array := arrayArg(args[0], args[1].Type)
		if array.Type.Kind != Array {
			return nil, noSuchFunction(fn, args)
		}
		same, t, err := fn.session.agree([]*Expr{{Op: "col", Type: array.Type.Elem()}, args[1]})
		if err != nil {
			return nil, explain(fn, args, err)
		}
		if array, err = fn.session.coerce(array, ArrayOf(t)); err != nil {
			return nil, err
		}
		result := Type{Kind: out}
		if out == Array {
			result = array.Type
		}
		return &Expr{Op: fn.Name, Type: result, Args: []*Expr{array, same[1]}}, nil
	}
}

// sameArrays resolves functions of arrays of one type, that many or more.
func sameArrays(least int) func(fn *function, args []*Expr) (*Expr, error) {
	return func(fn *function, args []*Expr) (*Expr, error) {
		if len(args) < least || least == 1 && fn.Name != "array_concat" && len(args) > 1 {
			return nil, noSuchFunction(fn, args)
		}
		same, t, err := fn.session.agree(args)
		if err != nil {
			return nil, explain(fn, args, err)
		}
		if t.Kind == String { // bare NULLs
			t = ArrayOf(t)
			for i := range same {
				if same[i] = arrayArg(args[i], t.Elem()); same[i].Type != t {
					return nil, noSuchFunction(fn, args)
				}
			}
		}
		if t.Kind != Array {
			return nil, noSuchFunction(fn, args)
		}
		return &Expr{Op: fn.Name, Type: t, Args: same}, nil
	}
}

// find is the position of the first element of row r that equals row r of the second argument; −1 for none.
func findElement(compare func(x, y int32) int, array *Vector, r int32) int32 {
	for i := array.Off[r]; i < array.Off[r+1]; i++ {
		if !isNullAt(array.Kids[0].Valid, i) && compare(i, r) == 0 {
			return i
		}
	}
	return -1
}

var containsKernel = strict(func(n *node, rows rowSet) error {
	dst, compare := n.outBits(), comparator(n.in[0].Kids[0], n.in[1])
	return n.each(rows, func(r int32) verdict {
		setBitTo(dst, int(r), findElement(compare, n.in[0], r) >= 0)
		return fine
	})
})

var positionKernel = strict(func(n *node, rows rowSet) error {
	dst, compare := n.outI64(), comparator(n.in[0].Kids[0], n.in[1])
	return n.each(rows, func(r int32) verdict {
		at := findElement(compare, n.in[0], r)
		if at < 0 {
			return noValue
		}
		dst[r] = int64(at-n.in[0].Off[r]) + 1
		return fine
	})
})

// appendElements appends a part of an array to the elements under construction.
func appendElements(b *Builder, array *Vector, from, to int32) {
	for i := from; i < to; i++ {
		b.Kid(0).AppendFrom(array.Kids[0], int(i))
	}
}

func appendKernel(front bool) func(e *Expr) kernel {
	return func(e *Expr) kernel {
		return built(e, 1, func(b *Builder, in []*Vector, r int32) verdict {
			if front {
				b.Kid(0).AppendFrom(in[1], int(r))
			}
			appendElements(b, in[0], in[0].Off[r], in[0].Off[r+1])
			if !front {
				b.Kid(0).AppendFrom(in[1], int(r))
			}
			return fine
		})
	}
}

// resolvePrepend takes the array second, as PostgreSQL, or first, as Spark.
func resolvePrepend(fn *function, args []*Expr) (*Expr, error) {
	if len(args) == 2 && (args[1].Type.Kind == Array && (args[0].Type.Kind != Array || args[1].Type.Elem() == args[0].Type) || args[1].Type.Kind == Null && args[0].Type.Kind != Array) {
		args = []*Expr{args[1], args[0]}
	}
	return arrayAndElement(Array)(fn, args)
}

func removeKernel(e *Expr) kernel {
	return builtBy(e, 2, func(b *Builder, in []*Vector) func(r int32) verdict {
		compare, elements := comparator(in[0].Kids[0], in[1]), in[0].Kids[0]
		return func(r int32) verdict {
			for i := in[0].Off[r]; i < in[0].Off[r+1]; i++ {
				if isNullAt(elements.Valid, i) || compare(i, r) != 0 {
					b.Kid(0).AppendFrom(elements, int(i))
				}
			}
			return fine
		}
	})
}

func concatArrays(e *Expr) kernel {
	return built(e, len(e.Args), func(b *Builder, in []*Vector, r int32) verdict {
		for _, v := range in {
			appendElements(b, v, v.Off[r], v.Off[r+1])
		}
		return fine
	})
}

func reverseArray(e *Expr) kernel {
	return built(e, 1, func(b *Builder, in []*Vector, r int32) verdict {
		for i := in[0].Off[r+1] - 1; i >= in[0].Off[r]; i-- {
			b.Kid(0).AppendFrom(in[0].Kids[0], int(i))
		}
		return fine
	})
}

func resolveSlice(fn *function, args []*Expr) (*Expr, error) {
	if len(args) != 3 {
		return nil, noSuchFunction(fn, args)
	}
	array := arrayArg(args[0], Type{Kind: String})
	out := []*Expr{array, nil, nil}
	for i := 1; i < 3; i++ {
		if array.Type.Kind != Array || !args[i].Type.Integer() && args[i].Type.Kind != Null {
			return nil, noSuchFunction(fn, args)
		}
		var err error
		if out[i], err = fn.session.coerce(args[i], Type{Kind: Int64}); err != nil {
			return nil, err
		}
	}
	return &Expr{Op: fn.Name, Type: array.Type, Args: out}, nil
}

func sliceKernel(e *Expr) kernel {
	counted := e.Op == "slice"
	return built(e, 3, func(b *Builder, in []*Vector, r int32) verdict {
		from, size := in[0].Off[r], int64(in[0].Off[r+1]-in[0].Off[r])
		first, last := in[1].I64[r], in[2].I64[r]
		if first < 0 {
			first = max(first, -size-1) + size + 1
		}
		switch {
		case counted && last < 0:
			return "slice takes a count of 0 or more"
		case counted && (first == 0 && in[1].I64[r] == 0):
			return "slice counts from 1, or from −1 at the end, and was asked for 0"
		case counted:
			last = min(first, math.MaxInt64-last) + last - 1
		case last < 0:
			last = max(last, -size-1) + size + 1
		}
		first, last = max(first, 1), min(last, size)
		if first <= last {
			appendElements(b, in[0], from+int32(first)-1, from+int32(last))
		}
		return fine
	})
}

func resolveFlatten(fn *function, args []*Expr) (*Expr, error) {
	if len(args) != 1 {
		return nil, noSuchFunction(fn, args)
	}
	a := arrayArg(args[0], ArrayOf(Type{Kind: String}))
	if a.Type.Kind != Array || a.Type.Elem().Kind != Array {
		return nil, noSuchFunction(fn, args)
	}
	return &Expr{Op: fn.Name, Type: a.Type.Elem(), Args: []*Expr{a}}, nil
}

func flattenKernel(e *Expr) kernel {
	return built(e, 1, func(b *Builder, in []*Vector, r int32) verdict {
		inner := in[0].Kids[0]
		for i := in[0].Off[r]; i < in[0].Off[r+1]; i++ {
			if !isNullAt(inner.Valid, i) {
				appendElements(b, inner, inner.Off[i], inner.Off[i+1])
			}
		}
		return fine
	})
}

func resolveSequence(fn *function, args []*Expr) (*Expr, error) {
	ints := overloaded(sig(Int64, Int64, Int64), sig(Int64, Int64, Int64, Int64), sig(Date, Date, Date), sig(Date, Date, Date, Int64))
	e, err := ints(fn, args)
	if err != nil {
		return nil, err
	}
	e.Type = ArrayOf(e.Type)
	return e, nil
}

// maxSequence bounds the arrays that numbers in the data make.
const maxSequence = 1_000_000

func sequenceKernel(e *Expr) kernel {
	days := e.Args[0].Type.Kind == Date
	return built(e, len(e.Args), func(b *Builder, in []*Vector, r int32) verdict {
		var from, to int64
		if days {
			from, to = int64(in[0].I32[r]), int64(in[1].I32[r])
		} else {
			from, to = in[0].I64[r], in[1].I64[r]
		}
		step := int64(1)
		if to < from {
			step = -1
		}
		if len(in) == 3 {
			step = in[2].I64[r]
		}
		return appendSequence(b.Kid(0), days, from, to, step)
	})
}

func appendSequence(b *Builder, days bool, from, to, step int64) verdict {
	span, size := uint64(to)-uint64(from), magnitudeOf(step)
	if to < from {
		span = -span
	}
	switch {
	case from != to && (step == 0 || (to > from) != (step > 0)):
		return "the step of sequence does not lead from the first number to the last"
	case from == to:
		size = 1
	}
	count := span / size
	if count >= maxSequence {
		return "a sequence has at most 1,000,000 elements"
	}
	for k := range int64(count) + 1 {
		if days {
			b.AppendInt32(int32(from + k*step))
		} else {
			b.AppendInt64(from + k*step)
		}
	}
	return fine
}

func resolveArrayJoin(fn *function, args []*Expr) (*Expr, error) {
	if len(args) < 2 || len(args) > 3 {
		return nil, noSuchFunction(fn, args)
	}
	a := arrayArg(args[0], Type{Kind: String})
	if a.Type.Kind != Array {
		return nil, noSuchFunction(fn, args)
	}
	a, err := fn.session.Cast(a, ArrayOf(Type{Kind: String}))
	if err != nil {
		return nil, fmt.Errorf("array_join: %w", err)
	}
	out := []*Expr{a}
	for _, s := range args[1:] {
		if s.Type.Kind != String && s.Type.Kind != Null {
			return nil, noSuchFunction(fn, args)
		}
		t, err := fn.session.coerce(s, Type{Kind: String})
		if err != nil {
			return nil, err
		}
		out = append(out, t)
	}
	return &Expr{Op: fn.Name, Type: Type{Kind: String}, Args: out}, nil
}

// arrayJoinKernel leaves NULLs out also when their text is NULL.
func arrayJoinKernel(*Expr) kernel {
	return func(n *node, f *frame, rows rowSet) error {
		if err := n.evalArgs(f, rows); err != nil {
			return err
		}
		all := n.in
		n.in = all[:2]
		n.mergeValid()
		n.in = all
		out := n.outStrings()
		defer out.done()
		return n.each(rows, func(r int32) verdict {
			out.row(r)
			if out.v.Data = appendJoined(out.v.Data, n.in, r); len(out.v.Data) > maxTextBytes {
				return textsTooLong
			}
			return fine
		})
	}
}

func appendJoined(dst []byte, in []*Vector, r int32) []byte {
	var separator []byte
	elements := in[0].Kids[0]
	for i := in[0].Off[r]; i < in[0].Off[r+1]; i++ {
		var text []byte
		switch {
		case !isNullAt(elements.Valid, i):
			text = elements.Str(int(i))
		case len(in) == 3 && !isNullAt(in[2].Valid, r):
			text = in[2].Str(int(r))
		default:
			continue
		}
		dst = append(append(dst, separator...), text...)
		separator = in[1].Str(int(r))
	}
	return dst
}
