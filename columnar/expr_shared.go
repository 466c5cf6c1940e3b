package columnar

import (
	"fmt"
	"strings"
)

// compiler turns expressions over one schema into nodes that share a frame. An expression that occurs twice gets two nodes,
// and the second one, the twin, takes the result of the first where that was computed for all rows of the batch: then it
// holds for whatever rows the twin is asked for. Else, as in the branches of a CASE, the twin computes its own rows.
type compiler struct {
	in    *Schema
	ids   map[string]int
	first []*node // by id: the node of the first occurrence, nil for what is not shared

	compared map[int]int // by column: comparisons of a string with a constant
}

func newCompiler(in *Schema) *compiler { return &compiler{in: in, ids: map[string]int{}} }

// compileAll compiles expressions that are computed for the same batches.
func compileAll(exprs []*Expr, in *Schema) ([]*node, *frame, error) {
	c := newCompiler(in)
	roots := make([]*node, len(exprs))
	for i, e := range exprs {
		root, _, err := c.node(e)
		if err != nil {
			return nil, nil, &compileError{i, err}
		}
		roots[i] = root
	}
	f := &frame{}
	for column, n := range c.compared {
		if n >= codesLeast {
			f.encode(column)
		}
	}
	return roots, f, nil
}

// compileError says which of several expressions does not fit.
type compileError struct {
	index int
	error
}

// Unwrap returns the error of the one expression.
func (e *compileError) Unwrap() error { return e.error }

// id numbers expressions: equal ones have equal numbers.
func (c *compiler) id(e *Expr, args []int) int {
	var key strings.Builder
	switch e.Op {
	case "col", "const":
		key.WriteString(e.String())
	default:
		fmt.Fprint(&key, e.Op, ":", e.Type, args)
	}
	id, ok := c.ids[key.String()]
	if !ok {
		id = len(c.ids)
		c.ids[key.String()] = id
		c.first = append(c.first, nil)
	}
	return id
}

// node compiles e, and returns its id.
func (c *compiler) node(e *Expr) (*node, int, error) {
	e = asInList(e)
	n := &node{expr: e, out: Vector{Type: e.Type}}
	switch e.Op {
	case "const":
		return n, c.id(e, nil), nil
	case "col":
		return n, c.id(e, nil), checkColumn(e, c.in)
	}
	constant, ids := len(e.Args) > 0, make([]int, len(e.Args))
	for i, a := range e.Args {
		arg, id, err := c.node(a)
		if err != nil {
			return nil, 0, err
		}
		n.args, ids[i] = append(n.args, arg), id
		n.fails = n.fails || arg.fails
		constant = constant && (arg.isConst() || arg.once)
	}
	if err := n.bind(); err != nil {
		return nil, 0, err
	}
	id := c.id(e, ids)
	if constant {
		return folded(n), id, nil
	}
	if n.twin = c.first[id]; n.twin == nil {
		c.first[id] = n
		c.countCompared(n)
	}
	return n, id, nil
}

// known is the result of the node, or of its twin, where this batch has it for all rows.
func (n *node) known(f *frame) (*Vector, bool) {
	switch {
	case f.batchNo == 0:
	case n.whole == f.batchNo:
		return &n.out, true
	case n.twin != nil && n.twin.whole == f.batchNo:
		return &n.twin.out, true
	}
	return nil, false
}

// owner is the node that computes all rows for itself and its twins: the first occurrence, unless that has computed some
// rows already, which others may look at.
func (n *node) owner(f *frame) *node {
	if n.twin != nil && n.twin.ran != f.batchNo {
		return n.twin
	}
	return n
}
