package dstream

import (
	"fmt"
	"slices"
	"strings"

	"github.com/millrace/millrace/columnar"
)

// Explanation is what a plan does, in figures and in words, for people.
type Explanation struct {
	Queries   []Query
	Sources   []SourceExplanation
	Tables    []TablePlan // side inputs
	Zones     []string    // side inputs too: the rules of these time zones
	Stages    []StageExplanation
	Exchanges []ExchangeExplanation
	Sinks     []SinkExplanation
}

// SourceExplanation is what is read of a source.
type SourceExplanation struct {
	Name       string
	Format     string
	OnBadValue string
	Columns    []string // that are decoded: name and type, and the path where it is not the name
	Skipped    []string // declared columns that nothing uses: they are not even converted
	Pushed     []string // conditions of the filter behind it that are looked at while a record is decoded, see [Plan.Pushed]
	Watermark  string   // what it follows; empty without an event time
}

// StageExplanation is a run of row operators.
type StageExplanation struct {
	ID   int
	From string   // "source events", "exchange NAME", "stage 0"
	Ops  []string // name: what it does
	To   []string
}

// ExchangeExplanation is what happens between stages, and the state that is kept there.
type ExchangeExplanation struct {
	Name          string
	Senders       []int // stages
	Behind        int   // stage
	Watermark     string
	Columns       []string // of the state: the window, keys, aggregates
	BytesPerGroup int64    // about, with texts of 16 bytes
	Growing       []string // aggregates that keep values and so grow with their number
	WindowMicros  int64    // its size, of days and months the longest, of sessions the gap; 0 = none
	HeldMicros    int64    // for how much event time a group is held at most, while the partitions keep in step; 0 = until the input ends, or rows of a session's key
	OpenWindows   int64    // how many windows are open at a time then; 0 = there are none
	Bound         string
	Changes       string // when results come out, and until when they change; empty: once
}

// SinkExplanation is what a sink takes.
type SinkExplanation struct {
	Name       string
	Columns    []string // of its files: name and type
	Partitions []string // name = expression
	Stages     []int    // whose rows it takes
	Takes      string   // what it takes instead, of a side output, such as "bad records"
	Key        []string // columns of the changelog's key; none: the stream is append-only
}

// AppendOnly says what streams without a key are, and why.
const AppendOnly = "append-only: filters, projections, unnests and joins with static tables take no row back, and a group comes out once, when it is finished"

// Explain explains the plan.
func (p *Plan) Explain() Explanation {
	out := Explanation{Queries: p.Queries, Tables: p.Tables, Zones: p.Zones}
	for i := range p.Sources {
		out.Sources = append(out.Sources, p.Sources[i].explain(p.Pushed(i)))
	}
	for i := range p.Stages {
		out.Stages = append(out.Stages, p.explainStage(&p.Stages[i]))
	}
	for i := range p.Exchanges {
		out.Exchanges = append(out.Exchanges, p.explainExchange(i))
	}
	for i := range p.Sinks {
		out.Sinks = append(out.Sinks, p.explainSink(&p.Sinks[i]))
	}
	return out
}

func (s *SourcePlan) explain(pushed []*columnar.Expr) SourceExplanation {
	out := SourceExplanation{Name: s.Name, Format: s.Format, OnBadValue: s.OnBadValue, Skipped: s.Skipped, Watermark: s.watermark()}
	for _, f := range s.Fields {
		text := f.Name + " " + f.Type.String()
		if path := f.JSONPath().String(); path != f.Name && s.Format == columnar.FormatJSON {
			text += " from " + path
		}
		if f.Required {
			text += " required"
		}
		out.Columns = append(out.Columns, text)
	}
	for _, e := range pushed {
		out.Pushed = append(out.Pushed, renderOuter(e, func(i int) string { return s.Fields[i].Name }))
	}
	return out
}

// watermark says by which rule the watermark of the source moves.
func (s *SourcePlan) watermark() string {
	if s.EventTime < 0 {
		return ""
	}
	out := "the greatest " + s.Schema().Fields[s.EventTime].Name
	if s.Time != nil {
		out += " (" + renderOuter(s.Time.Expr, func(i int) string { return s.Fields[i].Name }) + ")"
	}
	if d := s.Bounds.MaxDisorder; d > 0 {
		out += " − " + duration(d)
	}
	out += " of each partition, of all partitions the least; one without new records for " + duration(s.Bounds.IdleAfter) + " is idle and does not count"
	if f := s.Bounds.MaxFuture; f >= 0 {
		out += "; a record more than " + duration(f) + " ahead of the plan is a bad record"
	}
	return out
}

func (p *Plan) explainStage(s *Stage) StageExplanation {
	out := StageExplanation{ID: s.ID, From: p.explainInput(s.From)}
	in := s.In
	for i := range s.Ops {
		op := &s.Ops[i]
		out.Ops = append(out.Ops, op.Name+": "+op.explain(in))
		in = op.Out
	}
	for _, i := range p.Pipes(s.ID) {
		out.To = append(out.To, fmt.Sprintf("stage %d", i))
	}
	if s.Exchange >= 0 {
		out.To = append(out.To, "exchange "+p.Exchanges[s.Exchange].Name)
	}
	for _, name := range s.Sinks {
		out.To = append(out.To, "sink "+name)
	}
	return out
}

func (p *Plan) explainInput(in Input) string {
	switch {
	case in.Source >= 0:
		return "source " + p.Sources[in.Source].Name
	case in.Exchange >= 0:
		return "exchange " + p.Exchanges[in.Exchange].Name
	}
	return fmt.Sprintf("stage %d", in.Stage)
}

func (p *Plan) explainSink(k *SinkPlan) SinkExplanation {
	out := SinkExplanation{Name: k.Name, Stages: p.stages(func(s *Stage) bool { return slices.Contains(s.Sinks, k.Name) }), Key: k.KeyNames()}
	if side := p.SideOf(k.Name); side != nil {
		out.Takes = side.Kind.Rows()
	}
	for _, c := range k.Columns {
		out.Columns = append(out.Columns, k.Schema.Fields[c].Name+" "+k.Schema.Fields[c].Type.String())
	}
	for _, part := range k.Partitions {
		out.Partitions = append(out.Partitions, part.Name+" = "+renderOuter(part.Expr, func(i int) string { return k.Schema.Fields[i].Name }))
	}
	return out
}

func (op *Op) explain(in *columnar.Schema) string {
	name := func(i int) string { return in.Fields[i].Name }
	switch {
	case op.Changed:
		return "updates that change nothing are left out"
	case op.Ops > 0:
		return renderOuter(op.Filter, name) + ", where only one half of an update does, an insert or a delete"
	case op.Filter != nil:
		return renderOuter(op.Filter, name)
	case op.Project != nil:
		parts := make([]string, len(op.Project.Exprs))
		for i, e := range op.Project.Exprs {
			parts[i] = renderOuter(e, name)
			if e.Op == "col" && parts[i] == op.Project.Names[i] || renderExpr(e, name) == op.Project.Names[i] {
				continue
			}
			parts[i] += " as " + op.Project.Names[i]
		}
		return strings.Join(parts, ", ")
	case op.Join != nil:
		return op.Join.explain(in, op.Out)
	}
	if op.Map != nil {
		return op.Map.explain(in, op.Out)
	}
	return op.Unnest.explain(in)
}

func (u *Unnest) explain(in *columnar.Schema) string {
	text := fmt.Sprintf("%s as %s", in.Fields[u.Column].Name, strings.Join(u.Names, ", "))
	if len(u.Keep) > 0 {
		kept := make([]string, len(u.Keep))
		for i, k := range u.Keep {
			kept[i] = in.Fields[k].Name
		}
		text += " beside " + strings.Join(kept, ", ")
	}
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
	text := "on " + strings.Join(parts, " and ")
	if j.Left {
		text += ", rows without a match stay"
	}
	return text
}
