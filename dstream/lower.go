package dstream

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/millrace/millrace/columnar"
)

// Plan checks the job and cuts it into stages. The error is an *[Error]: the first mistake in the streams that end in
// sinks, in the order of the To calls.
func (g *Graph) Plan() (*Plan, error) {
	if err := g.checkSinks(); err != nil {
		return nil, err
	}
	l := &lowering{graph: g, plan: &Plan{}, tables: map[*Table][]bool{}}
	l.analyse(segmentsOf(g.sinks[0].stream.node))
	for i := range l.stages {
		l.lower(i)
	}
	l.finish()
	if err := l.plan.Check(); err != nil {
		return nil, fmt.Errorf("plan the job: %w", err)
	}
	return l.plan, nil
}

func (g *Graph) checkSinks() error {
	if len(g.sinks) == 0 {
		return &Error{Msg: "the job has no sink", Hint: "end a stream with To"}
	}
	for _, k := range g.sinks {
		if k.err != nil {
			return k.err
		}
	}
	for _, k := range g.sinks[1:] {
		if err := sameStream(g.sinks[0], k); err != nil {
			return err
		}
	}
	return nil
}

// sameStream refuses jobs of several streams: a stage has one output in this version.
func sameStream(a, b sink) error {
	if x, y := a.stream.source(), b.stream.source(); x != y {
		return &Error{Pos: b.pos, Msg: fmt.Sprintf("sinks %q and %q read sources %q and %q: a job reads one source in this version", a.name, b.name, x.Name, y.Name)}
	}
	same := slices.EqualFunc(a.stream.scope.visible(), b.stream.scope.visible(), func(x, y scopeColumn) bool {
		return x.id == y.id && x.Name == y.Name
	})
	if a.stream.node != b.stream.node || !same {
		return &Error{Pos: b.pos, Msg: fmt.Sprintf("sinks %q and %q take different streams: a job has one result in this version", a.name, b.name),
			Hint: "call To twice on one stream, or run two jobs"}
	}
	return nil
}

func (s *Stream) source() *Source {
	n := s.node
	for n.source == nil {
		n = n.in
	}
	return n.source
}

// lowering turns the steps of a graph into a plan. A first pass, from the last stage to the first, finds what each must
// yield, because that is known from the one behind it; a second one makes the stages in order.
type lowering struct {
	graph  *Graph
	plan   *Plan
	stages []*stageBuilder
	tables map[*Table][]bool // which fields are in use

	exchanges []string // names taken
}

// segment is a run of filters and joins that becomes one stage. It starts at a source or at a grouping.
type segment struct {
	source *Source
	group  *grouping
	steps  []*node
}

func segmentsOf(n *node) []segment {
	var seg segment
	for ; n != nil; n = n.in {
		switch {
		case n.source != nil:
			seg.source = n.source
		case n.group != nil:
			seg.group = n.group
			slices.Reverse(seg.steps)
			return append(segmentsOf(n.in), seg)
		default:
			seg.steps = append(seg.steps, n)
		}
	}
	slices.Reverse(seg.steps)
	return []segment{seg}
}

// output is a column that a stage yields.
type output struct {
	expr *columnar.Expr // over ids
	name string
}

// sinkOutputs are the visible columns, then the hidden ones that partitions use.
func (l *lowering) sinkOutputs() []output {
	var out []output
	var ids []int
	for _, c := range l.graph.sinks[0].stream.scope.visible() {
		out, ids = append(out, output{c.expr(), c.Name}), append(ids, c.id)
	}
	for _, k := range l.graph.sinks {
		for _, p := range k.partitions {
			for _, id := range references(p.expr, nil) {
				if !slices.Contains(ids, id) {
					c := l.graph.columns.list[id]
					out, ids = append(out, output{c.expr(), c.name}), append(ids, id)
				}
			}
		}
	}
	return out
}

func (l *lowering) analyse(segments []segment) {
	for _, seg := range segments {
		for _, n := range seg.steps {
			if n.join != nil {
				l.tables[n.join.table] = make([]bool, len(n.join.table.Schema.Fields))
			}
		}
	}
	l.stages = make([]*stageBuilder, len(segments))
	outs := l.sinkOutputs()
	for i := len(segments) - 1; i >= 0; i-- {
		l.stages[i] = newStageBuilder(l, segments[i], outs)
		if g := segments[i].group; g != nil {
			l.stages[i].input = g.input(l.stages[i].uses)
			outs = l.stages[i].input.outs
		}
	}
}

// lower plans stage i, and the exchange to the one behind it.
func (l *lowering) lower(i int) {
	b := l.stages[i]
	if i == 0 {
		b.in, b.layout = l.readSource(b.segment.source, b.uses)
	} else {
		b.in, b.layout = l.plan.Exchanges[i-1].Final, b.input.finalIDs(b.segment.group)
	}
	st := Stage{ID: i, From: FromExchange(i - 1), In: b.in, Exchange: -1}
	if i == 0 {
		st.From = FromSource(0)
	}
	st.Ops, st.Out = b.build(i == len(l.stages)-1)
	if i < len(l.stages)-1 {
		next := l.stages[i+1]
		x := next.input.exchange(next.segment.group, st.Out)
		x.Name = apart(x.Name, l.exchanges)
		l.exchanges = append(l.exchanges, x.Name)
		st.Exchange = len(l.plan.Exchanges)
		l.plan.Exchanges = append(l.plan.Exchanges, *x)
	}
	l.plan.Stages = append(l.plan.Stages, st)
}

// readSource decodes what is used, and the event time always, because the watermark follows every record. Fields are
// ordered by name: the order of their declaration means nothing. The ids are those of the fields, −1 where no
// expression uses one.
func (l *lowering) readSource(src *Source, uses map[int]int) (*columnar.Schema, []int) {
	needed := map[string]int{}
	if src.EventTime != "" {
		needed[src.EventTime] = -1
	}
	for id := range uses {
		if c := l.graph.columns.list[id]; c.field != "" && c.join == nil {
			needed[c.field] = id
		}
	}
	p := SourcePlan{Name: src.Name, Format: src.Format, OnBadValue: src.OnBadValue, EventTime: -1}
	schema, ids := &columnar.Schema{}, []int{}
	for i, name := range slices.Sorted(maps.Keys(needed)) {
		f := decodeField(src, name)
		if name == src.EventTime {
			p.EventTime, p.Bounds = i, src.Bounds
		}
		p.Fields = append(p.Fields, f)
		schema.Fields, ids = append(schema.Fields, f.Field), append(ids, needed[name])
	}
	l.plan.Sources = append(l.plan.Sources, p)
	return schema, ids
}

func decodeField(src *Source, name string) columnar.DecodeField {
	for _, f := range src.Fields {
		if f.Name == name {
			return f
		}
	}
	metadata := columnar.Schema{Fields: columnar.MetadataFields(src.Format)}
	return columnar.DecodeField{Field: metadata.Fields[metadata.Index(name)]}
}

// finish adds tables and sinks.
func (l *lowering) finish() {
	for t, used := range l.tables {
		schema := &columnar.Schema{}
		for _, i := range tableFields(t, used) {
			schema.Fields = append(schema.Fields, t.Schema.Fields[i])
		}
		l.plan.Tables = append(l.plan.Tables, TablePlan{Name: t.Name, Schema: schema})
	}
	slices.SortFunc(l.plan.Tables, func(a, b TablePlan) int { return strings.Compare(a.Name, b.Name) })
	last := &l.plan.Stages[len(l.plan.Stages)-1]
	positions := map[int]int{}
	for i, o := range l.sinkOutputs() {
		if _, ok := positions[o.expr.Col]; !ok {
			positions[o.expr.Col] = i
		}
	}
	for _, k := range l.graph.sinks {
		last.Sinks = append(last.Sinks, k.name)
		l.plan.Sinks = append(l.plan.Sinks, k.plan(last.Out, positions))
	}
	nameOps(l.plan)
}

// tableFields are the positions of the used fields, by name.
func tableFields(t *Table, used []bool) []int {
	var out []int
	for i, u := range used {
		if u {
			out = append(out, i)
		}
	}
	slices.SortFunc(out, func(a, b int) int { return strings.Compare(t.Schema.Fields[a].Name, t.Schema.Fields[b].Name) })
	return out
}

func (k *sink) plan(schema *columnar.Schema, positions map[int]int) SinkPlan {
	out := SinkPlan{Name: k.name, Schema: schema, Columns: k.fileColumns()}
	for _, p := range k.partitions {
		e := substitute(p.expr, func(c *columnar.Expr) *columnar.Expr { return columnar.Col(schema, positions[c.Col]) })
		out.Partitions = append(out.Partitions, Partition{Name: p.name, Expr: e})
	}
	return out
}

// nameOps numbers the operators of a kind through the plan.
func nameOps(p *Plan) {
	count := map[string]int{}
	for i := range p.Stages {
		for j := range p.Stages[i].Ops {
			op := &p.Stages[i].Ops[j]
			switch {
			case op.Filter != nil:
				op.Name = numbered(count, "filter", true)
			case op.Project != nil:
				op.Name = numbered(count, "project", true)
			default:
				op.Name = numbered(count, "join "+op.Join.Table, false)
			}
		}
	}
}

// numbered is the name followed by how often it was met; the first time only if always is set.
func numbered(count map[string]int, name string, always bool) string {
	count[name]++
	if n := count[name]; n > 1 || always {
		return fmt.Sprintf("%s %d", name, n)
	}
	return name
}
