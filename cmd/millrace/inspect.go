package main

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"

	"github.com/urfave/cli/v2"

	"github.com/millrace/millrace/batch"
	"github.com/millrace/millrace/internal/jobspec"
	"github.com/millrace/millrace/windows"
)

func inspectCommand() *cli.Command {
	return &cli.Command{
		Name:      "inspect",
		Usage:     "show what a job's checkpoint says: positions, watermarks, open windows, the last batches",
		ArgsUsage: "JOB.yaml",
		Flags: append(jobFlags(),
			&cli.IntFlag{Name: "last", Value: 5, Usage: "how many records of the log to show; 0 = all; with --json all, unless it is given"},
			&cli.BoolFlag{Name: "history", Usage: "every edit of the job that took effect, with its batch and time"},
			&cli.BoolFlag{Name: "json", Usage: "every record of the log, or with --history every edit, as a JSON line"},
		),
		Action: inspectJob,
	}
}

func inspectJob(c *cli.Context) error {
	spec, err := loadRecorded(c)
	if err != nil {
		return err
	}
	in, err := batch.Inspect(c.Context, spec.Env(batch.SystemEnv()), string(spec.Checkpoint))
	if err != nil {
		return err
	}
	if len(in.Entries) == 0 {
		if err := checkOutputs(c, spec, in); err != nil {
			return err
		}
	}
	for _, w := range in.Warnings {
		fmt.Fprintln(c.App.ErrWriter, "millrace: warning:", w)
	}
	if c.Bool("history") {
		return inspectHistory(c.App.Writer, in, c.Bool("json"))
	}
	if c.Bool("json") {
		last := 0
		if c.IsSet("last") {
			last = c.Int("last")
		}
		return inspectJSON(c.App.Writer, lastOf(in.Entries, last))
	}
	inspectText(c.App.Writer, string(spec.Checkpoint), in, c.Int("last"))
	return nil
}

// checkOutputs refuses a checkpoint without a log whose outputs have batches of the job. A job that cannot be built has none to look at.
func checkOutputs(c *cli.Context, spec *jobspec.Spec, in *batch.Inspection) error {
	job, _, err := spec.Job()
	if err != nil {
		in.Warnings = append(in.Warnings, fmt.Sprintf("the outputs were not looked at: %v", err))
		return nil
	}
	unknown, err := batch.CheckOutputs(c.Context, spec.Env(batch.SystemEnv()), job)
	in.Warnings = append(in.Warnings, unknown...)
	return err
}

// inspectHistory shows a line for each thing that an edit of the job changed, and for each batch that was discarded and is in the log.
func inspectHistory(w io.Writer, in *batch.Inspection, asJSON bool) error {
	enc, h := json.NewEncoder(w), in.History
	gone := discarded(in.Entries)
	for _, e := range h.Edits {
		if asJSON {
			if err := enc.Encode(e); err != nil {
				return fmt.Errorf("write edit: %w", err)
			}
			continue
		}
		for _, text := range e.Changes {
			fmt.Fprintf(w, "batch %d  %s  %s\n", e.Batch, windows.FormatTime(e.At), text)
		}
	}
	for _, c := range gone {
		if asJSON {
			if err := enc.Encode(c); err != nil {
				return fmt.Errorf("write discarded batch: %w", err)
			}
			continue
		}
		fmt.Fprintf(w, "batch %d  %s  %s\n", c.Batch, windows.FormatTime(c.At), batch.Describe(c))
	}
	if len(h.Edits) == 0 && !asJSON {
		fmt.Fprintln(w, "the job has not been edited since its first batch")
	}
	return nil
}

// discarded are the batches of which files were moved out of the outputs.
func discarded(entries []batch.Entry) (out []*batch.Cancelled) {
	for _, e := range entries {
		if c, ok := e.Record.(*batch.Cancelled); ok && len(c.Discarded) > 0 {
			out = append(out, c)
		}
	}
	return out
}

// lastOf are the last n entries; 0: all.
func lastOf(entries []batch.Entry, n int) []batch.Entry {
	if n > 0 && len(entries) > n {
		return entries[len(entries)-n:]
	}
	return entries
}

func inspectJSON(w io.Writer, entries []batch.Entry) error {
	enc := json.NewEncoder(w)
	for _, e := range entries {
		line := struct {
			Epoch    uint64       `json:"epoch"`
			Sequence uint64       `json:"sequence"`
			Type     string       `json:"type"`
			Record   batch.Record `json:"record"`
		}{e.At.Epoch, e.At.Sequence, batch.TypeName(e.Record), e.Record}
		if err := enc.Encode(line); err != nil {
			return fmt.Errorf("write record: %w", err)
		}
	}
	return nil
}

func inspectText(w io.Writer, dir string, in *batch.Inspection, last int) {
	h := in.History
	fmt.Fprintf(w, "job         %s\ncheckpoint  %s (%s)\n", in.Job, dir, in.CheckpointID)
	if in.Holder != nil {
		fmt.Fprintf(w, "running     %s\n", in.Holder)
	} else {
		fmt.Fprintln(w, "running     no")
	}
	if in.Start != nil {
		fmt.Fprintf(w, "log         %s\n", in.Start)
	}
	if h.Last == nil {
		fmt.Fprintln(w, "batches     none committed")
	} else {
		fmt.Fprintf(w, "batches     last committed %d, planned %s\n", h.Last.Batch, windows.FormatTime(h.Last.At))
	}
	for _, p := range h.Open {
		fmt.Fprintf(w, "open        batch %d, planned %s: runs again at the next start\n", p.Batch, windows.FormatTime(p.At))
	}
	if h.Flushed != nil {
		fmt.Fprintf(w, "flushed     by batch %d: the next run needs --reopen\n", h.Flushed.Batch)
	}
	fmt.Fprintf(w, "watermark   %s\n", windows.FormatTime(h.Marks.Watermark()))
	for _, p := range h.Positions {
		fmt.Fprintf(w, "position    %s/%d next offset %d, watermark %s\n", p.Topic, p.Partition, p.Next, partitionMark(h.Marks.Sources[p.Source], p.Topic, p.Partition))
	}
	if h.Last != nil {
		for _, e := range h.Last.Edges {
			fmt.Fprintf(w, "rows        stage %d %s: in %d, out %d%s\n", e.Stage, e.Operator, e.In, e.Out, drops(e))
		}
	}
	for _, e := range in.Entries {
		if p, ok := e.Record.(*batch.Planned); ok {
			for _, l := range p.Losses {
				fmt.Fprintf(w, "lost        batch %d gave up %s\n", p.Batch, l)
			}
		}
	}
	for _, c := range discarded(in.Entries) {
		for _, sink := range slices.Sorted(maps.Keys(c.Discarded)) {
			for _, f := range c.Discarded[sink] {
				fmt.Fprintf(w, "discarded   batch %d, sink %s: %s is now %s\n", c.Batch, sink, f.Path, f.To)
			}
		}
	}
	for _, e := range lastOf(in.Entries, last) {
		fmt.Fprintf(w, "log %d:%d     %s\n", e.At.Epoch, e.At.Sequence, batch.Describe(e.Record))
	}
}

func partitionMark(m windows.SourceMark, topic string, partition int32) string {
	for _, p := range m.Partitions {
		if p.Topic == topic && p.Partition == partition {
			idle := ""
			if p.Idle {
				idle = " (idle)"
			}
			return windows.FormatTime(p.Watermark) + idle
		}
	}
	return "none"
}

func drops(e batch.Edge) string {
	s := ""
	for _, d := range []struct {
		name string
		n    int64
	}{{"filtered", e.Filtered}, {"no match", e.NoMatch}, {"late", e.Late}, {"unassigned", e.Unassigned}, {"bad", e.Bad}, {"tombstones", e.Tombstone}, {"skipped", e.Skipped}, {"duplicates", e.Duplicate}, {"held", e.HeldAfter}, {"remembered", e.Remembered}} {
		if d.n > 0 {
			s += fmt.Sprintf(", %d %s", d.n, d.name)
		}
	}
	return s
}
