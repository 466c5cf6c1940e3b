package dstream

import (
	"fmt"
	"slices"

	"github.com/millrace/millrace/columnar"
)

// An event time may be computed: it is then one more column of the source, which is there before anything else looks at
// the rows, because the watermark follows every record.

// bindTimeExpr checks the expression of an event time against the other columns of the source.
func (g *Graph) bindTimeExpr(s *Source) error {
	if s.TimeExpr == nil {
		return nil
	}
	pos := s.TimeExpr.Pos
	if pos == (Pos{}) {
		pos = s.Pos
	}
	if s.EventTime == "" {
		return &Error{Pos: pos, Msg: fmt.Sprintf("the event time of source %q has no name", s.Name), Hint: "write the expression AS name"}
	}
	fields := allFields(s)
	if i := fields.Index(s.EventTime); i >= 0 {
		return &Error{Pos: pos, Msg: fmt.Sprintf("the event time of source %q has the name of its column %q", s.Name, fields.Fields[i].Name), Hint: "give one of the two another name"}
	}
	of := &Graph{session: g.session, columns: columnSet{hide: g.columns.hide}}
	b := &binder{graph: of, pos: pos, clause: "an event time"}
	for _, f := range fields.Fields {
		b.scope = append(b.scope, of.columns.add(column{name: f.Name, typ: f.Type}).in(s.Name, false))
	}
	bound, err := b.bind(*s.TimeExpr)
	if err != nil {
		return err
	}
	if bound.Type.Kind != columnar.Timestamp {
		return &Error{Pos: b.at(*s.TimeExpr), Msg: fmt.Sprintf("the event time of source %q, %s, is %s", s.Name, of.columns.renderOuter(bound), bound.Type.Article()),
			Hint: "CAST it to a timestamp"}
	}
	s.timeExpr = bound
	return nil
}

// allFields are the declared columns of a source, then the metadata of a record that no column declares.
func allFields(s *Source) *columnar.Schema {
	out := &columnar.Schema{Fields: slices.Clone(declaredSchema(s).Fields)}
	for _, f := range columnar.MetadataFields(s.Format) {
		if out.Index(f.Name) < 0 {
			out.Fields = append(out.Fields, f)
		}
	}
	return out
}

// withTime is the schema with a computed event time behind it.
func withTime(s *columnar.Schema, name string) *columnar.Schema {
	return &columnar.Schema{Fields: append(slices.Clone(s.Fields), columnar.Field{Name: name, Type: columnar.Type{Kind: columnar.Timestamp}})}
}

// timeFields are the names of the columns that the event time needs.
func (src *Source) timeFields() []string {
	switch {
	case src.EventTime == "":
		return nil
	case src.timeExpr == nil:
		return []string{src.EventTime}
	}
	var out []string
	for _, i := range references(src.timeExpr, nil) {
		out = append(out, allFields(src).Fields[i].Name)
	}
	return out
}

// computeTime sets the event time of a plan whose fields are there.
func (p *SourcePlan) computeTime(src *Source) {
	fields, all := p.fieldSchema(), allFields(src)
	p.EventTime, p.Bounds = len(p.Fields), src.Bounds
	p.Time = &TimePlan{Name: src.EventTime, Expr: substitute(src.timeExpr, func(c *columnar.Expr) *columnar.Expr {
		return columnar.Col(fields, fields.Index(all.Fields[c.Col].Name))
	})}
}
