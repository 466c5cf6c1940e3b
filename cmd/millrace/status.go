package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/millrace/millrace/batch"
)

func statusCommand() *cli.Command {
	return &cli.Command{
		Name:      "status",
		Usage:     "say how a job stands, running or not: watermarks, open windows, rows in all, lag; --check for schedulers",
		ArgsUsage: "JOB.yaml",
		Flags: append(jobFlags(),
			&cli.BoolFlag{Name: "json", Usage: "one JSON object"},
			&cli.BoolFlag{Name: "no-lag", Usage: "do not ask the brokers: the checkpoint alone"},
			&cli.DurationFlag{Name: "timeout", Value: 10 * time.Second, Usage: "how long to wait for the brokers"},
			&cli.StringSliceFlag{Name: "check", Usage: "end with exit code 6 unless it holds, e.g. 'lag_seconds<300' or 'num_rows_late==0'; may come several times"},
		),
		Action: jobStatus,
	}
}

func jobStatus(c *cli.Context) error {
	spec, err := loadRecorded(c)
	if err != nil {
		return err
	}
	checks, err := parseChecks(c.StringSlice("check"), c.Bool("no-lag"))
	if err != nil {
		return err
	}
	job, warnings, err := spec.Job()
	if err != nil {
		return err
	}
	warnAll(c.App.ErrWriter, warnings)
	look, err := batch.LookUp(c.Context, spec.Env(batch.SystemEnv()), job)
	if err != nil {
		return err
	}
	if !c.Bool("no-lag") {
		ask, cancel := context.WithTimeout(c.Context, c.Duration("timeout"))
		look.AskLag(ask)
		cancel()
	}
	if err := printStatus(c.App.Writer, look.Status, job.Checkpoint, c.Bool("json")); err != nil {
		return err
	}
	return checkStatus(c.App.ErrWriter, checks, look.Status)
}

func printStatus(w io.Writer, s *batch.Status, checkpoint string, asJSON bool) error {
	if !asJSON {
		statusText(w, s, checkpoint)
		return nil
	}
	if err := json.NewEncoder(w).Encode(s); err != nil {
		return fmt.Errorf("write status: %w", err)
	}
	return nil
}

func statusText(w io.Writer, s *batch.Status, checkpoint string) {
	line := func(name, format string, args ...any) {
		fmt.Fprintf(w, "%-11s %s\n", name, fmt.Sprintf(format, args...))
	}
	line("job", "%s", s.Name)
	if s.ID == "" {
		line("checkpoint", "%s: the job has not run yet", checkpoint)
	} else {
		line("checkpoint", "%s (%s)", checkpoint, s.ID)
	}
	line("running", "%s", or(s.Running, "no"))
	batchesText(line, s)
	rowsText(line, s)
	for _, x := range s.Sources {
		sourceText(line, x)
	}
	for _, op := range s.StateOperators {
		line("operator", "%s", operatorText(op))
	}
	switch {
	case s.LagOffsets == nil:
	case *s.LagOffsets == 0:
		line("lag", "none")
	default:
		line("lag", "%s", partitionLagText(batch.PartitionLag{Offsets: *s.LagOffsets, Held: *s.HeldOffsets, Seconds: s.LagSeconds}))
	}
	for _, warning := range s.Warnings {
		line("warning", "%s", warning)
	}
}

func or(text, other string) string {
	if text == "" {
		return other
	}
	return text
}

// liner prints a line of a status.
type liner func(name, format string, args ...any)

func batchesText(line liner, s *batch.Status) {
	if s.NumBatches == 0 {
		line("batches", "none committed")
	} else {
		line("batches", "%d committed, the last %d, planned %s", s.NumBatches, s.BatchID, s.BatchTime)
	}
	for _, id := range s.OpenBatch {
		what := "runs again at the next start"
		if s.Running != "" {
			what = "in work"
		}
		line("open", "batch %d: %s", id, what)
	}
	if s.Flushed != "" {
		line("flushed", "%s", s.Flushed)
	}
}

func rowsText(line liner, s *batch.Status) {
	text := count(s.NumInputRows, "row") + " in"
	for _, d := range []struct {
		n    int64
		what string
	}{{s.NumRowsLate, "late"}, {s.NumRowsBad, "bad"}, {s.NumRowsUnassigned, "in no window"}, {s.NumRowsFiltered, "filtered"}, {s.NumRowsNoMatch, "without a match"},
		{s.NumRowsTombstone, "tombstones"}, {s.NumRowsSkipped, "skipped"}, {s.NumRowsDuplicate, "duplicates"}, {s.NumValuesNulled, "values made NULL"}} {
		if d.n > 0 {
			text += fmt.Sprintf(", %d %s", d.n, d.what)
		}
	}
	line("rows", "%s", text)
	for _, k := range s.Sinks {
		line("sink", "%s: %s%s", k.Description, count(k.NumOutputRows, "row"), pendingText(k)+openText(k))
	}
}

// pendingText says how many rows are in no file yet.
func pendingText(k batch.SinkStatus) string {
	if k.NumRowsPending == 0 {
		return ""
	}
	return fmt.Sprintf("; %s in no file yet, the first since %s", count(k.NumRowsPending, "row"), k.PendingSince)
}

// openText says which directories wait for their done markers.
func openText(k batch.SinkStatus) string {
	if k.NumPartitionsOpen == nil {
		return ""
	}
	text := fmt.Sprintf("; %d directories not complete", *k.NumPartitionsOpen)
	switch {
	case *k.NumPartitionsOpen == 0:
		text = "; all directories are complete"
	case *k.NumPartitionsOpen == 1:
		text = "; 1 directory not complete"
	}
	if k.NextDone != "" {
		text += ", the first ends " + k.NextDone
	}
	return text
}

func sourceText(line liner, s batch.SourceStatus) {
	text := "watermark " + s.Watermark
	switch {
	case s.Idle:
		text += ", idle"
	case s.HeldBy != "" && s.HeldLastEvent != "":
		text += fmt.Sprintf(", held by %s (last event %s)", s.HeldBy, s.HeldLastEvent)
	case s.HeldBy != "":
		text += fmt.Sprintf(", held by %s, which has had no record yet", s.HeldBy)
	}
	line("source", "%s: %s", s.Name, text)
	for _, p := range s.Partitions {
		line("partition", "%s/%d: %s", p.Topic, p.Partition, partitionStatusText(p))
	}
	if s.LagError != "" {
		line("lag", "of %s is not known: %s", s.Name, s.LagError)
	}
}

func partitionStatusText(p batch.PartitionStatus) string {
	text := fmt.Sprintf("next offset %d, watermark %s", p.NextOffset, p.Watermark)
	if p.NextOffset < 0 {
		text = "not read yet"
	}
	if p.Idle {
		text += " (idle)"
	}
	if p.Lag != nil && p.Lag.Offsets > 0 {
		text += ", " + partitionLagText(*p.Lag)
	}
	return text
}

func operatorText(op batch.OperatorStatus) string {
	text := fmt.Sprintf("%s: watermark %s", op.OperatorName, op.Watermark)
	if op.HeldBy != "" {
		text += ", held by " + op.HeldBy
	}
	if op.NumWindowsOpen == 0 {
		return text + "; no window open"
	}
	if op.NextClose == "" {
		return text + fmt.Sprintf("; %s, until the input ends", count(op.NumRowsTotal, "group"))
	}
	text += fmt.Sprintf("; %s open with %s, the first [%s, %s)", count(int64(op.NumWindowsOpen), "window"), count(op.NumRowsTotal, "group"), op.FirstOpen, op.NextClose)
	if op.NumRowsLate > 0 {
		text += fmt.Sprintf("; %d late in all", op.NumRowsLate)
	}
	return text
}
