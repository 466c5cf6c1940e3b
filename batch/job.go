package batch

import (
	"context"
	"fmt"
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
	// Hide takes secrets out of a text that goes to the log; nil: there are none.
	Hide func(text string) string
	// Hash identifies what the job computes: plan, formats, output-format version. 64 hexadecimal digits.
	Hash string
	Plan *dstream.Plan

	Sources map[string]Source // by name: those of Plan.Sources
	Tables  map[string]Table  // by name: those of Plan.Tables
	Sinks   []Sink            // in the order of Plan.Sinks

	Trigger     Trigger
	Limits      Limits
	Shards      int    // shards of every stage behind an exchange, 1 to 256
	Step        int64  // offsets per source task
	OnBadRecord Policy // what a record does that does not fit
	// StopAbove stops a batch, before anything of it is visible, when a greater share of the records that it read does not
	// fit: 0.05 is one in twenty. Not with [FailOnBad]; 0 means any share may be bad.
	StopAbove float64
	// Skip are records to leave out. It belongs to one run, not to the job: a plan whose ranges hold one of them names it,
	// so that a rerun leaves it out too.
	Skip []SkipRecord
	// AcceptLoss names sources of which the run may give up what cannot be read any more when it starts. It belongs to one
	// run, as Skip does; what was given up stands in the next plan.
	AcceptLoss []string
	// AcceptOutput names sinks whose output may have other columns, directories or keys than what they have written before. It
	// belongs to one run, as Skip does; the edit stands in the plan that it takes effect with.
	AcceptOutput []string
	// Retain is how long, in plan time, plans and commits stay in the log, and state that replay begins with; 0: for ever.
	Retain time.Duration
	// Feed says what is read in place of the sources' own records, e.g. "dead letters of job orders"; empty: nothing else. A
	// checkpoint belongs to one feed, since offsets mean nothing in another.
	Feed       string
	Checkpoint string // local directory

	pushed func(p *dstream.Plan, source int) []*columnar.Expr // in place of [dstream.Plan.Pushed], for tests
}

func (j *Job) hidden(text string) string {
	if j.Hide == nil {
		return text
	}
	return j.Hide(text)
}

// check reports what the plan needs and the job does not say how to reach.
func (j *Job) check() error {
	if err := j.Plan.Check(); err != nil {
		return err
	}
	if takes := j.Plan.Side(dstream.BadRecords) >= 0; takes != (j.OnBadRecord == DeadLetterBad) {
		return fmt.Errorf("bad records: the policy is %q, a sink takes them: %t", j.OnBadRecord, takes)
	}
	for i := range j.Plan.Sources {
		if name := j.Plan.Sources[i].Name; j.Sources[name].Open == nil {
			return fmt.Errorf("nothing opens source %q", name)
		}
	}
	for _, t := range j.Plan.Tables {
		if in := j.Tables[t.Name]; in.Version == nil || in.Read == nil || in.Decode == nil {
			return fmt.Errorf("nothing reads table %q", t.Name)
		}
	}
	if len(j.Sinks) != len(j.Plan.Sinks) {
		return fmt.Errorf("%d sinks are opened, the plan has %d", len(j.Sinks), len(j.Plan.Sinks))
	}
	for i, k := range j.Sinks {
		if name := j.Plan.Sinks[i].Name; k.Name != name || k.Open == nil {
			return fmt.Errorf("nothing opens sink %q; in its place stands %q", name, k.Name)
		}
	}
	return nil
}

// Source opens an input of the job.
type Source struct {
	Open  func(ctx context.Context) (offsets.Source, error)
	Start offsets.Start // where the first run that reads it begins
}

// Table is a static table. Version is a cheap token that changes when the content may have changed (size and time of
// a file); Decode must depend on data and on the rules of Zones alone, which are in env. env has no plan time: a table is
// decoded once for many plans.
type Table struct {
	Version func() (string, error)
	// Size is how many bytes Read would return, for a bound on memory; nil or 0: not known.
	Size   func() (int64, error)
	Read   func() ([]byte, error)
	Decode func(data []byte, env *columnar.Env) (*columnar.Batch, error)
	Zones  []string // names of time zones, without UTC
}

// Sink opens one output. Open claims the place for the owner; a foreign owner is an [output.OwnedError]. Where the log
// has committed rows to this sink, a place that does not know the owner is an [output.ConflictError], because a disk is
// not mounted or the path is another one; an [output.Recorder] says so by its standing.
type Sink struct {
	Name      string
	Guarantee Guarantee // what the sink promises, for reports
	Topic     string    // that the sink writes records to; "" for files
	Place     string    // where it writes, that no other sink does: a directory, a topic; "": nowhere that lasts
	Form      string    // how rows become records, beside their columns: what is key, what is value; "" for files
	// Done says when directories of the sink are complete; then it is an output.Marker. nil: it leaves no done markers.
	Done *dstream.Done
	// MaxAge is how long, in plan time, rows may wait for their file to get full, see output.ParquetConfig; 0: they do not.
	MaxAge time.Duration
	Open   func(ctx context.Context, o output.Opening) (output.Sink, error)
	// Vacant looks, before there is anything of a new checkpoint, whether Open would find the place to be somebody else's, and changes
	// nothing; nil: nobody can be there.
	Vacant func(ctx context.Context, o output.Opening) error
	// Committed is the last batch that a place of files knows to be committed, 0 for none, or where it is not the owner's, by a look from
	// outside that changes nothing; nil: only brokers know, or nobody.
	Committed func(ctx context.Context, owner output.Owner) (int64, error)
	// Elsewhere opens a sink that prepares what the one of Open does and touches nothing of it. It writes files below dir,
	// a directory or an address; with "" it writes nothing, and only Prepare may be called. What is no file is not written: its sink takes
	// Publish and does nothing.
	Elsewhere func(ctx context.Context, o output.Opening, dir string) (output.Sink, error)
	// Verify compares what the sink holds with what the log says, looking at several things at a time with each; nil: it
	// keeps nothing that could be looked at.
	Verify func(ctx context.Context, e output.Expected, each func(n int, f func(int) error) error) (*output.Checked, error)
}

// Guarantee is what a sink promises about the rows of a batch that had to run again.
type Guarantee string

// The guarantees.
const (
	ExactlyOnce Guarantee = "exactly once"
	AtLeastOnce Guarantee = "at least once" // a row may come out twice
)

// Trigger says when batches are planned: every Every; or, with AvailableNow, one after the other until the end offsets
// seen at the start are reached; or at the times of Cron, each time as with AvailableNow.
type Trigger struct {
	Every        time.Duration
	AvailableNow bool
	FlushWindows bool     // with AvailableNow: close every window at the end
	Cron         Schedule // see [ParseCron]; nil: none
}

// continuous reports whether silence of a partition counts from a trigger of this run on, see [windows.IdleRule].
func (t Trigger) continuous() bool { return !t.AvailableNow && t.Cron == nil }

// Policy says what happens to a record that does not fit.
type Policy string

// The policies.
const (
	FailOnBad Policy = "fail" // stop with exit code 4, the default
	SkipBad   Policy = "skip" // drop and count it
	// DeadLetterBad counts it and gives it to the sink of the plan's dead letters, see [dstream.BadRecords].
	DeadLetterBad Policy = "dead_letter"
)

// goesOn reports whether a batch may have bad records.
func (p Policy) goesOn() bool { return p == SkipBad || p == DeadLetterBad }

// Resolve builds a job from what a checkpoint recorded of it. It must yield the same plan as the run that recorded it;
// how brokers and stores are reached comes from the job file at hand.
type Resolve func(recorded []byte) (*Job, error)
