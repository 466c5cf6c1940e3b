package columnar

import "slices"

// rowElements appends the positions of the elements of one row.
func (v *Vector) rowElements(dst []int32, r int32) []int32 {
	for i := v.Off[r]; i < v.Off[r+1]; i++ {
		dst = append(dst, i)
	}
	return dst
}

// sortPositions sorts stably: equal elements keep their order.
func sortPositions(positions []int32, compare func(x, y int32) int) {
	slices.SortStableFunc(positions, compare)
}

func arrayOrderFunctions() []*function {
	one := func(name, doc string, resolve func(fn *function, args []*Expr) (*Expr, error), k func(*Expr) kernel) *function {
		return &function{Function: about(name, name+"(array)", doc), takes: "an array", resolve: resolve, kernel: k, fails: true}
	}
	return []*function{
		one("array_sort", "The elements in ascending order, NULLs last.", sameArrays(1), sortKernel),
		{Function: about("sort_array", "sort_array(array [, ascending]) → array", "The elements in ascending order with NULLs first, or, when the literal ascending is FALSE, in descending order with NULLs last."), takes: "an array and a boolean", resolve: resolveSortArray, kernel: sortKernel, fails: true},
		one("array_distinct", "The elements without those that stand further in front, too; NULL is an element.", sameArrays(1), distinctArray),
		one("array_min", "The least element; NULLs do not count.", resolveElementOf, extremeElement(-1)),
		one("array_max", "The greatest element; NULLs do not count.", resolveElementOf, extremeElement(1)),
		one("array_sum", "The sum of the elements, a bigint, double or decimal; NULLs do not count, and without elements it is NULL.", resolveArraySum, arraySumKernel),
	}
}

func resolveSortArray(fn *function, args []*Expr) (*Expr, error) {
	descending := false
	if len(args) == 2 {
		up, ok := literal(args[1])
		if !ok || up.Type.Kind != Bool || up.Value.Null {
			return nil, noSuchFunction(fn, args)
		}
		descending = up.Value.I == 0
		args = args[:1]
	}
	e, err := sameArrays(1)(fn, args)
	if err != nil {
		return nil, err
	}
	e.Args = append(e.Args, Const(Type{Kind: Bool}, Value{I: int64(bit(!descending))}))
	return e, nil
}

// elementOrder orders the elements of arrays, NULL included.
func elementOrder(e *Expr, v *Vector) func(x, y int32) int {
	last := nullsLast(v, v)
	switch {
	case len(e.Args) < 2:
		return last
	case e.Args[1].Value.I == 0:
		values := comparator(v, v)
		return func(x, y int32) int {
			if isNullAt(v.Valid, x) || isNullAt(v.Valid, y) {
				return last(x, y)
			}
			return -values(x, y)
		}
	}
	return nullsFirst(v)
}

func sortKernel(e *Expr) kernel {
	if len(e.Args) == 2 && e.Args[1].Op != "const" {
		return nil
	}
	var order []int32
	return builtBy(e, 1, func(b *Builder, in []*Vector) func(r int32) verdict {
		compare := elementOrder(e, in[0].Kids[0])
		return func(r int32) verdict {
			order = in[0].rowElements(order[:0], r)
			sortPositions(order, compare)
			for _, i := range order {
				b.Kid(0).AppendFrom(in[0].Kids[0], int(i))
			}
			return fine
		}
	})
}

// distinctArray finds equal elements by sorting and keeps the first of them.
func distinctArray(e *Expr) kernel {
	var order, keep []int32
	return builtBy(e, 1, func(b *Builder, in []*Vector) func(r int32) verdict {
		compare := nullsLast(in[0].Kids[0], in[0].Kids[0])
		return func(r int32) verdict {
			order = in[0].rowElements(order[:0], r)
			keep = firstOfEqual(keep[:0], order, compare)
			for _, i := range keep {
				b.Kid(0).AppendFrom(in[0].Kids[0], int(i))
			}
			return fine
		}
	})
}

// firstOfEqual appends the positions of elements that equal none before them, ascending. It sorts order.
func firstOfEqual(keep, order []int32, compare func(x, y int32) int) []int32 {
	sortPositions(order, compare)
	for i, p := range order {
		if i == 0 || compare(order[i-1], p) != 0 {
			keep = append(keep, p)
		}
	}
	slices.Sort(keep)
	return keep
}

func resolveElementOf(fn *function, args []*Expr) (*Expr, error) {
	e, err := sameArrays(1)(fn, args)
	if err != nil {
		return nil, err
	}
	e.Type = e.Type.Elem()
	return e, nil
}

func extremeElement(sign int) func(*Expr) kernel {
	return func(*Expr) kernel {
		return picked(func(in []*Vector) (*Vector, func(r int32) int32) {
			v := in[0].Kids[0]
			compare := comparator(v, v)
			return v, func(r int32) int32 {
				best := int32(-1)
				for i := in[0].Off[r]; i < in[0].Off[r+1]; i++ {
					if !isNullAt(v.Valid, i) && (best < 0 || sign*compare(i, best) > 0) {
						best = i
					}
				}
				return best
			}
		})
	}
}

// resolveArraySum adds up as sum does: integers as bigint, floats as double, decimals with 38 digits.
func resolveArraySum(fn *function, args []*Expr) (*Expr, error) {
	e, err := resolveElementOf(fn, args)
	if err != nil {
		return nil, err
	}
	switch t := e.Type; {
	case args[0].Type.Kind == Null || t.Integer():
		e.Type = Type{Kind: Int64}
	case t.Float():
		e.Type = Type{Kind: Float64}
	case t.Kind == Decimal:
		e.Type = DecimalOf(MaxPrecision, int(t.Scale))
	default:
		return nil, noSuchFunction(fn, args)
	}
	if e.Args[0], err = fn.session.Cast(e.Args[0], ArrayOf(e.Type)); err != nil {
		return nil, err
	}
	return e, nil
}

func arraySumKernel(e *Expr) kernel {
	switch e.Type.Kind {
	case Int64:
		return intRows(func(in []*Vector, r int32) (sum int64, v verdict) {
			v = eachElement(in[0], r, func(i int32) bool {
				before, x := sum, in[0].Kids[0].I64[i]
				sum += x
				return (before^sum)&(x^sum) >= 0
			})
			return sum, v
		})
	case Float64:
		return doubleRows(func(in []*Vector, r int32) (sum float64, v verdict) {
			v = eachElement(in[0], r, func(i int32) bool { sum += in[0].Kids[0].F64[i]; return true })
			return sum, v
		})
	}
	return strict(func(n *node, rows rowSet) error {
		dst := n.outWide()
		return n.each(rows, func(r int32) verdict {
			sum := Int128{}
			v := eachElement(n.in[0], r, func(i int32) bool {
				var over bool
				sum, over = sum.Add(n.in[0].Kids[0].Wide[i])
				return !over && sum.fitsDigits(MaxPrecision)
			})
			dst[r] = sum
			return v
		})
	})
}

// eachElement calls add for the elements that are not NULL; it says false for a sum out of range.
func eachElement(array *Vector, r int32, add func(i int32) bool) verdict {
	v := noValue
	for i := array.Off[r]; i < array.Off[r+1]; i++ {
		if isNullAt(array.Kids[0].Valid, i) {
			continue
		}
		if !add(i) {
			return "the sum is out of range"
		}
		v = fine
	}
	return v
}
