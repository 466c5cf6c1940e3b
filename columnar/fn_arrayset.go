package columnar

import "slices"

// The functions here take arrays as sets: in the results no element stands twice, and NULL is an element as any other.

func arraySetFunctions() []*function {
	set := func(name, doc string, k func(e *Expr) kernel) *function {
		return &function{Function: about(name, name+"(a, b) → array", doc), takes: "two arrays of one type", resolve: twoArrays, kernel: k, fails: true}
	}
	return []*function{
		set("array_union", "The elements of a, then those of b that are not in a; none twice.", unionKernel),
		set("array_intersect", "The elements of a that are in b, too; none twice.", membersKernel(true)),
		set("array_except", "The elements of a that are not in b; none twice.", membersKernel(false)),
		{Function: about("arrays_overlap", "arrays_overlap(a, b) → boolean", "Whether a value that is not NULL is in both arrays."), takes: "two arrays of one type", kernel: always(overlapKernel),
			resolve: func(fn *function, args []*Expr) (*Expr, error) {
				e, err := twoArrays(fn, args)
				if err != nil {
					return nil, err
				}
				e.Type = Type{Kind: Bool}
				return e, nil
			}},
	}
}

func twoArrays(fn *function, args []*Expr) (*Expr, error) {
	if len(args) != 2 {
		return nil, noSuchFunction(fn, args)
	}
	return sameArrays(2)(fn, args)
}

// elementSet is the sorted elements of one array.
type elementSet struct {
	order []int32
	self  func(x, y int32) int // orders elements of the set
	other func(x, y int32) int // orders elements of the set against those of another array
}

func newElementSet(set, other *Vector) *elementSet {
	return &elementSet{self: nullsLast(set.Kids[0], set.Kids[0]), other: nullsLast(set.Kids[0], other.Kids[0])}
}

func (s *elementSet) fill(array *Vector, r int32) {
	s.order = array.rowElements(s.order[:0], r)
	sortPositions(s.order, s.self)
}

// has reports whether an element of the other array is in the set.
func (s *elementSet) has(element int32) bool {
	_, ok := slices.BinarySearchFunc(s.order, element, s.other)
	return ok
}

func membersKernel(want bool) func(e *Expr) kernel {
	return func(e *Expr) kernel {
		var order, keep []int32
		return builtBy(e, 2, func(b *Builder, in []*Vector) func(r int32) verdict {
			elements := in[0].Kids[0]
			set, same := newElementSet(in[1], in[0]), nullsLast(elements, elements)
			return func(r int32) verdict {
				set.fill(in[1], r)
				order = in[0].rowElements(order[:0], r)
				keep = firstOfEqual(keep[:0], order, same)
				for _, i := range keep {
					if set.has(i) == want {
						b.Kid(0).AppendFrom(elements, int(i))
					}
				}
				return fine
			}
		})
	}
}

// unionKernel appends the elements of a, then what of b is not in a.
func unionKernel(e *Expr) kernel {
	var order, keep []int32
	return builtBy(e, 2, func(b *Builder, in []*Vector) func(r int32) verdict {
		set := newElementSet(in[0], in[1])
		same := [2]func(x, y int32) int{set.self, nullsLast(in[1].Kids[0], in[1].Kids[0])}
		return func(r int32) verdict {
			set.fill(in[0], r)
			for k, v := range in {
				order = v.rowElements(order[:0], r)
				keep = firstOfEqual(keep[:0], order, same[k])
				for _, i := range keep {
					if k == 0 || !set.has(i) {
						b.Kid(0).AppendFrom(v.Kids[0], int(i))
					}
				}
			}
			return fine
		}
	})
}

var overlapKernel = strict(func(n *node, rows rowSet) error {
	dst, a := n.outBits(), n.in[0]
	set := newElementSet(n.in[1], a)
	return n.each(rows, func(r int32) verdict {
		set.fill(n.in[1], r)
		hit := false
		for i := a.Off[r]; i < a.Off[r+1] && !hit; i++ {
			hit = !isNullAt(a.Kids[0].Valid, i) && set.has(i)
		}
		setBitTo(dst, int(r), hit)
		return fine
	})
})
