package dstream

import (
	"fmt"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/windows"
)

// Plan is a checked job, cut into stages. It names columns by position and holds bound expressions only; equal jobs
// have equal plans whatever their text looked like.
//
// It is a directed acyclic graph. Rows enter at the stages that read a source, go down pipes from stage to stage within
// a task, through exchanges from all senders to the shards of the stage behind, and leave by sinks. UNION ALL needs no
// operator: several stages send into one exchange, or into one sink, whose rows come in the order of the stages.
type Plan struct {
	Sources   []SourcePlan // in use, by name
	Tables    []TablePlan  // static tables in use, by name
	Exchanges []Exchange   // an exchange comes after those whose groups go into it
	Stages    []Stage      // by ID; a stage comes after those that feed it
	Sinks     []SinkPlan   // in the order of the To calls; behind them those of Sides
	Sides     []Side       // side outputs, each with a sink of its own
	Queries   []Query      // the job as it was described, for people
	Zones     []string     // time zones whose rules expressions and windows need, sorted; UTC is not among them
}

// SourcePlan says what to decode from the source's records.
type SourcePlan struct {
	Name       string
	Format     string                 // "json" or "raw"
	Zone       string                 // of texts without a time zone in timestamp columns; "" = UTC, or there are no such columns
	OnBadValue string                 // "fail" or "null": what a value does that does not fit its column
	Fields     []columnar.DecodeField // only what some expression, window or sink needs
	EventTime  int                    // position in Schema of the event time, −1 when the job has none
	Time       *TimePlan              // how the event time is computed; nil: it is one of Fields
	Bounds     windows.Bounds
	Skipped    []string // declared columns that are not among Fields, for people
}

// TimeText says where the event time of a record comes from, and the bounds of the watermark; equal texts, equal watermarks.
func (s *SourcePlan) TimeText() string {
	at := "none"
	switch {
	case s.Time != nil:
		at = s.Time.Expr.String()
	case s.EventTime >= 0:
		at = fmt.Sprintf("%+v", s.Fields[s.EventTime])
	}
	return fmt.Sprintf("%s zone %q bounds %+v", at, s.Zone, s.Bounds)
}

// TimePlan is an event time that is computed from Fields, as one more column behind them. A record of which it cannot be
// computed is a bad one.
type TimePlan struct {
	Name string
	Expr *columnar.Expr
}

// TablePlan is a static table that the plan joins: its columns in use.
type TablePlan struct {
	Name   string
	Schema *columnar.Schema
}

// Stage is a run of row operators without an exchange in it. Its rows go down every pipe (the stages whose From names
// it), into its exchange, and into its sinks, at once.
type Stage struct {
	ID       int
	From     Input
	In       *columnar.Schema // of the rows that the first operator takes
	Ops      []Op
	Out      *columnar.Schema
	Exchange int      // position in Plan.Exchanges of the one that its rows go into, −1 = none
	Sinks    []string // sinks that its rows go to
}

// Input says where the rows of a stage come from: exactly one of the three is not −1. Every source and every exchange
// feeds exactly one stage; a stage may feed any number of others.
type Input struct {
	Source   int // position in Plan.Sources
	Exchange int // position in Plan.Exchanges
	Stage    int // ID of a stage, whose rows come in the same task
}

// FromSource is the input of a stage that reads the i-th source.
func FromSource(i int) Input { return Input{Source: i, Exchange: -1, Stage: -1} }

// FromExchange is the input of a stage behind the i-th exchange.
func FromExchange(i int) Input { return Input{Source: -1, Exchange: i, Stage: -1} }

// FromStage is the input of a stage that takes the rows of stage i.
func FromStage(i int) Input { return Input{Source: -1, Exchange: -1, Stage: i} }

// Senders are the IDs of the stages that send into an exchange, ascending.
func (p *Plan) Senders(exchange int) []int {
	return p.stages(func(s *Stage) bool { return s.Exchange == exchange })
}

// Pipes are the IDs of the stages that take the rows of a stage, ascending.
func (p *Plan) Pipes(stage int) []int {
	return p.stages(func(s *Stage) bool { return s.From.Stage == stage })
}

// Root is the ID of the stage that reads a source, −1 when there is none.
func (p *Plan) Root(source int) int {
	return only(p.stages(func(s *Stage) bool { return s.From.Source == source }))
}

// Behind is the ID of the stage behind an exchange, −1 when there is none.
func (p *Plan) Behind(exchange int) int {
	return only(p.stages(func(s *Stage) bool { return s.From.Exchange == exchange }))
}

func (p *Plan) stages(has func(*Stage) bool) []int {
	var out []int
	for i := range p.Stages {
		if has(&p.Stages[i]) {
			out = append(out, i)
		}
	}
	return out
}

func only(stages []int) int {
	if len(stages) != 1 {
		return -1
	}
	return stages[0]
}

// Op is one row operator: exactly one of Filter, Project, Join, Unnest, Map and Changed is set.
type Op struct {
	Name    string // stable name for row accounting, e.g. "filter 1"
	Filter  *columnar.Expr
	Ops     int  // over a changelog, of Filter and Changed: 1 + column of the operations, see columnar.ChangelogFilter; 0 = rows are never taken back
	Changed bool // leaves out the updates of a changelog that change nothing, see columnar.DropUnchanged
	Project *Projection
	Join    *Join
	Unnest  *Unnest
	Map     *Map
	Out     *columnar.Schema
}

// Projection computes one column for each expression.
type Projection struct {
	Exprs []*columnar.Expr
	Names []string
}

// Join is an equi-join with a static table. Its rows are the columns of the stream, then those of the table.
type Join struct {
	Table               string
	LeftKeys, RightKeys []int // columns of the stream, columns of the table
	Left                bool  // LEFT JOIN: a row without a match stays, with NULLs
}

// Unnest makes one row of every element of an array, or of every entry of a map. Its rows are some columns of the input,
// then the element, or key and value of the entry, then the position.
type Unnest struct {
	Column     int      // of the input: an array or a map
	Keep       []int    // columns of the input that something behind needs, ascending
	Names      []string // of the columns that it adds
	Ordinality bool     // the last of them is the position, counted from 1, a bigint
	Left       bool     // a row whose array is empty or NULL stays, with NULLs; else it is dropped
}

// Exchange moves half-aggregated groups to the shards of the stage behind it. Sending side: windows.Assign appends the
// column window_start to the rows and drops late ones, columnar.HashAggregate folds them by Spec. Receiving side:
// windows.Aggregate merges the partials of all senders into state and emits groups of closed windows in Final.
//
// Spec counts columns of the assigned rows, Stage.Out of the senders plus window_start at the end. Spec.Keys[0] is
// window_start; the other keys choose the key group. The last aggregate is always count(*) named [RowsColumn], for row
// accounting.
//
// A bounded job may have groups without a window: Window has the size 0, TimeColumn is −1, window_start is 0 in all
// rows, and the groups close at windows.MaxWatermark, the end of the input; until then the output watermark of the stage
// behind is windows.NoWatermark. Without a key but window_start, all rows are one group, and that exists even when there
// are no rows: it comes out at the end once, with the aggregates of nothing.
type Exchange struct {
	Name       string // stable name of the operator and its state
	Window     windows.Window
	Emit       windows.Emission // when results come out, and whether they are a changelog
	TimeColumn int              // column of Stage.Out that Window assigns
	Late       []int            // by column of late rows: the column of Stage.Out, −1 = none; nil when no side output takes them
	Assigned   *columnar.Schema
	Spec       columnar.AggSpec
	Final      *columnar.Schema // In of the stage behind the exchange, see windows.Operator
}

// Operator is the receiving side.
func (x *Exchange) Operator() windows.Operator {
	return windows.Operator{Window: x.Window, In: x.Assigned, Spec: x.Spec, Emit: x.Emit}
}

// Unwindowed reports whether the groups close at the end of the input only.
func (x *Exchange) Unwindowed() bool { return x.Window == windows.Window{} }

// RowsColumn is the hidden aggregate that counts the rows in a group.
const RowsColumn = "_rows"

// SinkPlan is what a sink takes: Columns are the columns of the file, Partitions compute the directory names.
type SinkPlan struct {
	Name       string
	Schema     *columnar.Schema // rows as the last stage yields them
	Columns    []int            // columns of Schema that go into files: all but those that are partitions themselves
	Partitions []Partition
	Changelog  *Changelog // nil: rows are never taken back
	// Key are columns of Schema that no two rows of the result have in common, where the last GROUP BY says so; else nil.
	Key []int
}

// Partition is one level of Hive-style directories.
type Partition struct {
	Name string
	Expr *columnar.Expr // over SinkPlan.Schema
}
