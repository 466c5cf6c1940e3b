package dstream

import (
	"fmt"
	"slices"
	"strings"

	"github.com/millrace/millrace/columnar"
)

// SideKind says which rows a [Side] takes.
type SideKind string

// The kinds of side outputs.
const (
	BadRecords SideKind = "bad"  // dead letters: records that do not fit, from the decoders and the event-time guard
	LateRows   SideKind = "late" // rows whose windows have all closed, see [Graph.LateRows]
)

// Side is a side output: a stream of what leaves an operator because it cannot go on, which a sink takes like any other,
// exactly once. Its rows come in the order of the tasks that met them. It is append-only.
type Side struct {
	Kind SideKind
	Sink string
	Dead DeadLetter // of BadRecords
}

// DeadHeaderBytes is the most bytes of headers that a dead letter holds.
const DeadHeaderBytes = 16 << 10

// DeadLetter says how much of a bad record its dead letter holds. The zero value holds no byte of it.
type DeadLetter struct {
	MaxBytes int64 // of the value, and of the key: what is longer is cut
	NoValue  bool  // the value is left out
}

// DeadLetterSchema is the schema of dead letters. Columns that describe the record have the names and meanings that
// Spark's Kafka source gives them.
func DeadLetterSchema() *columnar.Schema {
	text, bytes, long := columnar.Type{Kind: columnar.String}, columnar.Type{Kind: columnar.Binary}, columnar.Type{Kind: columnar.Int64}
	headers, _ := columnar.Metadata("_headers")
	return columnar.NewSchema(
		columnar.Field{Name: "source", Type: text}, // of the job
		columnar.Field{Name: "topic", Type: text},
		columnar.Field{Name: "partition", Type: columnar.Type{Kind: columnar.Int32}},
		columnar.Field{Name: "offset", Type: long},
		columnar.Field{Name: "timestamp", Type: columnar.Type{Kind: columnar.Timestamp}}, // of the record; NULL: it has none, or one behind the year 9999
		columnar.Field{Name: "batch", Type: long},
		columnar.Field{Name: "reason", Type: text},
		columnar.Field{Name: "key", Type: bytes},                                   // NULL: the record has none
		columnar.Field{Name: "value", Type: bytes},                                 // NULL: it is left out, or the record has none
		columnar.Field{Name: "value_bytes", Type: long},                            // of the whole value; NULL: the record has none
		columnar.Field{Name: "headers", Type: headers},                             // NULL: they cannot be read, or are longer than DeadHeaderBytes
		columnar.Field{Name: "complete", Type: columnar.Type{Kind: columnar.Bool}}, // key, value, timestamp and headers are all there as they were
	)
}

// side is a side output under construction.
type side struct {
	Side
	sink sink
}

// DeadLetters makes a sink take the bad records of all sources, as rows of [DeadLetterSchema]. Partitions are as for
// [Stream.To]. The error, an *[Error], is about the sink or its partitions.
func (g *Graph) DeadLetters(name string, of DeadLetter, pos Pos, partitions ...Expr) error {
	return g.addSide(Side{Kind: BadRecords, Sink: name, Dead: of}, DeadLetterSchema(), pos, partitions)
}

func (g *Graph) addSide(s Side, schema *columnar.Schema, pos Pos, partitions []Expr) error {
	if err := g.checkSink(s.Sink, pos); err != nil {
		return err
	}
	k := sink{name: s.Sink, stream: g.sideStream(schema), pos: pos}
	if err := k.stream.checkOutput(pos); err != nil {
		return err
	}
	if err := k.stream.bindPartitions(&k, partitions); err != nil {
		return err
	}
	g.sides = append(g.sides, side{Side: s, sink: k})
	return nil
}

// sideStream is a stream of rows of a schema, in a graph of its own: the ids of its columns are their positions.
func (g *Graph) sideStream(schema *columnar.Schema) *Stream {
	of := &Graph{session: g.session}
	s := &Stream{graph: of}
	for _, f := range schema.Fields {
		s.scope = append(s.scope, of.columns.add(column{name: f.Name, typ: f.Type}).in("", false))
	}
	return s
}

// sidePlans are behind the sinks of the streams.
func (l *lowering) sidePlans() {
	for i := range l.graph.sides {
		s := &l.graph.sides[i]
		l.plan.Sides = append(l.plan.Sides, s.Side)
		l.plan.Sinks = append(l.plan.Sinks, s.sink.plan(s.sink.stream.scope.schema(), &sinkGroup{outs: s.sink.stream.scope}))
	}
}

// Side is the position in Sides of the side output of a kind, −1 when the plan has none.
func (p *Plan) Side(kind SideKind) int {
	return slices.IndexFunc(p.Sides, func(s Side) bool { return s.Kind == kind })
}

// SideOf is the side output whose rows a sink takes, nil for the sink of a query.
func (p *Plan) SideOf(sink string) *Side {
	for i := range p.Sides {
		if p.Sides[i].Sink == sink {
			return &p.Sides[i]
		}
	}
	return nil
}

// checkSides checks each side output against the sink that takes its rows.
func (p *Plan) checkSides() error {
	for i := range p.Sides {
		s := &p.Sides[i]
		k := slices.IndexFunc(p.Sinks, func(k SinkPlan) bool { return k.Name == s.Sink })
		switch {
		case k < 0:
			return fmt.Errorf("no sink %q takes the %s", s.Sink, s.Kind.Rows())
		case p.Side(s.Kind) != i:
			return fmt.Errorf("two sinks take the %s", s.Kind.Rows())
		case s.Kind == LateRows && !isLateSchema(p.Sinks[k].Schema):
			return fmt.Errorf("sink %q takes (%s), which does not end as late rows do", s.Sink, p.Sinks[k].Schema)
		case s.Kind == BadRecords && !p.Sinks[k].Schema.Equal(DeadLetterSchema()):
			return fmt.Errorf("sink %q takes (%s), not the %s", s.Sink, p.Sinks[k].Schema, s.Kind.Rows())
		case len(p.stages(func(st *Stage) bool { return slices.Contains(st.Sinks, s.Sink) })) > 0:
			return fmt.Errorf("sink %q takes the %s and rows of a stage", s.Sink, s.Kind.Rows())
		}
	}
	return nil
}

// Rows is what the rows of the side output are, for people.
func (k SideKind) Rows() string {
	if k == LateRows {
		return "late rows"
	}
	return "bad records"
}

func (s *Side) canonical(w *strings.Builder) {
	fmt.Fprintf(w, "side %q sink %q max_bytes %d no_value %t\n", s.Kind, s.Sink, s.Dead.MaxBytes, s.Dead.NoValue)
}
