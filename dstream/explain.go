package dstream

import (
	"fmt"
	"strings"
	"time"

	"github.com/millrace/millrace/columnar"
)

// String explains the plan to people, one line for each operator, with names for columns. For comparing plans use
// [Plan.Canonical].
func (p *Plan) String() string {
	var w strings.Builder
	for i := range p.Sources {
		s := &p.Sources[i]
		fmt.Fprintf(&w, "source %s (%s): %s\n", s.Name, s.Format, s.explain())
	}
	for _, t := range p.Tables {
		fmt.Fprintf(&w, "table %s: %s\n", t.Name, t.Schema)
	}
	for i := range p.Stages {
		p.explainStage(&w, &p.Stages[i])
	}
	for _, k := range p.Sinks {
		k.explain(&w)
	}
	return w.String()
}

func (s *SourcePlan) explain() string {
	parts := make([]string, len(s.Fields))
	for i, f := range s.Fields {
		parts[i] = f.Name + " " + f.Type.String()
		if i == s.EventTime {
			parts[i] += fmt.Sprintf(" (event time, disorder up to %s)", micros(s.Bounds.MaxDisorder))
		}
	}
	return strings.Join(parts, ", ")
}

func (p *Plan) explainStage(w *strings.Builder, s *Stage) {
	fmt.Fprintf(w, "stage %d, from %s:\n", s.ID, p.explainInput(s.From))
	in := s.In
	for i := range s.Ops {
		op := &s.Ops[i]
		fmt.Fprintf(w, "  %s: %s\n", op.Name, op.explain(in))
		in = op.Out
	}
	if s.Exchange >= 0 {
		fmt.Fprintf(w, "  exchange: %s\n", p.Exchanges[s.Exchange].Name)
	}
	if len(s.Sinks) > 0 {
		fmt.Fprintf(w, "  sinks: %s\n", strings.Join(s.Sinks, ", "))
	}
}

func (p *Plan) explainInput(in Input) string {
	switch {
	case in.Source >= 0:
		return "source " + p.Sources[in.Source].Name
	case in.Exchange >= 0:
		return "the groups of " + p.Exchanges[in.Exchange].Name
	}
	return fmt.Sprintf("the rows of stage %d", in.Stage)
}

func (op *Op) explain(in *columnar.Schema) string {
	name := func(i int) string { return in.Fields[i].Name }
	switch {
	case op.Filter != nil:
		return renderExpr(op.Filter, name)
	case op.Project != nil:
		parts := make([]string, len(op.Project.Exprs))
		for i, e := range op.Project.Exprs {
			parts[i] = renderExpr(e, name)
			if parts[i] != op.Project.Names[i] {
				parts[i] += " as " + op.Project.Names[i]
			}
		}
		return strings.Join(parts, ", ")
	case op.Join != nil:
		return op.Join.explain(in, op.Out)
	}
	return op.Unnest.explain(in)
}

func (u *Unnest) explain(in *columnar.Schema) string {
	text := fmt.Sprintf("%s as %s", in.Fields[u.Column].Name, strings.Join(u.Names, ", "))
	if u.Left {
		text += ", rows without elements stay"
	}
	return text
}

func (j *Join) explain(in, out *columnar.Schema) string {
	parts := make([]string, len(j.LeftKeys))
	for i, l := range j.LeftKeys {
		parts[i] = in.Fields[l].Name + " = " + out.Fields[len(in.Fields)+j.RightKeys[i]].Name
	}
	if j.Left {
		return "rows without a match stay, on " + strings.Join(parts, " and ")
	}
	return "on " + strings.Join(parts, " and ")
}

func (k *SinkPlan) explain(w *strings.Builder) {
	names := make([]string, len(k.Columns))
	for i, c := range k.Columns {
		names[i] = k.Schema.Fields[c].Name + " " + k.Schema.Fields[c].Type.String()
	}
	fmt.Fprintf(w, "sink %s: %s\n", k.Name, strings.Join(names, ", "))
	for _, p := range k.Partitions {
		text := renderExpr(p.Expr, func(i int) string { return k.Schema.Fields[i].Name })
		fmt.Fprintf(w, "  partitioned by %s = %s\n", p.Name, text)
	}
}

const microsPerDay = int64(24 * time.Hour / time.Microsecond)

// instant writes microseconds since the epoch as UTC.
func instant(us int64) string { return time.UnixMicro(us).UTC().Format("2006-01-02 15:04:05.999999") }
