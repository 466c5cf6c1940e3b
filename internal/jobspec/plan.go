package jobspec

import (
	"errors"
	"time"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/dstream"
	"github.com/millrace/millrace/internal/sql"
	"github.com/millrace/millrace/windows"
)

// Plan compiles the queries and checks names and types. It opens nothing.
func (s *Spec) Plan() (*dstream.Plan, []sql.Warning, error) {
	plan, warnings, err := s.plan()
	return plan, warnings, s.located(err)
}

func (s *Spec) plan() (*dstream.Plan, []sql.Warning, error) {
	g := dstream.NewGraph()
	if w := s.written(); len(w.forms) > 0 {
		g.HideLiterals(w.Hide)
	}
	if err := s.addRelations(g); err != nil {
		return nil, nil, err
	}
	o, err := s.order()
	if err != nil {
		return nil, nil, err
	}
	streams, warnings, err := o.compile(g)
	if err != nil {
		return nil, nil, err
	}
	if err := s.sinkQueries(o); err != nil {
		return nil, nil, err
	}
	for i := range s.Sinks {
		if s.isSide(s.Sinks[i].Name) {
			continue
		}
		parts, err := s.Sinks[i].partitions()
		if err != nil {
			return nil, nil, err
		}
		streams[o.from[i]].At(s.Sinks[i].Pos).To(s.Sinks[i].Name, parts...)
	}
	if err := s.addSides(g); err != nil {
		return nil, nil, err
	}
	plan, err := g.Plan()
	if err == nil {
		err = s.checkKafkaSinks(plan)
	}
	if err == nil {
		err = s.checkChangelogs(plan)
	}
	if err == nil {
		err = s.checkDoneMarkers(plan)
	}
	return plan, warnings, err
}

// written are the secrets that the job's queries have in their texts. Others do not count: a new password must not give
// operators other names.
func (s *Spec) written() *Secrets {
	out := &Secrets{}
	for _, q := range s.queries() {
		out.Add(q.secrets)
	}
	return out
}

// compile makes a stream of each query. One that others read is known to the graph by its name.
func (o *ordered) compile(g *dstream.Graph) (map[string]*dstream.Stream, []sql.Warning, error) {
	streams := map[string]*dstream.Stream{}
	var warnings []sql.Warning
	for _, q := range o.queries {
		r, err := sql.Compile(g, q.File, q.Text, q.Start)
		if err != nil {
			return nil, nil, err
		}
		if q.Name != "" && o.isRead(q) {
			if err := g.AddView(q.Name, r.Stream, q.Pos); err != nil {
				return nil, nil, err
			}
		}
		streams[q.Name] = r.Stream
		warnings = append(warnings, r.Warnings...)
	}
	return streams, warnings, nil
}

// addRelations makes the time zone, the sources and the tables known.
func (s *Spec) addRelations(g *dstream.Graph) error {
	if err := g.SetTimeZone(s.Timezone); err != nil {
		return err
	}
	if err := g.SetEmission(s.emission()); err != nil {
		return err
	}
	for i := range s.Sources {
		if err := s.addSource(g, &s.Sources[i]); err != nil {
			return err
		}
	}
	for _, t := range s.Tables {
		fields, err := decodeFields(t.Columns)
		if err != nil {
			return err
		}
		schema := &columnar.Schema{}
		for _, f := range fields {
			schema.Fields = append(schema.Fields, f.Field)
		}
		if err := g.AddTable(dstream.Table{Name: t.Name, Schema: schema, Pos: t.Pos}); err != nil {
			return err
		}
	}
	return nil
}

func (s *Spec) addSource(g *dstream.Graph, from *Source) error {
	fields, err := decodeFields(from.Columns)
	if err != nil {
		return err
	}
	src := dstream.Source{Name: from.Name, Format: from.Format, OnBadValue: s.OnBadValue, Fields: fields, Pos: from.Pos}
	if et := from.EventTime; et != nil {
		if err := from.setEventTime(&src, fields); err != nil {
			return err
		}
		src.Bounds = et.bounds()
	}
	if d := from.Dedup; d != nil {
		src.Dedup = &dstream.SourceDedup{By: d.By, Within: time.Duration(ceilMicros(d.Within)) * time.Microsecond, Pos: d.Pos}
	}
	return g.AddSource(src)
}

// bounds are in microseconds; −1 for no limit.
func (et *EventTime) bounds() windows.Bounds {
	future := int64(-1)
	if et.MaxFuture >= 0 {
		future = ceilMicros(et.MaxFuture)
	}
	return windows.Bounds{MaxDisorder: ceilMicros(et.MaxDisorder), IdleAfter: ceilMicros(et.IdleAfter), MaxFuture: future}
}

// ceilMicros rounds up: a bound of 1ns is not none.
func ceilMicros(d time.Duration) int64 {
	return int64((d + time.Microsecond - 1) / time.Microsecond)
}

const timestampHint = "declare it as timestamp(ms), timestamp(s), timestamp(us), timestamp(ns) or timestamp"

// setEventTime names the column of the event time, and how it is computed.
func (s *Source) setEventTime(to *dstream.Source, fields []columnar.DecodeField) error {
	et := s.EventTime
	if et.Expr == "" {
		to.EventTime = et.Column
		return s.checkEventTime(fields)
	}
	e, err := sql.ParseExpr(et.ExprPos.File, et.Expr, et.ExprPos)
	if err != nil {
		return err
	}
	if e.Alias == "" {
		return fail(et.ExprPos, "write the expression AS event_time", "event_time: the computed column has no name")
	}
	to.EventTime, to.TimeExpr = e.Alias, &e
	return nil
}

func (s *Source) checkEventTime(fields []columnar.DecodeField) error {
	et := s.EventTime
	var names []string
	for _, f := range append(fields, metadata(s.Format)...) {
		if f.Name == et.Column {
			if f.Type.Kind != columnar.Timestamp {
				return fail(et.ColumnPos, timestampHint, "event_time: column %q is %s, not a timestamp", et.Column, f.Type.Article())
			}
			return nil
		}
		names = append(names, f.Name)
	}
	return fail(et.ColumnPos, didYouMean(et.Column, names), "event_time: unknown column %q", et.Column)
}

func metadata(format string) []columnar.DecodeField {
	var out []columnar.DecodeField
	for _, f := range columnar.MetadataFields(format) {
		out = append(out, columnar.DecodeField{Field: f})
	}
	return out
}

// field is what a decoder takes of a column.
func (c Column) field() (columnar.DecodeField, error) {
	t, unit, err := sql.ParseType(c.Type)
	var e *dstream.Error
	if errors.As(err, &e) {
		return columnar.DecodeField{}, fail(c.TypePos, e.Hint, "column %s: %s", c.Name, e.Msg)
	}
	if err != nil {
		return columnar.DecodeField{}, err
	}
	f := columnar.DecodeField{Field: columnar.Field{Name: c.Name, Type: t}, Unit: unit, Required: c.Required}
	if c.Path != "" {
		if f.Path, err = columnar.ParsePath(c.Path); err != nil {
			return f, fail(c.PathPos, "", "column %s: %v", c.Name, err)
		}
	}
	return f, nil
}

func decodeFields(cols []Column) ([]columnar.DecodeField, error) {
	var out []columnar.DecodeField
	for _, c := range cols {
		f, err := c.field()
		if err != nil {
			return nil, err
		}
		out = append(out, f)
	}
	return out, nil
}

func (k *Sink) partitions() ([]dstream.Expr, error) {
	if k.Parquet == nil {
		return nil, nil
	}
	var out []dstream.Expr
	for _, p := range k.Parquet.PartitionBy {
		e, err := sql.ParseExpr(p.Pos.File, p.Text, p.Pos)
		if err != nil {
			return nil, err
		}
		out = append(out, e)
	}
	return out, nil
}
