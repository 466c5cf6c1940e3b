package main

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/millrace/millrace/batch"
	"github.com/millrace/millrace/internal/jobspec"
	"github.com/millrace/millrace/offsets"
	"github.com/millrace/millrace/windows"
)

func explainCommand() *cli.Command {
	return &cli.Command{
		Name:      "explain",
		Usage:     "say what a job does: plan, decoding, watermarks, state, files and log of a day",
		ArgsUsage: "JOB.yaml",
		Flags: append(jobFlags(),
			&cli.BoolFlag{Name: "resolved", Usage: "print the job file as it counts: variables and defaults in, secrets as ***"},
			&cli.BoolFlag{Name: "next", Usage: "ask the brokers, and say what the next batch would be; nothing is written"},
		),
		Action: explainJob,
	}
}

func explainJob(c *cli.Context) error {
	spec, err := loadJob(c)
	if err != nil {
		return err
	}
	switch {
	case c.Bool("resolved") && c.Bool("next"):
		return usage("explain takes one of --resolved and --next")
	case c.Bool("resolved"):
		fmt.Fprint(c.App.Writer, spec.Resolved())
		return nil
	case c.Bool("next"):
		return explainNext(c, spec)
	}
	plan, warnings, err := spec.Plan()
	if err != nil {
		return err
	}
	text, err := spec.Describe(plan)
	if err != nil {
		return err
	}
	fmt.Fprint(c.App.Writer, text)
	more, err := spec.Warnings(plan)
	warnAll(c.App.ErrWriter, append(warnings, more...))
	return err
}

// explainNext says what the next batch would be.
func explainNext(c *cli.Context, spec *jobspec.Spec) error {
	job, warnings, err := spec.Job()
	if err != nil {
		return err
	}
	warnAll(c.App.ErrWriter, warnings)
	next, err := batch.Next(c.Context, spec.Env(batch.SystemEnv()), job)
	if err != nil {
		return err
	}
	w := c.App.Writer
	if next.Holder != nil {
		fmt.Fprintf(w, "running     %s; it may plan before you read this\n", next.Holder)
	}
	switch {
	case next.Open != nil:
		fmt.Fprintf(w, "open        batch %d, planned %s: the next run finishes it first, as it was planned\n", next.Open.Batch, windows.FormatTime(next.Open.At))
		printRanges(w, next.Open)
	case next.Flushed != "":
		fmt.Fprintln(w, "nothing    ", next.Flushed)
	case next.Wait > 0:
		fmt.Fprintf(w, "nothing     for %s: limits.rate allows no batch before\n", jobspec.ShortDuration(next.Wait.Round(time.Millisecond)))
		printLag(w, next.Lag)
	case next.Planned == nil:
		fmt.Fprintln(w, "nothing     no new records, and no window that time alone would close")
		printLag(w, next.Lag)
	default:
		printNext(w, next)
		printSideInputs(w, spec, job)
	}
	return nil
}

func printRanges(w io.Writer, p *batch.Planned) {
	for _, r := range p.Ranges {
		if r.Span() > 0 {
			fmt.Fprintf(w, "range       %s/%d [%d, %d)\n", r.Topic, r.Partition, r.From, r.Until)
		}
	}
}

func printNext(w io.Writer, next *batch.NextPlan) {
	p := next.Planned
	fmt.Fprintf(w, "next        batch %d: about %s", p.Batch, count(next.Records, "record"))
	if next.WireBytes > 0 {
		fmt.Fprintf(w, ", %s on the wire", count(next.WireBytes, "byte"))
	}
	fmt.Fprintf(w, "; %s left for later batches\n", count(next.Left, "offset"))
	if p.LimitedBy != "" {
		fmt.Fprintf(w, "limited     by %s\n", limitText(p))
	}
	printRanges(w, p)
	printLag(w, next.Lag)
	for _, s := range p.Skip {
		fmt.Fprintf(w, "skip        %s\n", s)
	}
	for _, op := range next.Operators {
		if op.NumWindowsOpen > 0 && op.NextClose != "" {
			fmt.Fprintf(w, "open        %s: %s, the first, [%s, %s), closes at its end, watermark now %s\n",
				op.OperatorName, count(int64(op.NumWindowsOpen), "window"), op.FirstOpen, op.NextClose, op.Watermark)
		}
	}
	for _, name := range next.Closes {
		fmt.Fprintf(w, "closes      a window of %s, whatever the records are\n", name)
	}
}

// limitText names the limit that a plan meets as the job file does.
func limitText(p *batch.Planned) string {
	switch p.LimitedBy {
	case string(offsets.BoundByFirst):
		return fmt.Sprintf("what is not known yet: at most %s of a partition as long as none was weighed", count(offsets.FirstOffsetsMax, "offset"))
	case "backpressure":
		return fmt.Sprintf("limits.backpressure, %s a second", count(p.Rate, "offset"))
	}
	return "limits." + p.LimitedBy
}

// printLag says how far the job is behind now, partition by partition where it is.
func printLag(w io.Writer, lags []batch.SourceLag) {
	for _, s := range lags {
		for _, topic := range slices.Sorted(maps.Keys(s.Partitions)) {
			partitions := s.Partitions[topic]
			for _, p := range slices.SortedFunc(maps.Keys(partitions), byNumber) {
				if lag := partitions[p]; lag.Offsets > 0 {
					fmt.Fprintf(w, "lag         %s/%s: %s\n", topic, p, partitionLagText(lag))
				}
			}
		}
	}
}

// byNumber orders texts of numbers.
func byNumber(a, b string) int { return cmp.Or(cmp.Compare(len(a), len(b)), strings.Compare(a, b)) }

func partitionLagText(lag batch.PartitionLag) string {
	text := count(lag.Offsets, "offset") + " behind"
	if lag.Seconds != nil {
		text += fmt.Sprintf(", for at most %s", jobspec.ShortDuration(time.Duration(*lag.Seconds*1000)*time.Millisecond))
	}
	if lag.Held > 0 {
		text += fmt.Sprintf("; %d of them wait for open transactions", lag.Held)
	}
	return text
}

// printSideInputs lists what the batch would read besides records.
func printSideInputs(w io.Writer, spec *jobspec.Spec, job *batch.Job) {
	for _, t := range job.Plan.Tables {
		path := spec.TablePath(t.Name)
		if batch.IsRemote(path) {
			fmt.Fprintf(w, "table       %s: %s\n", t.Name, path)
			continue
		}
		info, err := os.Stat(path)
		if err != nil {
			fmt.Fprintf(w, "table       %s: %v\n", t.Name, err)
			continue
		}
		fmt.Fprintf(w, "table       %s: %s, %s, changed %s\n", t.Name, path, count(info.Size(), "byte"), info.ModTime().UTC().Format(time.RFC3339))
	}
	if len(job.Plan.Zones) > 0 {
		fmt.Fprintf(w, "zones       %s\n", strings.Join(job.Plan.Zones, ", "))
	}
}
