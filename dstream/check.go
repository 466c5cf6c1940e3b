package dstream

import (
	"errors"
	"fmt"
	"slices"

	"github.com/millrace/millrace/columnar"
)

// Check reports an inconsistency within the plan: schemas that do not chain, columns out of range, expressions that do
// not compile, stages that are fed twice or not at all. A plan from [Graph.Plan] has none; one that was read from a
// checkpoint is checked before it runs.
func (p *Plan) Check() error {
	if len(p.Stages) == 0 {
		return errors.New("the plan has no stages")
	}
	for i := range p.Sources {
		s := &p.Sources[i]
		if err := s.check(); err != nil {
			return fmt.Errorf("source %q: %w", s.Name, err)
		}
		if p.Root(i) < 0 {
			return fmt.Errorf("source %q: %d stages read it, not one", s.Name, len(p.stages(func(s *Stage) bool { return s.From.Source == i })))
		}
	}
	for i := range p.Stages {
		if err := p.checkStage(i); err != nil {
			return fmt.Errorf("stage %d: %w", i, err)
		}
	}
	for i := range p.Exchanges {
		if err := p.checkExchange(i); err != nil {
			return fmt.Errorf("exchange %q: %w", p.Exchanges[i].Name, err)
		}
	}
	if err := p.checkSinks(); err != nil {
		return err
	}
	return p.checkSides()
}

func (s *SourcePlan) check() error {
	schema := s.Schema()
	switch {
	case s.EventTime < -1 || s.EventTime >= len(schema.Fields):
		return fmt.Errorf("event time is column %d of %d", s.EventTime, len(schema.Fields))
	case s.EventTime >= 0 && schema.Fields[s.EventTime].Type.Kind != columnar.Timestamp:
		return fmt.Errorf("event time is a %s", schema.Fields[s.EventTime].Type)
	case s.Time == nil:
		return nil
	case s.EventTime != len(s.Fields) || s.Time.Expr.Type.Kind != columnar.Timestamp:
		return fmt.Errorf("the computed event time is column %d, a %s", s.EventTime, s.Time.Expr.Type)
	}
	return compiles(s.Time.Expr, s.fieldSchema())
}

// Schema is the schema of the decoded rows, with a computed event time behind the fields.
func (s *SourcePlan) Schema() *columnar.Schema {
	if s.Time == nil {
		return s.fieldSchema()
	}
	return withTime(s.fieldSchema(), s.Time.Name)
}

func (s *SourcePlan) fieldSchema() *columnar.Schema {
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
	return p.checkEnd(s)
}

func (p *Plan) inputOf(i int) (*columnar.Schema, error) {
	s := &p.Stages[i]
	in := s.From
	switch {
	case s.ID != i:
		return nil, fmt.Errorf("has the id %d", s.ID)
	case in.Source >= 0 && in.Source < len(p.Sources) && in == FromSource(in.Source):
		return p.Sources[in.Source].Schema(), nil
	case in.Exchange >= 0 && in.Exchange < len(p.Exchanges) && in == FromExchange(in.Exchange):
		return p.Exchanges[in.Exchange].Final, nil
	case in.Stage >= 0 && in.Stage < i && in == FromStage(in.Stage):
		return p.Stages[in.Stage].Out, nil
	}
	return nil, fmt.Errorf("takes its rows from source %d, exchange %d, stage %d", in.Source, in.Exchange, in.Stage)
}

// opOut is the schema that the operator gives for in.
func (p *Plan) opOut(op *Op, in *columnar.Schema) (*columnar.Schema, error) {
	if op.kinds() != 1 {
		return nil, errors.New("must be one of filter, project, join, unnest, map, changes")
	}
	switch {
	case op.Project != nil:
		return op.Project.check(in)
	case op.Join != nil:
		return p.joinOut(op.Join, in)
	case op.Unnest != nil:
		return op.Unnest.out(in)
	case op.Map != nil:
		return op.Map.check(in, op.Out)
	case op.Changed:
		return in, checkOp(in, op.Ops-1)
	case op.Filter.Type.Kind != columnar.Bool:
		return nil, fmt.Errorf("the condition is a %s", op.Filter.Type)
	case op.Ops > 0:
		if err := checkOp(in, op.Ops-1); err != nil {
			return nil, err
		}
	}
	return in, compiles(op.Filter, in)
}

// kinds is how many of the kinds of operators op is.
func (op *Op) kinds() int {
	n := 0
	for _, set := range []bool{op.Filter != nil, op.Project != nil, op.Join != nil, op.Unnest != nil, op.Map != nil, op.Changed} {
		if set {
			n++
		}
	}
	return n
}

// out is the schema of the rows that the operator gives for in.
func (u *Unnest) out(in *columnar.Schema) (*columnar.Schema, error) {
	t, err := typeAt(in, u.Column)
	if err != nil {
		return nil, err
	}
	types, err := unnestTypes(t, u.Ordinality)
	if err != nil {
		return nil, err
	}
	if len(types) != len(u.Names) {
		return nil, fmt.Errorf("%d names for %d columns", len(u.Names), len(types))
	}
	out := &columnar.Schema{}
	for _, k := range u.Keep {
		if _, err := typeAt(in, k); err != nil {
			return nil, err
		}
		out.Fields = append(out.Fields, in.Fields[k])
	}
	for i, t := range types {
		out.Fields = append(out.Fields, columnar.Field{Name: u.Names[i], Type: t})
	}
	return out, nil
}

// unnestTypes are the types of the columns that come out of an array or a map.
func unnestTypes(t columnar.Type, ordinality bool) ([]columnar.Type, error) {
	var out []columnar.Type
	switch t.Kind {
	case columnar.Array:
		out = []columnar.Type{t.Elem()}
	case columnar.Map:
		out = []columnar.Type{t.KeyType(), t.Elem()}
	default:
		return nil, fmt.Errorf("it unnests %s", t.Article())
	}
	if ordinality {
		out = append(out, columnar.Type{Kind: columnar.Int64})
	}
	return out, nil
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

func (p *Plan) checkEnd(s *Stage) error {
	switch {
	case s.Exchange < -1 || s.Exchange >= len(p.Exchanges):
		return fmt.Errorf("sends into exchange %d of %d", s.Exchange, len(p.Exchanges))
	case s.Exchange == -1 && len(s.Sinks) == 0 && len(p.Pipes(s.ID)) == 0:
		return errors.New("its rows go nowhere")
	}
	return nil
}

// checkExchange checks an exchange against all that send into it.
func (p *Plan) checkExchange(i int) error {
	x, senders := &p.Exchanges[i], p.Senders(i)
	if slices.ContainsFunc(p.Exchanges[:i], func(o Exchange) bool { return o.Name == x.Name }) {
		return errors.New("another one has this name too")
	}
	if behind := p.Behind(i); behind < 0 || len(senders) == 0 || senders[len(senders)-1] >= behind {
		return fmt.Errorf("stages %v send into it, stage %d is behind it", senders, behind)
	}
	for _, s := range senders {
		if err := x.check(p.Stages[s].Out); err != nil {
			return fmt.Errorf("from stage %d: %w", s, err)
		}
	}
	return p.checkLate(x)
}

func (x *Exchange) check(out *columnar.Schema) error {
	start := columnar.Field{Name: windowStart, Type: columnar.Type{Kind: columnar.Timestamp}}
	if err := x.checkWindow(out); err != nil {
		return err
	}
	if !x.Assigned.Equal(&columnar.Schema{Fields: append(slices.Clone(out.Fields), start)}) {
		return fmt.Errorf("assigns (%s) to (%s)", x.Assigned, out)
	}
	if err := x.checkSpec(); err != nil {
		return err
	}
	if final := x.Operator().Final(); !x.Final.Equal(final) {
		return fmt.Errorf("gives (%s), not (%s)", final, x.Final)
	}
	return nil
}

func (x *Exchange) checkWindow(out *columnar.Schema) error {
	if x.Unwindowed() {
		if x.TimeColumn != -1 {
			return fmt.Errorf("has no window, but the time is column %d", x.TimeColumn)
		}
		return nil
	}
	t, err := typeAt(out, x.TimeColumn)
	switch {
	case err != nil:
		return fmt.Errorf("time: %w", err)
	case t.Kind != columnar.Timestamp:
		return fmt.Errorf("the time is a %s", t)
	}
	if o := x.Window.Offset; o < 0 {
		return fmt.Errorf("windows with offset %d µs", o)
	}
	return x.Operator().Validate()
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
	args := a.More
	if a.Func != columnar.CountStar {
		args = append([]columnar.AggArg{{Col: a.Arg, Type: a.In}}, args...)
	}
	for _, o := range a.Order {
		args = append(args, columnar.AggArg{Col: o.Col, Type: o.Type})
	}
	if a.Where > 0 {
		args = append(args, columnar.AggArg{Col: a.Where - 1, Type: columnar.Type{Kind: columnar.Bool}})
	}
	for _, arg := range args {
		t, err := typeAt(in, arg.Col)
		if err == nil && t != arg.Type {
			err = fmt.Errorf("takes a %s, but column %d is a %s", arg.Type, arg.Col, t)
		}
		if err != nil {
			return fmt.Errorf("aggregate %q: %w", a.Name, err)
		}
	}
	return nil
}

// checkSinks also checks that every sink is fed, by stages that give rows of its schema.
func (p *Plan) checkSinks() error {
	planned := map[string]bool{}
	for i := range p.Sinks {
		k := &p.Sinks[i]
		planned[k.Name] = true
		senders := p.stages(func(s *Stage) bool { return slices.Contains(s.Sinks, k.Name) })
		for _, s := range senders {
			if out := p.Stages[s].Out; !out.Equal(k.Schema) {
				return fmt.Errorf("sink %q takes (%s), but stage %d gives (%s)", k.Name, k.Schema, s, out)
			}
		}
		if len(senders) == 0 && p.SideOf(k.Name) == nil {
			return fmt.Errorf("sink %q is not fed", k.Name)
		}
		if err := k.check(); err != nil {
			return fmt.Errorf("sink %q: %w", k.Name, err)
		}
	}
	for _, s := range p.Stages {
		for i, name := range s.Sinks {
			if !planned[name] || slices.Contains(s.Sinks[:i], name) {
				return fmt.Errorf("stage %d feeds the sinks %q", s.ID, s.Sinks)
			}
		}
	}
	return nil
}

func (k *SinkPlan) check() error {
	for _, c := range k.Columns {
		if _, err := typeAt(k.Schema, c); err != nil {
			return err
		}
	}
	if err := k.Changelog.check(k.Schema); err != nil {
		return err
	}
	for _, part := range k.Partitions {
		if err := compiles(part.Expr, k.Schema); err != nil {
			return fmt.Errorf("partition %q: %w", part.Name, err)
		}
	}
	return nil
}
