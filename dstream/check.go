package dstream

import (
	"errors"
	"fmt"
	"slices"

	"github.com/millrace/millrace/columnar"
)

// Check reports an inconsistency within the plan: schemas that do not chain, columns out of range, expressions that do
// not compile. A plan from [Graph.Plan] has none; one that was read from a checkpoint is checked before it runs.
func (p *Plan) Check() error {
	if len(p.Stages) == 0 {
		return errors.New("the plan has no stages")
	}
	if err := p.Source.check(); err != nil {
		return fmt.Errorf("source %q: %w", p.Source.Name, err)
	}
	for i := range p.Stages {
		if err := p.checkStage(i); err != nil {
			return fmt.Errorf("stage %d: %w", i, err)
		}
	}
	return p.checkSinks()
}

func (s *SourcePlan) check() error {
	switch {
	case s.EventTime < -1 || s.EventTime >= len(s.Fields):
		return fmt.Errorf("event time is column %d of %d", s.EventTime, len(s.Fields))
	case s.EventTime >= 0 && s.Fields[s.EventTime].Type.Kind != columnar.Timestamp:
		return fmt.Errorf("event time is a %s", s.Fields[s.EventTime].Type)
	}
	return nil
}

// Schema is the schema of the decoded rows.
func (s *SourcePlan) Schema() *columnar.Schema {
	out := &columnar.Schema{}
	for _, f := range s.Fields {
		out.Fields = append(out.Fields, f.Field)
	}
	return out
}

func (p *Plan) checkStage(i int) error {
	s := &p.Stages[i]
	in, err := p.inputOf(i)
	if err != nil {
		return err
	}
	if !s.In.Equal(in) {
		return fmt.Errorf("takes (%s), but its input gives (%s)", s.In, in)
	}
	for j := range s.Ops {
		op := &s.Ops[j]
		want, err := p.opOut(op, in)
		if err != nil {
			return fmt.Errorf("%s: %w", op.Name, err)
		}
		if !op.Out.Equal(want) {
			return fmt.Errorf("%s gives (%s), not (%s)", op.Name, want, op.Out)
		}
		in = op.Out
	}
	if !s.Out.Equal(in) {
		return fmt.Errorf("gives (%s), not (%s)", in, s.Out)
	}
	return s.checkEnd()
}

func (p *Plan) inputOf(i int) (*columnar.Schema, error) {
	s := &p.Stages[i]
	switch {
	case s.ID != i:
		return nil, fmt.Errorf("has the id %d", s.ID)
	case s.Input == -1:
		return p.Source.Schema(), nil
	case s.Input < 0 || s.Input >= i || p.Stages[s.Input].Exchange == nil:
		return nil, fmt.Errorf("stage %d can't feed it", s.Input)
	}
	return p.Stages[s.Input].Exchange.Final, nil
}

// opOut is the schema that the operator gives for in.
func (p *Plan) opOut(op *Op, in *columnar.Schema) (*columnar.Schema, error) {
	switch {
	case op.Filter != nil && op.Project == nil && op.Join == nil:
		if op.Filter.Type.Kind != columnar.Bool {
			return nil, fmt.Errorf("the condition is a %s", op.Filter.Type)
		}
		return in, compiles(op.Filter, in)
	case op.Project != nil && op.Filter == nil && op.Join == nil:
		return op.Project.check(in)
	case op.Join != nil && op.Filter == nil && op.Project == nil:
		return p.joinOut(op.Join, in)
	}
	return nil, errors.New("must be one of filter, project, join")
}

func compiles(e *columnar.Expr, in *columnar.Schema) error {
	_, err := columnar.Compile(e, in)
	return err
}

func (p *Projection) check(in *columnar.Schema) (*columnar.Schema, error) {
	if len(p.Exprs) != len(p.Names) {
		return nil, fmt.Errorf("%d expressions, %d names", len(p.Exprs), len(p.Names))
	}
	for _, e := range p.Exprs {
		if err := compiles(e, in); err != nil {
			return nil, err
		}
	}
	return p.schema(), nil
}

func (p *Plan) joinOut(j *Join, in *columnar.Schema) (*columnar.Schema, error) {
	i := slices.IndexFunc(p.Tables, func(t TablePlan) bool { return t.Name == j.Table })
	if i < 0 {
		return nil, fmt.Errorf("no table %q", j.Table)
	}
	table := p.Tables[i].Schema
	if len(j.LeftKeys) == 0 || len(j.LeftKeys) != len(j.RightKeys) {
		return nil, fmt.Errorf("%d keys on the left, %d on the right", len(j.LeftKeys), len(j.RightKeys))
	}
	for k, l := range j.LeftKeys {
		lt, lerr := typeAt(in, l)
		rt, rerr := typeAt(table, j.RightKeys[k])
		if err := errors.Join(lerr, rerr); err != nil {
			return nil, err
		}
		if lt != rt {
			return nil, fmt.Errorf("key %d compares %s with %s", k, lt, rt)
		}
	}
	return &columnar.Schema{Fields: slices.Concat(in.Fields, table.Fields)}, nil
}

func typeAt(s *columnar.Schema, i int) (columnar.Type, error) {
	if i < 0 || i >= len(s.Fields) {
		return columnar.Type{}, fmt.Errorf("column %d of %d", i, len(s.Fields))
	}
	return s.Fields[i].Type, nil
}

func (s *Stage) checkEnd() error {
	switch {
	case s.Exchange == nil && len(s.Sinks) == 0:
		return errors.New("its rows go nowhere")
	case s.Exchange != nil && len(s.Sinks) > 0:
		return errors.New("its rows go into an exchange and into sinks")
	case s.Exchange == nil:
		return nil
	}
	if err := s.Exchange.check(s.Out); err != nil {
		return fmt.Errorf("exchange %q: %w", s.Exchange.Name, err)
	}
	return nil
}

func (x *Exchange) check(out *columnar.Schema) error {
	start := columnar.Field{Name: windowStart, Type: columnar.Type{Kind: columnar.Timestamp}}
	t, err := typeAt(out, x.TimeColumn)
	switch {
	case err != nil:
		return fmt.Errorf("time: %w", err)
	case t.Kind != columnar.Timestamp:
		return fmt.Errorf("the time is a %s", t)
	case x.Window.Size <= 0 || x.Window.Offset < 0 || x.Window.Offset >= x.Window.Size:
		return fmt.Errorf("windows of %d µs with offset %d µs", x.Window.Size, x.Window.Offset)
	case !x.Assigned.Equal(&columnar.Schema{Fields: append(slices.Clone(out.Fields), start)}):
		return fmt.Errorf("assigns (%s) to (%s)", x.Assigned, out)
	}
	if err := x.checkSpec(); err != nil {
		return err
	}
	if final := x.Spec.FinalSchema(x.Assigned); !x.Final.Equal(final) {
		return fmt.Errorf("gives (%s), not (%s)", final, x.Final)
	}
	return nil
}

func (x *Exchange) checkSpec() error {
	keys, aggs := x.Spec.Keys, x.Spec.Aggs
	if len(keys) == 0 || keys[0] != len(x.Assigned.Fields)-1 {
		return fmt.Errorf("keys %v do not begin with %s", keys, windowStart)
	}
	for _, k := range keys {
		if _, err := typeAt(x.Assigned, k); err != nil {
			return fmt.Errorf("key: %w", err)
		}
	}
	for _, a := range aggs {
		if err := checkAgg(a, x.Assigned); err != nil {
			return err
		}
	}
	if n := len(aggs); n == 0 || aggs[n-1].Name != RowsColumn || aggs[n-1].Func != columnar.CountStar {
		return fmt.Errorf("the last aggregate is not count(*) named %s", RowsColumn)
	}
	return nil
}

func checkAgg(a columnar.Agg, in *columnar.Schema) error {
	if _, err := a.Out(); err != nil {
		return err
	}
	if a.Func == columnar.CountStar {
		return nil
	}
	t, err := typeAt(in, a.Arg)
	if err == nil && t != a.In {
		err = fmt.Errorf("takes a %s, but column %d is a %s", a.In, a.Arg, t)
	}
	if err != nil {
		return fmt.Errorf("aggregate %q: %w", a.Name, err)
	}
	return nil
}

// checkSinks also checks that every sink is fed by one stage.
func (p *Plan) checkSinks() error {
	fed := map[string]*columnar.Schema{}
	for _, s := range p.Stages {
		for _, name := range s.Sinks {
			if fed[name] != nil {
				return fmt.Errorf("sink %q is fed twice", name)
			}
			fed[name] = s.Out
		}
	}
	for i := range p.Sinks {
		k := &p.Sinks[i]
		if fed[k.Name] == nil || !fed[k.Name].Equal(k.Schema) {
			return fmt.Errorf("sink %q takes (%s), which no stage gives", k.Name, k.Schema)
		}
		if err := k.check(); err != nil {
			return fmt.Errorf("sink %q: %w", k.Name, err)
		}
	}
	if len(fed) != len(p.Sinks) {
		return fmt.Errorf("%d sinks are fed, %d planned", len(fed), len(p.Sinks))
	}
	return nil
}

func (k *SinkPlan) check() error {
	for _, c := range k.Columns {
		if _, err := typeAt(k.Schema, c); err != nil {
			return err
		}
	}
	for _, part := range k.Partitions {
		if err := compiles(part.Expr, k.Schema); err != nil {
			return fmt.Errorf("partition %q: %w", part.Name, err)
		}
	}
	return nil
}
