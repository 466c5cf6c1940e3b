package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/millrace/millrace/batch"
	"github.com/millrace/millrace/internal/jobspec"
)

func replayCommand() *cli.Command {
	return &cli.Command{
		Name:      "replay",
		Usage:     "run recorded batches again and compare what comes out with what was published; --into writes it to another place",
		ArgsUsage: "JOB.yaml",
		Flags: append(jobFlags(),
			&cli.StringFlag{Name: "batches", Usage: "which ones, `A..B`, both included; an end may be left out"},
			&cli.StringFlag{Name: "from", Usage: "those planned at this `time` or later"},
			&cli.StringFlag{Name: "to", Usage: "those planned before this `time`"},
			&cli.StringFlag{Name: "window", Usage: "those in which the windows from one time to another closed, `A..B`"},
			&cli.StringFlag{Name: "into", Usage: "write files below this `directory`, or s3://BUCKET/PREFIX, each sink in one of its own; else nothing is written"},
			&cli.StringFlag{Name: "with", Usage: "another job `file`, to --compare with"},
			&cli.BoolFlag{Name: "compare", Usage: "run the batches with both jobs and tell which rows differ; nothing is written"},
			&cli.IntFlag{Name: "samples", Usage: "with --compare: rows of each kind to show for a sink", Value: batch.DefaultSamples},
			&cli.IntFlag{Name: "cores", Usage: "tasks that run at a time", DefaultText: "all"},
			&cli.BoolFlag{Name: "json", Usage: "one JSON object a batch, or one of the comparison"},
			&cli.BoolFlag{Name: "quiet", Usage: "differences only"},
		),
		Action: replayJob,
	}
}

func replayJob(c *cli.Context) error {
	spec, err := loadRecorded(c)
	if err != nil {
		return err
	}
	o := batch.ReplayOptions{Resolve: spec.Resolve, Env: spec.Env(batch.SystemEnv()), Warn: func(text string) { fmt.Fprintln(c.App.ErrWriter, "millrace: warning:", text) }}
	o.Cores, o.Memory = useResources(c, spec)
	if o.Batches, err = selection(c, spec); err != nil {
		return err
	}
	if o.Into, err = replayInto(c, spec); err != nil {
		return err
	}
	if o.Job, _, err = spec.Job(); err != nil {
		return err
	}
	if c.IsSet("with") || c.Bool("compare") {
		return compareJobs(c, spec, o)
	}
	show := replayShow{w: c.App.Writer, json: c.Bool("json"), quiet: c.Bool("quiet")}
	o.Report = tidied(show.batch)
	ctx, _, release := signals(c.Context)
	defer release()
	out, err := batch.Replay(ctx, o)
	if err == nil {
		err = show.err
	}
	if err != nil {
		return err
	}
	if !show.json {
		show.end(spec.Name, out, o.Into)
	}
	if out.Differences > 0 {
		return exitWith(exitDifferent)
	}
	return nil
}

// replayInto is where files go.
func replayInto(c *cli.Context, spec *jobspec.Spec) (string, error) {
	if !c.IsSet("into") {
		return "", nil
	}
	place, err := spec.Into(c.String("into"))
	if err != nil {
		return "", usage("--into %v", err)
	}
	return place, nil
}

// selection reads the flags that say which batches.
func selection(c *cli.Context, spec *jobspec.Spec) (batch.Selection, error) {
	var s batch.Selection
	var err error
	if c.IsSet("batches") {
		if s.First, s.Last, err = batchRange(c.String("batches")); err != nil {
			return s, err
		}
	}
	for _, f := range []struct {
		flag string
		to   *int64
	}{{"from", &s.From}, {"to", &s.To}} {
		if c.IsSet(f.flag) {
			if *f.to, err = spec.ParseTime(c.String(f.flag)); err != nil {
				return s, usage("--%s: %v", f.flag, err)
			}
		}
	}
	if !c.IsSet("window") {
		return s, nil
	}
	from, to, ok := strings.Cut(c.String("window"), "..")
	if !ok {
		return s, usage("--window %s: want A..B, such as 2026-11-22T10:00..2026-11-22T11:00", c.String("window"))
	}
	if s.WindowFrom, err = spec.ParseTime(from); err == nil {
		s.WindowTo, err = spec.ParseTime(to)
	}
	if err != nil {
		return s, usage("--window: %v", err)
	}
	if s.WindowFrom >= s.WindowTo {
		return s, usage("--window %s: its end is not behind its start", c.String("window"))
	}
	return s, nil
}

// batchRange reads A..B, A.., ..B or A.
func batchRange(text string) (first, last int64, err error) {
	a, b, ranged := strings.Cut(text, "..")
	if !ranged {
		b = a
	}
	bad := usage("--batches %s: want A..B, such as 3..7; an end may be left out", text)
	for _, end := range []struct {
		text string
		to   *int64
	}{{a, &first}, {b, &last}} {
		if end.text == "" && ranged {
			continue
		}
		if *end.to, err = strconv.ParseInt(end.text, 10, 64); err != nil || *end.to < 1 {
			return 0, 0, bad
		}
	}
	if last > 0 && last < first {
		return 0, 0, bad
	}
	return first, last, nil
}

// replayShow prints how a replay goes.
type replayShow struct {
	w           io.Writer
	json, quiet bool
	err         error
}

func (s *replayShow) batch(b batch.ReplayedBatch) {
	if s.json {
		if err := json.NewEncoder(s.w).Encode(b); err != nil && s.err == nil {
			s.err = fmt.Errorf("write progress: %w", err)
		}
		return
	}
	if !s.quiet || len(b.Differences) > 0 {
		verdict := "the same"
		if n := len(b.Differences); n > 0 {
			verdict = count(int64(n), "difference")
		}
		fmt.Fprintf(s.w, "batch %d, planned %s: %s, %s: %s\n", b.Batch, b.PlanTime, count(b.Records, "record"), rowsIn(b.Rows, b.TopicRows, b.Files), verdict)
	}
	for _, d := range b.Differences {
		fmt.Fprintf(s.w, "  %s\n", d)
	}
}

func (s *replayShow) end(job string, out *batch.Replayed, into string) {
	fmt.Fprintf(s.w, "%s: batches %d to %d again, %s; %s, %s: %s\n", job, out.First, out.Last, stateBefore(out), count(out.Records, "record"), rowsIn(out.Rows, out.TopicRows, out.Files), replayVerdict(out))
	if into != "" {
		fmt.Fprintf(s.w, "written below %s\n", into)
	}
}

// rowsIn says where rows are, of which some may be in topics.
func rowsIn(rows, inTopics int64, files int) string {
	topics, others := count(inTopics, "row")+" in topics", count(rows-inTopics, "row")+" in "+count(int64(files), "file")
	switch {
	case inTopics == 0:
		return others
	case inTopics == rows && files == 0:
		return topics
	}
	return others + " and " + topics
}

// stateBefore says where the state of the first batch came from.
func stateBefore(out *batch.Replayed) string {
	if out.Snapshot == 0 && out.Deltas == 0 && out.Rebuilt == 0 {
		return "from no state"
	}
	var from []string
	if out.Snapshot > 0 {
		from = append(from, fmt.Sprintf("the snapshot of batch %d", out.Snapshot))
	}
	if out.Deltas > 0 {
		from = append(from, "the changes of "+count(int64(out.Deltas), "batch"))
	}
	text := "from the logged state: " + strings.Join(from, " and ")
	if out.Rebuilt > 0 {
		text += fmt.Sprintf(", and %s read only to rebuild state", count(int64(out.Rebuilt), "batch"))
	}
	return text
}

func replayVerdict(out *batch.Replayed) string {
	if out.Differences > 0 {
		return count(int64(out.Differences), "difference")
	}
	return "all as published"
}
