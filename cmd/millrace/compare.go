package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/millrace/millrace/batch"
	"github.com/millrace/millrace/internal/jobspec"
)

// compareJobs runs recorded batches with the job and with another one.
func compareJobs(c *cli.Context, spec *jobspec.Spec, o batch.ReplayOptions) error {
	switch {
	case c.String("with") == "":
		return usage("--compare needs --with JOB.yaml, the job to compare with")
	case !c.Bool("compare"):
		return usage("--with needs --compare; to keep what another job makes of old records, run it with a checkpoint and sinks of its own")
	case o.Into != "":
		return usage("--compare writes nothing: leave --into out")
	case c.Int("samples") < 0:
		return usage("--samples %d: want 0 or more", c.Int("samples"))
	}
	with, err := jobspec.Load(c.String("with"), jobspec.Options{EnvFiles: c.StringSlice("env-file"), Secret: func(values []string) { hide(c, values) }})
	if err != nil {
		return err
	}
	job, warnings, err := with.Job()
	if err != nil {
		return err
	}
	warnAll(c.App.ErrWriter, warnings)
	ctx, _, release := signals(c.Context)
	defer release()
	out, err := batch.Compare(ctx, batch.CompareOptions{ReplayOptions: o, With: job, Samples: c.Int("samples")})
	if err != nil {
		return err
	}
	if c.Bool("json") {
		if err := json.NewEncoder(c.App.Writer).Encode(out); err != nil {
			return fmt.Errorf("write comparison: %w", err)
		}
	} else {
		compareText(c.App.Writer, spec.Name, c.String("with"), out)
	}
	if out.Different() {
		return exitWith(exitDifferent)
	}
	return nil
}

func compareText(w io.Writer, job, with string, out *batch.Comparison) {
	rebuilt := ""
	if out.Rebuilt > 0 {
		rebuilt = fmt.Sprintf("; %s before were read only for the state of %s", count(int64(out.Rebuilt), "batch"), with)
	}
	fmt.Fprintf(w, "%s against %s: batches %d to %d, %s%s\n", job, with, out.First, out.Last, count(out.Records, "record"), rebuilt)
	for _, s := range out.Sinks {
		key := "no key"
		if len(s.Key) > 0 {
			key = "key " + strings.Join(s.Key, ", ")
		}
		fmt.Fprintf(w, "sink %s, %s: %s old, %d new: %d only old, %d only new, %d changed\n", s.Sink, key, count(s.Old, "row"), s.New, s.OnlyOld, s.OnlyNew, s.Changed)
		for _, n := range s.Notes {
			fmt.Fprintf(w, "  note      %s\n", n)
		}
		for _, row := range s.OnlyOldRows {
			fmt.Fprintf(w, "  only old  %s\n", row)
		}
		for _, row := range s.OnlyNewRows {
			fmt.Fprintf(w, "  only new  %s\n", row)
		}
		for _, row := range s.ChangedRows {
			fmt.Fprintf(w, "  changed   %s\n         to %s\n", row[0], row[1])
		}
	}
	if !out.Different() {
		fmt.Fprintln(w, "no difference")
	}
}
