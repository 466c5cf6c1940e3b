package batch

import (
	"context"
	"time"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/dstream"
	"github.com/millrace/millrace/offsets"
	"github.com/millrace/millrace/output"
)

// Job is everything a driver needs to know of a job: what it computes and how its inputs and outputs are reached.
type Job struct {
	Name string
	// Recorded is the job as the checkpoint keeps it: what Resolve takes to build the same job again. Secrets stand in
	// it as references only.
	Recorded []byte
	// Hash identifies what the job computes: plan, formats, output-format version. 64 hexadecimal digits.
	Hash string
	Plan *dstream.Plan

	Source Source
	Tables map[string]Table
	Sinks  []Sink // in the order of Plan.Sinks

	Trigger     Trigger
	Limits      Limits
	Shards      int    // shards of every stage behind an exchange, 1 to 256
	Step        int64  // offsets per source task
	OnBadRecord Policy // what a record does that does not fit
	Checkpoint  string // local directory
}

// Source opens the job's input.
type Source struct {
	Open  func(ctx context.Context) (offsets.Source, error)
	Start offsets.Start // where the first run begins
}

// Table is a static table. Version is a cheap token that changes when the content may have changed (size and time of
// a file); Decode must depend on data alone.
type Table struct {
	Version func() (string, error)
	Read    func() ([]byte, error)
	Decode  func(data []byte) (*columnar.Batch, error)
}

// Sink opens one output. Open claims the place for owner; a foreign owner is an [output.OwnedError]. written says that
// the log has committed rows to this sink: then a place that does not know the owner is an [output.ConflictError],
// because a disk is not mounted or the path is another one.
type Sink struct {
	Name      string
	Guarantee Guarantee // what the sink promises, for reports
	Open      func(ctx context.Context, owner output.Owner, written bool) (output.Sink, error)
}

// Guarantee is what a sink promises about the rows of a batch that had to run again.
type Guarantee string

// The guarantees.
const (
	ExactlyOnce Guarantee = "exactly once"
	AtLeastOnce Guarantee = "at least once" // a row may come out twice
)

// Trigger says when batches are planned: every Every, or, with AvailableNow, one after the other until the end offsets
// seen at the start are reached.
type Trigger struct {
	Every        time.Duration
	AvailableNow bool
	FlushWindows bool // with AvailableNow: close every window at the end
}

// Limits bound the size of the next plan; 0 means no limit. The first batch of a job is always limited.
type Limits struct {
	Rows  int64
	Bytes int64
}

// Policy says what happens to a record that does not fit.
type Policy string

// The policies.
const (
	FailOnBad Policy = "fail" // stop with exit code 4, the default
	SkipBad   Policy = "skip" // drop and count it
)

// Resolve builds a job from what a checkpoint recorded of it. It must yield the same plan as the run that recorded it;
// how brokers and stores are reached comes from the job file at hand.
type Resolve func(recorded []byte) (*Job, error)
