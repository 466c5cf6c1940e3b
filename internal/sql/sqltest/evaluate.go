package sqltest

import (
	"fmt"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/dstream"
)

// Projection is the expressions of a query without GROUP BY, compiled. It computes rows without a driver, for tests of
// many expressions.
type Projection struct {
	In, Out *columnar.Schema
	ops     []columnar.Operator
}

// Compile prepares a query over one table that only filters and computes. In names the columns that it reads.
func (db *Database) Compile(text string) (*Projection, error) {
	plan, err := db.plan(text)
	if err != nil {
		return nil, err
	}
	if len(plan.Stages) != 1 {
		return nil, fmt.Errorf("%d stages: the query is no projection", len(plan.Stages))
	}
	st := plan.Stages[0]
	p := &Projection{In: st.In, Out: st.Out}
	in := st.In
	for _, op := range st.Ops {
		o, err := operator(in, op)
		if err != nil {
			return nil, err
		}
		p.ops, in = append(p.ops, o), o.Schema()
	}
	return p, nil
}

func operator(in *columnar.Schema, op dstream.Op) (columnar.Operator, error) {
	switch {
	case op.Filter != nil:
		return columnar.NewFilter(in, op.Filter)
	case op.Project != nil:
		return columnar.NewProject(in, op.Project.Exprs, op.Project.Names)
	}
	return nil, fmt.Errorf("%s: no projection", op.Name)
}

// Rows computes the rows of a batch; the result belongs to the caller.
func (p *Projection) Rows(b *columnar.Batch) (*Result, error) {
	for _, op := range p.ops {
		var err error
		if b, err = op.Process(b); err != nil {
			return nil, err
		}
	}
	return &Result{Schema: p.Out, Rows: columnar.Concat([]*columnar.Batch{b})}, nil
}

// Batch decodes all records of a table, with all its columns.
func (db *Database) Batch(name string) (*columnar.Batch, error) {
	t := db.find(name)
	if t == nil {
		return nil, fmt.Errorf("unknown table %q", name)
	}
	var text []byte
	for i, r := range t.partitions[0] {
		if i > 0 {
			text = append(text, '\n')
		}
		text = append(text, r...)
	}
	return t.decode(text, nil)
}

// Columns picks columns of a batch by name.
func Columns(b *columnar.Batch, s *columnar.Schema) *columnar.Batch {
	out := &columnar.Batch{Schema: s, Rows: b.Rows, Sel: b.Sel}
	for _, f := range s.Fields {
		out.Cols = append(out.Cols, b.Cols[b.Schema.Index(f.Name)])
	}
	return out
}
