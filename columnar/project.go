package columnar

import (
	"errors"
	"fmt"
)

// Project computes one column per expression, parts that several expressions have in common once. Plain columns pass through uncopied; selection, origin and offsets stay.
type Project struct {
	schema *Schema
	roots  []*node
	frame  *frame
	out    Batch
	counts RowCounts
}

// NewProject returns a projection of batches of schema in to columns with the given names.
func NewProject(in *Schema, exprs []*Expr, names []string) (*Project, error) {
	if len(exprs) != len(names) {
		return nil, fmt.Errorf("%d expressions have %d names", len(exprs), len(names))
	}
	roots, f, err := compileAll(exprs, in)
	if one := (*compileError)(nil); errors.As(err, &one) {
		return nil, fmt.Errorf("compile column %q: %w", names[one.index], one.error)
	}
	p := &Project{schema: &Schema{}, roots: roots, frame: f}
	for i, e := range exprs {
		if e.Type.Untyped() {
			return nil, fmt.Errorf("column %q cannot have type %s; give it one by CAST", names[i], e.Type)
		}
		p.schema.Fields = append(p.schema.Fields, Field{Name: names[i], Type: e.Type})
	}
	p.out = Batch{Schema: p.schema, Cols: make([]*Vector, len(exprs))}
	return p, nil
}

// Schema describes the projected columns.
func (p *Project) Schema() *Schema { return p.schema }

// Process computes the columns for the selected rows of in; the result may alias in.
func (p *Project) Process(in *Batch) (*Batch, error) {
	rows := p.frame.start(in)
	for i, root := range p.roots {
		if e := root.expr; e.Op == "col" {
			p.out.Cols[i] = in.Cols[e.Col]
			continue
		}
		v, err := root.eval(p.frame, rows)
		if err != nil {
			return nil, err
		}
		p.out.Cols[i] = v
	}
	p.out.Rows, p.out.Sel, p.out.Origin, p.out.Offsets, p.out.Env = in.Rows, in.Sel, in.Origin, in.Offsets, in.Env
	p.counts.In += int64(in.Len())
	p.counts.Out += int64(in.Len())
	return &p.out, nil
}

// Counts implements [Operator].
func (p *Project) Counts() RowCounts { return takeCounts(&p.counts) }
