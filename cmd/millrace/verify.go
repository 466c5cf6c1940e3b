package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/millrace/millrace/batch"
	"github.com/millrace/millrace/output"
)

func verifyCommand() *cli.Command {
	return &cli.Command{
		Name:      "verify",
		Usage:     "compare what the sinks hold with the log, and the log with itself; --deep runs every batch again",
		ArgsUsage: "JOB.yaml",
		Flags: append(jobFlags(),
			&cli.BoolFlag{Name: "deep", Usage: "compute every batch again from Kafka, too"},
			&cli.IntFlag{Name: "cores", Usage: "files and tasks at a time", DefaultText: "all"},
			&cli.BoolFlag{Name: "json", Usage: "one JSON object"},
		),
		Action: verifyJob,
	}
}

func verifyJob(c *cli.Context) error {
	spec, err := loadRecorded(c)
	if err != nil {
		return err
	}
	o := batch.VerifyOptions{Resolve: spec.Resolve, Deep: c.Bool("deep"), Env: spec.Env(batch.SystemEnv())}
	o.Cores, o.Memory = useResources(c, spec)
	if o.Job, _, err = spec.Job(); err != nil {
		return err
	}
	ctx, _, release := signals(c.Context)
	defer release()
	v, err := batch.Verify(ctx, o)
	if err != nil {
		return err
	}
	if c.Bool("json") {
		err = verifyJSON(c.App.Writer, spec.Name, v)
	} else {
		verifyText(c.App.Writer, spec.Name, c.Args().First(), v)
	}
	if err == nil && len(v.Findings) > 0 {
		err = exitWith(exitDifferent)
	}
	return err
}

func verifyText(w io.Writer, job, file string, v *batch.Verified) {
	if v.Batches == 0 {
		fmt.Fprintf(w, "log         no batch is committed yet\n")
	} else {
		fmt.Fprintf(w, "log         batches %d to %d: %s, %s of operators\n", v.First, v.Last, count(v.Records, "record"), count(int64(v.Accounts), "account"))
	}
	for _, s := range v.Sinks {
		verdict := "as the log says"
		if n := len(s.Findings); n > 0 {
			verdict = count(int64(n), "difference")
		}
		what := count(s.Rows, "row")
		if s.Files > 0 {
			what = fmt.Sprintf("%s, %s, %s", count(int64(s.Files), "file"), what, count(s.Bytes, "byte"))
		}
		fmt.Fprintf(w, "sink        %s: %s: %s\n", s.Name, what, verdict)
	}
	if r := v.Replayed; r != nil {
		fmt.Fprintf(w, "again       batches %d to %d: %s, %s in %s: %s\n", r.First, r.Last, count(r.Records, "record"), count(r.Rows, "row"), count(int64(r.Files), "file"), replayVerdict(r))
	}
	for _, n := range v.Notes {
		fmt.Fprintf(w, "note        %s\n", n)
	}
	for _, f := range v.Findings {
		fmt.Fprintf(w, "difference  %s\n", f)
	}
	if first, last := lostFiles(v); first > 0 {
		fmt.Fprintf(w, "way out     to have these files as they were, in a place of their own: millrace replay %s --batches %d..%d --into DIR\n", file, first, last)
	}
	if len(v.Findings) == 0 {
		fmt.Fprintf(w, "%s: no difference\n", job)
	} else {
		fmt.Fprintf(w, "%s: %s\n", job, count(int64(len(v.Findings)), "difference"))
	}
}

// lostFiles are the first and the last batch of those whose files are not what they were, as far as the log has them; 0: none.
func lostFiles(v *batch.Verified) (first, last int64) {
	for _, f := range v.Findings {
		if (f.Kind == output.Missing || f.Kind == output.Changed) && strings.HasSuffix(f.Path, ".parquet") && f.Batch >= max(v.First, 1) {
			if first == 0 || f.Batch < first {
				first = f.Batch
			}
			last = max(last, f.Batch)
		}
	}
	return first, last
}

func verifyJSON(w io.Writer, job string, v *batch.Verified) error {
	type sink struct {
		Name string `json:"name"`
		output.Checked
	}
	out := struct {
		Job      string           `json:"job"`
		First    int64            `json:"firstBatch"`
		Last     int64            `json:"lastBatch"`
		Batches  int              `json:"batches"`
		Accounts int              `json:"accounts"`
		Records  int64            `json:"records"`
		Sinks    []sink           `json:"sinks"`
		Again    *batch.Replayed  `json:"again,omitempty"`
		Notes    []string         `json:"notes,omitempty"`
		Findings []output.Finding `json:"findings"`
	}{job, v.First, v.Last, v.Batches, v.Accounts, v.Records, nil, v.Replayed, v.Notes, append([]output.Finding{}, v.Findings...)}
	for _, s := range v.Sinks {
		s.Findings, s.Notes = nil, nil // they stand below, all together
		out.Sinks = append(out.Sinks, sink(s))
	}
	if err := json.NewEncoder(w).Encode(out); err != nil {
		return fmt.Errorf("write findings: %w", err)
	}
	return nil
}
