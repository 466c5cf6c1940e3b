package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/millrace/millrace/batch"
	"github.com/millrace/millrace/dstream"
	"github.com/millrace/millrace/internal/jobspec"
)

func runCommand() *cli.Command {
	return &cli.Command{
		Name:      "run",
		Usage:     "run a job until it is stopped, or until it has caught up",
		ArgsUsage: "JOB.yaml",
		Flags: append(append(jobFlags(), driveFlags()...),
			&cli.BoolFlag{Name: "available-now", Usage: "read up to the end offsets of now, then exit"},
			&cli.BoolFlag{Name: "flush-windows", Usage: "with available-now: close every window at the end"},
			&cli.StringSliceFlag{Name: "skip", Usage: "leave out one record, `TOPIC/PARTITION/OFFSET`; may be repeated"},
			&cli.StringSliceFlag{Name: "assume-published", Usage: "where a Kafka sink has lost its commit record: the rows of the open batch are visible, `SINK=BATCH`"},
			&cli.StringSliceFlag{Name: "assume-unpublished", Usage: "the same: they are not, `SINK=BATCH`"},
			&cli.StringSliceFlag{Name: "accept-data-loss", Usage: "give up what `SOURCE` no longer holds of what the job has to read; what that is stands in the log. May be repeated"},
			&cli.StringSliceFlag{Name: "accept-output-change", Usage: "the output of `SINK` may have other columns, directories or keys from here on than what it holds; what changed stands in the log. May be repeated"},
			&cli.StringSliceFlag{Name: "holder-ended", Usage: "with a checkpoint in S3, where an open batch is to be given up: the process `HOST:PID` that planned it has ended, although it could not say so. May be repeated"},
			&cli.Int64Flag{Name: "discard-open-batch", Usage: "give up the open batch `BATCH`, which can neither be finished nor planned anew beside what there is of it: its files are moved out of the outputs, to _millrace/discarded, and its records are planned anew"},
			&cli.IntFlag{Name: "empty-exit-code", Usage: "exit code of a run that read no record"},
		),
		Action: runJob,
	}
}

func runJob(c *cli.Context) error {
	spec, err := loadJob(c)
	if err != nil {
		return err
	}
	job, err := jobToRun(c, spec)
	if err != nil {
		return err
	}
	assume, err := assumptions(c, spec)
	if err != nil {
		return err
	}
	discard := c.Int64("discard-open-batch")
	if c.IsSet("discard-open-batch") && discard < 1 {
		return usage("--discard-open-batch %d: want the number of the open batch, as the run that was refused and inspect say it", discard)
	}
	ctx, stop, release := signals(c.Context)
	defer release()
	show, err := drive(ctx, c, spec, batch.Options{Job: job, Resolve: spec.Resolve, Earlier: spec.Earlier, Assume: assume, HolderEnded: c.StringSlice("holder-ended"),
		Discard: discard, Stop: stop})
	if err == nil && show.total.records == 0 && c.IsSet("empty-exit-code") {
		return exitWith(c.Int("empty-exit-code"))
	}
	return err
}

// driveFlags say how a job is driven, for all commands that do.
func driveFlags() []cli.Flag {
	return []cli.Flag{
		&cli.BoolFlag{Name: "reopen", Usage: "go on with a checkpoint whose windows were flushed; rows of flushed windows are late"},
		&cli.BoolFlag{Name: "take-over", Usage: "take the job from a run that holds it, in whatever state that is"},
		&cli.IntFlag{Name: "cores", Usage: "tasks that run at a time, in place of cores: in the job file", DefaultText: "all"},
		&cli.BoolFlag{Name: "json", Usage: "progress as JSON lines"},
		&cli.BoolFlag{Name: "quiet", Usage: "no progress"},
	}
}

// drive runs a job as [driveFlags] say, and shows how it goes.
func drive(ctx context.Context, c *cli.Context, spec *jobspec.Spec, o batch.Options) (*display, error) {
	show := newDisplay(c.App.Writer, c.App.ErrWriter, c.Bool("json"), c.Bool("quiet"), writesStdout(spec))
	show.total.idle = idleAfter(spec)
	o.TakeOver, o.Reopen, o.Version = c.Bool("take-over"), c.Bool("reopen"), version
	o.Cores, o.Memory = useResources(c, spec)
	o.Report, o.Waiting, o.Warn = tidied(show.batch), show.waiting, show.warn
	o.Env = spec.Env(batch.SystemEnv())
	err := batch.Run(ctx, o)
	show.end(err)
	if cause := context.Cause(ctx); err != nil && errors.Is(cause, errSecondSignal) {
		err = errSecondSignal
	}
	return show, err
}

// jobToRun is the job of the file with what the flags of run change of it. It prints warnings.
func jobToRun(c *cli.Context, spec *jobspec.Spec) (*batch.Job, error) {
	job, warnings, err := spec.Job()
	if err != nil {
		return nil, err
	}
	if c.Bool("available-now") {
		job.Trigger = batch.Trigger{AvailableNow: true}
	} else {
		more, err := spec.Warnings(job.Plan)
		if err != nil {
			return nil, err
		}
		warnings = append(warnings, more...)
	}
	warnAll(c.App.ErrWriter, append(warnings, spec.MemoryWarnings()...))
	if c.Bool("flush-windows") {
		if !job.Trigger.AvailableNow {
			return nil, usage("--flush-windows needs --available-now: a run without end has no last batch")
		}
		job.Trigger.FlushWindows = windowed(job.Plan)
	}
	for _, text := range c.StringSlice("skip") {
		skip, err := batch.ParseSkip(text)
		if err != nil {
			return nil, usage("--%v", err)
		}
		job.Skip = append(job.Skip, skip)
	}
	job.AcceptLoss, job.AcceptOutput = c.StringSlice("accept-data-loss"), c.StringSlice("accept-output-change")
	if err := checkSinks("accept-output-change", job.AcceptOutput, job); err != nil {
		return nil, err
	}
	return job, checkSources("accept-data-loss", job.AcceptLoss, job)
}

// checkSinks refuses a flag that names sinks which the job does not have.
func checkSinks(flag string, names []string, job *batch.Job) error {
	var known []string
	for _, k := range job.Sinks {
		known = append(known, k.Name)
	}
	for _, name := range names {
		if !slices.Contains(known, name) {
			return usage("--%s %s: the job has no such sink; %s", flag, name, didYouMean(name, known, "it has "+strings.Join(known, ", ")))
		}
	}
	return nil
}

// checkSources refuses a flag that names sources which the job does not read.
func checkSources(flag string, names []string, job *batch.Job) error {
	known := slices.Sorted(maps.Keys(job.Sources))
	for _, name := range names {
		if !slices.Contains(known, name) {
			return usage("--%s %s: the job reads no such source; %s", flag, name, didYouMean(name, known, "it reads "+strings.Join(known, ", ")))
		}
	}
	return nil
}

// assumptions are what the operator says about batches of which sinks have lost the record.
func assumptions(c *cli.Context, spec *jobspec.Spec) (map[string]batch.Assumption, error) {
	out := map[string]batch.Assumption{}
	for _, flag := range []string{"assume-published", "assume-unpublished"} {
		for _, text := range c.StringSlice(flag) {
			sink, digits, _ := strings.Cut(text, "=")
			n, err := strconv.ParseInt(digits, 10, 64)
			_, twice := out[sink]
			switch {
			case err != nil || n < 1:
				return nil, usage("--%s %s: want SINK=BATCH, such as alerts=17", flag, text)
			case !slices.ContainsFunc(spec.Sinks, func(k jobspec.Sink) bool { return k.Name == sink }):
				return nil, usage("--%s %s: the job has no sink %q", flag, text, sink)
			case twice:
				return nil, usage("--%s %s: more than one is said about sink %q", flag, text, sink)
			}
			out[sink] = batch.Assumption{Batch: n, Published: flag == "assume-published"}
		}
	}
	return out, nil
}

// idleAfter is how long partitions of each source may be silent before they no longer hold the watermark.
func idleAfter(spec *jobspec.Spec) map[string]time.Duration {
	out := map[string]time.Duration{}
	for _, s := range spec.Sources {
		if s.EventTime != nil {
			out[s.Name] = s.EventTime.IdleAfter
		}
	}
	return out
}

// windowed reports whether a plan keeps windows open. Where none are, there is nothing to flush, and the checkpoint must
// not be closed as if there were.
func windowed(p *dstream.Plan) bool {
	return len(p.Exchanges) > 0
}

// writesStdout reports whether a sink needs standard output for itself.
func writesStdout(s *jobspec.Spec) bool {
	return slices.ContainsFunc(s.Sinks, func(k jobspec.Sink) bool { return k.Stdout != nil })
}

// warnAll prints the warnings of a query.
func warnAll[W fmt.Stringer](w io.Writer, warnings []W) {
	for _, x := range warnings {
		fmt.Fprintln(w, x)
	}
}
