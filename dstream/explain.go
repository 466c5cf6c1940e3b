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
	fmt.Fprintf(&w, "source %s (%s): %s\n", p.Source.Name, p.Source.Format, p.sourceFields())
	for _, t := range p.Tables {
		fmt.Fprintf(&w, "table %s: %s\n", t.Name, t.Schema)
	}
	for i := range p.Stages {
		p.Stages[i].explain(&w)
	}
	for _, k := range p.Sinks {
		k.explain(&w)
	}
	return w.String()
}

func (p *Plan) sourceFields() string {
	parts := make([]string, len(p.Source.Fields))
	for i, f := range p.Source.Fields {
		parts[i] = f.Name + " " + f.Type.String()
		if i == p.Source.EventTime {
			parts[i] += fmt.Sprintf(" (event time, disorder up to %s)", micros(p.Source.Bounds.MaxDisorder))
		}
	}
	return strings.Join(parts, ", ")
}

func (s *Stage) explain(w *strings.Builder) {
	from := "the source"
	if s.Input >= 0 {
		from = fmt.Sprintf("the groups of stage %d", s.Input)
	}
	fmt.Fprintf(w, "stage %d, from %s:\n", s.ID, from)
	in := s.In
	for _, op := range s.Ops {
		fmt.Fprintf(w, "  %s: %s\n", op.Name, op.explain(in))
		in = op.Out
	}
	if s.Exchange != nil {
		fmt.Fprintf(w, "  exchange: %s\n", s.Exchange.Name)
	}
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
	}
	return op.Join.explain(in, op.Out)
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
