package dstream

import (
	"fmt"
	"strings"

	"github.com/millrace/millrace/columnar"
)

// Canonical is the text of everything in the plan that decides what the job writes. Equal jobs have equal texts: aliases,
// formatting and the order of declarations are not in it, names of output columns are. The job hash is made of it, so it
// must not change from version to version.
//
// One line for each of: the source, its fields, the tables, the stages with their operators and exchanges, the sinks.
// Columns are numbers, types are spelled out; names inside the plan are left out.
func (p *Plan) Canonical() string {
	var w strings.Builder
	w.WriteString("plan 1\n")
	p.Source.canonical(&w)
	for _, t := range p.Tables {
		fmt.Fprintf(&w, "table %q", t.Name)
		for _, f := range t.Schema.Fields {
			fmt.Fprintf(&w, " %q:%s", f.Name, f.Type)
		}
		w.WriteByte('\n')
	}
	for i := range p.Stages {
		p.Stages[i].canonical(&w)
	}
	for i := range p.Sinks {
		p.Sinks[i].canonical(&w)
	}
	return w.String()
}

func (s *SourcePlan) canonical(w *strings.Builder) {
	fmt.Fprintf(w, "source %q format %q event_time %d max_disorder %d idle_after %d max_future %d\n",
		s.Name, s.Format, s.EventTime, s.Bounds.MaxDisorder, s.Bounds.IdleAfter, s.Bounds.MaxFuture)
	for _, f := range s.Fields {
		fmt.Fprintf(w, "field %q:%s key %q unit %d required %t\n", f.Name, f.Type, f.JSONKey(), f.Unit, f.Required)
	}
}

func (s *Stage) canonical(w *strings.Builder) {
	fmt.Fprintf(w, "stage %d input %d\n", s.ID, s.Input)
	for _, op := range s.Ops {
		op.canonical(w)
	}
	if x := s.Exchange; x != nil {
		fmt.Fprintf(w, "exchange tumbling size %d offset %d time #%d keys %v", x.Window.Size, x.Window.Offset, x.TimeColumn, x.Spec.Keys)
		for _, a := range x.Spec.Aggs {
			fmt.Fprintf(w, " %s(#%d:%s)", a.Func, a.Arg, a.In)
		}
		w.WriteByte('\n')
	}
}

func (op *Op) canonical(w *strings.Builder) {
	switch {
	case op.Filter != nil:
		fmt.Fprintf(w, "filter %s\n", op.Filter)
	case op.Project != nil:
		fmt.Fprintf(w, "project %s\n", exprList(op.Project.Exprs))
	default:
		fmt.Fprintf(w, "join %q left %t keys %v = %v\n", op.Join.Table, op.Join.Left, op.Join.LeftKeys, op.Join.RightKeys)
	}
}

func exprList(exprs []*columnar.Expr) string {
	parts := make([]string, len(exprs))
	for i, e := range exprs {
		parts[i] = e.String()
	}
	return strings.Join(parts, " ")
}

func (k *SinkPlan) canonical(w *strings.Builder) {
	fmt.Fprintf(w, "sink %q", k.Name)
	for _, c := range k.Columns {
		fmt.Fprintf(w, " #%d %q:%s", c, k.Schema.Fields[c].Name, k.Schema.Fields[c].Type)
	}
	w.WriteByte('\n')
	for _, p := range k.Partitions {
		fmt.Fprintf(w, "partition %q %s\n", p.Name, p.Expr)
	}
}
