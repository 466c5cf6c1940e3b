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
	if len(g.sinks) == 0 {
		return nil, &Error{Msg: "the job has no sink", Hint: "end a stream with To"}
	}
	for _, k := range g.sinks {
		if k.err != nil {
			return nil, k.err
		}
	}
	l := &lowering{graph: g, plan: &Plan{}, tables: map[*Table][]bool{}, fields: map[*Source][]*column{}}
	l.lower(g.expand())
	if err := l.plan.checkTypes(); err != nil {
		return nil, err
	}
	if err := l.plan.Check(); err != nil {
		return nil, fmt.Errorf("plan the job: %w", err)
	}
	return l.plan, nil
}

// checkTypes refuses columns between stages whose type is not known, of which queries that others read may have some.
func (p *Plan) checkTypes() error {
	for i := range p.Stages {
		for _, op := range p.Stages[i].Ops {
			if op.Project == nil {
				continue
			}
			for n, e := range op.Project.Exprs {
				if e.Type.Untyped() {
					return &Error{Msg: fmt.Sprintf("column %q is %s", op.Project.Names[n], e.Type.Article()), Hint: "write CAST(… AS type)"}
				}
			}
		}
	}
	return nil
}

// lowering turns trees of operators into a plan: what each segment must yield is found from the ends to the roots, then
// the stages are made from the roots to the ends.
type lowering struct {
	graph     *Graph
	columns   *columnSet // of the expansion
	plan      *Plan
	roots     []*operator // a root comes after those whose rows go into it
	segments  []*segment  // by id
	exchanges map[*operator]int
	sources   map[*Source]int
	tables    map[*Table][]bool     // which fields are in use
	fields    map[*Source][]*column // those in use
}

func (l *lowering) lower(x *expansion) {
	l.columns = &x.columns
	x.pruneFields()
	for _, e := range x.ends {
		l.visit(e.root())
	}
	l.nameExchanges(x)
	for _, root := range l.roots {
		l.addSegments(newSegment(root))
	}
	for _, s := range l.segments {
		if s.parent == nil {
			l.needs(s)
		}
	}
	l.addInputs()
	for _, s := range l.segments {
		l.addStage(s)
	}
	l.addTables()
	l.sinkPlans()
	l.sidePlans()
	nameOps(l.plan)
	l.plan.addZones()
	l.plan.Queries = l.graph.describeQueries(x.marked.steps)
}

// addZones lists the time zones that expressions and windows need, beside those of the sources.
func (p *Plan) addZones() {
	zones := p.Zones
	add := func(e *columnar.Expr) { zones = append(zones, e.Zones()...) }
	for _, s := range p.Sources {
		if s.Time != nil {
			add(s.Time.Expr)
		}
	}
	for i := range p.Stages {
		for _, op := range p.Stages[i].Ops {
			if op.Filter != nil {
				add(op.Filter)
			}
			if op.Project != nil {
				for _, e := range op.Project.Exprs {
					add(e)
				}
			}
		}
	}
	for _, k := range p.Sinks {
		for _, part := range k.Partitions {
			add(part.Expr)
		}
	}
	for i := range p.Exchanges {
		if z := p.Exchanges[i].Window.Zone; z != "" && z != "UTC" {
			zones = append(zones, z)
		}
	}
	slices.Sort(zones)
	p.Zones = slices.Compact(zones)
}

// visit lists the root behind those that feed it.
func (l *lowering) visit(root *operator) {
	if slices.Contains(l.roots, root) {
		return
	}
	if root.gather != nil {
		for _, in := range root.gather.inputs {
			l.visit(in.root())
		}
	}
	l.roots = append(l.roots, root)
}

// addSegments numbers the segments of a tree: each behind the one that it takes its rows from.
func (l *lowering) addSegments(s *segment) {
	s.id = len(l.segments)
	l.segments = append(l.segments, s)
	for _, n := range s.next {
		l.addSegments(n)
	}
	for _, op := range s.ops {
		if op.join != nil && l.tables[op.join.table] == nil {
			l.tables[op.join.table] = make([]bool, len(op.join.table.Schema.Fields))
		}
	}
}

// addInputs plans the sources, by name, and the exchanges.
func (l *lowering) addInputs() {
	l.exchanges, l.sources = map[*operator]int{}, map[*Source]int{}
	var sources []*Source
	for _, root := range l.roots {
		if root.source != nil {
			sources = append(sources, root.source)
			continue
		}
		l.exchanges[root] = len(l.plan.Exchanges)
		l.plan.Exchanges = append(l.plan.Exchanges, root.gather.exchange())
	}
	slices.SortFunc(sources, func(a, b *Source) int { return strings.Compare(a.Name, b.Name) })
	for i, src := range sources {
		l.sources[src] = i
		l.plan.Sources = append(l.plan.Sources, src.plan(l.fields[src]))
		l.setZone(&l.plan.Sources[i])
	}
}

// setZone lets the columns of a source that hold instants follow the time zone of the job.
func (l *lowering) setZone(p *SourcePlan) {
	zone := l.graph.session.Zone
	if zone == "" || !slices.ContainsFunc(p.Fields, columnar.DecodeField.NeedsZone) {
		return
	}
	p.Zone = zone
	l.plan.Zones = append(l.plan.Zones, zone)
}

// plan decodes what is used, and the event time always, because the watermark follows every record. Fields are ordered by
// name: the order of their declaration means nothing.
func (src *Source) plan(used []*column) SourcePlan {
	needed := map[string]*column{}
	for _, name := range src.timeFields() {
		needed[name] = nil
	}
	for _, c := range used {
		if src.timeExpr == nil || c.field != src.EventTime {
			needed[c.field] = c
		}
	}
	p := SourcePlan{Name: src.Name, Format: src.Format, OnBadValue: src.OnBadValue, EventTime: -1}
	for i, name := range slices.Sorted(maps.Keys(needed)) {
		if name == src.EventTime && src.timeExpr == nil {
			p.EventTime, p.Bounds = i, src.Bounds
		}
		f := src.decodeField(name)
		if c := needed[name]; c != nil {
			f.Type = c.typ // perhaps with fewer fields
		}
		p.Fields = append(p.Fields, f)
	}
	for _, f := range src.Fields {
		if _, ok := needed[f.Name]; !ok {
			p.Skipped = append(p.Skipped, f.Name)
		}
	}
	if src.timeExpr != nil {
		p.computeTime(src)
	}
	return p
}

func (src *Source) decodeField(name string) columnar.DecodeField {
	for _, f := range src.Fields {
		if f.Name == name {
			return f
		}
	}
	var out columnar.DecodeField
	for _, f := range columnar.MetadataFields(src.Format) {
		if f.Name == name {
			out.Field = f
		}
	}
	return out
}

// addStage plans a segment.
func (l *lowering) addStage(s *segment) {
	st := Stage{ID: s.id, Exchange: -1, Sinks: s.sinks}
	b := &stageBuilder{columns: l.columns, tables: l.tables, segment: s}
	switch {
	case s.parent != nil:
		st.From, st.In = FromStage(s.parent.id), l.plan.Stages[s.parent.id].Out
		for _, o := range s.parent.outs {
			b.layout = append(b.layout, o.column.id)
		}
	case s.root.source != nil:
		i := l.sources[s.root.source]
		st.From, st.In = FromSource(i), l.plan.Sources[i].Schema()
		b.layout = l.sourceLayout(&l.plan.Sources[i], s.root)
	default:
		i := l.exchanges[s.root]
		st.From, st.In = FromExchange(i), l.plan.Exchanges[i].Final
		for _, c := range s.root.columns {
			b.layout = append(b.layout, c.id)
		}
	}
	if s.gather != nil {
		st.Exchange = l.exchanges[s.gather]
	}
	st.Ops, st.Out = b.build(st.In)
	l.plan.Stages = append(l.plan.Stages, st)
}

// sourceLayout is the ids of the fields, −1 where no expression uses one.
func (l *lowering) sourceLayout(p *SourcePlan, root *operator) []int {
	fields := p.Schema().Fields
	out := make([]int, len(fields))
	for i, f := range fields {
		out[i] = -1
		for _, c := range root.columns {
			if c.field == f.Name {
				out[i] = c.id
			}
		}
	}
	return out
}

// addTables plans the tables in use, by name.
func (l *lowering) addTables() {
	for t, used := range l.tables {
		schema := &columnar.Schema{}
		for _, i := range tableFields(t, used) {
			schema.Fields = append(schema.Fields, t.Schema.Fields[i])
		}
		l.plan.Tables = append(l.plan.Tables, TablePlan{Name: t.Name, Schema: schema})
	}
	slices.SortFunc(l.plan.Tables, func(a, b TablePlan) int { return strings.Compare(a.Name, b.Name) })
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

// nameOps numbers the operators of a kind through the plan.
func nameOps(p *Plan) {
	count := map[string]int{}
	for i := range p.Stages {
		for j := range p.Stages[i].Ops {
			op := &p.Stages[i].Ops[j]
			switch {
			case op.Filter != nil:
				op.Name = numbered(count, "filter", true)
			case op.Changed:
				op.Name = numbered(count, "changes", true)
			case op.Project != nil:
				op.Name = numbered(count, "project", true)
			case op.Unnest != nil:
				op.Name = numbered(count, "unnest", true)
			case op.Map != nil:
				op.Name = numbered(count, "map "+op.Map.ID, false)
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
