package dstream

import (
	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/windows"
)

// Plan is a checked job, cut into stages. It names columns by position and holds bound expressions only; equal jobs
// have equal plans whatever their text looked like.
type Plan struct {
	Source SourcePlan
	Tables []TablePlan // static tables in use, by name
	Stages []Stage     // by ID; a stage comes after the one that feeds it
	Sinks  []SinkPlan  // in the order of the To calls
}

// SourcePlan says what to decode from the source's records.
type SourcePlan struct {
	Name      string
	Format    string                 // "json"
	Fields    []columnar.DecodeField // only what some expression, window or sink needs
	EventTime int                    // position in Fields of the event time, −1 when the job has none
	Bounds    windows.Bounds
}

// TablePlan is a static table that the plan joins: its columns in use.
type TablePlan struct {
	Name   string
	Schema *columnar.Schema
}

// Stage is a run of row operators between two exchanges. Its rows go into Exchange or, when that is nil, to Sinks.
type Stage struct {
	ID       int
	Input    int              // the stage whose Exchange feeds this one; −1 = the source
	In       *columnar.Schema // of the rows that the first operator takes
	Ops      []Op
	Out      *columnar.Schema
	Exchange *Exchange
	Sinks    []string
}

// Op is one row operator: exactly one of Filter, Project and Join is set.
type Op struct {
	Name    string // stable name for row accounting, e.g. "filter 1"
	Filter  *columnar.Expr
	Project *Projection
	Join    *Join
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

// Exchange moves half-aggregated groups to the shards of the stage behind it. Sending side: windows.Assign appends the
// column window_start to the rows and drops late ones, columnar.HashAggregate folds them by Spec. Receiving side:
// windows.Aggregate merges the partials into state and emits groups of closed windows in Final.
//
// Spec counts columns of the assigned rows, Stage.Out plus window_start at the end. Spec.Keys[0] is window_start; the
// other keys choose the key group. The last aggregate is always count(*) named [RowsColumn], for row accounting.
type Exchange struct {
	Name       string           // stable name of the operator and its state
	Window     windows.Tumbling // the only kind of window yet
	TimeColumn int              // column of Stage.Out that Window assigns
	Assigned   *columnar.Schema
	Spec       columnar.AggSpec
	Final      *columnar.Schema // In of the stage behind the exchange
}

// RowsColumn is the hidden aggregate that counts the rows in a group.
const RowsColumn = "_rows"

// SinkPlan is what a sink takes: Columns are the columns of the file, Partitions compute the directory names.
type SinkPlan struct {
	Name       string
	Schema     *columnar.Schema // rows as the last stage yields them
	Columns    []int            // columns of Schema that go into files: all but those that are partitions themselves
	Partitions []Partition
}

// Partition is one level of Hive-style directories.
type Partition struct {
	Name string
	Expr *columnar.Expr // over SinkPlan.Schema
}
