package dstream

import (
	"fmt"
	"slices"
	"strings"

	"github.com/millrace/millrace/columnar"
)

// Canonical is the text of everything in the plan that decides what the job writes. Equal jobs have equal texts: aliases,
// formatting and the order of declarations are not in it, names of output columns are. The job hash is made of it, so it
// must not change from version to version.
//
// One line for each of: the sources with their fields, the tables, the exchanges, the stages with their operators, the
// sinks, by name, the side outputs. Columns are numbers, types are spelled out; names inside the plan are left out.
func (p *Plan) Canonical() string {
	var w strings.Builder
	w.WriteString("plan 2\n")
	for i := range p.Sources {
		p.Sources[i].canonical(&w)
	}
	for _, t := range p.Tables {
		fmt.Fprintf(&w, "table %q", t.Name)
		for _, f := range t.Schema.Fields {
			fmt.Fprintf(&w, " %q:%s", f.Name, f.Type)
		}
		w.WriteByte('\n')
	}
	for i := range p.Exchanges {
		p.Exchanges[i].canonical(&w, i)
	}
	for i := range p.Stages {
		p.Stages[i].canonical(&w)
	}
	for _, k := range slices.SortedFunc(slices.Values(p.Sinks), func(a, b SinkPlan) int { return strings.Compare(a.Name, b.Name) }) {
		k.canonical(&w)
	}
	for i := range p.Sides {
		p.Sides[i].canonical(&w)
	}
	return w.String()
}

func (s *SourcePlan) canonical(w *strings.Builder) {
	fmt.Fprintf(w, "source %q format %q on_bad_value %q event_time %d max_disorder %d idle_after %d max_future %d\n",
		s.Name, s.Format, s.OnBadValue, s.EventTime, s.Bounds.MaxDisorder, s.Bounds.IdleAfter, s.Bounds.MaxFuture)
	if s.Zone != "" {
		fmt.Fprintf(w, "texts without a zone are in %q\n", s.Zone)
	}
	if s.Time != nil {
		fmt.Fprintf(w, "event_time is %s\n", s.Time.Expr)
	}
	for _, f := range s.Fields {
		fmt.Fprintf(w, "field %q:%s key %q unit %d required %t\n", f.Name, f.Type, f.JSONPath(), f.Unit, f.Required)
	}
}

func (x *Exchange) canonical(w *strings.Builder, i int) {
	fmt.Fprintf(w, "exchange %d %s%s time #%d keys %v", i, x.Window.Canonical(), x.Emit.Canonical(), x.TimeColumn, x.Spec.Keys)
	for _, a := range x.Spec.Aggs {
		a.Name = ""
		fmt.Fprintf(w, " %s", strings.TrimSuffix(a.String(), ` AS ""`))
	}
	if x.Late != nil {
		fmt.Fprintf(w, " late %v", x.Late)
	}
	w.WriteByte('\n')
}

func (s *Stage) canonical(w *strings.Builder) {
	fmt.Fprintf(w, "stage %d from %s", s.ID, s.From)
	for _, op := range s.Ops {
		w.WriteByte('\n')
		op.canonical(w)
	}
	if s.Exchange >= 0 {
		fmt.Fprintf(w, "\nto exchange %d", s.Exchange)
	}
	for _, name := range slices.Sorted(slices.Values(s.Sinks)) {
		fmt.Fprintf(w, "\nto sink %q", name)
	}
	w.WriteByte('\n')
}

// String returns "source 0", "exchange 0" or "stage 0".
func (in Input) String() string {
	switch {
	case in.Source >= 0:
		return fmt.Sprintf("source %d", in.Source)
	case in.Exchange >= 0:
		return fmt.Sprintf("exchange %d", in.Exchange)
	}
	return fmt.Sprintf("stage %d", in.Stage)
}

func (op *Op) canonical(w *strings.Builder) {
	switch {
	case op.Filter != nil:
		fmt.Fprintf(w, "filter %s", op.Filter)
		if op.Ops > 0 {
			fmt.Fprintf(w, " of changes by #%d", op.Ops-1)
		}
	case op.Changed:
		fmt.Fprintf(w, "changes by #%d", op.Ops-1)
	case op.Project != nil:
		fmt.Fprintf(w, "project %s", exprList(op.Project.Exprs))
	case op.Join != nil:
		fmt.Fprintf(w, "join %q left %t keys %v = %v", op.Join.Table, op.Join.Left, op.Join.LeftKeys, op.Join.RightKeys)
	case op.Map != nil:
		op.Map.canonical(w, op.Out)
	default:
		fmt.Fprintf(w, "unnest #%d keep %v ordinality %t left %t", op.Unnest.Column, op.Unnest.Keep, op.Unnest.Ordinality, op.Unnest.Left)
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
	if c := k.Changelog; c != nil {
		fmt.Fprintf(w, " changes by #%d with key %v", c.Op, c.Key)
	}
	w.WriteByte('\n')
	for _, p := range k.Partitions {
		fmt.Fprintf(w, "partition %q %s\n", p.Name, p.Expr)
	}
}
